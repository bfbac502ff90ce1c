"""The product as a user meets it: processes that are started, spoken to and stopped. Standard library only."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from sixfold.layers.testing.harness.ports import Claim

READY_S = 15.0
STOP_S = 5.0
LEAVE_S = 5.0
"""Longest that processes a service started may outlive it; a busy machine is no fault of theirs."""
CALL_S = 10.0
MOST_OUTPUT = 200_000
_PORT_OF = re.compile(r"\{port:([^{}]+)\}")


class Result(NamedTuple):
    """What a command did."""

    exit: int
    stdout: str
    stderr: str


class Response(NamedTuple):
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    text: str
    content: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class Product:
    """The thing under test: its folder, its entries, and how to start them."""

    def __init__(self, folder: str, entries: Sequence[Mapping[str, Any]], path: Sequence[str] = ()) -> None:
        self.folder = Path(folder)
        self.entries = list(entries)
        self.path = list(path)
        self.variables: dict[str, str] = {}
        """Further variables for its processes."""
        self.begin: Callable[..., Any] = subprocess.Popen
        """Starts the processes of its services, with arguments like those of `subprocess.Popen`."""
        self._claims: dict[str, Claim] = {}

    def entry(self, *kinds: str, name: str = "") -> Mapping[str, Any]:
        """The named entry, or the first of a kind."""
        for entry in self.entries:
            if entry["kind"] in kinds and name in ("", entry["name"]):
                return entry
        raise LookupError(f"the product has no {' or '.join(kinds)} entry{f' named {name}' if name else ''}")

    def port(self, name: str) -> int:
        """The loopback port of a service; it stays when several services have to find each other."""
        services = [entry for entry in self.entries if entry["kind"] == "service"]
        if name not in self._claims or len(services) < 2:
            self._claims[name] = Claim()
        return self._claims[name].port

    def needs(self, entry: Mapping[str, Any]) -> list[str]:
        """Names of the services whose ports an entry's command names."""
        return [name for word in entry["start"] for name in _PORT_OF.findall(word) if name != entry["name"]]

    def environment(self) -> dict[str, str]:
        """Variables for the product's processes: the installed place first, nothing of the test runner's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SIXFOLD", "PYTEST"))}
        programs = [f"{folder}/bin" for folder in self.path]  # where `pip install --target` puts console scripts
        kept["PATH"] = os.pathsep.join([*programs, kept.get("PATH", os.defpath)])
        kept |= self.variables
        return {**kept, "PYTHONPATH": os.pathsep.join(self.path), "PYTHONUNBUFFERED": "1"}

    def command(self, entry: Mapping[str, Any], data: str, port: int = 0) -> list[str]:
        """The entry's start command with `{port}`, `{port:NAME}`, `{data}` and `python` filled in."""
        words = [word.replace("{port}", str(port)).replace("{data}", data) for word in entry["start"]]
        words = [_PORT_OF.sub(lambda found: str(self.port(found[1])), word) for word in words]
        if words and words[0] in ("python", "python3"):
            words[0] = sys.executable
        elif words:
            # The started process's PATH counts, not ours; a missing program is then reported by its name.
            words[0] = shutil.which(words[0], path=self.environment()["PATH"]) or words[0]
        return words

    def run(
        self, *args: str, data: str, stdin: str | bytes | None = None, timeout: float = CALL_S, entry: str = ""
    ) -> Result:
        """Run the command-line entry once; TimeoutError when it does not end."""
        argv = self.command(self.entry("cli", name=entry), data)
        argv += [str(arg).replace("{data}", data) for arg in args]
        raw = stdin.encode() if isinstance(stdin, str) else (stdin or b"")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
            )
            try:
                process.communicate(raw, timeout=timeout)
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"`{' '.join(args)}` did not end within {timeout:g} s") from None
            finally:
                kill(process)
            return Result(process.returncode, _text(out), _text(err))


