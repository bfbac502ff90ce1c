"""A coder and architect of known difficulty, as a program: prompt on stdin, answer on stdout (`-m "command:…"`).

It plays through whole runs so that organisation alone differs between arms: it drives mechanisms, and is no evidence
that a prompt works. It can do two kinds of work:

- functions: `easy` ones are right at once, `repaired` ones once it sees failing tests, `planned` ones only with an
  architect's advice or a design.
- the shop and the guest book of `sixfold.evaluation.components`: in one answer it writes at most `CAPACITY` modules
  right; the others hold a fault that their own tests show. Asked again it puts right as many as it can.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

from sixfold.evaluation.components import Component, shop

CAPACITY = 3
KNOWN = tomllib.loads((Path(__file__).parent / "scripted_builder.toml").read_text(encoding="utf-8"))
FUNCTIONS: dict[str, dict[str, str]] = KNOWN["function"]
"""Name → difficulty, source, an expression, its value, a wrong value."""
SOURCES: dict[str, str] = KNOWN["module"]
ROLES: dict[str, str] = KNOWN["role"]
"""Role of a module that is no back end."""
TIERS = tuple(
    Component(**{**part, "needs": tuple(part["needs"]), "checks": tuple(part["checks"])}) for part in KNOWN["tier"]
)
FAULT = "FAULT = True  # this module is not right yet\n"


def fenced(value: object) -> str:
    """A JSON answer."""
    return f"```json\n{json.dumps(value, indent=1)}\n```"


def written(files: dict[str, str]) -> str:
    """An answer of whole files."""
    return "\n".join(f'<file path="{path}">\n{text}</file>' for path, text in files.items())


def answer(prompt: str) -> str:
    """What the builder says to a prompt."""
    parts = [part for part in (*shop(), *TIERS) if re.search(rf"`{part.name}\.py`", prompt)]
    named = [name for name in FUNCTIONS if re.search(rf"\b{name}\.py\b", prompt)]
    if "one small programming job" in prompt and named:
        return direct(named[0], prompt)
    if "you write the acceptance tests" in prompt:
        return acceptance(parts, named)
    if "You wrote acceptance tests" in prompt:
        names = re.findall(r"def (test_\w+)", prompt)
        return fenced({"verdicts": [{"name": name, "verdict": "upheld", "reason": "as specified"} for name in names]})
    if "make every decision they left open" in prompt:
        line = {"text": "State: held in memory", "wrong": 0.1, "cost": 1}
        return fenced({"title": "Shop", "summary": "A shop.", "questions": [], "lines": [line]})
    if "decisions that were made about it" in prompt:
        return specification(parts)
    if "architect of a plan" in prompt:
        return changed(prompt)
    if "You are the architect" in prompt:
        return plan(parts)
    return function(named[0], prompt) if named and not parts else modules(prompt, parts)


def direct(name: str, prompt: str) -> str:
    """Specification and files of a function."""
    call, value = FUNCTIONS[name]["call"], FUNCTIONS[name]["value"]
    example = {"id": "R1.E1", "title": "one", "entry": name, "steps": [{"call": call, "expect": {"value": value}}]}
    spec = {
        "title": f"Write {name}",
        "requirements": [
            {"id": "R1", "text": f"WHEN {name} is called, THE SYSTEM SHALL answer", "examples": [example]}
        ],
        "entries": [{"name": name, "kind": "library", "module": name}],
        "interface": f"{name}.py: {name}.{name}(n)",
        "assumptions": [],
    }
    return f"{fenced(spec)}\n{function(name, prompt)}"


def function(name: str, prompt: str) -> str:
    """The function's files, right or wrong as its difficulty has it."""
    known = FUNCTIONS[name]
    able = {
        "easy": True,
        "repaired": "does not pass yet" in prompt or "Earlier attempts" in prompt,
        "planned": False,
    }[known["difficulty"]]
    if "architect's advice" in prompt or "DESIGN.md" in prompt:
        able = True
    test = f"import {name}\n\n\ndef test_{name}():\n    assert {known['call']} == {known['value']}\n"
    tries = prompt.count("does not pass yet") + prompt.count("Earlier attempts")
    body = known["source"] if able else f"def {name}(n):\n    return {known['wrong']}  # try {tries}\n"
    if "senior architect" in prompt:
        return written({"DESIGN.md": f"# Design\n\n{name}.py: {name}.{name}(n)\n"})
    files = {f"{name}.py": body, f"test_{name}.py": test}
    return written(files | hand_over(prompt))


