"""What goes out with a release: bill of materials, provenance, matrix, summary, and the walk before the signature."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import msgspec
import pytest
import sample_run

from sixfold.domain.errors import UsageError
from sixfold.domain.evidence import Check, Component
from sixfold.domain.fold import fold
from sixfold.domain.run import ReleaseOffer
from sixfold.domain.view import RunView
from sixfold.interfaces.export import matrix, sbom, slsa, summary
from sixfold.interfaces.walk import MOST, walk
from sixfold.workflow.log import EventLog


@pytest.fixture
def view(tmp_path: Path) -> RunView:
    path = sample_run.write_run(tmp_path, until="validated")
    seen = fold(EventLog(path / "events.jsonl", sample_run.TickingClock()).read())
    offer = seen.offer or ReleaseOffer(tree=sample_run.tree("x"))
    packages = (
        Component(name="Flask_Login", version="1.0", licence="MIT"),
        Component(name="odd", version="2", licence="The Odd License, v2"),
        Component(name="pytest", version="9", tool=True),
    )
    return msgspec.structs.replace(seen, run="r-1", offer=msgspec.structs.replace(offer, components=packages))


def test_bill_of_materials_has_the_fields_cyclonedx_requires(view: RunView) -> None:
    bom = json.loads(sbom.document(view))
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom["serialNumber"])
    refs = [one["bom-ref"] for one in bom["components"]] + [bom["metadata"]["component"]["bom-ref"]]
    assert len(set(refs)) == len(refs)
    assert {ref for one in bom["dependencies"] for ref in (one["ref"], *one.get("dependsOn", ()))} <= set(refs)
    first, odd, tool = bom["components"]
    assert first["purl"] == "pkg:pypi/flask-login@1.0"
    assert first["licenses"] == [{"expression": "MIT"}]
    assert odd["licenses"] == [{"license": {"name": "The Odd License, v2"}}]
    assert (first["scope"], tool["scope"]) == ("required", "excluded")
    assert sbom.document(view) == sbom.document(view)


def test_provenance_binds_commit_and_tree_to_what_they_were_made_from(view: RunView) -> None:
    statement = json.loads(slsa.document(view))
    assert (statement["_type"], statement["predicateType"]) == (slsa.STATEMENT, slsa.PREDICATE)
    (subject,) = statement["subject"]
    assert subject["digest"] == {"gitCommit": view.commit, "gitTree": view.tree}
    definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert {"buildType", "externalParameters", "resolvedDependencies"} <= set(definition)
    assert details["builder"]["id"]
    assert details["metadata"]["invocationId"] == "r-1"
    assert details["byproducts"][0]["digest"]["sha256"] == view.head
    approvals = [one for one in details["byproducts"] if one["name"].startswith("approval of release")]
    assert approvals[0]["annotations"]["gitTree"] == view.tree


def test_matrix_has_a_row_for_every_requirement_and_says_what_is_not_verified(view: RunView) -> None:
    rows = list(csv.DictReader(io.StringIO(matrix.document(view))))
    written = view.specification.requirements if view.specification else ()
    assert [row["requirement"] for row in rows] == [one.id for one in written]
    assert all((row["evidence"] == "verified") == (int(row["passed"]) > 0 and row["failed"] == "0") for row in rows)
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_summary_escapes_foreign_markup(view: RunView) -> None:
    check = Check(name="tests", ok=False, detail="| <img src=x> [a](b) `x`\n# no")
    text = summary.document(msgspec.structs.replace(view, checks=(check,)))
    assert "<img" not in text
    assert "[a](b)" not in text
    (line,) = [line for line in text.splitlines() if "img" in line]
    assert line.count(" | ") == 2


def test_walk_leads_from_intent_to_trials_and_stays_short(view: RunView) -> None:
    parts = {part.title: part.lines for part in walk(view)}
    assert list(parts)[:2] == ["Intent", "Changes by concern"]
    assert 1 <= len(parts["Where being wrong costs most"]) <= MOST
    assert all(len(lines) <= MOST for title, lines in parts.items() if title != "Changes by concern")


def test_walk_names_requirements_without_evidence_first(view: RunView) -> None:
    offer = msgspec.structs.replace(view.offer, unverified=("FR-001",)) if view.offer else None
    parts = {part.title: part.lines for part in walk(msgspec.structs.replace(view, offer=offer))}
    assert "FR-001 has no executed evidence" in parts["Where being wrong costs most"][0]


def test_nothing_is_exported_before_there_is_something_to_say() -> None:
    for module in (sbom, slsa, matrix):
        with pytest.raises(UsageError):
            module.document(RunView(run="r-1"))
