"""Edit formats: sloppy answers are read, ambiguous ones are sent back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.domain.code import Edit
from sixfold.domain.replies import Unreadable
from sixfold.fakes.model import ScriptedModel
from sixfold.layers.synthesis.formats import BLOCKS, FORMATS, OBJECTS, UNIFIED, format_for
from sixfold.layers.synthesis.write import write_patch

FILE = Edit(path="a.py", kind="write", content="x = 1\n")
REPLACE = Edit(path="a.py", kind="replace", search="x = 1\n", content="x = 2\n")
BLOCK = "<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"


@pytest.mark.parametrize(
    "text",
    [
        '<file path="a.py">\nx = 1\n</file>',
        "<file path='a.py'>\nx = 1\n</file>\n",
        'Here it is:\n\n```xml\n<file path="a.py">\nx = 1\n</file>\n```\nDone.',
        '<file path="a.py">\n```python\nx = 1\n```\n</file>',
        '<file path="a.py">\r\nx = 1\r\n</file>\r\n',
        '<file path="a.py">x = 1</file>',
        '<file path="a.py">\nx = 1</file>',
        '  <file path = "a.py" >\nx = 1\n  </file>',
    ],
)
def test_sloppy_whole_file_is_read_as_meant(text: str) -> None:
    assert BLOCKS.parse(text).edits == (FILE,)


@pytest.mark.parametrize(
    "text",
    [
        f'<edit path="a.py">\n{BLOCK}</edit>',
        f'<edit path="a.py">\n\n```\n{BLOCK}```\n</edit>',
        f'```\n<edit path="a.py">\n{BLOCK}</edit>\n```'.replace("\n", "\r\n"),
        f'<edit path="a.py">\n{BLOCK.replace("<<<<<<< SEARCH", "<<<<<< search ")}</edit>',
    ],
)
def test_sloppy_block_is_read_as_meant(text: str) -> None:
    assert BLOCKS.parse(text).edits == (REPLACE,)


def test_several_edits_keep_their_order_and_prose_is_a_note() -> None:
    text = f'First.\n<edit path="a.py">\n{BLOCK}{BLOCK}</edit>\n<delete path="b.py"/>\n<file path="e"></file>\nLast.'
    patch = BLOCKS.parse(text)
    assert [(edit.kind, edit.path) for edit in patch.edits] == [
        ("replace", "a.py"),
        ("replace", "a.py"),
        ("delete", "b.py"),
        ("write", "e"),
    ]
    assert patch.edits[-1].content == ""
    assert patch.note == "First.\nLast."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot do this.",
        '<file path="a.html">\n<a>\n</file>\n</a>\n</file>',
        '<file path="a.py">\nx = 1\n',
        '<file path="a.py">\nx = 1\n<file path="b.py">\ny\n</file>',
        '<file path="a.py">\nx\n</file>\n</file>',
        '<file path="a.py">\nx\n</file>\nbut also\n</edit>',
        '<file path="a.py"/>',
        "<file path=a.py>\nx\n</file>",
        f'<file path="a.py">\n{BLOCK}</file>',
        '<edit path="a.py">\n</edit>',
        '<edit path="a.py">\nx = 1\n</edit>',
        '<edit path="a.py">\n<<<<<<< SEARCH\na\n=======\nb\n</edit>',
        '<edit path="a.py">\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n</edit>',
        '<edit path="a.py">\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n</edit>',
        f'<edit path="a.py">\n<<<<<<< SEARCH\na\n{BLOCK}</edit>',
    ],
)
def test_ambiguous_or_empty_answer_is_sent_back_in_one_line(text: str) -> None:
    with pytest.raises(Unreadable) as problem:
        BLOCKS.parse(text)
    assert "\n" not in str(problem.value)


def test_markdown_that_begins_with_a_fence_keeps_it() -> None:
    text = '<file path="a.md">\n```python\nx\n```\n</file>'
    assert BLOCKS.parse(text).edits[0].content == "```python\nx\n```\n"


@given(st.lists(st.text(st.characters(blacklist_characters="\r\n<`", blacklist_categories=["Cs"])), max_size=8))
def test_whole_file_comes_back_as_it_was_written(lines: list[str]) -> None:
    content = "".join(f"{line}\n" for line in lines)
    patch = BLOCKS.parse(f'<file path="a.txt">\n{content}</file>')
    assert patch.edits[0].content == content


@given(st.text(alphabet='<file path="a">/\n edit=SEARCHx\r`', max_size=200))
def test_any_text_is_either_edits_or_unreadable(text: str) -> None:
    for each in FORMATS.values():
        with contextlib.suppress(Unreadable):
            assert each.parse(text).edits


def test_default_instruction_is_short() -> None:
    assert len(BLOCKS.instruction) <= 480  # about 120 tokens


DIFF = "--- a/a.py\n+++ b/a.py\n@@ -1,9 +1,9 @@\n def f():\n-    x = 1\n+    x = 2\n\n     return x\n"


@pytest.mark.parametrize("text", [DIFF, f"```diff\n{DIFF}```\n", f"Sure:\ndiff --git a/a.py b/a.py\n{DIFF}"])
def test_unified_diff_is_found_by_its_lines(text: str) -> None:
    assert UNIFIED.parse(text).edits == (
        Edit(
            path="a.py",
            kind="replace",
            search="def f():\n    x = 1\n\n    return x\n",
            content="def f():\n    x = 2\n\n    return x\n",
        ),
    )


def test_unified_diff_makes_and_deletes_files() -> None:
    text = "--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+a\n+b\n--- a/o\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    assert UNIFIED.parse(text).edits == (
        Edit(path="n", kind="write", content="a\nb\n"),
        Edit(path="o", kind="delete"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "no diff",
        "--- a/a\n+++ b/b\n@@ @@\n-x\n+y\n",
        "--- a/a\n+++ b/a\n@@ -1,0 +1 @@\n+y\n",
        "--- a/a\n+++ b/a\n@@ @@\n x\n",
        "--- a/a\n+++ b/a\nx\n",
    ],
)
def test_unified_diff_that_cannot_be_placed_is_sent_back(text: str) -> None:
    with pytest.raises(Unreadable):
        UNIFIED.parse(text)


def test_object_is_read_and_a_foreign_one_sent_back() -> None:
    edit = '{"path": "a.py", "kind": "write", "content": "x = 1\\n"}'
    assert OBJECTS.parse(f'```json\n{{"edits": [{edit}]}}\n```').edits == (FILE,)
    for text in ('{"edits": []}', '{"edits": [{"path": 1, "kind": "write"}]}', "{}", "none"):
        with pytest.raises(Unreadable):
            OBJECTS.parse(text)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai:gpt-4.1-mini", "unified"),
        ("openai-chat:gpt-4.1", "unified"),
        ("ollama:qwen3:8b", "whole"),
        ("anthropic:claude-sonnet-4-5", "blocks"),
        ("relay:/somewhere", "blocks"),
        ("", "blocks"),
    ],
)
def test_the_table_names_a_format_for_every_model(model: str, name: str) -> None:
    assert format_for(model) == name
    assert name in FORMATS


def test_a_model_asked_for_whole_files_is_read_like_the_default() -> None:
    patch = FORMATS["whole"].parse('<file path="a.py">\nx = 1\n</file>\n')
    assert [(edit.kind, edit.content) for edit in patch.edits] == [("write", "x = 1\n")]
    assert "SEARCH" not in FORMATS["whole"].instruction


async def test_a_coder_is_asked_and_read_in_the_format_of_the_run() -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    model = ScriptedModel([diff])
    patch, _ = await write_patch(model, "brief", role="coder", purpose="p", scope="T1", format="unified")
    assert [(edit.kind, edit.content) for edit in patch.edits] == [("replace", "x = 2\n")]
    assert "unified diff" in model.requests[0].system
