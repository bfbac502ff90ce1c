"""The report page: self-contained, escaped, and never claiming more than the events."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
import sample_run

from sixfold.domain.fold import fold
from sixfold.domain.plan import Plan, Task
from sixfold.domain.view import RunView, TaskView
from sixfold.interfaces.report import render
from sixfold.interfaces.report.changes import diff_files
from sixfold.interfaces.report.graph import columns, draw
from sixfold.workflow.log import EventLog


class Outline(HTMLParser):
    """Collects elements, and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def page_at(tmp_path: Path, until: str = "validated") -> tuple[str, Outline]:
    path = sample_run.write_run(tmp_path, until=until)
    view = fold(EventLog(path / "events.jsonl", sample_run.TickingClock()).read())
    named = msgspec.structs.replace(view, run=sample_run.RUN)
    html = render(named, lambda digest: (path / "blobs" / digest[:2] / digest[2:]).read_bytes())
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    return html, outline


@pytest.mark.parametrize("until", sample_run.STOPS)
def test_page_loads_nothing_and_runs_nothing(tmp_path: Path, until: str) -> None:
    html, outline = page_at(tmp_path, until)
    assert not {"script", "link", "iframe", "img", "object", "form"} & set(outline.tags)
    names = {name for name, _ in outline.attributes}
    assert not [name for name in names if name.startswith("on") or name == "src"]
    assert {
        value for name, value in outline.attributes if name == "href" and not (value or "").startswith("#")
    } == set()
    assert any("default-src 'none'" in (value or "") for _, value in outline.attributes)
    assert not re.search(r"url\((?!#)|@import", html)


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    html, outline = page_at(tmp_path)
    assert not [sign for sign in html if sign in "\x1b\x07\u202e"]
    assert "<script>alert(1)</script>" in "".join(outline.text)
    assert "hidden characters" in html


def test_page_holds_every_part_of_a_run(tmp_path: Path) -> None:
    text = "".join(page_at(tmp_path)[1].text)
    for part in (
        "I want to save links from the shell",
        "notes.md",
        "What happens when the same link is saved twice?",
        "Links are stored in one SQLite file",
        "THE SYSTEM SHALL list links as JSON",
        "the command line and the interface both need the same check of URLs",
        "attempt 2: counterexample",
        "bookmarks/store.py",
        "explain it in the README too",
        "policy:no-risk",
        "binds to all interfaces",
        "answered on a loopback port",
        sample_run.tree("final"),
        f"sixfold apply {sample_run.RUN}",
    ):
        assert part in text, part


def test_unverified_requirement_is_shown_as_such(tmp_path: Path) -> None:
    html, _ = page_at(tmp_path)
    row = html[html.index(">R4<", html.index('id="trace"')) :]
    assert "not verified" in row[: row.index("</tr>")]


def test_what_was_not_recorded_is_not_claimed(tmp_path: Path) -> None:
    html, _ = page_at(tmp_path, "question")
    assert "No scan is recorded." in html
    assert "none recorded" in html
    assert ">clean<" not in html
    assert "sixfold apply" not in html


def test_missing_diff_is_said(tmp_path: Path) -> None:
    path = sample_run.write_run(tmp_path, until="increment")
    view = fold(EventLog(path / "events.jsonl", sample_run.TickingClock()).read())
    assert "not in the run&#x27;s folder any more" in render(view, lambda digest: None)


def test_empty_view_renders() -> None:
    assert "No scan is recorded." in render(RunView(), lambda digest: None)


def test_diff_lines_are_numbered_and_counted() -> None:
    html = str(diff_files(sample_run.README_DIFF.encode()))
    assert '<span class="plus">+4</span> <span class="minus">−1</span>' in html
    assert '<tr class="del"><td class="number">2</td><td class="number"></td>' in html


def test_diff_lines_that_look_like_headers_stay_lines() -> None:
    raw = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,1 +1,2 @@\n--- a/etc/passwd\n+++ b/evil\n+\x0cform feed\n"
    html = str(diff_files(raw))
    assert "<code>x</code>" in html
    assert html.count('class="add"') == 2
    assert html.count('class="del"') == 1


def test_diff_of_a_binary_file_is_named() -> None:
    raw = b"diff --git a/logo.png b/logo.png\nBinary files a/logo.png and b/logo.png differ\n"
    html = str(diff_files(raw))
    assert "logo.png" in html
    assert "binary" in html


def test_huge_diff_is_cut_and_says_so() -> None:
    raw = b"diff --git a/x b/x\n+++ b/x\n@@ -0,0 +1,9000 @@\n" + b"+line\n" * 9000
    html = str(diff_files(raw))
    assert "more lines" in html
    assert html.count('class="add"') < 2000


def task(id: str, provides: tuple[str, ...] = (), consumes: tuple[str, ...] = ()) -> Task:
    return Task(id=id, title=id, goal="", provides=provides, consumes=consumes)


def test_plan_is_drawn_in_columns_by_depth() -> None:
    plan = Plan(tasks=(task("T3", (), ("b",)), task("T1", ("a",)), task("T2", ("b",), ("a",)), task("T4")))
    assert columns(plan) == [["T1", "T4"], ["T2"], ["T3"]]


def test_cyclic_plan_is_still_drawn() -> None:
    plan = Plan(tasks=(task("T1", ("a",), ("b",)), task("T2", ("b",), ("a",))))
    view = RunView(plans=(plan,), tasks=tuple(TaskView(task=one) for one in plan.tasks))
    assert "T1" in str(draw(view))


def test_no_plan_is_no_drawing() -> None:
    assert draw(RunView()) is None
