"""The event log keeps everything it acknowledged, once, in order, and shows any change."""

from __future__ import annotations

import json
import multiprocessing
import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.domain.errors import StorageError
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog, broken_link


def log_at(folder: Path) -> EventLog:
    return EventLog(folder / "events.jsonl", SystemClock())


def test_a_key_is_written_once_even_by_another_reader(tmp_path: Path) -> None:
    first, second = log_at(tmp_path), log_at(tmp_path)
    one = first.append("note", "k", {"text": "a"})
    two = second.append("note", "k", {"text": "something else"})
    assert one == two
    assert len(first.read()) == 1


def test_appends_of_other_processes_are_seen_and_chained(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    events = log_at(tmp_path).read()
    assert len(events) == 40
    assert [event.seq for event in events] == list(range(40))
    assert broken_link(events) is None


def write_many(folder: Path, name: str) -> None:
    log = log_at(folder)
    for number in range(20):
        log.append("note", f"{name}{number}", {"text": "x" * 1000})


def test_one_log_shared_by_threads_that_read_and_write_keeps_every_event_once(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    over = threading.Event()

    def read() -> None:
        while not over.wait(0.001):
            log.find("none")

    def write(name: str) -> None:
        for number in range(60):
            log.append("note", f"{name}{number}", {"text": "x" * 200})

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()
    assert len(log.read()) == 120
    assert [event.seq for event in log_at(tmp_path).read()] == list(range(120))
    assert log_at(tmp_path).broken() is None


def test_a_log_that_became_shorter_behind_the_run_is_never_filled_up(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    log.append("note", "a", {})
    log.append("note", "b", {})
    path = tmp_path / "events.jsonl"
    kept = path.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(kept)
    with pytest.raises(StorageError, match="shorter"):
        log.append("note", "c", {})
    assert path.read_bytes() == kept


@pytest.mark.parametrize("cut", [2, 5, 40])
def test_a_line_torn_by_a_power_cut_is_dropped_and_written_again(tmp_path: Path, cut: int) -> None:
    log = log_at(tmp_path)
    log.append("note", "a", {"text": "kept"})
    log.append("note", "b", {"text": "torn"})
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    after = log_at(tmp_path)
    assert [event.key for event in after.read()] == ["a"]
    after.append("note", "b", {"text": "again"})
    assert [event.key for event in log_at(tmp_path).read()] == ["a", "b"]
    assert broken_link(log_at(tmp_path).read()) is None


def test_an_event_that_lost_only_its_line_end_is_kept(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    log.append("note", "a", {})
    log.append("decision.given", "b", {"text": "a person said so"})
    path = tmp_path / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    reader, after = log_at(tmp_path), log_at(tmp_path)
    assert [event.key for event in reader.read()] == ["a", "b"]
    after.append("note", "c", {})
    assert path.read_bytes().startswith(whole)
    assert [event.key for event in reader.sound()] == [event.key for event in after.sound()] == ["a", "b", "c"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log of every kind of value."""
    folder = tmp_path_factory.mktemp("written")
    log = log_at(folder)
    values = [{"text": "über\n\u2028"}, {"cost": 1.5, "n": None}, {"list": [1, True, {"k": "v"}]}, {}]
    for number, value in enumerate(values):
        log.append("note", f"k{number}", value, who="human:ada" if number % 2 else "sixfold")
    return (folder / "events.jsonl").read_bytes()


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_named_in_words(
    written: bytes, tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    flipped = bytearray(written)
    flipped[place % len(flipped)] ^= 1 << bit
    (folder / "events.jsonl").write_bytes(flipped)
    lost = written.count(b"\n") - flipped.count(b"\n")
    if lost == 1 and not flipped.endswith(b"\n"):
        # The last line end became something else: like a write that was cut off, and cut off again.
        assert len(log_at(folder).read()) == written.count(b"\n") - 1
        return
    with pytest.raises(StorageError, match=r"event \d+ of|written by a newer Sixfold"):
        log_at(folder).sound()


def test_changing_any_byte_of_a_value_breaks_the_chain(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    for number in range(5):
        log.append("note", f"k{number}", {"text": f"value {number}"})
    path = tmp_path / "events.jsonl"
    path.write_text(path.read_text().replace("value 2", "value 9"))
    assert broken_link(log_at(tmp_path).read()) == 2


def test_a_damaged_line_is_named_and_not_skipped(tmp_path: Path) -> None:
    log = log_at(tmp_path)
    log.append("note", "a", {})
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"{broken}\n" + path.read_bytes())
    with pytest.raises(StorageError, match="event 0"):
        log_at(tmp_path).read()


def test_a_log_of_a_newer_schema_says_so(tmp_path: Path) -> None:
    log_at(tmp_path).append("note", "a", {})
    path = tmp_path / "events.jsonl"
    event = json.loads(path.read_text())
    path.write_text(json.dumps({**event, "v": 99}) + "\n")
    with pytest.raises(StorageError, match="newer Sixfold"):
        log_at(tmp_path).read()


def test_a_full_disk_is_a_clear_error_and_leaves_no_half_line(tmp_path: Path) -> None:
    log_at(tmp_path).append("note", "a", {})
    context = multiprocessing.get_context("spawn")
    writer = context.Process(target=write_beyond_a_limit, args=(tmp_path,))
    writer.start()
    writer.join(60)
    assert writer.exitcode == 0
    assert [event.key for event in log_at(tmp_path).read()] == ["a"]


def write_beyond_a_limit(folder: Path) -> None:
    """A file size limit makes the kernel refuse the write, as a full disk does."""
    log = log_at(folder)
    size = (folder / "events.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, size + 10))
    with pytest.raises(StorageError, match="cannot write"):
        log.append("note", "b", {"text": "x" * 1000})
    with pytest.raises(StorageError, match="cannot write"):
        log.append("note", "c", {"text": "x" * 1000})
