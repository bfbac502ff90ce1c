"""A brief holds what the task was told, whole, and repository text only inside fences and within its room."""

from __future__ import annotations

import hashlib

import pytest

from sixfold.domain.data import Tree
from sixfold.domain.plan import Contract, Plan, Task
from sixfold.domain.ports import FileEntry
from sixfold.domain.requirements import Assumption, Entry, Request, Requirement, Specification
from sixfold.layers.planning.context import brief
from sixfold.layers.planning.decompose import direct_plan
from sixfold.layers.planning.retrieval.index import RepositoryIndex

TREE = Tree("0" * 40)


class Files:
    """A repository of one tree; the index and the brief ask no more of it."""

    def __init__(self, files: dict[str, bytes], modes: dict[str, str] | None = None) -> None:
        self.contents = files
        self.modes = modes or {}
        self.reads = 0

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        return tuple(
            FileEntry(
                path=path,
                mode=self.modes.get(path, "100644"),
                digest=hashlib.sha1(content).hexdigest(),
                size_bytes=len(content),
            )
            for path, content in sorted(self.contents.items())
        )

    def read(self, tree: Tree, path: str) -> bytes | None:
        self.reads += 1
        return self.contents.get(path)


SPECIFICATION = Specification(
    title="Keep bookmarks for a while",
    summary="Old ones go.",
    requirements=(
        Requirement(id="R1", text="WHEN a bookmark is 30 days old, THE SYSTEM SHALL purge it."),
        Requirement(id="R2", text="THE SYSTEM SHALL draw a chart."),
    ),
    assumptions=(
        Assumption(id="A1", text="A day is 24 hours.", requirements=("R1",)),
        Assumption(id="A2", text="Charts are blue.", requirements=("R2",)),
    ),
    entries=(Entry(name="api", kind="service", start=("python", "-m", "b", "{port}")),),
    interface="GET /purge",
)
TASK = Task(
    id="T1",
    title="Purge old bookmarks",
    goal="Add purge.",
    files=("b/store.py", "tests/test_store.py"),
    provides=("store",),
    consumes=("clock",),
    requirements=("R1",),
    check=("tests/test_store.py",),
)
PLAN = Plan(
    tasks=(TASK, Task(id="T2", title="Chart", goal="Draw.", files=("b/chart.py",), requirements=("R2",))),
    contracts=(
        Contract(id="store", kind="python", text="class Store:\n    def purge(self) -> int"),
        Contract(id="clock", kind="python", text="def now() -> float"),
        Contract(id="chart", kind="python", text="def draw() -> None"),
    ),
)
SOURCE = {
    "b/__init__.py": b"",
    "b/store.py": b"from b.model import Bookmark\n\nclass Store:\n    def add(self, item: Bookmark) -> None: ...\n",
    "b/model.py": b"class Bookmark:\n    created: float\n",
    "b/chart.py": b"def draw_chart() -> None:\n    print('blue')\n",
    ".env": b"API_KEY=hunter2\n",
}


def packed(files: dict[str, bytes], task: Task = TASK, plan: Plan = PLAN, most_chars: int = 20_000) -> str:
    repository = Files(files)
    return brief(task, plan, SPECIFICATION, repository, TREE, RepositoryIndex(repository), most_chars=most_chars)  # type: ignore[arg-type]


def test_brief_holds_the_tasks_own_slice_and_nothing_of_the_others() -> None:
    text = packed({})
    assert text.startswith("# T1: Purge old bookmarks\nRequirements: R1\n")
    assert "30 days" in text
    assert "A day is 24 hours." in text
    assert "def purge(self) -> int" in text
    assert "def now() -> float" in text
    assert "`python -m b {port}`" in text
    for foreign in ("draw a chart", "Charts are blue", "def draw()"):
        assert foreign not in text


def test_owned_file_is_shown_whole_inside_a_fence_and_its_import_as_a_passage() -> None:
    text = packed(SOURCE)
    assert '<untrusted source="repository b/store.py" mark=' in text
    assert "class Store:" in text
    assert "repository b/model.py lines" in text
    assert text.count("def add(self, item: Bookmark)") <= 2


def test_secrets_are_never_shown_even_when_the_task_owns_the_file() -> None:
    owner = Task(id="T1", title="Set the key in .env", goal="", files=(".env",), requirements=("R1",))
    text = packed(SOURCE, owner, Plan(tasks=(owner,)))
    assert "hunter2" not in text
    assert "may hold secrets" in text


def test_repository_text_stays_within_the_room_and_the_task_is_never_cut() -> None:
    large = {**SOURCE, **{f"b/purge{place}.py": b"# purge bookmark\n" * 200 for place in range(30)}}
    bare = packed({})
    text = packed(large, most_chars=len(bare) + 3_000)
    assert len(text) <= len(bare) + 3_000
    assert packed(large, most_chars=10).startswith(bare.strip()[:200])


def test_owned_file_that_does_not_fit_is_named_not_cut() -> None:
    text = packed({"b/store.py": b"x = 1\n" * 5_000}, most_chars=6_000)
    assert "`b/store.py` is not shown whole: 30000 characters" in text


