"""Sixfold turns a vague request into reviewed, tested, secured software on a branch.

The names below are the public API. They are loaded on first use, so that `import sixfold` stays as cheap as Python.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sixfold.domain.code import Increment, Patch
    from sixfold.domain.errors import SixfoldError
    from sixfold.domain.evidence import Finding, TestReport
    from sixfold.domain.model import ModelReply, ModelRequest, Usage
    from sixfold.domain.plan import Plan, Task
    from sixfold.domain.ports import Model, Sandbox
    from sixfold.domain.requirements import Request, Specification
    from sixfold.domain.run import Options, Outcome

_HOME = {
    "Finding": "domain.evidence",
    "Increment": "domain.code",
    "Model": "domain.ports",
    "ModelReply": "domain.model",
    "ModelRequest": "domain.model",
    "Options": "domain.run",
    "Outcome": "domain.run",
    "Patch": "domain.code",
    "Plan": "domain.plan",
    "Request": "domain.requirements",
    "Sandbox": "domain.ports",
    "SixfoldError": "domain.errors",
    "Specification": "domain.requirements",
    "Task": "domain.plan",
    "TestReport": "domain.evidence",
    "Usage": "domain.model",
}

__all__ = [
    "Finding",
    "Increment",
    "Model",
    "ModelReply",
    "ModelRequest",
    "Options",
    "Outcome",
    "Patch",
    "Plan",
    "Request",
    "Sandbox",
    "SixfoldError",
    "Specification",
    "Task",
    "TestReport",
    "Usage",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"sixfold.{_HOME[name]}"), name)
    raise AttributeError(f"module 'sixfold' has no attribute {name!r}")
