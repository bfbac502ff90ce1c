"""The only place that picks concrete adapters. Interfaces call these functions; nothing below knows which exist.

What is heavy to load (DBOS about two seconds, model clients two to three) is imported inside the function that needs
it, so that looking at runs stays as quick as starting Python.
"""

from sixfold.wiring.doors import PICKED, Door, Listener, Parts, options_of, state_of
from sixfold.wiring.driving import drive, open_ports
from sixfold.wiring.measuring import Accounted, Laboratory, open_laboratory, open_models, write_product
from sixfold.wiring.operating import Row, doctor, models, prepare_toolchain, sandbox_run
from sixfold.wiring.replaying import demo, fork, replay, revise
from sixfold.wiring.starting import check_models, start
from sixfold.wiring.steering import apply, decide, undo

__all__ = [
    "PICKED",
    "Accounted",
    "Door",
    "Laboratory",
    "Listener",
    "Parts",
    "Row",
    "apply",
    "check_models",
    "decide",
    "demo",
    "doctor",
    "drive",
    "fork",
    "models",
    "open_laboratory",
    "open_models",
    "open_ports",
    "options_of",
    "prepare_toolchain",
    "replay",
    "revise",
    "sandbox_run",
    "start",
    "state_of",
    "undo",
    "write_product",
]
