"""Candidates of a service are told apart by requests that no example names; real git and a real sandbox."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

from sixfold.domain.data import digest
from sixfold.domain.divergence import Divergence
from sixfold.domain.flow import Job
from sixfold.domain.plan import Plan, Task
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.requirements import Entry, Example, Requirement, Specification, Step
from sixfold.domain.run import Options
from sixfold.layers.refinement.git import GitRepository
from sixfold.layers.synthesis.selection import Standing, select
from sixfold.layers.testing.sandbox import choose
from sixfold.phases.development.sampling import compare_trees

pytestmark = pytest.mark.slow

SERVICE = """\
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        numbers = [int(each) for each in asked.get("n", [])]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"sum": TOTAL}).encode())


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
RAW = "import socket, sys\nserver = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nserver.accept()\n"


async def compared(folder: Path, *sources: str) -> tuple[Divergence, ...]:
    repository = GitRepository(folder / "repository", folder / "blobs")
    sandbox = await choose(repository.checkout, repository.store, folder / "scratch")
    trees = {
        f"s{number}": repository.write(repository.empty(), {"app.py": source.encode()})
        for number, source in enumerate(sources, 1)
    }
    example = Example(id="R1.E1", title="", steps=(Step(path="/sum?n=1&n=2"),))
    job = Job(
        specification=Specification(
            title="Sum",
            requirements=(Requirement(id="R1", text="the sum", examples=(example,)),),
            entries=(Entry(name="api", kind="service", start=("python", "app.py", "{port}")),),
        ),
        plan=Plan(tasks=(Task(id="T1", title="", goal=""),)),
        task="T1",
        base=repository.empty(),
        origin=repository.empty(),
        environment=Environment(python=sys.executable, folders=(sys.prefix,), digest=digest(sys.prefix)),
        options=Options(),
    )
    ports = cast(Ports, _Ports(repository, sandbox))
    return await compare_trees(ports, job, trees)


class _Ports:
    """The two ports that comparing needs."""

    def __init__(self, repository: object, sandbox: object) -> None:
        self.repository = repository
        self.sandbox = sandbox


async def test_the_odd_one_among_services_that_pass_the_example_loses_by_executed_requests(tmp_path: Path) -> None:
    odd = SERVICE.replace("TOTAL", "numbers[0] + numbers[-1] if numbers else 0")
    found = await compared(
        tmp_path, odd, SERVICE.replace("TOTAL", "sum(numbers)"), SERVICE.replace("TOTAL", "sum(numbers)")
    )
    assert found[0].splits
    chosen = select([Standing(name=name) for name in ("s1", "s2", "s3")], found)
    assert chosen.name == "s2"


async def test_services_the_engine_cannot_talk_to_are_not_judged(tmp_path: Path) -> None:
    assert await compared(tmp_path, RAW, SERVICE.replace("TOTAL", "sum(numbers)")) == ()
