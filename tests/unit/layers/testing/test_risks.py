"""Review flags of an increment."""

from __future__ import annotations

from plain_folders import Folders

from sixfold.domain.code import Risk
from sixfold.domain.evidence import Finding, TestCase, TestReport
from sixfold.layers.testing.risks import risks

GREEN = TestReport(suite="unit", cases=(TestCase(id="t", outcome="passed"),))
RED = TestReport(suite="unit", cases=(TestCase(id="t::test_x", outcome="failed"),), exit_code=1)


def found(folders: Folders, old: dict[str, str], new: dict[str, str], *reports: TestReport) -> tuple[Risk, ...]:
    return risks(folders, folders.add(old), folders.add(new), (), reports)  # type: ignore[arg-type]


def kinds(found: tuple[Risk, ...]) -> set[str]:
    return {risk.kind for risk in found}


def test_small_tested_change_has_no_risk(folders: Folders) -> None:
    assert found(folders, {"a.py": "x = 1\n"}, {"a.py": "x = 2\n", "test_a.py": "import subprocess\n"}, GREEN) == ()


def test_new_powers_dependencies_and_interface_changes_are_flagged_with_their_line(folders: Folders) -> None:
    old = {"a.py": "def f(x):\n    pass\ndef g():\n    pass\n", "requirements.txt": "flask\n"}
    new = {
        "a.py": "import os\ndef f(x, y):\n    subprocess.run([x])\n    os.remove(x)\n    socket.socket()\n",
        "requirements.txt": "flask\nnumpy\n",
    }
    flagged = found(folders, old, new, GREEN)
    assert kinds(flagged) == {"process", "network", "files", "dependency", "interface"}
    assert next(risk for risk in flagged if risk.kind == "process").line == 3
    assert {risk.text for risk in flagged if risk.kind == "interface"} == {
        "public g removed",
        "public f(x) became f(x, y)",
    }


def test_deleted_large_untested_and_failing_changes_are_flagged(folders: Folders) -> None:
    large = "".join(f"x{number} = {number}\n" for number in range(400))
    assert kinds(found(folders, {"a.py": "x = 1\n"}, {"b.py": large})) == {"deletion", "size", "untested"}
    assert kinds(found(folders, {}, {"test_a.py": large}, RED)) == {"failing"}


def test_only_new_blocking_findings_are_security_risks(folders: Folders) -> None:
    def finding(**fields: object) -> Finding:
        return Finding(**{"tool": "t", "rule": "r", "severity": "error", "message": "m", **fields})  # type: ignore[arg-type]

    tree = folders.add({})
    given = [finding(), finding(baseline=True), finding(severity="warning")]
    assert len(risks(folders, tree, tree, given)) == 1  # type: ignore[arg-type]
