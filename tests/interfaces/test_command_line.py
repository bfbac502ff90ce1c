"""What the command line promises: streams, exit codes, one clear line, and no heavy import where none is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sample_run
from fake_wiring import FakeWiring

from sixfold import __version__
from sixfold.__main__ import main
from sixfold.domain.code import FileStat, Preview
from sixfold.domain.errors import BudgetExceeded, ModelUnavailable, ReplayDrift, SandboxUnavailable
from sixfold.domain.evidence import ExecResult
from sixfold.interfaces.cli import help_page, reference
from sixfold.workflow.state import State

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


def python(*words: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter on this source tree, wherever the test stands."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=env, check=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIXFOLD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIXFOLD_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return tmp_path / "home"


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    fake = FakeWiring()
    monkeypatch.setitem(sys.modules, "sixfold.wiring", fake)  # type: ignore[arg-type]
    return fake


def call(capsys: Capture, *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_version_and_help_need_no_heavy_import() -> None:
    script = (
        "import sys; from sixfold.__main__ import main; main(['--version']); main(['--help']); "
        "print(sorted({'typer', 'msgspec', 'rich', 'dbos', 'pydantic_ai'} & set(sys.modules)))"
    )
    out = python("-c", script).stdout
    assert out.startswith(f"sixfold {__version__}\n")
    assert out.endswith("[]\n")


def test_looking_imports_neither_engine_nor_model_client(home: Path) -> None:
    sample_run.write_run(home)
    script = (
        "import sys\nfrom sixfold.__main__ import main\n"
        "for word in ('runs', 'show', 'questions', 'log', 'cost', 'diff', 'plan'): assert main([word]) == 0\n"
        "heavy = {'dbos', 'pydantic_ai', 'sixfold.wiring', 'sixfold.pipeline', 'httpx', 'sqlite3', 'jinja2', 'rich'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = python("-c", script)
    assert done.stdout.endswith("\nset()\n")
    assert done.stderr == ""


def test_help_page_is_fresh() -> None:
    assert help_page.PATH.read_text() == help_page.page()


def test_reference_pages_are_fresh() -> None:
    for path, text in reference.pages(ROOT).items():
        assert path.read_text() == text, f"stale: run python -m sixfold.interfaces.cli.reference ({path.name})"


def test_every_command_explains_itself(home: Path, capsys: Capture) -> None:
    from sixfold.interfaces.cli.app import GROUPS

    for _, commands in GROUPS:
        for name, _ in commands:
            code, out, _ = call(capsys, *name.split(), "--help")
            assert (code, "Usage: sixfold " + name in out) == (0, True), name


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["build", ""], "the request is empty"),
        (["build", "  \n"], "the request is empty"),
        (["build", "@/does/not/exist"], "cannot read the request"),
        (["build", "x", "-y", "--review", "all"], "contradiction"),
        (["build", "x", "-y", "--unanswered", "wait"], "contradiction"),
        (["build", "x", "--replay", "d", "-m", "a:b"], "contradiction"),
        (["build", "x", "--replay", "d", "--record", "e"], "contradiction"),
        (["build", "x", "--json", "--json-lines"], "contradiction"),
        (["build", "x", "--plan", "sideways"], "sideways"),
        (["build", "x", "--role", "codr=a:b"], "no role 'codr'"),
        (["build", "x", "--role", "coder"], "has no model"),
        (["build", "x", "-m", "gpt"], "model from flag"),
        (["build", "x", "-m", "a:b", "--budget-usd", "-1"], "budget.usd"),
        (["build", "x", "-C", "/does/not/exist"], "there is no folder"),
        (["build"], "request"),
        (["frobnicate"], "frobnicate"),
        (["show", "--frob"], "--frob"),
        (["show", "nothing"], "there are no runs"),
        (["reject"], "INCREMENT"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_and_next(
    home: Path, wiring: FakeWiring, capsys: Capture, words: list[str], what: str
) -> None:
    code, out, err = call(capsys, *words)
    assert (code, out) == (2, "")
    assert what in err
    assert "next:" in err
    assert "Traceback" not in err
    assert wiring.options is None


def test_no_model_shows_the_keyless_ways(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    code, out, err = call(capsys, "build", "a thing")
    assert (code, out) == (2, "")
    assert all(word in err for word in ("relay:", "ollama:", "command:", "sixfold demo", "next:"))


def test_build_prints_the_result_on_stdout_and_progress_on_stderr(
    home: Path, wiring: FakeWiring, capsys: Capture
) -> None:
    code, out, err = call(capsys, "build", "a thing", "-m", "a:b", "--json")
    told = json.loads(out)
    assert (code, told["status"], told["exit_code"]) == (0, "validated", 0)
    assert Path(told["report"]).read_text().startswith("<!doctype html>")
    assert "patch applied" in err


def test_build_options_reach_the_run(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    words = ["-m", "a:b", "--role", "coder=c:d", "--budget-usd", "1.5", "--clarify", "never", "-y", "--attach", "n.md"]
    assert call(capsys, "build", "a thing", *words)[0] == 0
    options = wiring.options
    assert options is not None
    assert options.models == (("*", "a:b"), ("coder", "c:d"))
    assert (options.unanswered, options.review, options.approve_release) == ("default", "none", True)
    assert (options.budget.usd, options.clarify, wiring.attachments) == (1.5, "never", [Path("n.md")])


def test_json_lines_streams_versioned_events(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    _, out, _ = call(capsys, "build", "a thing", "-m", "a:b", "--json-lines")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert {event["v"] for event in events} == {1}


def test_waiting_is_exit_3_with_the_command_to_answer(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    wiring.until = "question"
    code, out, err = call(capsys, "build", "a thing", "-m", "a:b", "--json")
    assert (code, json.loads(out)["status"]) == (3, "waiting")
    assert f"sixfold answer {sample_run.RUN} Q1 VALUE" in err


def test_answers_file_answers_by_id(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    Path("answers.toml").write_text('Q1 = "keep both"')
    wiring.asks = "question:Q1"
    assert call(capsys, "build", "a thing", "-m", "a:b", "--answers", "answers.toml")[0] == 0
    decision = wiring.answers[0]
    assert decision is not None
    assert (decision.value, decision.who) == ("keep both", "option:--answers")


def test_off_a_terminal_nobody_is_asked(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    wiring.asks = "question:Q1"
    call(capsys, "build", "a thing", "-m", "a:b")
    assert wiring.answers == [None]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BudgetExceeded("cap reached", cap="run:usd", spent=1, reserved=1, allowed=1, next="raise it"), 4),
        (SandboxUnavailable("no isolation here", next="install one"), 7),
        (ModelUnavailable("not reachable", next="try again"), 8),
    ],
)
def test_errors_while_driving_keep_the_run_and_give_their_exit_code(
    home: Path, wiring: FakeWiring, capsys: Capture, error: Exception, code: int
) -> None:
    wiring.until, wiring.raises = "work", error
    given, out, err = call(capsys, "build", "a thing", "-m", "a:b", "--json")
    assert (given, json.loads(out)["exit_code"]) == (code, code)
    assert str(error) in err
    assert "next:" in err


def test_ctrl_c_pauses_with_the_resume_command(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    wiring.until, wiring.raises = "work", KeyboardInterrupt()
    code, _, err = call(capsys, "build", "a thing", "-m", "a:b")
    assert code == 130
    assert f"sixfold resume {sample_run.RUN}" in err
    kinds = [event.kind for event in State(home, sample_run.TickingClock()).log(sample_run.RUN).read()]
    assert kinds.count("run.paused") == 1


def test_apply_option_applies_a_validated_run(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home, until="question")
    wiring.applies = True
    call(capsys, "resume")
    kinds = [event.kind for event in State(home, sample_run.TickingClock()).log(sample_run.RUN).read()]
    assert "result.applied" in kinds


def test_applied_result_is_taken_back_once(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home)
    code, out, _ = call(capsys, "apply")
    assert (code, out) == (0, "a.py\n")
    assert call(capsys, "undo")[0] == 0
    assert call(capsys, "undo")[0] == 2


def test_apply_of_an_unfinished_run_is_refused(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home, until="release")
    code, _, err = call(capsys, "apply")
    assert (code, "is not validated" in err) == (2, True)


def test_answer_records_who_and_says_resume(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home, until="question")
    code, out, err = call(capsys, "answer", "Q1", "keep both")
    assert (code, out) == (0, "Q1 answered: keep both\n")
    assert f"sixfold resume {sample_run.RUN}" in err
    assert call(capsys, "answer", "Q1", "keep one")[0] == 2


def test_default_is_taken_only_when_asked_for(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home, until="question")
    assert call(capsys, "answer", sample_run.RUN, "Q1", "--default")[0] == 0
    _, out, _ = call(capsys, "show", "--json")
    question = json.loads(out)["questions"][0]
    assert (question["status"], question["answer"]) == ("defaulted", "keep one")


def test_rejection_without_a_reason_is_refused(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home, until="increment")
    assert call(capsys, "reject", "I1")[0] == 2
    assert call(capsys, "reject", "I1", "-m", "explain it")[0] == 0


def test_approve_without_increment_signs_the_offered_tree(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home, until="release")
    assert call(capsys, "approve")[0] == 0
    _, out, _ = call(capsys, "show", "--json")
    approval = json.loads(out)["approvals"][-1]
    assert approval["tree"] == sample_run.tree("final")
    assert approval["who"].startswith("human:")


def test_approve_before_any_offer_is_refused(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home, until="question")
    code, _, err = call(capsys, "approve")
    assert (code, "offers no release yet" in err) == (2, True)


def test_cancel_ends_a_waiting_run_for_good(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home, until="question")
    assert call(capsys, "cancel")[0] == 0
    code, _, err = call(capsys, "resume")
    assert (code, "has ended (cancelled)" in err) == (2, True)


def test_cancel_leaves_a_run_alone_that_another_process_drives(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home, until="work")
    with State(home, sample_run.TickingClock()).drive(sample_run.RUN):
        assert call(capsys, "cancel")[0] == 2
        assert json.loads(call(capsys, "show", "--json")[1])["status"] == "running"
    assert json.loads(call(capsys, "show", "--json")[1])["status"] == "paused"


def test_nothing_hostile_reaches_the_terminal(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home, until="increment")
    for words in (["show"], ["plan"], ["log"], ["review"], ["questions"], ["cost"], ["runs"], ["plan", "--json"]):
        _, out, err = call(capsys, *words)
        assert not [sign for sign in out + err if sign in "\x1b\x07\u202e\x9b"], words


def test_piped_diff_is_byte_for_byte(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home, until="increment")
    assert call(capsys, "diff")[1] == sample_run.STORE_DIFF
    assert call(capsys, "diff", "I1")[1] == sample_run.STORE_DIFF
    assert call(capsys, "diff", "I7")[0] == 2


def test_changed_log_is_found_by_verify(home: Path, capsys: Capture) -> None:
    path = sample_run.write_run(home) / "events.jsonl"
    assert call(capsys, "log", "--verify")[0] == 0
    path.write_text(path.read_text().replace("keep one", "keep ONE"))
    code, out, _ = call(capsys, "log", "--verify")
    assert (code, "broken at event" in out) == (1, True)


def test_damaged_log_is_listed_not_hidden(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home)
    other = sample_run.write_run(home, run="r-20250101-000000-0000") / "events.jsonl"
    other.write_text("{}\n")
    code, out, _ = call(capsys, "runs")
    assert (code, "damaged" in out, "validated" in out) == (0, True, True)


def test_follow_ends_when_nobody_drives(home: Path, capsys: Capture) -> None:
    sample_run.write_run(home, until="work")
    code, out, _ = call(capsys, "log", "--follow")
    assert (code, "T1 attempt 1 started" in out) == (0, True)


def test_replay_drift_is_exit_6(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home)
    assert call(capsys, "replay")[0] == 0
    wiring.raises = ReplayDrift("not recorded", next="record it again")
    assert call(capsys, "replay")[0] == 6


def test_demo_ends_on_a_report(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    code, out, _ = call(capsys, "demo")
    assert (code, "report.html" in out) == (0, True)


@pytest.mark.parametrize(("result", "code"), [({}, 3), ({"timed_out": True}, 124)])
def test_sandbox_run_passes_streams_and_exit_code(
    home: Path, wiring: FakeWiring, capsys: Capture, result: dict[str, bool], code: int
) -> None:
    wiring.result = ExecResult(exit_code=3, stdout="out\n", stderr="err\n", **result)
    assert call(capsys, "sandbox", "run", "--", "ls", "--debug") == (code, "out\n", "err\n")
    given, out, _ = call(capsys, "sandbox", "run", "--json", "--", "ls")
    assert (given, json.loads(out)["exit_code"]) == (code, 3)


def test_config_show_hides_passwords(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIXFOLD_DATABASE_URL", "postgresql://ann:secret@db/x")
    for words in (["--origin"], ["--json"]):
        code, out, _ = call(capsys, "config", "show", *words)
        assert (code, "SIXFOLD_DATABASE_URL" in out, "secret" in out) == (0, True, False)


def test_debug_shows_the_traceback(home: Path) -> None:
    done = python("-m", "sixfold", "show", "zzz", "--debug")
    assert "Traceback" in done.stderr


def test_reader_that_went_away_ends_us_quietly(home: Path) -> None:
    sample_run.write_run(home)
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "sixfold", "log", "--json-lines"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, env=env, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_first_line_of_build_comes_before_heavy_imports(home: Path) -> None:
    script = (
        "import sys\nfrom sixfold.__main__ import main\n"
        "class Tell:\n"
        "    def write(self, text):\n"
        "        if text.strip() and not hasattr(self, 'seen'): self.seen = set(sys.modules)\n"
        "    def flush(self): pass\n"
        "    def isatty(self): return False\n"
        "sys.stderr = tell = Tell()\nmain(['build', ''])\nprint({'typer', 'msgspec', 'dbos'} & tell.seen)"
    )
    out = python("-c", script).stdout
    assert out == "set()\n"


def test_a_preview_shows_the_merge_and_what_stands_in_the_way(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home)
    files = (FileStat(path="a.py", added=1, removed=0, status="added"),)
    wiring.seen = Preview(onto="a" * 40, moved=True, files=files, diff="+x = 1\n", in_the_way=("b.py",))
    code, out, err = call(capsys, "apply", "--preview")
    assert (code, out) == (2, "+x = 1\n")
    assert "three-way merge" in err
    assert "b.py" in err
    wiring.seen = Preview(onto="a" * 40, files=files)
    code, out, err = call(capsys, "apply", "--preview")
    assert code == 0
    assert f"sixfold apply {sample_run.RUN}" in err
    assert '"applies": true' in call(capsys, "apply", "--preview", "--json")[1].replace('":true', '": true')


def test_bisect_names_the_increment_that_changed_the_verdict(home: Path, wiring: FakeWiring, capsys: Capture) -> None:
    sample_run.write_run(home)
    code, out, _ = call(capsys, "bisect", "--last", "--", "python", "-c", "import fizz")
    assert code == 0
    assert wiring.bisected == ("", ("python", "-c", "import fizz"))
    assert "\x1b" not in out
    assert next(line for line in out.splitlines() if line.startswith("→")).split()[1] == "I2"
    assert call(capsys, "bisect", sample_run.RUN, "--test", "test_a")[0] == 0
    assert wiring.bisected == ("test_a", ())
    assert call(capsys, "bisect", sample_run.RUN)[0] == 2


def test_an_edit_in_the_persons_editor_becomes_a_decision_with_the_new_tree(
    home: Path, wiring: FakeWiring, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample_run.write_run(home, until="increment")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nfor file in "$@"; do echo mine >> "$file"; done\ntouch notes.bak\n')
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    code, out, _ = call(capsys, "edit", "I1")
    assert (code, out) == (0, "I1 edited\n")
    assert wiring.changes
    assert set(wiring.changes.values()) == {b"old\nmine\n"}
    events = State(home, sample_run.TickingClock()).log(sample_run.RUN).read()
    decision = events[-1].data["decision"]
    assert (decision["verdict"], decision["value"]) == ("edit", "e" * 40)
    assert call(capsys, "edit", "I1")[0] == 2  # decided already


def test_an_editor_that_fails_or_changes_nothing_decides_nothing(
    home: Path, wiring: FakeWiring, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample_run.write_run(home, until="increment")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "false")
    assert call(capsys, "edit", "I1")[0] == 2
    monkeypatch.setenv("EDITOR", "true")
    code, _, err = call(capsys, "edit", "I1")
    assert (code, "left as it is" in err) == (0, True)
    monkeypatch.setenv("EDITOR", "/no/such/editor")
    assert "cannot be started" in call(capsys, "edit", "I1")[2]
