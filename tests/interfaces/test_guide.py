"""A change is read where it is riskiest first, piece by piece."""

from __future__ import annotations

from sixfold.domain.code import FileStat, Increment, Risk, Slice
from sixfold.domain.data import Tree
from sixfold.interfaces.cli.guide import Place, piece, places

DIFF = """\
diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1,2 +1,2 @@
-one
+uno
 two
@@ -40,2 +40,3 @@ def f():
 forty
+forty-one
 more
diff --git a/b.py b/b.py
new file mode 100644
--- /dev/null
+++ b/b.py
@@ -0,0 +1 @@
+b
"""


def increment(*risks: Risk, slices: tuple[Slice, ...] = ()) -> Increment:
    files = (FileStat(path="a.py", added=2, removed=1), FileStat(path="b.py", added=1, removed=0, status="added"))
    return Increment(
        id="I1", task="T1", title="x", base=Tree("0"), tree=Tree("1"), files=files, risks=risks, slices=slices
    )


def test_risks_come_first_and_every_file_is_named() -> None:
    seen = places(increment(Risk(kind="process", path="b.py", line=1, text="os.system(x)")))
    assert [(place.why, place.path) for place in seen] == [("process", "b.py"), ("changed file", "a.py")]


def test_files_without_a_risk_come_in_the_order_they_build_on_each_other() -> None:
    parts = (Slice(files=("b.py",), tree=Tree("2"), lines=1), Slice(files=("a.py",), tree=Tree("1"), lines=3))
    assert [place.path for place in places(increment(slices=parts))] == ["b.py", "a.py"]


def test_a_place_is_shown_by_its_own_hunk_and_a_file_as_a_whole() -> None:
    hunk = piece(DIFF, Place(why="files", path="a.py", line=41))
    assert "+forty-one" in hunk
    assert "uno" not in hunk
    assert hunk.startswith("diff --git a/a.py")
    assert piece(DIFF, Place(why="changed file", path="a.py")).count("@@ -") == 2
    assert piece(DIFF, Place(why="new file", path="b.py")).endswith("+b")
    assert piece(DIFF, Place(why="failing")) == DIFF.rstrip()
