"""Reads the examples a request gives in its own words: calls with their results, in the forms people write them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.layers.requirements.lint import signature

_ARROW = re.compile(
    r"\s*[`'\"]?\s*(?:#\s*)?(?:={1,3}>|={2,3}|-{1,2}>|=|➞|→|⇒|⟶|:|,?\s*(?:should|must|will|would|shall)\s+"
    r"(?:be|return|give|yield|output|equal|print|(?=raise))|\s(?=raises?\s)|,?\s*(?:returns?|gives?|yields?|outputs?|equals|is"
    r"|evaluates to))"
    r"(?:\s*(?:to|the|a|#|:|=>))*\s*",
    re.IGNORECASE,
)
_RESULT = re.compile(
    r"\b(?:output|result|answer|return(?:ed|s)?|function|it)\b[^\[({'\"\d\-]{0,40}?"
    r"\b(?:be|is|return|give|yield|equals?|return(?:s|ed)|output|as)\b[: ]*|(?:={1,2}>|-{1,2}>|➞|→)\s*"
    r"|\breturns?\b\s*:?\s*|\boutput\b\s*(?:==?|:)\s*|\bit(?:'s| is)\s+",
    re.IGNORECASE,
)
_BOUND = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*(?:==?|is|:)\s*(?=[\[({'\"\d\-]|None\b|True\b|False\b)")
_INPUT = re.compile(r"^[\s*>-]*(?:sample |example )?inputs?\s*\d*\s*[:=]\s*", re.IGNORECASE)
_OUTPUT = re.compile(r"^[\s*>-]*(?:sample |example |expected )?outputs?\s*\d*\s*[:=]\s*", re.IGNORECASE)
_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None"}
_MOST_LITERAL_CHARS = 600
_MOST_GIVEN = 40


class Given(Data, frozen=True, kw_only=True):
    """One example of the request."""

    call: str
    """A call of the function, e.g. `add([4, 2, 6, 7])`; untrusted, for the sandbox only."""
    expected: str = ""
    """Python literal of the result; empty when an exception is expected."""
    raises: str = ""
    line: int
    """Line of the request, from 1, on which the result stands."""
    text: str
    """What stands there, for showing."""


def given_examples(text: str, entry: str = "") -> tuple[Given, ...]:
    """The examples of a request for one function, in order; empty when none can be read with certainty.

    Args:
        entry: name of the function; empty = the last one whose signature stands in the text.
    """
    head = signature(text)
    name = entry or (head.name if head is not None else "")
    parameters = [item.arg for item in (*head.args.posonlyargs, *head.args.args)] if head is not None else []
    found = _read(text, name, parameters)
    if not found and (other := _other_name(text, name)):
        renamed = re.sub(rf"(?<![\w.]){re.escape(other)}(?=\s*\()", name, text)
        found = _read(renamed, name, parameters)
    return found


def _read(text: str, name: str, parameters: Sequence[str]) -> tuple[Given, ...]:
    lines = text.splitlines()
    # Where a formula defines the function, `f(1) = 3` is its first term, perhaps not what a call returns.
    defined = name and re.search(rf"(?<![\w.]){re.escape(name)}\(\s*[a-z]\w*\s*\)\s*=[^=>]", text)
    found: dict[tuple[str, str, str], Given] = {}
    for number, line in enumerate(lines):
        if re.match(r"\s*(?:async\s+)?def\s", line) or len(line) > 2000:
            continue
        if defined and re.search(r"\)\s*=[^=>]", line):
            continue
        following = lines[number + 1] if number + 1 < len(lines) else ""
        for example in _of_line(line, following, number, name, parameters):
            found.setdefault((example.call, example.expected, example.raises), example)
    return tuple(found.values())[:_MOST_GIVEN]


def _other_name(text: str, name: str) -> str:
    """The one other name that example lines call the function by; empty when there is none or there are several."""
    called = set(
        re.findall(r"^\s*(?:>>>\s*|assert\s+|[-*]\s+)?([a-z_]\w*)\(.*\)\s*(?:={1,2}|->|➞|→|$)", text, re.MULTILINE)
    )
    called -= {name, "print", "return", *re.findall(r"\bdef\s+(\w+)", text)}
    return called.pop() if len(called) == 1 and name else ""


def conflicting(examples: Sequence[Given]) -> tuple[tuple[Given, Given], ...]:
    """Pairs of examples that give the same call two results: contradictions that need no execution."""
    return tuple(
        (one, other)
        for place, one in enumerate(examples)
        for other in examples[place + 1 :]
        if one.call == other.call and (one.expected, one.raises) != (other.expected, other.raises)
    )


def _of_line(line: str, following: str, number: int, name: str, parameters: Sequence[str]) -> Iterator[Given]:
    calls = list(_calls(line, name, parameters)) if name else []
    doctest = ">>>" in line
    for place, (call, end) in enumerate(calls):
        limit = line.find(name + "(", end) if place + 1 < len(calls) else len(line)
        rest = line[end : limit if limit > 0 else len(line)]
        arrow = _ARROW.match(rest)
        result = _result(rest[arrow.end() :]) if arrow else None
        if result is not None:
            yield _given(call, result, number, line)
            continue
        shown = following.strip() if doctest and not rest.strip(" `") else ""
        if not shown.startswith((">>>", '"""')) and (result := _result(shown)) is not None:
            yield _given(call, result, number + 1, f"{line.strip()}\n{following.strip()}")
    if calls or not name:
        return
    for read in (_bound_example, _input_output):
        if (example := read(line, following, number, name, parameters)) is not None:
            yield example
            return


