"""A program of the operator's own as the model: prompt on stdin, answer on stdout.

The operator chose the program in their settings, as they would choose an editor, so it runs outside the sandbox with
their rights and environment. Nothing a model or a repository wrote reaches its command line; it gets text on stdin.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shlex
import signal
import sys
from pathlib import Path

from sixfold.domain.data import canonical
from sixfold.domain.errors import ModelMisconfigured, ModelUnavailable
from sixfold.domain.model import ModelReply, ModelRequest
from sixfold.layers.models.adapter import Charges, estimate_usage, render
from sixfold.layers.models.cassette import key_of

_PR_SET_PDEATHSIG = 1
# Looked up here and not in the new process, where only what is ready already may be used.
_prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None) if sys.platform == "linux" else None


def _end_with_us() -> None:
    """In the new process: be killed when Sixfold is, since nobody would read the answer any more (Linux only)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class CommandModel:
    """Runs a command for every request.

    Args:
        command: program and arguments as typed in a shell; no shell is started.
        timeout_s: the program and everything it started is killed after that.
    """

    charges: Charges = "per_call"

    def __init__(self, command: str, *, timeout_s: float = 600.0) -> None:
        self._argv = shlex.split(command)
        self._timeout_s = timeout_s
        self._name = f"command:{Path(self._argv[0]).name}"

    def identify(self, request: ModelRequest) -> str:
        return self._name

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """The program may ask a paid service; Sixfold cannot know."""
        return None

    async def aclose(self) -> None:
        return None

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        prompt = render(request)
        if request.json_schema is not None:
            prompt += f"\nThe answer follows this JSON Schema: {canonical(request.json_schema)}\n"
        text = await self._run(prompt.encode())
        return ModelReply(
            text=text,
            model=self._name,
            usage=estimate_usage(request, text),
            request=key_of(self._name, request),
        )

    async def _run(self, prompt: bytes) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # A group of its own, so that the program's children end with it.
                start_new_session=True,
                preexec_fn=_end_with_us,
            )
        except OSError as error:
            raise ModelMisconfigured(
                f"the model command {self._argv[0]!r} cannot be started",
                why=str(error.strerror or error),
                next="check the path and that it is executable: -m 'command:PROGRAM ARGS'",
            ) from error
        try:
            async with asyncio.timeout(self._timeout_s):
                stdout, stderr = await process.communicate(prompt)
        except TimeoutError:
            raise ModelUnavailable(
                f"the model command {self._argv[0]!r} did not answer within {self._timeout_s:g} s",
                next="`sixfold resume` asks again",
            ) from None
        finally:
            # Also after success: what the program left running in the background ends here.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        text = stdout.decode("utf-8", errors="replace")
        if process.returncode != 0 or not text.strip():
            what = f"ended with exit code {process.returncode}" if process.returncode else "printed no answer"
            complaints = stderr.decode("utf-8", errors="replace").strip().splitlines()
            raise ModelUnavailable(
                f"the model command {self._argv[0]!r} {what}",
                why=complaints[-1] if complaints else "",
                next="try it by hand: it reads a prompt on stdin and prints the answer",
            )
        return text
