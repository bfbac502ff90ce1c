"""Tries what contracts promise on the product, in the sandbox; the host compares (`contracts.verdicts`)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sixfold.layers.testing.harness.product import Product, Services

INSPECT = """\
import importlib, inspect, json, os, sys
modules, names = json.loads(sys.argv[1])
kinds = {0: "positional", 1: "positional", 2: "rest", 3: "keyword", 4: "rest"}
loaded, trouble = [], []
for module in modules:
    try:
        loaded.append(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
            trouble.append(f"import {module}: {error}")
    except BaseException as error:
        trouble.append(f"import {module}: {type(error).__name__}: {error}")
found = {}
for name in names:
    for holder in loaded:
        value, parts = holder, name.split(".")
        try:
            for part in parts:
                last = part == parts[-1] and len(parts) > 1
                value = inspect.getattr_static(value, part) if last else getattr(value, part)
        except AttributeError:
            owner = getattr(holder, parts[0], None)
            fields = [one for kind in getattr(owner, "__mro__", ()) for one in getattr(kind, "__annotations__", {})]
            if len(parts) == 2 and parts[1] in fields:
                found[name] = {"callable": False, "parameters": None}
                break
            continue
        plain = getattr(value, "__func__", value)
        try:
            given = list(inspect.signature(plain).parameters.values()) if callable(plain) else None
        except (TypeError, ValueError):
            given = None
        bound = len(parts) > 1 and not isinstance(value, staticmethod)
        if given and bound:
            given = given[1:]
        found[name] = {
            "callable": callable(plain),
            "parameters": given if given is None else [
                {"name": one.name, "kind": kinds[one.kind], "optional": one.default is not inspect.Parameter.empty}
                for one in given
            ],
        }
        break
with open(sys.argv[2], "w") as file:
    json.dump({"names": found, "trouble": "; ".join(trouble)}, file)
os._exit(0)
"""
"""Runs in a clean interpreter with the product's import folders; product code is loaded there and nowhere else."""

SQLITE = b"SQLite format 3\0"


def see(product: Product, promise: Mapping[str, Any], data: str, services: Services | None) -> dict[str, Any]:
    """What the product shows for one promise."""
    return SEERS[promise["kind"]](product, promise, data, services)


def _python(product: Product, promise: Mapping[str, Any], data: str, services: Services | None) -> dict[str, Any]:
    out = os.path.join(os.path.dirname(data), f"names-{promise['contract']}.json".replace("/", "_"))
    names = [one["name"] for one in promise["names"]]
    asked = json.dumps([promise["modules"], names])
    try:
        done = subprocess.run(
            (sys.executable, "-P", "-s", "-c", INSPECT, asked, out),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=product.folder,
            env=product.environment(),
            timeout=30,
            check=False,
        )
        with open(out, encoding="utf-8") as file:
            told: dict[str, Any] = json.load(file)
        return told
    except subprocess.TimeoutExpired:
        return {"names": {}, "trouble": "importing did not end within 30 s"}
    except (OSError, ValueError):
        return {"names": {}, "trouble": f"the interpreter ended: {done.stderr[-300:].decode(errors='replace')}"}


def _cli(product: Product, promise: Mapping[str, Any], data: str, services: Services | None) -> dict[str, Any]:
    root = product.run("--help", data=data)
    usages = []
    for usage in promise["usages"]:
        words = usage["words"]
        said = product.run(*words, "--help", data=data) if words else root
        usages.append({"exit": said.exit, "stdout": said.stdout[:20_000], "stderr": said.stderr[-2_000:]})
    return {"usages": usages, "root": root.stdout[:20_000]}


def _http(product: Product, promise: Mapping[str, Any], data: str, services: Services | None) -> dict[str, Any]:
    answers: dict[str, list[int]] = {}
    if services is None:
        return {"services": answers}
    for name in services:
        service = services[name]
        statuses: list[int] = []
        for route in promise["routes"]:
            body: Any = {} if route["method"] in ("POST", "PUT", "PATCH") else None
            try:
                statuses.append(service.request(route["method"], _filled(route["path"]), json=body, timeout=5).status)
            except OSError:
                statuses.append(0)
        answers[name] = statuses
    return {"services": answers}


def _filled(path: str) -> str:
    """The path with parameters that are unlikely to name anything."""
    parts = ["999999999" if part.startswith(("{", "<", ":")) else part for part in path.split("/")]
    return "/".join(parts)


def _schema(product: Product, promise: Mapping[str, Any], data: str, services: Services | None) -> dict[str, Any]:
    tables: dict[str, list[str]] = {}
    for path in _files_below(data):
        with open(path, "rb") as file:
            if file.read(16) != SQLITE:
                continue
        try:
            base = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)
            for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"):
                quoted = name.replace('"', '""')
                tables[name] = [row[1] for row in base.execute(f'PRAGMA table_xinfo("{quoted}")')]
            base.close()
        except sqlite3.Error as error:
            return {"tables": {}, "trouble": str(error)}
    return {"tables": tables}


def _file(product: Product, promise: Mapping[str, Any], data: str, services: Services | None) -> dict[str, Any]:
    return {"files": [*_files_below(data), *_files_below(str(product.folder))]}


def _files_below(folder: str) -> Sequence[str]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".git", ".sixfold", "__pycache__", "node_modules")]
        found += [os.path.join(place, name) for name in names if os.path.isfile(os.path.join(place, name))]
    return sorted(found)[:2000]


SEERS = {"python": _python, "cli": _cli, "http": _http, "schema": _schema, "file": _file}