def acceptance(parts: list[Component], named: list[str]) -> str:
    """Blind tests that ask what the key asks."""
    lines = ["import pytest\n"]
    if named and not parts:
        call, value = FUNCTIONS[named[0]]["call"], FUNCTIONS[named[0]]["value"]
        lines.append(f'\n@pytest.mark.req("R1")\ndef test_answer(call):\n    assert call({call!r}) == {value}\n')
    for number, part in enumerate(parts, start=1):
        lines.append(f'\n@pytest.mark.req("R{number}")\ndef test_{part.name}():\n    import importlib\n')
        lines.append("    space = {n: importlib.import_module(n) for n in " + repr([p.name for p in parts]) + "}\n")
        lines += [f"    assert eval({expression!r}, space) == {value}\n" for expression, value in part.checks]
    return "```python\n" + "".join(lines) + "```"


def specification(parts: list[Component]) -> str:
    """One requirement a component; the whole is large."""
    return fenced(
        {
            "title": "Core of a small shop",
            "summary": "Modules of a shop.",
            "entries": [{"name": part.name, "kind": "library", "module": part.name} for part in parts],
            "interface": "\n".join(f"- `{part.name}.py`: {part.interface}" for part in parts),
            "requirements": [
                {"id": f"R{number}", "text": f"THE SYSTEM SHALL: {part.wish}", "origin": "request", "examples": []}
                for number, part in enumerate(parts, start=1)
            ],
            "assumptions": [{"id": "A1", "requirements": ["R1"]}],
            "size": "large",
        }
    )


def plan(parts: list[Component]) -> str:
    """A task a component, edges as the key has them."""
    return fenced(
        {
            "reason": "one module a task",
            "contracts": [{"id": part.name, "kind": "python", "text": part.interface} for part in parts],
            "tasks": [
                {
                    "id": f"T{number}",
                    "title": f"Write {part.name}",
                    "goal": "Write the module.",
                    "role": ROLES.get(part.name, "back end"),
                    "files": [f"{part.name}.py", f"tests/test_{part.name}.py"],
                    "provides": [part.name],
                    "consumes": list(part.needs),
                    "requirements": [f"R{number}"],
                    "check": [f"tests/test_{part.name}.py"],
                }
                for number, part in enumerate(parts, start=1)
            ],
        }
    )


def changed(prompt: str) -> str:
    """Advice; the whole is not cut anew."""
    return fenced({"change": "retry", "reason": "the evidence names the fault", "advice": "Follow the failing test."})


def modules(prompt: str, parts: list[Component]) -> str:
    """The modules a task owns (or all), as many of them right as fit into one answer."""
    owned = re.search(r"^Write only these files: (.*)$", prompt, re.MULTILINE)
    wanted = [part for part in parts if owned is None or f"`{part.name}.py`" in owned[1]]
    if "senior architect" in prompt:
        text = "\n".join(f"{part.name}.py: {part.interface}" for part in wanted)
        return written({"DESIGN.md": f"# Design\n\n{text}\n"})
    present = dict(re.findall(r'<untrusted source="repository (\w+)\.py"[^>]*>\n(.*?)</untrusted', prompt, re.DOTALL))
    left = [part for part in wanted if "FAULT" in present.get(part.name, FAULT)]
    files = {}
    for place, part in enumerate(left):
        able = place < CAPACITY
        if not able and part.name in present:
            continue
        files[f"{part.name}.py"] = ("" if able else FAULT) + SOURCES[part.name]
        files[f"tests/test_{part.name}.py"] = own_test(part, parts)
    return written(files | hand_over(prompt)) or "Nothing to do."


def own_test(part: Component, parts: list[Component]) -> str:
    """A module's own tests: they notice its fault, and what it does wrong."""
    used = sorted(
        {part.name, *(other.name for other in parts for check in part.checks if f"{other.name}." in check[0])}
    )
    lines = [*(f"import {name}\n" for name in used), "\n\ndef test_it_is_right():\n"]
    lines.append(f"    assert not hasattr({part.name}, 'FAULT')\n")
    for number, (expression, value) in enumerate(part.checks, start=1):
        lines.append(f"\n\ndef test_check_{number}():\n    assert ({expression}) == {value}\n")
    return "".join(lines)


def hand_over(prompt: str) -> dict[str, str]:
    """DESIGN.md with a line more, where a fixed line of roles asks for it."""
    role = re.search(r"You are a senior (.+?) engineer", prompt)
    design = re.search(r'<untrusted source="repository DESIGN\.md"[^>]*>\n(.*?)\n</untrusted', prompt, re.DOTALL)
    if "Add a line to DESIGN.md" not in prompt or role is None:
        return {}
    return {"DESIGN.md": f"{design[1] if design else '# Design'}\n- the {role[1]} has looked at it\n"}


def main() -> int:
    """Answer one prompt."""
    sys.stdout.write(answer(sys.stdin.read()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
