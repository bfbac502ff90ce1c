"""What scanners say about a product, whichever flow wrote it: those of the coder's loop and those held out of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sixfold import wiring
from sixfold.domain.data import Data
from sixfold.domain.evidence import Finding
from sixfold.evaluation.sample import Sample
from sixfold.layers.testing.scanners.files import is_test
from sixfold.wiring import Laboratory


class Scanned(Data, frozen=True, kw_only=True):
    """Findings in the product's own code; its tests are left out."""

    heard: tuple[Finding, ...] = ()
    """Of the scanners that a coder of the full flow hears of."""
    held_out: tuple[Finding, ...] = ()
    """Of the scanners it never hears of."""


async def scan(laboratory: Laboratory, sample: Sample, product: Path) -> Scanned:
    """Scan a product folder; an empty one has no findings.

    Raises:
        ConfigurationError: a scanner is missing.
    """
    if not product.is_dir() or not any(product.iterdir()):
        return Scanned()
    heard, held_out = await wiring.scan_product(laboratory.repository, product, sample.brief)
    return Scanned(heard=_own(heard), held_out=_own(held_out))


def _own(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if not is_test(finding.path))


def places(findings: Iterable[Finding]) -> int:
    """Lines with a finding that is more than a note; what several rules say about one line is one place."""
    return len({(finding.path, finding.line) for finding in findings if finding.severity != "note"})
