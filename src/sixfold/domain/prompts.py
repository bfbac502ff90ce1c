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


def untrusted(origin: str, text: str) -> str:
    """A block of text that is data, never instructions: labelled with where it came from, its own fences defused."""
    fence = "~" * max(4, _longest_run(text, "~") + 1)
    return f"{fence} untrusted: {origin}\n{text.rstrip()}\n{fence}"


def _longest_run(text: str, character: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == character else 0
        longest = max(longest, run)
    return longest
