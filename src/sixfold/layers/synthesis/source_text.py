"""A text file as lines that remember their own line ends, so that an edit changes only what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class SourceText:
    r"""A decoded file. `ends` holds `\n`, `\r\n` or, for the last line only, nothing."""

    lines: tuple[str, ...]
    ends: tuple[str, ...]
    bom: bool = False

    @property
    def end(self) -> str:
        """The line end most lines have."""
        counted = Counter(end for end in self.ends if end)
        return counted.most_common(1)[0][0] if counted else "\n"

    @property
    def uniform(self) -> bool:
        """Whether all lines end alike."""
        return len({end for end in self.ends if end}) <= 1

    @property
    def text(self) -> str:
        r"""The text with `\n` line ends and without a byte order mark."""
        return "".join(line + ("\n" if end else "") for line, end in zip(self.lines, self.ends, strict=True))

    def encode(self) -> bytes:
        """The file's bytes."""
        text = "".join(line + end for line, end in zip(self.lines, self.ends, strict=True))
        return (BOM if self.bom else b"") + text.encode()


def decode(content: bytes) -> SourceText | None:
    """Read a file's bytes; None when it is not UTF-8 text."""
    bom = content.startswith(BOM)
    try:
        text = content.removeprefix(BOM).decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else from_text(text, bom=bom)


def from_text(text: str, *, bom: bool = False, end: str = "") -> SourceText:
    """Split a text at its line feeds; `end` replaces every line end when given."""
    pieces = text.split("\n")
    last = pieces.pop()
    lines, ends = [], []
    for piece in pieces:
        returned = piece.endswith("\r")
        lines.append(piece[:-1] if returned else piece)
        ends.append(end or ("\r\n" if returned else "\n"))
    if last:
        lines.append(last)
        ends.append("")
    return SourceText(lines=tuple(lines), ends=tuple(ends), bom=bom)