def _given(call: str, result: tuple[str, str], number: int, text: str) -> Given:
    return Given(call=call, expected=result[0], raises=result[1], line=number + 1, text=text.strip())


def _calls(line: str, name: str, parameters: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Calls of the function in a line, each with the place where it ends. A bare word as argument is a text."""
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\s*\(", line):
        closing = [place for place, sign in enumerate(line) if sign == ")" and place >= match.end()]
        for place in closing[:40]:
            source = line[match.start() : place + 1]
            try:
                tree = syntax.parse_expression(source.strip()).body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            if isinstance(tree, ast.Call) and (call := _concrete(tree, parameters)):
                yield call, place + 1
            break


def _concrete(call: ast.Call, parameters: Sequence[str] = ()) -> str:
    """A call with values in it; empty for one that only names parameters, like `f(x, y)` in a sentence."""
    arguments = [*call.args, *(word.value for word in call.keywords)]
    for place, item in enumerate(call.args):
        if isinstance(item, ast.Name) and len(arguments) == 1 and item.id not in parameters:
            call.args[place] = ast.Constant(item.id)
        elif any(isinstance(node, ast.Name) and not _called(node, call) for node in ast.walk(item)):
            return ""
    return ast.unparse(call)


def _called(node: ast.Name, call: ast.Call) -> bool:
    return any(isinstance(inner, ast.Call) and inner.func is node for inner in ast.walk(call))


def _result(text: str) -> tuple[str, str] | None:
    """The literal, or the exception, that a text begins with; None when it begins with neither."""
    text = text.strip().strip("`").strip()[:_MOST_LITERAL_CHARS]
    error = re.match(r"(?:raises?\s+)?([A-Z]\w*(?:Error|Exception))\b", text)
    if error:
        return "", error.group(1)
    word = re.match(r"[A-Za-z]+", text)
    if word and word.group(0).lower() in _WORDS and not re.match(r"\s*(?:if|when|or)\b", text[word.end() :]):
        return _WORDS[word.group(0).lower()], ""
    if not text or text[0] not in "[({'\"-+.0123456789bs":
        return None
    # The longest beginning that is a literal: what follows is a remark.
    for end in sorted({len(text), *(match.start() for match in re.finditer(r"[\s,;.)#`(]", text))}, reverse=True):
        source = text[:end].rstrip(" ,;.`")
        try:
            value = ast.literal_eval(source)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        # `("a")` may mean a text or a tuple of one, `1, 2` a tuple or a remark: neither is certain.
        loose = isinstance(value, tuple) != source.startswith("(")
        # `5 elements` or `1 <= n` say something else than a result.
        if not loose and not re.match(
            r"\s*(?:[<>≤≥*/+^%-]|(?:\w+ )?(?:numbers|elements|items)\b)", text[len(source) :]
        ):
            return repr(value), ""
    return None


def _bound_example(line: str, following: str, number: int, name: str, parameters: Sequence[str]) -> Given | None:
    """`For lst = [1, 2] and k = 3 the output should be 6`, `if s = "ab", return 2`."""
    values: dict[str, str] = {}
    end = 0
    for match in _BOUND.finditer(line):
        if match.group(1) in parameters and match.group(1) not in values:
            literal = _result(line[match.end() :])
            if literal is None or not literal[0]:
                return None
            values[match.group(1)] = literal[0]
            end = match.end()
    if not values or set(values) != set(parameters):
        return None
    rest = line[end:] + ("" if _RESULT.search(line, end) else " " + following.strip())
    for match in _RESULT.finditer(rest):
        if (result := _result(rest[match.end() :])) is not None:
            call = f"{name}({', '.join(values[item] for item in parameters)})"
            return _given(_plain(call), result, number, line)
    return None


def _input_output(line: str, following: str, number: int, name: str, parameters: Sequence[str]) -> Given | None:
    """`Input: [1, 2], 3` with `Output: 6` on the same line or the next."""
    head = _INPUT.match(line)
    if head is None:
        return None
    inside, _, after = line[head.end() :].partition("utput")
    output = _OUTPUT.match("O" + "utput" + after) if after else _OUTPUT.match(following)
    if output is None:
        return None
    result = _result(("Output" + after if after else following)[output.end() :])
    arguments = _BOUND.sub("", inside.rstrip("Oo ,;|-=>"))
    try:
        tree = syntax.parse_expression(f"{name}({arguments})").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if result is None or not isinstance(tree, ast.Call) or len(tree.args) != len(parameters):
        return None
    return _given(call, result, number, line + " " + following.strip()) if (call := _concrete(tree)) else None


def _plain(call: str) -> str:
    return ast.unparse(syntax.parse_expression(call))
