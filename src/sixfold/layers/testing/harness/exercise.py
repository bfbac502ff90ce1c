"""Uses a product the way its examples do, then the way nobody asked for: twice, at once, wrongly, after a restart.

Runs inside the sandbox. It only reports; what is good enough is decided outside (`sixfold.layers.testing.boundaries`).
"""

from __future__ import annotations

import http.client
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sixfold.layers.testing.harness.channel import print_result
from sixfold.layers.testing.harness.commands import try_commands
from sixfold.layers.testing.harness.contract import see
from sixfold.layers.testing.harness.crowd import ask, crowd
from sixfold.layers.testing.harness.product import Product, Service, Services, copy_of
from sixfold.layers.testing.harness.supervisor import close_memory

MOST_STEPS = 80
BAD_BODIES: tuple[tuple[str, bytes], ...] = (
    ("a body cut off", b'{"a": '),
    ("no JSON", b"not json"),
    ("bytes that are no text", b"\xff\xfe\x00\x80"),
    ("a list instead of an object", b"[1, 2, 3]"),
    ("a bare null", b"null"),
    ("an empty body", b""),
    ("deep nesting", b"[" * 5000),
)
BAD_PATHS = ("/%00", "/%ff%fe", "/../../etc/passwd", "/" + "a" * 5000, "/?" + "&".join(["x=1"] * 500))


def main(job: dict[str, Any], folder: str) -> None:
    """Exercise everything and print the sealed report."""
    nonce = job.pop("nonce")
    close_memory()
    whole = Product(job["folder"], job["entries"], job["path"])
    with tempfile.TemporaryDirectory() as place:
        product = copy_of(whole, os.path.join(place, "product"))
        data = os.path.join(place, "data")
        os.mkdir(data)
        services = Services(product, data)
        try:
            print_result(_report(product, services, data, job), nonce)
        finally:
            services.stop()


def _report(product: Product, services: Services, data: str, job: Mapping[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + job["wall_s"]
    up, trouble = {}, {}
    for name in services:
        try:
            up[name] = services[name]
        except (RuntimeError, OSError, LookupError) as error:
            trouble[name] = str(error)[:500]
    together = {name: ask(service, "GET", service.health_path, timeout=20).status for name, service in up.items()}
    _use(product, up, data, job["steps"])
    report: dict[str, Any] = {"trouble": trouble, "together": together, "services": {}, "commands": {}, "contracts": {}}
    for name, service in up.items():
        if time.monotonic() > deadline:
            break
        report["services"][name] = _tried(service, _of(job["steps"], name), job["reads"])
    for entry in product.entries:
        if entry["kind"] == "cli" and time.monotonic() < deadline:
            steps = [step for step in job["steps"] if step["entry"] == entry["name"] and step["argv"] is not None]
            report["commands"][entry["name"]] = try_commands(product, entry, steps, data)
    for promise in job["promises"]:
        if time.monotonic() > deadline:
            break
        try:
            report["contracts"][promise["contract"]] = see(product, promise, data, services if up else None)
        except (OSError, RuntimeError, LookupError, TimeoutError) as error:
            report["contracts"][promise["contract"]] = {"unseen": str(error)[:300]}
    return report


def _tried(service: Service, steps: Sequence[Mapping[str, Any]], reads: Sequence[str]) -> dict[str, Any]:
    """One service over a restart, in a crowd and under bad input, in this order."""
    reads = list(dict.fromkeys([step["path"] for step in steps if step["method"] == "GET"] + list(reads)))[:20]
    return {
        "media": service_media(service),
        "restart": _over_restart(service, reads),
        "crowd": crowd(service, steps[:MOST_STEPS], reads),
        "bad": _badly(service, steps),
        "alive": ask(service, "GET", service.health_path).status,
    }


def service_media(service: Service) -> str:
    """Media type of the front page; empty when there is none."""
    try:
        answer = service.get("/", timeout=5)
    except (OSError, http.client.HTTPException):
        return ""
    return answer.headers.get("content-type", "") if answer.status == 200 else ""


def _of(steps: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return [step for step in steps if step["entry"] == name and step["path"]]


def _use(product: Product, up: Mapping[str, Service], data: str, steps: Sequence[Mapping[str, Any]]) -> None:
    """Everything the examples do, whatever comes of it: they have been judged elsewhere."""
    for step in steps[:MOST_STEPS]:
        try:
            if step["path"] and step["entry"] in up:
                up[step["entry"]].request(step["method"], step["path"], json=step["body"], timeout=5)
            elif step["argv"] is not None:
                product.run(*step["argv"], data=data, stdin=step["stdin"], entry=step["entry"])
        except (OSError, http.client.HTTPException, LookupError):
            continue


def _read(service: Service, path: str) -> tuple[int, str]:
    try:
        answer = service.get(path, timeout=5)
        return answer.status, answer.text
    except (OSError, http.client.HTTPException):
        return 0, ""


def _over_restart(service: Service, reads: Sequence[str]) -> dict[str, Any]:
    """Paths whose answer is stable while the service runs, and those of them that changed by a restart."""
    before = {path: _read(service, path) for path in reads}
    stable = [path for path in reads if before[path][0] == 200 and _read(service, path) == before[path]]
    try:
        service.restart()
    except RuntimeError as error:
        return {"stable": stable, "changed": stable, "trouble": str(error)[:300]}
    changed = [path for path in stable if _read(service, path) != before[path]]
    shown = {path: [before[path][1][:200], _read(service, path)[1][:200]] for path in changed[:3]}
    return {"stable": stable, "changed": changed, "shown": shown}


def _badly(service: Service, steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """What broke under input that is wrong in itself, up to where nothing is answered any more."""
    broken = []
    for what, status in _bad_requests(service, steps):
        if status in (0, 500, 502, 503):
            broken.append(f"{what}: {_said(status)}")
        if status == 0 and ask(service, "GET", service.health_path).status == 0:
            break
    return broken


def _said(status: int) -> str:
    return f"answered {status}" if status else "dropped the connection"


def _bad_requests(service: Service, steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    places = dict.fromkeys((step["method"], step["path"]) for step in steps if step["body"] is not None)
    for method, path in list(places)[:6]:
        for what, body in BAD_BODIES:
            headers = {"Content-Type": "application/json"}
            yield f"{method} {path} with {what}", ask(service, method, path, data=body, headers=headers).status
    for path in BAD_PATHS:
        yield f"GET {path[:40]}", ask(service, "GET", path).status
    yield "an unknown method", ask(service, "BREW", "/").status
