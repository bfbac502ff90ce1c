"""What is seen of a call from beside it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from sixfold.layers.testing.exploits.inside.native import Opened
from sixfold.layers.testing.exploits.inside.observing import changed, files_of, headers_of


def test_changed_files_have_their_own_modes_and_a_link_that_of_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("as before", encoding="utf-8")
    before = files_of(str(tmp_path))
    private = tmp_path / "private"
    private.write_text("words", encoding="utf-8")
    private.chmod(0o600)
    (tmp_path / "link").symlink_to(private)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert sorted(changed(str(tmp_path), before)) == [
        (str(tmp_path / "link"), "words", 0o600),
        (str(private), "words", 0o600),
    ]


def test_a_file_that_native_code_opens_is_seen_once_and_one_that_is_asked_about_is_not(tmp_path: Path) -> None:
    for name in ("read.txt", "asked.txt"):
        (tmp_path / name).write_text("words", encoding="utf-8")
    opened = Opened(str(tmp_path))
    assert opened.since() == []
    os.close(ctypes.CDLL(None).open(os.fsencode(tmp_path / "read.txt"), os.O_RDONLY))
    (tmp_path / "asked.txt").stat()
    os.listdir(tmp_path)
    assert opened.since() == [str(tmp_path / "read.txt")]
    assert opened.since() == []


def test_a_document_beside_a_status_is_no_mapping_of_headers() -> None:
    assert headers_of((201, {"order_no": "a\nb", "items": 2})) == []
    assert headers_of((303, {"location": "/a"}, "")) == [("location", "/a")]
    assert headers_of((200, {"X-Order": "a"}, "body")) == [("X-Order", "a")]
