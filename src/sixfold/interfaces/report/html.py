"""HTML by construction: text is always escaped, only what this module built counts as markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sixfold.interfaces.escape import visible

_VOID = frozenset({"meta", "br", "hr", "line", "path", "rect", "circle"})


class Html(str):
    """A piece of finished markup."""

    __slots__ = ()


Child = str | Html | None | Sequence["Child"]


def text(content: str) -> Html:
    """Foreign text as markup that shows exactly that text, hidden characters spelled out."""
    return Html(escape(visible(content)))


def join(*children: Child) -> Html:
    """Children one after another; plain strings are escaped, None is nothing."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            parts.append(child if isinstance(child, Html) else text(child))
        else:
            parts.append(join(*child))
    return Html("".join(parts))


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """An element. `class_` becomes `class`, inner underscores become dashes; None and False are left out."""
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{shown}>" if name in ("meta", "br", "hr") else f"<{name}{shown}/>")
    return Html(f"<{name}{shown}>{join(*children)}</{name}>")


def badge(label: str, tone: str = "") -> Html:
    """A small coloured word: tone is `good`, `warn`, `bad` or nothing."""
    return tag("span", label, class_=f"badge {tone}".strip())


def code(content: str) -> Html:
    """Inline code."""
    return tag("code", content)


def rows(head: tuple[str, ...], body: Sequence[Sequence[Child]], *, class_: str = "") -> Html:
    """A table in a frame that scrolls sideways by itself on narrow screens."""
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", [tag("th", name, scope="col") for name in head])),
            tag("tbody", [tag("tr", [tag("td", cell) for cell in row]) for row in body]),
            class_=class_ or None,
        ),
        class_="scroll",
    )


def section(id: str, title: str, *children: Child) -> Html:
    """A titled part of the page that the contents list can point at."""
    return tag("section", tag("h2", title), *children, id=id)
