"""What runs inside the sandbox beside the product. Standard library and pytest only; shipped as text.

The modules are written into a private folder of the sandbox under flat names (`sixfold_listing`, …), so nothing of
Sixfold's own package, and nothing the product could shadow, is needed there.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

PACKAGE = "sixfold.layers.testing.harness"

JUDGES = ("supervisor", "suite", "channel", "listing", "failure", "genuine", "coverage")
"""Modules that any suite needs."""

PRODUCT = ("product", "ports")
"""Modules that start a product."""

BOUNDARIES = ("plugin", *PRODUCT, "session", "evaluate", "stand_in")
"""Modules of the acceptance harness."""

BOOT = """\
import json, os, sys, tempfile
job = json.loads(sys.stdin.buffer.read())
folder = tempfile.mkdtemp(prefix="sixfold-")
for name, text in job.pop("modules").items():
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
sys.path.insert(0, folder)
__import__(job["main"]).main(job, folder)
"""
"""Program text for `python -I -c`: unpacks the modules of the job on stdin and runs its main module."""


def modules(*names: str) -> dict[str, str]:
    """Texts of harness modules by the file name they get in the sandbox."""
    here = files(PACKAGE)
    return {
        f"sixfold_{name}.py": here.joinpath(f"{name}.py")
        .read_text(encoding="utf-8")
        .replace(f"from {PACKAGE}.", "from sixfold_")
        for name in names
    }


def guide() -> str:
    """One page for a model that writes acceptance tests with this harness."""
    return files(PACKAGE).joinpath("GUIDE.md").read_text(encoding="utf-8")


def boot(python: str = "python") -> Sequence[str]:
    """The command line that reads a job from stdin."""
    return (python, "-I", "-c", BOOT)
