"""The default edit format: tags around whole files, and search/replace blocks for parts of one.

Tags count only at the start of a line. Whatever could be read in two ways is not read at all: a wrong guess here
would be a wrong edit, while asking again costs one short call.
"""

from __future__ import annotations

import re

from sixfold.domain.code import Edit, Patch
from sixfold.domain.replies import Unreadable
from sixfold.layers.synthesis.formats.format import EditFormat

INSTRUCTION = """\
Write changes in this form, no code fences:
<file path="new/or/rewritten.py">
whole file
</file>
<edit path="existing.py">
<<<<<<< SEARCH
whole lines exactly as they stand, enough to occur once
=======
new lines
>>>>>>> REPLACE
</edit>
<delete path="old.py"/>
Several blocks may stand in one edit. Never abbreviate: no `...`, no "rest unchanged".
"""

_OPEN = re.compile(r"""^[ ]{0,3}<(file|edit|delete)\s+path\s*=\s*(?:"([^"]*)"|'([^']*)')\s*(/?)>(.*)$""")
_OPEN_LIKE = re.compile(r"^[ ]{0,3}<(file|edit|delete)\b(?=[^>]*\bpath\b)")
_FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[\w+.#-]*\s*$")
_SEARCH = re.compile(r"^<{5,9} ?SEARCH\s*$", re.IGNORECASE)
_DIVIDER = re.compile(r"^={7}\s*$")
_REPLACE = re.compile(r"^>{5,9} ?REPLACE\s*$", re.IGNORECASE)
_MARKDOWN = (".md", ".markdown", ".mdx", ".rst")


def parse(text: str) -> Patch:
    """Read an answer.

    Raises:
        Unreadable: no edits, or a place that can be read in two ways; says which and what to do.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    openers = [(number, match) for number, line in enumerate(lines) if (match := _OPEN.match(line))]
    for number, line in enumerate(lines):
        if _OPEN_LIKE.match(line) and not _OPEN.match(line):
            raise Unreadable(f"line {number + 1} looks like a tag but is not one: {line.strip()[:80]}")
    if not openers:
        raise Unreadable("the answer holds no <file>, <edit> or <delete> tag")
    note = _prose(lines[: openers[0][0]], "file", "edit")
    edits: list[Edit] = []
    ends = [number for number, _ in openers[1:]] + [len(lines)]
    for (start, match), end in zip(openers, ends, strict=True):
        tag, path = match[1], (match[2] if match[2] is not None else match[3]).strip()
        if tag == "delete":
            edits.append(Edit(path=path, kind="delete"))
            rest = [match[5].replace("</delete>", ""), *lines[start + 1 : end]]
            note += _prose([line for line in rest if line.strip() != "</delete>"], "file", "edit")
            continue
        if match[4]:
            raise Unreadable(f'<{tag} path="{path}"/> has no content; write {_form(tag)}')
        body, after = _body(tag, path, [match[5], *lines[start + 1 : end]])
        note += _prose(after, "file", "edit")
        edits.extend(_file(path, body) if tag == "file" else _blocks(path, body))
    return Patch(edits=tuple(edits), note="\n".join(note))


def _form(tag: str) -> str:
    return f'<{tag} path="…"> … </{tag}>'


def _body(tag: str, path: str, lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines inside a tag, and those after it; the first line is what follows the opening tag."""
    close = f"</{tag}>"
    places = [
        number for number, line in enumerate(lines) if line.strip().startswith(close) or line.rstrip().endswith(close)
    ]
    if not places:
        raise Unreadable(f'<{tag} path="{path}"> is not closed by {close} before the next tag or the end')
    if len(places) > 1:
        raise Unreadable(
            f"{path}: {close} stands on {len(places)} lines, so where it ends is unclear; "
            f"inside content, keep {close} away from the start and the end of a line"
        )
    at = places[0]
    if lines[at].count(close) > 1:
        raise Unreadable(f"{path}: {close} stands twice on one line, so where it ends is unclear")
    before, _, behind = lines[at].partition(close)
    body = lines[:at] + ([before] if before.strip() else [])
    if not body or not body[0].strip():
        body = body[1:]
    return body, [behind, *lines[at + 1 :]]


def _prose(lines: list[str], *tags: str) -> list[str]:
    """Text outside tags, without fences; a closing tag there means that content was cut in the wrong place."""
    for line in lines:
        for tag in tags:
            if line.strip().startswith(f"</{tag}>"):
                raise Unreadable(f"</{tag}> stands where no <{tag}> is open, so where the content ends is unclear")
    return [line.strip() for line in lines if line.strip() and not _FENCE.match(line)]


def _file(path: str, body: list[str]) -> list[Edit]:
    body = _unfenced(path, body)
    if path.endswith(_MARKDOWN):
        pass
    elif any(_SEARCH.match(line) for line in body) and any(_REPLACE.match(line) for line in body):
        raise Unreadable(f'{path}: SEARCH/REPLACE blocks belong into <edit path="{path}">, not <file>')
    return [Edit(path=path, kind="write", content="".join(f"{line}\n" for line in body))]


def _unfenced(path: str, body: list[str]) -> list[str]:
    """Content without a code fence that was put around all of it. A Markdown file may really begin with one."""
    filled = [number for number, line in enumerate(body) if line.strip()]
    if len(filled) < 2:
        return body
    first, last = body[filled[0]].strip(), body[filled[-1]].strip()
    if not first.startswith("```") or not _FENCE.match(first) or last != first[: len(first) - len(first.lstrip("`"))]:
        return body
    if path.endswith(_MARKDOWN) and first.strip("`").lower() not in ("markdown", "md", "mdx", "rst"):
        return body
    return body[filled[0] + 1 : filled[-1]]


def _blocks(path: str, body: list[str]) -> list[Edit]:
    edits: list[Edit] = []
    at = 0
    while at < len(body):
        if not body[at].strip() or _FENCE.match(body[at]):
            at += 1
            continue
        if not _SEARCH.match(body[at]):
            raise Unreadable(f"{path}: expected `<<<<<<< SEARCH`, found: {body[at].strip()[:80]}")
        end = next((number for number in range(at + 1, len(body)) if _REPLACE.match(body[number])), None)
        again = next((number for number in range(at + 1, len(body)) if _SEARCH.match(body[number])), len(body))
        if end is None or again < end:
            raise Unreadable(f"{path}: a block is not closed by `>>>>>>> REPLACE`")
        dividers = [number for number in range(at + 1, end) if _DIVIDER.match(body[number])]
        if len(dividers) != 1:
            raise Unreadable(
                f"{path}: a block must hold exactly one `=======` line, this one holds {len(dividers)}; "
                "if the text itself has such a line, send the whole file"
            )
        search, content = body[at + 1 : dividers[0]], body[dividers[0] + 1 : end]
        edits.append(Edit(path=path, kind="replace", search=_joined(search), content=_joined(content)))
        at = end + 1
    if not edits:
        raise Unreadable(f'<edit path="{path}"> holds no SEARCH/REPLACE block')
    return edits


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


BLOCKS = EditFormat(name="blocks", instruction=INSTRUCTION, parse=parse)
