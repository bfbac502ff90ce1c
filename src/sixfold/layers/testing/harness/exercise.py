"""Uses a product the way its examples do, then the way nobody asked for: twice, at once, wrongly, after a restart.

Runs inside the sandbox. It only reports; what is good enough is decided outside (`sixfold.layers.testing.boundaries`).
"""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sixfold.layers.testing.harness.channel import print_result
from sixfold.layers.testing.harness.contract import see
from sixfold.layers.testing.harness.product import Product, Service, Services, copy_of
from sixfold.layers.testing.harness.supervisor import close_memory

MOST_STEPS = 80
CROWD = 8
"""Requests under way at once."""
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
    up, trouble = {}, {}
    for name in services:
        try:
            up[name] = services[name]
        except (RuntimeError, OSError, LookupError) as error:
            trouble[name] = str(error)[:500]
    _use(product, up, data, job["steps"])
    report: dict[str, Any] = {"services": {}, "contracts": {}, "trouble": trouble}
    for name, service in up.items():
        reads = [step["path"] for step in _of(job["steps"], name) if step["method"] == "GET"] + job["reads"]
        reads = list(dict.fromkeys(reads))[:20]
        report["services"][name] = {
            "media": service_media(service),
            "restart": _over_restart(service, reads),
            "crowd": _crowd(service, _of(job["steps"], name)[:MOST_STEPS], reads),
            "bad": _badly(service, _of(job["steps"], name)),
            "alive": _status(service, "GET", service.health_path),
        }
    for promise in job["promises"]:
        try:
            report["contracts"][promise["contract"]] = see(product, promise, data, services if up else None)
        except (OSError, RuntimeError, LookupError, TimeoutError) as error:
            report["contracts"][promise["contract"]] = {"unseen": str(error)[:300]}
    return report


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


def _status(service: Service, method: str, path: str, **options: Any) -> int:
    """The answer's status; 0 when the connection was dropped or nothing came in time."""
    try:
        return service.request(method, path, **{"timeout": 5, **options}).status
    except (OSError, http.client.HTTPException, ValueError):
        return 0


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


def _crowd(service: Service, steps: Sequence[Mapping[str, Any]], reads: Sequence[str]) -> dict[str, Any]:
    """The same requests one after another and at once; those that broke only at once."""
    requests = [(step["method"], step["path"], step["body"]) for step in steps]
    requests += [("GET", path, None) for path in reads]
    alone = [_status(service, method, path, json=body) for method, path, body in requests]
    sound = [request for request, status in zip(requests, alone, strict=True) if 0 < status < 500]
    if not sound:
        return {"requests": 0, "broken": []}
    work: list[Any] = (sound * (4 * CROWD))[: max(len(sound), 4 * CROWD)]
    broken: list[str] = []

    def worker(number: int) -> None:
        for method, path, body in work[number::CROWD]:
            status = _status(service, method, path, json=body, timeout=20)
            if status == 0 or status >= 500:
                broken.append(f"{method} {path} answered {status or 'nothing'}")

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"requests": len(work), "broken": sorted(set(broken))}


def _badly(service: Service, steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """What broke under input that is wrong in itself."""
    return [
        f"{what}: {_said(status)}" for what, status in _bad_requests(service, steps) if status in (0, 500, 502, 503)
    ]


def _said(status: int) -> str:
    return f"answered {status}" if status else "dropped the connection"


def _bad_requests(service: Service, steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    places = dict.fromkeys((step["method"], step["path"]) for step in steps if step["body"] is not None)
    for method, path in list(places)[:6]:
        for what, body in BAD_BODIES:
            headers = {"Content-Type": "application/json"}
            yield f"{method} {path} with {what}", _status(service, method, path, data=body, headers=headers)
    for path in BAD_PATHS:
        yield f"GET {path[:40]}", _status(service, "GET", path)
    yield "an unknown method", _status(service, "BREW", "/")