def test_a_failing_test_is_shown_also_when_its_file_does_not_fit() -> None:
    test = "@pytest.mark.slow\ndef test_purge():\n    assert purge() == 3\n"
    repository = Files({"tests/test_store.py": ("x = 1\n" * 5_000 + test).encode()})
    index = RepositoryIndex(repository)  # type: ignore[arg-type]
    cited = {"tests/test_store.py": {"test_purge"}}
    text = brief(TASK, PLAN, SPECIFICATION, repository, TREE, index, most_chars=6_000, cited=cited)  # type: ignore[arg-type]
    assert "`tests/test_store.py` is not shown whole" in text
    assert test in text
    assert '<untrusted source="repository tests/test_store.py, in part"' in text


def test_equal_inputs_give_the_equal_brief() -> None:
    assert packed(SOURCE) == packed(dict(reversed(SOURCE.items())))


def test_direct_task_sees_the_file_its_request_names() -> None:
    specification = Specification(title="x", requirements=(Requirement(id="R1", text="In store.py rename add to put"),))
    plan = direct_plan(specification)
    repository = Files(SOURCE)
    text = brief(
        plan.tasks[0],
        plan,
        specification,
        repository,
        TREE,
        RepositoryIndex(repository),
        most_chars=8_000,  # type: ignore[arg-type]
    )
    assert '<untrusted source="repository b/store.py"' in text
    assert "R1: In store.py rename add to put" in text


def test_brief_of_a_tiny_request_is_the_request() -> None:
    request = Request(text="create fizz.py with fizz(n) and a test")
    specification = Specification(title=request.text, requirements=(Requirement(id="R1", text=request.text),))
    plan = direct_plan(specification)
    repository = Files({})
    text = brief(
        plan.tasks[0],
        plan,
        specification,
        repository,
        TREE,
        RepositoryIndex(repository),
        most_chars=8_000,  # type: ignore[arg-type]
    )
    assert text == "# T1: create fizz.py with fizz(n) and a test\n"


def test_notes_of_other_tasks_are_fenced() -> None:
    repository = Files({})
    index = RepositoryIndex(repository)  # type: ignore[arg-type]
    text = brief(TASK, PLAN, SPECIFICATION, repository, TREE, index, most_chars=9_000, notes=("ids are ints",))  # type: ignore[arg-type]
    assert '<untrusted source="notes"' in text


HIDDEN = [".env", "config/prod.env", "id_rsa", "server.pem", ".aws/credentials", "secrets.yaml", "db_passwords.json"]


@pytest.mark.parametrize("path", [*HIDDEN, "node_modules/x/a.js", "package-lock.json", "dist/a.py", "a.min.js"])
def test_secret_vendored_and_generated_files_do_not_exist_for_the_index(path: str) -> None:
    index = RepositoryIndex(Files({path: b"bookmark = 1\n", "a.py": b"x = 1\n"}))  # type: ignore[arg-type]
    assert path not in index.overview(TREE, most_chars=5_000)
    assert all(passage.path != path for passage in index.search(TREE, f"bookmark {path}", most_chars=5_000))


def test_files_about_secrets_and_templates_are_ordinary_code() -> None:
    files = {"secrets.py": b"x = 1\n", ".env.example": b"KEY=\n", "tokens/password.py": b"y = 1\n"}
    overview = RepositoryIndex(Files(files)).overview(TREE, most_chars=5_000)  # type: ignore[arg-type]
    assert all(path in overview for path in files)


def test_links_binaries_and_huge_files_are_skipped() -> None:
    files = {"link.py": b"/etc/passwd", "noise.py": b"a\0b", "huge.py": b"x = 1\n" * 100_000, "latin.py": b"# \xff\n"}
    overview = RepositoryIndex(Files(files, {"link.py": "120000"})).overview(TREE, most_chars=5_000)  # type: ignore[arg-type]
    assert overview == ""


def test_files_of_tasks_whose_contracts_are_not_used_are_shown_only_when_they_are_older_than_the_plan() -> None:
    files = Files(
        {
            "b/clock.py": b"def bookmark_age(day):\n    return 30\n",
            "b/chart.py": b"def bookmark_chart():\n    return 'blue'\n",
        }
    )
    clock = Contract(id="clock", kind="python", text="b.clock.bookmark_age(day) -> int")
    tasks = (
        Task(id="T1", title="Purge bookmarks", goal="Use bookmark_age.", files=("b/purge.py",), consumes=("clock",)),
        Task(id="T2", title="Tell the age", goal="", files=("b/clock.py",), provides=("clock",)),
        Task(id="T3", title="Draw a chart of bookmarks", goal="", files=("b/chart.py",)),
    )
    plan = Plan(tasks=tasks, contracts=(clock,))

    def told(before: set[str]) -> str:
        return brief(
            tasks[0], plan, SPECIFICATION, files, TREE, RepositoryIndex(files), most_chars=9000, before=before
        ).partition("## Related passages")[2]

    assert "b/clock.py" in told(set())
    assert "b/chart.py" not in told(set())
    assert "b/chart.py" in told({"b/chart.py"})
