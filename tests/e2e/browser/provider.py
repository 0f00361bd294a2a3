"""A provider for the browser: it answers in Markdown, thinks, calls tools, fails and breaks off, by the model's name.

`hold` makes an answer stop in the middle until `release`, so that a test can look at a half of it without a clock. The
long one stops after its first part, until `go_on`, and again before its end.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

ANSWER = """**Entropy** counts in how many ways a thing can be arranged without looking any different.

## The formula

$$S = k_B \\ln \\Omega$$

Here $\\Omega$ is the number of micro-states and $k_B$ is Boltzmann's constant. In code:

```python
from math import log


def entropy(states: int) -> float:
    \"\"\"Boltzmann's entropy, in units of k.\"\"\"
    return log(states)  # the natural logarithm
```

| system | states | entropy |
|---|---:|---:|
| a coin | 2 | 0.69 |
| a die | 6 | 1.79 |
| a deck of cards | 8.07 × 10⁶⁷ | 156.36 |

1. Count the states.
2. Take the logarithm.
   - Use the natural one.

> Nobody knows what entropy really is, so in a debate you will always have the advantage.

```mermaid
graph LR
  A[Order] --> B[Disorder] --> C[More disorder]
```
"""
PLAIN = "Paris is the capital of France, and has been since the tenth century."
THOUGHT = "The reader asks what entropy is.\nA picture first, then Boltzmann's formula.\nAn example with dice."
LONG = 20_000


def _long() -> Iterator[str]:
    for paragraph in range(LONG // 40):
        yield f"\n\n### Part {paragraph + 1}\n\n"
        for word in range(38):
            yield f"word{word} "


MODELS = ("chat", "fast", "held", "think", "tools", "long", "broken", "failing", "caller")


class Provider:
    """A server of OpenAI's chat format on a port of its own, in a thread of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[dict[str, Any]] = []
        self._calls = 0
        self._loop = asyncio.new_event_loop()
        self._on, self._go = asyncio.Event(), asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stop = asyncio.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def release(self) -> None:
        """Lets every held answer go on to its end."""
        self.go_on()
        self._loop.call_soon_threadsafe(self._go.set)

    def go_on(self) -> None:
        """Lets the long answer go on from its first part."""
        self._loop.call_soon_threadsafe(self._on.set)

    def hold(self) -> None:
        """Makes answers of the models `held` and `long` stop on their way."""
        self._loop.call_soon_threadsafe(self._on.clear)
        self._loop.call_soon_threadsafe(self._go.clear)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/api/tags", self._tags)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        self._on.set()
        self._go.set()
        await runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})

    async def _tags(self, request: web.Request) -> web.Response:
        """As Ollama lists its models."""
        names = ("llama3.2:3b", "qwen3:8b")
        return web.json_response({"models": [{"name": name, "model": name} for name in names]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        model = body["model"]
        if model == "failing":
            said = {"error": {"message": "The engine is overloaded.", "type": "server_error", "code": "overloaded"}}
            return web.json_response(said, status=503)
        if not body.get("stream"):
            message = {"role": "assistant", "content": self._text(body)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 24, "completion_tokens": 18, "total_tokens": 42}
            whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": model}
            return web.json_response({**whole, "choices": [choice], "usage": usage})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}

        async def tell(delta: dict[str, Any], finish: str | None = None) -> None:
            chunk = {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

        finish = "stop"
        words = 0
        if model == "think":
            for word in re.findall(r"\s*\S+", THOUGHT):
                await tell({"reasoning_content": word})
        if model == "tools":
            call = {"index": 0, "id": "call_1", "type": "function"}
            await tell({"content": "Let me look at the weather."})
            await tell({"tool_calls": [{**call, "function": {"name": "get_weather", "arguments": '{"city": '}}]})
            await tell({"tool_calls": [{"index": 0, "function": {"arguments": '"Paris", "days": 3}'}}]})
            finish = "tool_calls"
        elif model == "caller" and body["messages"][-1]["role"] != "tool":
            calls = re.findall(r"(\w+)(\{[^}]*\})", body["messages"][-1]["content"])
            await tell({"content": "Let me see."})
            for at, (name, arguments) in enumerate(calls):
                self._calls += 1
                call = {"index": at, "id": f"call_{self._calls}", "type": "function"}
                await tell({"tool_calls": [{**call, "function": {"name": name, "arguments": arguments}}]})
            finish = "tool_calls"
        else:
            pieces = list(_long()) if model == "long" else re.findall(r"\s*\S+", self._text(body))
            for at, piece in enumerate(pieces):
                await tell({"content": piece})
                words += 1
                if model == "held" and at == len(pieces) // 2:
                    await self._go.wait()
                elif model == "long" and at % 40 == 39:
                    await (self._on.wait() if at == 39 else asyncio.sleep(0.002))
                if model == "broken" and at == 20:
                    assert request.transport is not None
                    request.transport.abort()
                    return response
        if model == "long":
            await self._go.wait()  # until it was looked at as it came
        await tell({}, finish)
        usage = {"prompt_tokens": 24, "completion_tokens": max(words, 18), "total_tokens": 24 + max(words, 18)}
        await response.write(b"data: " + json.dumps({**base, "choices": [], "usage": usage}).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    @staticmethod
    def _text(body: dict[str, Any]) -> str:
        if body["messages"][-1]["role"] == "tool":
            said = [one["content"] for one in body["messages"] if one["role"] == "tool"]
            return f"The tool says: {said[-1]}"
        return PLAIN if "capital" in json.dumps(body["messages"][-1]) or body["model"] == "fast" else ANSWER


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that runs for a while."""
    made = Provider()
    made.start()
    try:
        yield made
    finally:
        made.stop()
