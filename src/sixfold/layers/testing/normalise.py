"""Text of a run without what changes from run to run: it enters prompts, which must replay bit for bit."""

from __future__ import annotations

import re

TEMPORARY = "/tmp"  # noqa: S108 - a text that is replaced, no file

_CHANGES = (
    (re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]"), ""),
    (re.compile(r"\bat 0x[0-9a-fA-F]{5,}"), "at 0x…"),
    (re.compile(r"\b0x[0-9a-fA-F]{8,}\b"), "0x…"),
    (re.compile(r"(?:/[\w.+-]+)*/pytest-of-\w+/pytest-\d+/[\w.-]+"), "<tmp>"),
    (re.compile(r"/(?:var/)?tmp/[\w.+-]+"), "<tmp>"),
    (re.compile(r"\bin \d+(?:\.\d+)?s\b(?: \([\d:]+\))?"), "in …s"),
    (re.compile(r"\b\d+\.\d{2,} ?(?:s|sec|seconds)\b"), "…s"),
    (re.compile(r"\b(127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1?\]):\d{2,5}\b"), r"\1:<port>"),
    (re.compile(r"\b(port|Port)([ =]+)\d{4,5}\b"), r"\1\2<port>"),
    (re.compile(r"\b(pid|PID|process|Thread-?)([ =#:]+)\d+\b"), r"\1\2…"),
    (re.compile(r"\[\d{2}/\w{3}/\d{4} \d{2}:\d{2}:\d{2}\]"), "[<time>]"),
    (re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?"), "<time>"),
)


def normalise(text: str, *, folder: str = "", temporary: str = TEMPORARY, most_chars: int = 2000) -> str:
    """`text` without addresses, durations, ports, times, temporary paths and the sandbox's folder; middle cut."""
    if folder:
        text = text.replace(folder.rstrip("/") + "/", "").replace(folder, ".")
    text = text.replace(temporary.rstrip("/") + "/", f"{TEMPORARY}/")
    for pattern, stable in _CHANGES:
        text = pattern.sub(stable, text)
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    if len(text) <= most_chars:
        return text
    half = most_chars // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
