"""A scripted model server on loopback that speaks four wire formats, with the faults real servers have.

POST /v1/chat/completions              OpenAI chat completions
POST /v1/responses                     OpenAI responses
POST /v1/messages                      Anthropic
POST /v1beta/models/M:generateContent  Gemini
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Turn:
    """What the server does with one request."""

    text: str = "ok"
    finish: str = "stop"
    """`stop`, `length` or `refused`."""
    usage: tuple[int, int] | None = (11, 7)
    """Input and output tokens; None = the server does not count."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""
    code: str = ""
    raw: bytes | None = None
    """Sent instead of a well-formed body."""
    cut: bool = False
    """Close the connection in the middle of the body."""


def _chat(turn: Turn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": turn.text},
                "finish_reason": {"refused": "content_filter"}.get(turn.finish, turn.finish),
            }
        ],
    }
    if turn.usage:
        body["usage"] = {
            "prompt_tokens": turn.usage[0],
            "completion_tokens": turn.usage[1],
            "total_tokens": sum(turn.usage),
        }
    return body


def _responses(turn: Turn) -> dict[str, Any]:
    reason = {"length": "max_output_tokens", "refused": "content_filter"}.get(turn.finish)
    body: dict[str, Any] = {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "incomplete" if reason else "completed",
        "output": [
            {
                "type": "message",
                "id": "m1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": turn.text, "annotations": []}],
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
    }
    if turn.usage:
        body["usage"] = {
            "input_tokens": turn.usage[0],
            "output_tokens": turn.usage[1],
            "total_tokens": sum(turn.usage),
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }
    return body


def _messages(turn: Turn) -> dict[str, Any]:
    usage = turn.usage or (0, 0)  # Anthropic's format has no answer without usage
    return {
        "id": "a1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": turn.text}],
        "stop_reason": {"stop": "end_turn", "length": "max_tokens", "refused": "refusal"}[turn.finish],
        "stop_sequence": None,
        "usage": {"input_tokens": usage[0], "output_tokens": usage[1]},
    }


def _gemini(turn: Turn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": turn.text}]},
                "finishReason": {"stop": "STOP", "length": "MAX_TOKENS", "refused": "SAFETY"}[turn.finish],
                "index": 0,
            }
        ],
        "modelVersion": "m",
        "responseId": "g1",
    }
    if turn.usage:
        body["usageMetadata"] = {
            "promptTokenCount": turn.usage[0],
            "candidatesTokenCount": turn.usage[1],
            "totalTokenCount": sum(turn.usage),
        }
    return body


def _error(path: str, turn: Turn) -> dict[str, Any]:
    if path.endswith("/messages"):
        return {"type": "error", "error": {"type": turn.code or "api_error", "message": turn.error}}
    if "generateContent" in path:
        return {"error": {"code": turn.status, "message": turn.error, "status": turn.code or "INTERNAL"}}
    return {"error": {"message": turn.error, "type": "error", "param": None, "code": turn.code or None}}


class ModelServer:
    """Serves scripted turns; when the script ends it answers 418, which no client retries."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                turn = outer.turns.pop(0) if outer.turns else Turn(status=418, error="the script has ended")
                outer.answer(self, turn)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that hangs up is part of the script

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, turn: Turn) -> None:
        if turn.raw is not None:
            raw = turn.raw
        elif turn.status != 200:
            raw = json.dumps(_error(handler.path, turn)).encode()
        else:
            formats = {"completions": _chat, "responses": _responses, "messages": _messages}
            build = formats.get(handler.path.rpartition("/")[2], _gemini)
            raw = json.dumps(build(turn)).encode()
        handler.send_response(turn.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(raw)))
        for name, value in turn.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if turn.cut:
            handler.wfile.write(raw[: len(raw) // 2])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        handler.wfile.write(raw)