class Service:
    """One started service on a loopback port."""

    def __init__(self, product: Product, entry: Mapping[str, Any], data: str, log: str) -> None:
        self._product, self._entry, self._data, self._log = product, entry, data, log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.url = ""
        self.left: list[str] = []
        """Processes that were still there when it had stopped."""

    @property
    def pid(self) -> int:
        """Process id of its first process; 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    @property
    def health_path(self) -> str:
        """Path that answers below 500 while it is well."""
        return str(self._entry.get("health") or "/")

    def start(self) -> Service:
        """Start and wait until the health path answers below 500."""
        self.port = self._product.port(self._entry["name"])
        self.url = f"http://127.0.0.1:{self.port}"
        argv = self._product.command(self._entry, self._data, self.port)
        environment = {**self._product.environment(), "PORT": str(self.port)}
        with open(self._log, "ab") as log:
            self._process = self._product.begin(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._product.folder,
                env=environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_S
        trouble = "no answer"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                trouble = f"it ended with exit code {self._process.returncode}"
                break
            try:
                status = self.get(self.health_path, timeout=2).status
                if status < 500:
                    return self
                trouble = f"health answered {status}"
            except (OSError, http.client.HTTPException):
                time.sleep(0.03)
        self.stop()
        raise RuntimeError(f"service {self._entry['name']} did not come up: {trouble}\n{self.log()[-2000:]}")

    def stop(self) -> bool:
        """SIGTERM, then SIGKILL; True when the first was enough."""
        process = self._process
        if process is None or process.poll() is not None:
            if process is not None:
                kill(process)
            return process is None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
            self.left = _left_behind(process.pid)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            kill(process)

    def end(self) -> None:
        """Kill it. A test is over and its data are thrown away; how the product stops is checked where it is asked."""
        if self._process is not None:
            kill(self._process)

    def restart(self) -> Service:
        """Stop and start again on the same data."""
        self.stop()
        return self.start()

    def log(self) -> str:
        """What it wrote to stdout and stderr."""
        with open(self._log, "rb") as file:
            return file.read(MOST_OUTPUT).decode(errors="replace")

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | Mapping[str, str] | None = None,
        timeout: float = CALL_S,
    ) -> Response:
        """One HTTP request; redirects are not followed. `data` as a mapping is sent as a form."""
        fields = dict(headers or {})
        body: bytes | str | None
        if json is not None:
            body = _json(json)
            fields.setdefault("Content-Type", "application/json")
        elif isinstance(data, Mapping):
            body = urlencode(data)
            fields.setdefault("Content-Type", "application/x-www-form-urlencoded")
        else:
            body = data
        raw = body.encode() if isinstance(body, str) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            target = quote(path if path.startswith("/") else f"/{path}", safe="/?&=%:@!$'()*+,;~#[]-._")
            connection.request(method, target, body=raw, headers=fields)
            answer = connection.getresponse()
            content = answer.read()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, named, content.decode(errors="replace"), content)

    def get(self, path: str, **options: Any) -> Response:
        """GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Response:
        """PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Response:
        """PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Response:
        """DELETE."""
        return self.request("DELETE", path, **options)


class Services(Mapping[str, Service]):
    """The product's services by entry name, started at first use, each after those it needs."""

    def __init__(self, product: Product, data: str) -> None:
        self._product, self._data = product, data
        self._started: dict[str, Service] = {}

    def __getitem__(self, name: str) -> Service:
        entry = self._product.entry("service", name=name)
        key = entry["name"]
        if key not in self._started:
            log = os.path.join(os.path.dirname(self._data), f"{os.path.basename(self._data)}.{len(self._started)}.log")
            service = self._started[key] = Service(self._product, entry, self._data, log)
            for needed in self._product.needs(entry):
                self[needed]
            service.start()
        return self._started[key]

    def __iter__(self) -> Iterator[str]:
        return (entry["name"] for entry in self._product.entries if entry["kind"] == "service")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def pids(self) -> set[int]:
        """Process ids of all that were started."""
        return {service.pid for service in self._started.values()}

    def stop(self) -> None:
        """Kill all that were started."""
        for service in self._started.values():
            service.end()


def copy_of(product: Product, folder: str) -> Product:
    """The product in a folder of its own, so that files one test leaves behind cannot change the next."""
    shutil.copytree(
        product.folder,
        folder,
        symlinks=True,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(".git", ".sixfold", "__pycache__", "node_modules", ".venv", "build"),
    )
    place, copy = str(product.folder), str(folder)
    path = [
        copy + folder_[len(place) :] if folder_.startswith(place) and "/.sixfold/" not in folder_ else folder_
        for folder_ in product.path
    ]
    copied = Product(folder, product.entries, path)
    copied.begin = product.begin
    return copied


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process and everything in its group, now."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _left_behind(group: int) -> list[str]:
    """Commands of a group that live on although its leader has ended."""
    return lasting(lambda: [one for one in processes() if one.group == group]) if _any_in(group) else []


def lasting(living: Callable[[], list[Running]]) -> list[str]:
    """Commands of processes that are still there after the moment they are given to end."""
    deadline = time.monotonic() + LEAVE_S
    while left := living():
        if time.monotonic() > deadline:
            return [one.command for one in left]
        time.sleep(0.02)
    return []


def _any_in(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # there is one, and it changed its user
    return True


class Running(NamedTuple):
    """A living process."""

    pid: int
    parent: int
    group: int
    command: str


def processes() -> list[Running]:
    """All living processes that can be seen; none where there is no /proc."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):  # gone meanwhile
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent, group = file.read().rpartition(")")[2].split()[:3]
            with open(f"/proc/{name}/cmdline", encoding="utf-8", errors="replace") as file:
                command = file.read().replace("\0", " ").strip()
            if state not in "ZX":
                found.append(Running(int(name), int(parent), int(group), command))
    return found


def _json(value: Any) -> str:
    return json.dumps(value)


def _text(file: Any) -> str:
    file.seek(0)
    raw: bytes = file.read(MOST_OUTPUT)
    return raw.decode(errors="replace")
