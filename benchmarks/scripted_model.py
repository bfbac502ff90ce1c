"""A hosted model played by a script: an OpenAI-compatible server on loopback that answers at once, and counts.

Shared by the figures that run whole programs against a model. It answers by what the prompt asks, so it shows what the
machinery around a model costs and never how good a prompt is. Everything here is the standard library's.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

Script = Sequence[tuple[str, str]]
"""(expression that must be found in the messages, answer); the first that matches answers."""

_COUNT = """\
import json, os, pathlib, sys
import importlib.util
found = importlib.util.find_spec("litellm")
if found and found.origin:  # brings the ranks of cl100k_base in its package data
    place = pathlib.Path(found.origin).parent / "litellm_core_utils" / "tokenizers"
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(place))
if not os.environ.get("TIKTOKEN_CACHE_DIR"):
    sys.exit("no ranks on disk, and nothing is downloaded for a count")
import tiktoken
encoding = tiktoken.get_encoding("cl100k_base")
print(json.dumps([len(encoding.encode(text, disallowed_special=())) for text in json.load(sys.stdin)]))
"""


class ScriptedModel:
    """Serves while entered. `bodies` are the requests as sent, in order; `missed` those nothing in the script fits."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.bodies: list[bytes] = []
        self.missed: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def log_message(self, *arguments: object) -> None:
                """Stay quiet."""

            def do_POST(self) -> None:
                """Answer one request."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, kind, raw = owner._answer(body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ScriptedModel:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        """Start counting again."""
        self.bodies.clear()
        self.missed.clear()

    def _answer(self, body: bytes) -> tuple[int, str, bytes]:
        self.bodies.append(body)
        asked = json.loads(body)
        prompt = text_of(asked["messages"])
        text = next((answer for pattern, answer in self._script if re.search(pattern, prompt, re.DOTALL)), None)
        if text is None:
            self.missed.append(prompt)
            error = {"error": {"message": "the script has no answer for this", "type": "invalid_request_error"}}
            return 400, "application/json", json.dumps(error).encode()
        usage = {"prompt_tokens": len(body) // 4, "completion_tokens": len(text) // 4}
        usage["total_tokens"] = sum(usage.values())
        reply: dict[str, Any] = {"id": "c", "created": 1, "model": asked["model"], "usage": usage}
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop"}
        if asked.get("stream"):
            chunk = {**reply, "object": "chat.completion.chunk", "choices": [{**choice, "delta": message}]}
            return 200, "text/event-stream", f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        done = {**reply, "object": "chat.completion", "choices": [{**choice, "message": message}]}
        return 200, "application/json", json.dumps(done).encode()


def text_of(messages: object) -> str:
    """What a model reads in these messages."""
    if isinstance(messages, str):
        return messages
    if isinstance(messages, list):
        return "\n".join(text_of(one) for one in messages)
    if isinstance(messages, dict):
        return text_of(messages.get("content") or messages.get("text") or "")
    return ""


def said(body: bytes) -> str:
    """Everything in a request that costs tokens: messages, tool schemas, the schema of the answer."""
    asked = json.loads(body)
    schemas = [asked[key] for key in ("tools", "functions", "response_format") if asked.get(key)]
    return "\n".join([text_of(asked["messages"]), *(json.dumps(schema) for schema in schemas)])


class Counter:
    """Counts tokens with a peer's tokeniser when one is on disk, else a quarter of the bytes; `name` says which."""

    def __init__(self, pythons: Sequence[str]) -> None:
        self.name = "bytes / 4"
        self._python = ""
        for python in pythons:
            if subprocess.run([python, "-c", _COUNT], input="[]", capture_output=True, text=True).returncode == 0:
                self.name, self._python = "tiktoken cl100k_base", python
                break

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        if not self._python:
            return [len(text.encode()) // 4 for text in texts]
        done = subprocess.run(
            [self._python, "-c", _COUNT], input=json.dumps(list(texts)), capture_output=True, text=True, check=True
        )
        counts: list[int] = json.loads(done.stdout)
        return counts


class Measured(NamedTuple):
    """One program, run to its end."""

    wall_s: float
    cpu_s: float
    """User and system time of the process and everything it waited for."""
    rss_mib: float
    """Of the largest single process."""
    code: int
    output: str


def run_measured(words: Sequence[str], folder: Path, env: Mapping[str, str], log: Path) -> Measured:
    """Run a program to its end; its output goes through a file, so that reading it costs the program nothing."""
    with log.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(errors="replace")
    return Measured(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode, output)


def environment(home: Path, url: str) -> dict[str, str]:
    """Variables of a program under measurement: the scripted model, a home of its own, byte code cached as in use."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_", "LC_"))}
    return kept | {
        "HOME": str(home),
        "SIXFOLD_HOME": str(home / "sixfold"),
        "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
        "OPENAI_BASE_URL": url,
        "OPENAI_API_BASE": url,
        "OPENAI_API_KEY": "x",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }


def aider_command(python: str, message: str) -> list[str]:
    """One headless aider run in whole-file form, told to ask nobody and fetch nothing."""
    words = ["--model", "openai/mock", "--edit-format", "whole", "--yes-always", "--no-check-update"]
    words += ["--no-show-model-warnings", "--analytics-disable", "--no-gitignore", "--message", message]
    return [str(Path(python).with_name("aider")), *words]
