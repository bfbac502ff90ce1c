"""Static analysis of a tree: nothing of it is executed, and no scanner settings or suppressions in it are honoured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from sixfold.domain.evidence import Finding


def baseline(
    findings: Sequence[Finding],
    base: Sequence[Finding],
    line_text: Callable[[str, int], str],
    base_text: Callable[[str, int], str],
) -> tuple[Finding, ...]:
    """Mark findings that stood in the base tree: same rule, same path, same line but for white space.

    Args:
        findings: of the tree.
        base: of the base tree, by the same scanners.
        line_text: text of a line (path, 1-based number) in the tree.
        base_text: the same in the base tree.
    """
    old = Counter(_key(finding, base_text) for finding in base)
    marked = []
    for finding in findings:
        key = _key(finding, line_text)
        known = old[key] > 0
        old[key] -= known
        marked.append(msgspec.structs.replace(finding, baseline=known))
    return tuple(marked)


def _key(finding: Finding, text: Callable[[str, int], str]) -> tuple[str, str, str, str]:
    return finding.tool, finding.rule, finding.path, "".join(text(finding.path, finding.line).split())
