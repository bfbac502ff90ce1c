"""Finds the missing piece of a function-size request without a model: no example, no result, a sentence cut short.

A missing example is the strongest single sign of a request that people read in two ways (SpecFix labels,
arXiv 2505.07270); what a deleted piece leaves behind is mostly visible in the sentence it was taken from.
"""

from __future__ import annotations

import re
from itertools import pairwise

from sixfold.layers.requirements.lint import has_example

_UNFINISHED = re.compile(r"^[ \t]*(?:async\s+)?def\s+\w+\s*\(\s*(?:\.\.\.|…)?\s*\.\.\.[^)]*\)", re.MULTILINE)
_DEFINITION = re.compile(r"^[ \t]*(?:async\s+)?(?:def|class)\s+(\w+)[^\n]*$", re.MULTILINE)
_HEADING = re.compile(r"^[\s*#>-]*(?:for )?(?:some )?(?:example|sample|test|e\.g)[\w ./]*\d*\s*:?\s*$", re.IGNORECASE)
_EXAMPLE_LINE = re.compile(
    r">>>|➞|→|={1,2}>|-{1,2}>|==|^[\s*>-]*(?:sample |example |expected )?(?:in|out)put\s*\d*\s*[:=]"
    r"|^[\s*-]*(?:for|if)\s+\w+\s*=\s*\S.*\b(?:output|result|return)",
    re.IGNORECASE,
)
_CODE_LINE = re.compile(
    r"^\s*(?:import |from \w[\w.]* import |return |raise |assert |for \w+ in .*:$|if .*:$|else:|elif .*:$|while .*:$"
    r"|@\w|\w[\w.\[\]]* = |#)"
)
_DANGLING = re.compile(
    r"(?:\b(?:(?:the|an|their|its|his|where|which|and|with|than|between|such|each|every|whose)[.;]?|a|of|to|or|that|if|is"
    r"|are|be|by|for|from|as|exactly|contains?|equal to|at least|at most|following|when|while|into|sort it|consists?"
    r"|divisible|based|defined|depending|number of|according|returns? (?:the|an?) \w+est)|[,=(])\s*$",
    re.IGNORECASE,
)
_GAP = re.compile(
    r"\b(?:the|of|to|with|by|than|an|their) *(?:,|\.(?:\s|$)|;)|\b(?:is|are|be) +[,;]"
    r"|\b(?:that|the|of|is|are|to|with)\s*\.\.|\breturns? +(?:and|or|otherwise)\b",
    re.IGNORECASE,
)
_COMPLETE = re.compile(
    r"\b(?:or not|consists? of|made of|made up of|aware of|refer to|belong to|look for|such as)\b[.;,]?"
)
_LINK = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w-]+\.(?:org|com|net)/\S*")
_EMPTY_ITEM = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s*$", re.MULTILINE)
_WISH = re.compile(
    r"\b(?:return\w*|out ?put\w*|result\w*|print\w*|yield\w*|produce\w*|generat\w*|comput\w*|calculat\w*|find\w*"
    r"|check\w*|count\w*|convert\w*|determin\w*|sort\w*|detect\w*|tell\w*|evaluat\w*|validat\w*|implement\w*"
    r"|creat\w*|make\w*|get\w*|giv(?:es?|ing)|task is to|sums?|adds?|multipl\w*|divid\w*|subtract\w*|should|must"
    r"|decid\w*|transform\w*|remov\w*|revers\w*|replac\w*|encod\w* (?:a|the|it)|decode\w*|extract\w*|split\w*"
    r"|merg\w*|filter\w*|insert\w*|select\w*|pluck\w*|order|and \w+s (?:the|an?|all|each|it))\b",
    re.IGNORECASE,
)
_SETTING = re.compile(
    r"^(?:you(?:'re| are| will be| have been)? (?:be )?given|given|takes?|the|a|an|these|there|it|in|each|every|note"
    r"|where|for|if|we|here|restrictions?|constraints?|vowels|let|assume|suppose)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^(?:please )?(?:write|create|implement|complete|make|define) (?:an?|the) (?:python )?(?:function|method)(?: \w+)?"
    r"(?: (?:that|which))?(?=[ .]*(?:$|takes?|accepts?|receives?|is given|gets))",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"^\(?\w+\)? (?:is|are) (?:an? |the )?(?:\w+ )?(?:string|list|array|number|integer|dictionary|tuple)s?\b",
    re.IGNORECASE,
)
_NOTE = re.compile(r"^(?:note|restrictions?|constraints?|hints?|remarks?)\b", re.IGNORECASE)
_FEWEST_WORDS = 3


