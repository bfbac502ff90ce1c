"""The decision ledger on hidden intents: how much of what a person wants stands on one screen, how much is wasted.

Run with `python benchmarks/clarity_ledger.py --json -m MODEL [--judge MODEL] [--tasks DIR] [--only NAME,…]
[--out DIR]`. Needs a model (`relay:DIR`, `command:…` or a provider) and takes as long as that answers: one call a
task and one judgement a task.

A task is a folder with `request.md`, `interface.md` (given with the request) and `intent.md` (the hidden rows, which
only the judge sees). The judge says for every row whether a question asks for it (`asked`), a line states it as
wanted (`right`), a line states it otherwise so that the person would correct it (`wrong`), only part of it is touched
(`part`), or nothing touches it (`missed`), and which lines touch no row. Its judgement is kept beside the ledger.

Keys: `coverage` share of rows asked, right or wrong (`part` counts half); `touched_share` the same with `part` in
full: the person read something about it; `right_share` share of rows already right by default; `lines` mean questions
and assumptions a task; `wasted_share` share of lines and questions that touch no row; `questions` mean a task;
`missed` the rows that are missed or touched in part.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from sixfold.domain.data import Data, digest, to_json
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.replies import ask, json_in
from sixfold.domain.requirements import Attachment, Request, Specification
from sixfold.layers.models.routing import open_cloud
from sixfold.layers.requirements.decide import decide
from sixfold.workflow.clock import SystemClock

_JUDGE = """\
You compare a screen of decisions with what a person really wants. The screen has questions (Q…) and assumption lines
(A…); a line may state several decisions. The person's wishes are rows of a table. Judge strictly, row by row; a row
with several wishes needs all of them:
- "asked": a question asks for it, so the person's answer would state it
- "right": a line states it as wanted, in every particular that the row fixes
- "wrong": a line decides exactly this and decides otherwise (another value, order, status …), so the person would
  correct it on reading
- "part": some but not all wishes of the row are asked or stated
- "missed": no question and no line is about it
A line that speaks of the subject in general without deciding the row's rule does not cover it. What the request or the
interface itself says already counts as "right".
Then list the questions and lines that touch no row at all ("wasted").
Answer with one JSON object in a ```json fence and nothing else:
{"rows": [{"id": "R1", "verdict": "right", "by": "A3"}], "wasted": ["A7"]}
"""


class _Row(Data, frozen=True, kw_only=True):
    id: str
    verdict: str
    by: str | None = ""


class _Verdicts(Data, frozen=True, kw_only=True):
    rows: tuple[_Row, ...]
    wasted: tuple[str, ...] = ()


def main() -> int:
    """Print the figures as one JSON object."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-m", "--model", default="")
    parser.add_argument("--judge", default="")
    parser.add_argument("--tasks", type=Path, default=here / "clarity_ledger")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=None, help="keep ledgers and judgements here")
    options = parser.parse_args()
    if not options.model:
        sys.stderr.write("no model: give one with -m; every figure is null\n")
        keys = ("coverage", "touched_share", "right_share", "lines", "wasted_share", "questions", "missed")
        sys.stdout.write(json.dumps(dict.fromkeys(keys)) + "\n")
        return 0
    names = [name for name in options.only.split(",") if name]
    folders = [item for item in sorted(options.tasks.iterdir()) if (item / "intent.md").exists()]
    folders = [item for item in folders if not names or item.name in names]
    sys.stdout.write(json.dumps(asyncio.run(measure(folders, options)), indent=1) + "\n")
    return 0


async def measure(folders: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """The figures over all tasks."""
    out = options.out or Path("clarity_ledger_out")
    out.mkdir(parents=True, exist_ok=True)
    cloud = open_cloud(
        (("*", options.model), ("judge", options.judge or options.model)),
        folder=out / "model",
        environ=os.environ,
        clock=SystemClock(),
        run="clarity-ledger",
    )
    results = await asyncio.gather(*(one(cloud, folder, out) for folder in folders))
    rows = [verdict for result in results for verdict in result["verdicts"]]
    lines = [result["lines"] for result in results]
    covered = sum({"asked": 1.0, "right": 1.0, "wrong": 1.0, "part": 0.5}.get(verdict, 0.0) for verdict in rows)
    return {
        "coverage": round(covered / len(rows), 3),
        "touched_share": round(1 - rows.count("missed") / len(rows), 3),
        "right_share": round(rows.count("right") / len(rows), 3),
        "lines": sum(lines) / len(lines),
        "wasted_share": round(sum(result["wasted"] for result in results) / sum(lines), 3),
        "questions": sum(result["questions"] for result in results) / len(results),
        "missed": [item for result in results for item in result["missed"]],
        "tasks": [{key: value for key, value in result.items() if key != "verdicts"} for result in results],
    }


async def one(model: Model, folder: Path, out: Path) -> dict[str, Any]:
    """One task: the ledger, and what a judge says of it who alone sees the hidden rows."""
    interface = (folder / "interface.md").read_text(encoding="utf-8")
    given = Attachment(name="interface.md", media_type="text/markdown", digest=digest(interface), text=interface)
    request = Request(text=(folder / "request.md").read_text(encoding="utf-8"), attachments=(given,))
    ledger = await decide(model, request, "", most_questions=5)
    (out / f"{folder.name}.ledger.json").write_text(json.dumps(to_json(ledger), indent=1, ensure_ascii=False))
    intent = (folder / "intent.md").read_text(encoding="utf-8")
    parts = ("# Request", request.text, interface, "# Screen", screen(ledger), "# What the person wants", intent)
    text = "\n\n".join(parts)
    question = ModelRequest(
        purpose="judge.ledger", role="judge", system=_JUDGE, messages=(Message(author="user", text=text),)
    )
    judged, _ = await ask(model, question, lambda answer: json_in(answer, _Verdicts))
    (out / f"{folder.name}.judged.json").write_text(json.dumps(to_json(judged), indent=1))
    ids = re.findall(r"^\|\s*(R\d+)\s*\|", intent, re.MULTILINE)
    verdict = {row.id: row.verdict for row in judged.rows}
    known = {item.id for item in (*ledger.questions, *ledger.assumptions)}
    return {
        "task": folder.name,
        "verdicts": [verdict.get(id, "missed") for id in ids],
        "missed": [f"{folder.name} {id}" for id in ids if verdict.get(id, "missed") in ("missed", "part")],
        "wasted": len(known & set(judged.wasted)),
        "lines": len(known),
        "questions": len(ledger.questions),
    }


def screen(ledger: Specification) -> str:
    """The ledger as a person reads it."""
    lines = []
    for item in ledger.questions:
        options = "; ".join(f"{option.value}: {option.consequence}" for option in item.options)
        lines.append(f"{item.id}: {item.text} ({options}; default {item.default})")
    lines += [f"{item.id}: {item.text}" for item in ledger.assumptions]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
