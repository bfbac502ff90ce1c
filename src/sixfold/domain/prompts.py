"""Prompts are text files beside the module that owns them, rendered strictly."""

from __future__ import annotations

from functools import cache
from importlib import resources
from string import Template


@cache
def template(package: str, name: str) -> Template:
    """The prompt file `prompts/NAME.md` of a package."""
    return Template((resources.files(package) / "prompts" / f"{name}.md").read_text(encoding="utf-8"))


def render(package: str, name: str, **values: str) -> str:
    """A prompt with every `$variable` filled in.

    Raises:
        KeyError: a variable of the prompt was not given.
    """
    return template(package, name).substitute(values).strip()
