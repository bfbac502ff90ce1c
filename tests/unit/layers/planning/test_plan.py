"""A plan may run only without faults."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from sixfold.domain.data import digest
from sixfold.domain.errors import InvalidReply
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.domain.plan import Contract, Plan, Task
from sixfold.domain.requirements import Requirement, Specification
from sixfold.layers.planning.decompose import decompose, decompose_request, direct_plan, read_plan
from sixfold.layers.planning.paths import path_fault
from sixfold.layers.planning.validation import existing_note, faults

SPECIFICATION = Specification(
    title="Share bookmarks",
    summary="A list.",
    requirements=(Requirement(id="R1", text="Store."), Requirement(id="R2", text="Serve.")),
    size="large",
)
STORE = Task(
    id="T1",
    title="Store",
    goal="Keep.",
    files=("b/store.py", "tests/test_store.py"),
    provides=("store",),
    requirements=("R1",),
    check=("tests/test_store.py",),
)
SERVE = Task(
    id="T2",
    title="Serve",
    goal="Answer.",
    files=("b/server.py", "tests/test_server.py"),
    consumes=("store",),
    requirements=("R2",),
    check=("tests/test_server.py",),
)
CONTRACT = Contract(id="store", kind="python", text="class Store: ...")
PLAN = Plan(tasks=(STORE, SERVE), contracts=(CONTRACT,))


class Architect:
    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        self.requests.append(request)
        return ModelReply(text=self.answers.pop(0), model="test:model", usage=Usage(calls=1), request=digest("x"))


def proposal(**changes: object) -> str:
    second = {
        "id": "T2",
        "title": "Serve",
        "goal": "Answer.",
        "files": ["./b/server.py", "tests/test_server.py"],
        "consumes": ["store"],
        "requirements": ["R2"],
        "check": "python -m pytest tests/test_server.py",
    }
    first = {
        "id": "T1",
        "title": "Store",
        "goal": "Keep.",
        "role": "database",
        "files": ["b/store.py", "tests/test_store.py"],
        "provides": ["store"],
        "requirements": ["R1"],
    }
    contracts = [{"id": "store", "kind": "python", "text": "class Store: ...", "existing": ""}]
    body = {"reason": "two parts", "contracts": contracts, "tasks": [first, {**second, **changes}]}
    return f"```json\n{json.dumps(body)}\n```"


async def test_natural_proposal_becomes_a_plan() -> None:
    plan = await decompose(Architect(proposal()), SPECIFICATION, "", "")
    assert plan.tasks[0].check == ("tests/test_store.py",)
    assert plan.tasks[1].files == ("b/server.py", "tests/test_server.py")
    assert plan.tasks[1].check == ("tests/test_server.py",)
    assert plan.dependencies("T2") == ("T1",)
    assert plan.reason == "two parts"


async def test_faults_go_back_once_with_all_their_reasons() -> None:
    model = Architect(proposal(requirements=["R9"], files=["../x.py"]), proposal())
    await decompose(model, SPECIFICATION, "", "")
    told = model.requests[1].messages[-1].text
    assert "requirement R2 is in no task" in told
    assert "R9" in told
    assert "'../x.py'" in told


async def test_plan_that_stays_faulty_is_not_run() -> None:
    bad = proposal(requirements=[])
    with pytest.raises(InvalidReply, match="could not be read") as caught:
        await decompose(Architect(bad, bad), SPECIFICATION, "", "")
    assert "R2" in caught.value.why


def test_equal_inputs_give_equal_requests() -> None:
    assert decompose_request(SPECIFICATION, "map", "text", packages=("flask",)) == decompose_request(
        SPECIFICATION, "map", "text", packages=("flask",)
    )


def test_sound_plan_and_direct_plan_have_no_faults() -> None:
    assert faults(PLAN, SPECIFICATION, ()) == ()
    assert faults(direct_plan(SPECIFICATION), SPECIFICATION, ()) == ()


BACK = Contract(id="back", kind="python", text="def back() -> None")
FAULTY = {
    "circle": (
        Plan(
            tasks=(replace(STORE, consumes=("back",)), replace(SERVE, provides=("back",))), contracts=(CONTRACT, BACK)
        ),
        "T1 → T2 → T1",
    ),
    "two providers": (replace(PLAN, tasks=(STORE, replace(SERVE, provides=("store",), consumes=()))), "by 2 tasks"),
    "no provider": (replace(PLAN, tasks=(replace(STORE, provides=()), SERVE)), "no task provides it"),
    "unknown contract": (replace(PLAN, contracts=()), "not in `contracts`"),
    "empty contract": (replace(PLAN, contracts=(replace(CONTRACT, text=" "),)), "has no text"),
    "two owners": (
        replace(PLAN, tasks=(STORE, replace(SERVE, files=("B/Store.py", "tests/test_server.py")))),
        "owned by",
    ),
    "file as folder": (
        replace(PLAN, tasks=(STORE, replace(SERVE, files=("b/store.py/x.py", "tests/test_server.py")))),
        "which is a file",
    ),
    "uncovered": (replace(PLAN, tasks=(STORE, replace(SERVE, requirements=()))), "R2 is in no task"),
    "illegal path": (replace(PLAN, tasks=(STORE, replace(SERVE, files=("/etc/x.py",)))), "must be relative"),
    "untested": (replace(PLAN, tasks=(replace(STORE, files=("b/store.py",), check=()), SERVE)), "owns no test file"),
    "no files": (replace(PLAN, tasks=(STORE, replace(SERVE, files=(), check=()))), "owns no file"),
    "large": (
        replace(PLAN, tasks=(STORE, replace(SERVE, files=(*SERVE.files, *(f"b/p{n}.py" for n in range(12)))))),
        "split it",
    ),
    "check of nobody": (replace(PLAN, tasks=(STORE, replace(SERVE, check=("tests/test_x.py",)))), "neither a file"),
    "check of a later task": (
        replace(PLAN, tasks=(replace(STORE, check=("tests/test_server.py",)), SERVE)),
        "does not wait for",
    ),
    "same id": (replace(PLAN, tasks=(STORE, replace(SERVE, id="T1"))), "used 2 times"),
    "no task": (Plan(tasks=()), "there is no task"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_every_kind_of_fault_is_found_and_named(name: str) -> None:
    plan, reason = FAULTY[name]
    found = faults(plan, SPECIFICATION, ())
    assert any(reason in fault for fault in found), found


def test_contract_of_existing_code_needs_no_provider_but_must_exist() -> None:
    existing = replace(CONTRACT, text=f"{existing_note('b/store.py')}\nclass Store: ...")
    plan = Plan(
        tasks=(replace(SERVE, requirements=("R1", "R2")),),
        contracts=(existing,),
    )
    assert faults(plan, SPECIFICATION, ("b/store.py",)) == ()
    assert any("not in the repository" in fault for fault in faults(plan, SPECIFICATION, ()))


def test_existing_file_is_named_in_the_proposal() -> None:
    body = {
        "contracts": [{"id": "store", "kind": "python", "text": "class Store", "existing": "./b/old.py"}],
        "tasks": [
            {
                "id": "T1",
                "title": "x",
                "files": ["b/a.py", "tests/test_a.py"],
                "consumes": ["store"],
                "requirements": ["R1", "R2"],
            }
        ],
    }
    plan = read_plan(json.dumps(body), SPECIFICATION, ("b/old.py",))
    assert plan.contract("store").text.startswith("Already in the repository: b/old.py\n")


@pytest.mark.parametrize(
    "path",
    ["", " a", "/a", "~/a", "a/", "../a", "a/../b", "a//b", "./a", ".git/config", "a/.GIT/x", "a\\b", "a\nb", "a:b"],
)
def test_paths_that_leave_the_tree_or_trick_a_file_system_are_illegal(path: str) -> None:
    assert path_fault(path)


@pytest.mark.parametrize(
    "path", ["a.py", "src/pkg/__init__.py", ".github/workflows/ci.yml", "web/app.test.ts", "größe.md"]
)
def test_ordinary_paths_are_legal(path: str) -> None:
    assert path_fault(path) == ""
