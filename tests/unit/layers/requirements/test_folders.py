"""A folder written with Spec Kit or Kiro is read as a specification, and none of its requirements gets lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sixfold.domain.data import digest
from sixfold.domain.errors import RequestError
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.domain.requirements import Attachment, Request, Specification
from sixfold.layers.requirements.decide import decide_request
from sixfold.layers.requirements.folders import Stated, marked_open, open_folder, stated, unserved
from sixfold.layers.requirements.specify import specify

SPEC_KIT = """# Feature Specification: Share bookmarks

## Requirements

### Functional Requirements

- **FR-001**: System MUST keep bookmarks.
- **FR-002**: System MUST refuse addresses longer than [NEEDS CLARIFICATION: how long may an address be?]
"""
KIRO = """# Requirements Document

## Introduction

Share bookmarks in a team.

### Requirement 1: Keeping

**User Story:** As a member, I want to keep bookmarks.

#### Acceptance Criteria

1. WHEN a bookmark is added THE SYSTEM SHALL keep it
2. IF the address is blank THEN THE SYSTEM SHALL refuse it

### Requirement 2

#### Acceptance Criteria

1. WHEN it is asked THE SYSTEM SHALL list all
"""


def attached(name: str, text: str) -> Attachment:
    return Attachment(name=name, media_type="text/markdown", digest=digest(text), text=text)


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_spec_kit_folder_is_read_with_its_contracts_and_without_its_task_list(tmp_path: Path) -> None:
    files = {"spec.md": SPEC_KIT, "tasks.md": "- [ ] T1", "contracts/api.md": "GET /", "data-model.md": "x"}
    found = open_folder(put(tmp_path, files))
    assert (found.kind, found.title) == ("spec-kit", "Share bookmarks")
    assert [Path(file).name for file in found.files] == ["spec.md", "data-model.md", "api.md"]


def test_specification_is_found_from_the_project_it_stands_in(tmp_path: Path) -> None:
    found = open_folder(put(tmp_path, {".kiro/specs/bookmarks/requirements.md": KIRO}))
    assert (found.kind, found.title) == ("kiro", "Share bookmarks in a team.")


def test_project_with_several_specifications_says_which(tmp_path: Path) -> None:
    put(tmp_path, {"specs/001-a/spec.md": SPEC_KIT, "specs/002-b/spec.md": SPEC_KIT})
    with pytest.raises(RequestError, match="several") as caught:
        open_folder(tmp_path)
    assert "001-a" in caught.value.why


def test_folder_without_a_specification_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no specification"):
        open_folder(tmp_path)


def test_requirements_of_both_tools_keep_their_numbers() -> None:
    assert [item.id for item in stated([attached("spec.md", SPEC_KIT)])] == ["FR-001", "FR-002"]
    kiro = stated([attached("requirements.md", KIRO)])
    assert [(item.id, item.text[:22]) for item in kiro] == [
        ("1.1", "WHEN a bookmark is add"),
        ("1.2", "IF the address is blan"),
        ("2.1", "WHEN it is asked THE S"),
    ]


def test_id_counts_as_named_only_when_it_stands_alone() -> None:
    required = [Stated(id="1.1", text="x"), Stated(id="FR-001", text="y")]
    assert unserved(required, ["SHALL a (1.10)", "SHALL b (FR-0012)", "11.1"]) == ("1.1", "FR-001")
    assert unserved(required, ["SHALL a (1.1)", "SHALL b (FR-001, FR-002)."]) == ()


def test_what_the_author_left_open_goes_to_whoever_asks() -> None:
    request = Request(text="build it", attachments=(attached("spec.md", SPEC_KIT),))
    assert marked_open(request.attachments) == ("how long may an address be?",)
    asked = decide_request(request, "", most_questions=5).messages[0].text
    assert "still to be clarified" in asked
    assert "- how long may an address be?" in asked


class Writer:
    def __init__(self, *sentences: list[str]) -> None:
        self.sentences = list(sentences)
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        self.requests.append(request)
        required = [{"text": text} for text in self.sentences.pop(0)]
        text = json.dumps({"title": "Share", "requirements": required})
        return ModelReply(text=text, model="test:model", usage=Usage(calls=1), request=digest("x"))


async def test_specification_that_loses_a_stated_requirement_is_sent_back_once() -> None:
    request = Request(text="build it", attachments=(attached("spec.md", SPEC_KIT),))
    model = Writer(["THE SYSTEM SHALL keep bookmarks (FR-001)."], ["SHALL keep (FR-001).", "SHALL refuse (FR-002)."])
    found = await specify(model, request, "", Specification(title="Share"))
    assert "- FR-002: System MUST refuse" in model.requests[0].messages[0].text
    assert "FR-002" in model.requests[1].messages[-1].text
    assert [item.text for item in found.requirements] == ["SHALL keep (FR-001).", "SHALL refuse (FR-002)."]


async def test_requirement_that_stays_lost_is_noted() -> None:
    request = Request(text="build it", attachments=(attached("spec.md", SPEC_KIT),))
    found = await specify(Writer(["SHALL a (FR-001)"], ["SHALL a (FR-001)"]), request, "", Specification(title="Share"))
    assert any("FR-002" in note for note in found.notes)
