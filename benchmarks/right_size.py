"""Whether a small wish stays small: a one-line change in an existing repository, made here, through a whole run.

The model is played by a script that answers the direct attempt with the one-line edit, so the figure shows what the
machinery adds to it: tasks in the plan, calls, files on the branch, questions, documents nobody asked for (prose files
on the branch, and anything new in the person's checkout). `lines_changed` are added and removed lines of the branch.

`--aider-python PYTHON` runs the same wish through aider, scripted likewise, for comparison.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripted_model import ScriptedModel, aider_command, environment, run_measured

TASK = "In shop/greeting.py, greet() must say Welcome instead of Hello"
REPOSITORY = {
    "README.md": "# Shop\n\nA small shop: `shop.greeting` greets, `shop.price` adds tax.\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\nrequires-python = ">=3.11"\n',
    "shop/__init__.py": "",
    "shop/greeting.py": '"""Greeting customers."""\n\n\ndef greet(name: str) -> str:\n    return f"Hello, {name}!"\n',
    "shop/price.py": '"""Prices."""\n\n\ndef gross(net: float, rate: float = 0.19) -> float:\n'
    "    return round(net * (1 + rate), 2)\n",
    "tests/test_price.py": "from shop.price import gross\n\n\ndef test_tax():\n    assert gross(100) == 119.0\n",
}
_SPECIFICATION = {
    "title": "Greet with Welcome",
    "requirements": [
        {
            "id": "R1",
            "text": "WHEN greet(name) is called, THE SYSTEM SHALL return `Welcome, NAME!`",
            "examples": [
                {
                    "id": "R1.E1",
                    "title": "a name",
                    "entry": "greeting",
                    "steps": [{"call": "shop.greeting.greet('Ada')", "expect": {"value": "'Welcome, Ada!'"}}],
                }
            ],
        }
    ],
    "entries": [{"name": "greeting", "kind": "library", "module": "shop.greeting"}],
    "interface": "shop.greeting.greet(name: str) -> str",
    "assumptions": [],
}
_EDIT = """\
<edit path="shop/greeting.py">
<<<<<<< SEARCH
    return f"Hello, {name}!"
=======
    return f"Welcome, {name}!"
>>>>>>> REPLACE
</edit>"""
_ACCEPTANCE = """\
import pytest


@pytest.mark.req("R1")
def test_greeting_says_welcome(call):
    assert call("shop.greeting.greet('Bo')") == "Welcome, Bo!"
"""
_WHOLE = f"shop/greeting.py\n```python\n{REPOSITORY['shop/greeting.py'].replace('Hello', 'Welcome')}```\n"
SCRIPT = [
    ("one small programming job", f"```json\n{json.dumps(_SPECIFICATION, indent=1)}\n```\n{_EDIT}"),
    ("you write the acceptance tests", f"```python\n{_ACCEPTANCE}```"),
    ("[Cc]ommit message|commit messages", "feat: greet with Welcome"),
    ("expert software developer", _WHOLE),
]
PROSE = (".md", ".rst", ".txt", ".adoc", ".html", ".pdf", ".docx")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object (the only form there is)")
    parser.add_argument("--aider-python", metavar="PYTHON", help="interpreter of an environment that holds aider")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, ScriptedModel(SCRIPT) as model:
        home = Path(place) / "home"
        home.mkdir()
        env = environment(home, model.url)
        figures = _ours(Path(place) / "ours", env, model)
        model.forget()
        if arguments.aider_python:
            figures |= _theirs(Path(place) / "aider", env, model, arguments.aider_python)
        else:
            print("aider: not given; uv pip install aider-chat somewhere, then --aider-python", file=sys.stderr)
            figures |= {"aider_model_calls": None, "aider_files_changed": None}
    print(json.dumps(figures, indent=2))


def _ours(folder: Path, env: Mapping[str, str], model: ScriptedModel) -> dict[str, Any]:
    _repository(folder, env)
    words = [sys.executable, "-m", "sixfold", "build", TASK, "-y", "-m", "openai-chat:mock", "--apply", "--json"]
    done = run_measured(words, folder, env, folder.with_suffix(".txt"))
    if done.code or model.missed:
        raise SystemExit(f"sixfold: exit {done.code}\n{done.output}\n{model.missed[:1]}")
    result = json.loads(done.output[done.output.index("\n{") :])
    changed = _git(folder, env, "diff", "--name-only", "HEAD~1", "HEAD").split()
    stray = _git(folder, env, "status", "--porcelain", "--ignored").splitlines()
    lines = _git(folder, env, "diff", "--numstat", "HEAD~1", "HEAD").splitlines()
    return {
        "tasks": len(result["plan"]["tasks"]),
        "model_calls": len(model.bodies),
        "files_changed": len(changed),
        "lines_changed": sum(int(count) for line in lines for count in line.split()[:2]),
        "questions": len(result["questions"]),
        "documents_written": sum(path.endswith(PROSE) for path in changed) + len(stray),
        "status": result["status"],
        "wall_s": round(done.wall_s, 2),
    }


def _theirs(folder: Path, env: Mapping[str, str], model: ScriptedModel, python: str) -> dict[str, Any]:
    _repository(folder, env)
    words = aider_command(python, TASK)
    done = run_measured([*words, "shop/greeting.py"], folder, env, folder.with_suffix(".txt"))
    if done.code or "Welcome" not in (folder / "shop" / "greeting.py").read_text():
        raise SystemExit(f"aider: exit {done.code}\n{done.output}")
    changed = _git(folder, env, "diff", "--name-only", "HEAD~1", "HEAD").split()
    return {"aider_model_calls": len(model.bodies), "aider_files_changed": len(changed)}


def _repository(folder: Path, env: Mapping[str, str]) -> None:
    for path, text in REPOSITORY.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    _git(folder, env, "init", "-q", "-b", "main")
    _git(folder, env, "add", "-A")
    _git(folder, env, "commit", "-qm", "The shop as it is")


def _git(folder: Path, env: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
