"""Talking to a library in a process of its own, so that nothing of the product is loaded beside the judge."""

from __future__ import annotations

import ast
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sixfold.layers.testing.harness.product import CALL_S, Product, kill


class Raised(Exception):
    """The product raised. `type` is the exception's class name, `kinds` also its parents', `message` its text."""

    def __init__(self, kinds: Sequence[str], message: str) -> None:
        super().__init__(f"{kinds[0]}: {message}")
        self.type, self.kinds, self.message = kinds[0], tuple(kinds), message


class Opaque(str):
    """The `repr` of a value that is not of a built-in type."""


class Session:
    """A clean interpreter that holds the library: expressions run there, plain values come back."""

    def __init__(self, product: Product, module: str = "") -> None:
        self._module = module
        reading, writing = os.pipe()
        program = Path(__file__).with_name("sixfold_evaluate.py")
        self._process = subprocess.Popen(
            (sys.executable, "-P", "-s", str(program), str(writing), *product.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=product.folder,
            env=product.environment(),
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        self._reading = reading

    def call(self, code: str, timeout: float = CALL_S) -> Any:
        """Value of an expression over the product's importable names.

        Raises:
            Raised: the product raised.
            TimeoutError: no answer in time; the interpreter was killed.
            ChildProcessError: the interpreter ended, e.g. by `os._exit`.
        """
        try:
            self._ask({"code": code, "module": self._module})
            answer = json.loads(self._line(code, timeout))
        except BrokenPipeError:
            raise ChildProcessError(f"the product ended its interpreter before `{code}`") from None
        if "raises" in answer:
            raise Raised(answer["raises"], answer["message"])
        return value_of(answer["value"])

    def _ask(self, request: Any) -> None:
        if self._process.stdin is None:
            raise ChildProcessError("the interpreter was started without input")
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def _line(self, code: str, timeout: float) -> bytes:
        deadline, line = time.monotonic() + timeout, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    kill(self._process)
                    raise TimeoutError(f"`{code}` did not end within {timeout:g} s")
                chunk = os.read(self._reading, 1 << 16)
                if not chunk:
                    raise ChildProcessError(f"the product ended its interpreter in `{code}`")
                line += chunk
        return line

    def close(self) -> None:
        """End the interpreter."""
        kill(self._process)
        os.close(self._reading)


def value_of(form: Any) -> Any:
    """The built-in value of a tagged form made by `evaluate.plain`."""
    if not isinstance(form, dict):
        return form
    tag: str = form["t"]
    content: Any = form.get("v", "")
    if tag in ("int", "float"):
        return int(content) if tag == "int" else float(content)
    if tag == "bytes":
        return bytes.fromhex(content)
    if tag in ("list", "tuple", "set"):
        parts = [value_of(part) for part in content]
        return parts if tag == "list" else tuple(parts) if tag == "tuple" else set(parts)
    if tag == "dict":
        return {value_of(key): value_of(part) for key, part in content}
    return Opaque(content)


def literal(text: str) -> Any:
    """A Python literal's value; text that is none is an `Opaque`, compared with a `repr`."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return Opaque(text)
