"""The only place that picks concrete adapters. Interfaces call these functions; nothing below knows which exist.

What is heavy to load (DBOS about two seconds, model clients two to three) is imported inside the function that needs
it, so that looking at runs stays as quick as starting Python.
"""

from sixfold.wiring.bisecting import Bisection, Trial, bisect
from sixfold.wiring.doors import PICKED, Door, Listener, Parts, options_of, state_of
from sixfold.wiring.driving import drive, open_ports
from sixfold.wiring.editing import check_edit, edit
from sixfold.wiring.measuring import (
    Accounted,
    Laboratory,
    diff_text,
    keep_recording,
    open_laboratory,
    open_models,
    scan_product,
    share_answers,
    write_product,
)
from sixfold.wiring.operating import Row, doctor, models, prepare_toolchain, sandbox_run
from sixfold.wiring.replaying import demo, fork, play, replay, revise
from sixfold.wiring.starting import check_models, start
from sixfold.wiring.steering import apply, contents, decide, edited, preview, undo

__all__ = [
    "PICKED",
    "Accounted",
    "Bisection",
    "Door",
    "Laboratory",
    "Listener",
    "Parts",
    "Row",
    "Trial",
    "apply",
    "bisect",
    "check_edit",
    "check_models",
    "contents",
    "decide",
    "demo",
    "diff_text",
    "doctor",
    "drive",
    "edit",
    "edited",
    "fork",
    "keep_recording",
    "models",
    "open_laboratory",
    "open_models",
    "open_ports",
    "options_of",
    "play",
    "prepare_toolchain",
    "preview",
    "replay",
    "revise",
    "sandbox_run",
    "scan_product",
    "share_answers",
    "start",
    "state_of",
    "undo",
    "write_product",
]
