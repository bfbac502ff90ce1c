"""What a model call costs besides the model: processor time a call, with a history that grows to 200 messages.

A server on loopback answers at once. Each subject runs in a process of its own; the figure is the slope of processor
time between the 3rd and the 101st call, so that imports and first connections do not count. `sixfold` is the whole
model cloud: redaction, ledger and cassette on disk (forced), retries, accounts.

Peers: httpx as the floor, and pydantic-ai's Agent; both come with the project. `--rounds N` takes the median of N.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CALLS, FIRST = 101, 3
SUBJECTS = ("sixfold", "raw_httpx", "pydantic_ai_agent")


def serve() -> None:
    """Answer chat completions until stdin closes; the port is the first line on stdout."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *arguments: object) -> None:
            """Stay quiet."""

        def do_POST(self) -> None:
            """Give the same short answer to everything."""
            self.rfile.read(int(self.headers["Content-Length"]))
            raw = json.dumps(
                {
                    "id": "c",
                    "object": "chat.completion",
                    "created": 1,
                    "model": "m",
                    "choices": [
                        {"index": 0, "message": {"role": "assistant", "content": "ok " * 50}, "finish_reason": "stop"}
                    ],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60},
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


Ask = Callable[[list[tuple[str, str]]], Awaitable[str]]


async def measured(ask: Ask) -> dict[str, float]:
    """Both shapes of use: one long conversation, and a short fresh context for every call (how Sixfold asks)."""
    grown = await slope(ask, fresh=False)
    fresh = await slope(ask, fresh=True)
    return {**grown, "fresh_cpu_ms": fresh["cpu_ms"], "fresh_wall_ms": fresh["wall_ms"]}


async def slope(ask: Ask, *, fresh: bool) -> dict[str, float]:
    """Milliseconds of processor and of wall a call, between the 3rd and the last."""
    history: list[tuple[str, str]] = []
    cpu, wall = 0.0, 0.0
    for number in range(CALLS):
        if number == FIRST:
            cpu, wall = time.process_time(), time.perf_counter()
        if fresh:
            history.clear()
        history.append(("user", f"question {number} {fresh}: " + "what about this line of text? " * 10))
        history.append(("model", await ask(history)))
    counted = CALLS - FIRST
    return {
        "cpu_ms": (time.process_time() - cpu) * 1000 / counted,
        "wall_ms": (time.perf_counter() - wall) * 1000 / counted,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


async def sixfold(url: str) -> dict[str, float]:
    """The model cloud with everything on."""
    from sixfold.domain.model import Message, ModelRequest
    from sixfold.layers.models.routing import open_cloud
    from sixfold.workflow.clock import SystemClock

    with tempfile.TemporaryDirectory() as folder:
        cloud = open_cloud(
            [("*", "openai-chat:m")], folder=Path(folder), environ={"OPENAI_BASE_URL": url}, clock=SystemClock()
        )

        async def ask(history: list[tuple[str, str]]) -> str:
            messages = tuple(
                Message(author="user" if author == "user" else "model", text=text) for author, text in history
            )
            request = ModelRequest(purpose="bench", role="coder", system="Be brief.", messages=messages)
            return (await cloud.complete(request)).text

        result = await measured(ask)
        await cloud.aclose()
    return result


async def raw_httpx(url: str) -> dict[str, float]:
    """The floor: one HTTP client, JSON in, JSON out."""
    import httpx2

    async with httpx2.AsyncClient() as client:

        async def ask(history: list[tuple[str, str]]) -> str:
            roles = {"user": "user", "model": "assistant"}
            messages = [{"role": roles[author], "content": text} for author, text in history]
            response = await client.post(f"{url}/chat/completions", json={"model": "m", "messages": messages})
            return str(response.json()["choices"][0]["message"]["content"])

        return await measured(ask)


async def pydantic_ai_agent(url: str) -> dict[str, float]:
    """An Agent of pydantic-ai with its own message history."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="none"))
    agent = Agent(model, system_prompt="Be brief.")
    kept: list[object] = []

    async def ask(history: list[tuple[str, str]]) -> str:
        if len(history) == 1:
            kept.clear()
        result = await agent.run(history[-1][1], message_history=list(kept))  # type: ignore[arg-type]
        kept[:] = result.all_messages()
        return str(result.output)

    async with model:
        return await measured(ask)


def measure(subject: str, url: str) -> dict[str, float]:
    """Run one subject in a fresh process."""
    print(f"measuring {subject} …", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, __file__, "--subject", subject, "--url", url],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
    )
    if done.returncode != 0:
        raise SystemExit(f"{subject} failed:\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object (the only form there is)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subject", choices=SUBJECTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
    if arguments.subject:
        run = {"sixfold": sixfold, "raw_httpx": raw_httpx, "pydantic_ai_agent": pydantic_ai_agent}[arguments.subject]
        print(json.dumps(asyncio.run(run(arguments.url))))
        return
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        # Interleaved, so that a busy moment of the machine hits all alike.
        rounds = [{subject: measure(subject, url) for subject in SUBJECTS} for _ in range(arguments.rounds)]
    finally:
        server.kill()
        server.wait()

    def median(subject: str, key: str) -> float:
        return round(statistics.median(one[subject][key] for one in rounds), 2)

    print(
        json.dumps(
            {
                "cpu_ms_per_call": median("sixfold", "cpu_ms"),
                "wall_ms_per_call": median("sixfold", "wall_ms"),
                "fresh_cpu_ms_per_call": median("sixfold", "fresh_cpu_ms"),
                "fresh_wall_ms_per_call": median("sixfold", "fresh_wall_ms"),
                "fresh_pydantic_ai_agent_ms": median("pydantic_ai_agent", "fresh_cpu_ms"),
                "fresh_raw_httpx_ms": median("raw_httpx", "fresh_cpu_ms"),
                "rss_mib": median("sixfold", "rss_mib"),
                "raw_httpx_ms": median("raw_httpx", "cpu_ms"),
                "pydantic_ai_agent_ms": median("pydantic_ai_agent", "cpu_ms"),
                "calls": CALLS,
                "rounds": arguments.rounds,
            }
        )
    )


if __name__ == "__main__":
    main()