def incomplete(text: str) -> tuple[str, ...]:
    """What a request for a function does not say, as `code: what was seen`; empty when nothing is visibly missing."""
    signals = list(missing_pieces(text))
    own = own_text(text)
    lines = [line for line in own.splitlines() if not _HEADING.match(line.strip().strip("\"'"))]
    shown = has_example("\n".join(lines)) or any(_shows_values(line) for line in lines)
    if not (shown or _given_as_code(text)):
        signals.append("no-example: no input with its output is given")
    return tuple(signals)


def missing_pieces(text: str) -> tuple[str, ...]:
    """The same without regard to examples: pieces whose absence leaves a hole in the text itself."""
    signals = []
    if _UNFINISHED.search(text):
        signals.append("unfinished-signature: the parameters are left out")
    told = prose(text)
    words = re.findall(r"[A-Za-z]{2,}", told)
    if len(words) < _FEWEST_WORDS:
        return (*signals, "no-behaviour: there is no sentence about what it does")
    # A colon announces something: an example, a table, a list. At the very end it announces nothing.
    end = own_text(text).rstrip(" \t\n\"'")
    if (hole := end[-60:].splitlines()[-1] if end.endswith(":") else _hole(told)) is not None:
        signals.append(f"cut-off: “{hole}” stops before it says what")
    if _EMPTY_ITEM.search(told):
        signals.append("empty-item: a list has an item without text")
    if not _says_result(told):
        signals.append("no-result: the input is described, the result is not")
    return tuple(signals)


def own_text(text: str) -> str:
    """The part of a request that speaks of what is wanted: from its last definition on, helpers left out."""
    definitions = list(_DEFINITION.finditer(text))
    if not definitions:
        return text
    before = text[: definitions[0].start()]
    return before + text[definitions[-1].end() :]


def prose(text: str) -> str:
    """The sentences of a request: no code, no examples, no headings."""
    kept, skip = [], False
    for line in own_text(text).splitlines():
        bare = line.strip().strip("\"'").strip()
        example = bool(_EXAMPLE_LINE.search(line)) and not _is_sentence(bare)
        # The line under a doctest is its result, up to the next empty line.
        if skip and bare and not example:
            skip = False
            continue
        skip = ">>>" in line and "==" not in line
        if example or _HEADING.match(bare) or (_CODE_LINE.match(line) and not _is_sentence(bare)):
            continue
        kept.append(_LINK.sub("", bare).rstrip())
    return "\n".join(kept).strip()


def _given_as_code(text: str) -> bool:
    """Whether the text refers to a function whose code stands beside it: code that runs says more than an example."""
    definitions = list(_DEFINITION.finditer(text))
    told = prose(text)
    return any(
        re.search(rf"\b{re.escape(one.group(1))}\b", told) and "return " in text[one.end() : other.start()]
        for one, other in pairwise(definitions)
    )


def _shows_values(line: str) -> bool:
    """Whether an input or a result stands in a line with its value."""
    return bool(_EXAMPLE_LINE.search(line)) and bool(re.search(r"[\d\[({'\"]|\b(?:True|False|None)\b", line))


def _is_sentence(line: str) -> bool:
    """Whether a line with an arrow or an equals sign is still mostly words, not an example."""
    words = re.findall(r"(?<![\w'\"(\[])[A-Za-z]{2,}(?![\w'\"(=])", line)
    return len(words) >= 8 and not re.search(r">>>|➞|={1,2}>", line)


def _hole(told: str) -> str | None:
    """The end of a passage that breaks off, or the middle of a sentence with a word taken out."""
    passages = [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n\s*(?=(?:\d+[.)]|[-*•])\s)", told)]
    passages = [_COMPLETE.sub(" so", part.rstrip("'\" ")) for part in passages if part]
    for passage in passages:
        if _DANGLING.search(passage):
            return passage[-60:]
        if gap := _GAP.search(passage):
            return passage[max(0, gap.start() - 30) : gap.end()].strip()
    return None


def _says_result(told: str) -> bool:
    """Whether any sentence speaks of what comes out, rather than of the setting, the input or a side condition."""
    parts = (" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+|\n\s*\n", told))
    sentences = [_OPENING.sub("given", part) for part in parts if part]
    sentences = [sentence for sentence in sentences if not _NOTE.match(sentence)]
    return any(_WISH.search(one) or not (_SETTING.match(one) or _KIND.match(one)) for one in sentences)
