"""Models by role, as flags say it: read, and refused when a role is unknown or has nobody to play it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from sixfold.config import ALL_ROLES, ROLES
from sixfold.domain.errors import ConfigurationError, UsageError


class NoModel(ConfigurationError):
    """Nothing says which model to use; a page of its own says how to get one."""

    code = "no-model"

    def __init__(self) -> None:
        super().__init__("no model is configured", next="sixfold demo")


def read_role(text: str, *, further: Collection[str] = ()) -> tuple[str, str]:
    """Role and model of `ROLE=MODEL`.

    Args:
        further: roles that exist besides those of the flow.

    Raises:
        UsageError: no model, or no such role.
    """
    name, _, model = text.partition("=")
    if not model:
        raise UsageError(f"--role {text!r} has no model", next="write --role ROLE=MODEL")
    known = (*ALL_ROLES, *further)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
        raise UsageError(f"there is no role {name!r}", next=hint)
    return name, model


def require_models(models: Iterable[tuple[str, str]]) -> None:
    """Refuse a choice of models that leaves a role of the flow without one; the expert may be missing.

    Raises:
        NoModel: there is none at all.
        ConfigurationError: there is none for some role.
    """
    known = {role for role, _ in models}
    if not known:
        raise NoModel
    if "*" not in known and not known >= set(ROLES):
        missing = ", ".join(sorted(set(ROLES) - known))
        raise ConfigurationError(f"no model for {missing}", next="add -m MODEL: it serves every role without its own")
