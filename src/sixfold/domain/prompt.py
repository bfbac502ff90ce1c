"""Text sent to a model: strict templates, and fences that untrusted text cannot close."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from string import Template

from sixfold.domain.data import Data, Digest, digest

_SEPARATOR = "\n<!-- request -->\n"


class Prompt(Data, frozen=True, kw_only=True):
    """A template in two parts: a system text without variables (a byte-stable prefix) and a message with `$name`s."""

    system: str
    message: str

    @classmethod
    def parse(cls, text: str) -> Prompt:
        """A prompt file: the system text, a line `<!-- request -->`, the message.

        Raises:
            ValueError: the separating line is missing.
        """
        system, separator, message = text.partition(_SEPARATOR)
        if not separator:
            raise ValueError("a prompt file needs the line <!-- request -->")
        return cls(system=system.strip() + "\n", message=message.strip() + "\n")

    @property
    def digest(self) -> Digest:
        """Names this version of the prompt in the event log."""
        return digest(self.system + _SEPARATOR + self.message)

    def render(self, **values: str) -> str:
        """The message with every variable filled in. Values are inserted as they are, `$` included.

        Raises:
            KeyError: a variable of the template has no value.
            ValueError: a value has no variable, or the template holds a stray `$`.
        """
        template = Template(self.message)
        unused = set(values) - set(template.get_identifiers())
        if unused:
            raise ValueError(f"the prompt has no variable named {', '.join(sorted(unused))}")
        return template.substitute(values)


@cache
def _system(package: str, name: str) -> Template:
    return Template((resources.files(package) / "prompts" / f"{name}.md").read_text(encoding="utf-8"))


def render_system(package: str, name: str, **values: str) -> str:
    """The system text `prompts/NAME.md` of a package, every `$variable` filled in; equal values give equal bytes.

    Raises:
        KeyError: a variable of the prompt was not given.
    """
    return _system(package, name).substitute(values).strip()


def untrusted(source: str, text: str) -> str:
    """Text from outside between two marks it cannot forge, since they carry its own hash.

    Args:
        source: provenance, one line: `attachment notes.md`, `repository src/store.py`.
    """
    mark = digest(text)[:12]
    label = re.sub(r"[\s<>\"]+", " ", source).strip()[:200]
    return f'<untrusted source="{label}" mark="{mark}">\n{text.rstrip()}\n</untrusted mark="{mark}">'
