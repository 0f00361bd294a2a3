"""CPU of one call in the caller's process, ours beside the peers' (`peer_calls.py`), against one local server.

The server is a process of its own that answers every request with a fixed chat completion. Budget: at most a sixth of
the official openai SDK's, a tenth of LiteLLM's.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import time
from collections.abc import Awaitable, Callable

from benchmarks.peers import run_peer
from interlingua import AsyncClient
from interlingua.config.schema import Config

CALLS = 300
BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there."}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


def serve(listener: socket.socket) -> None:
    """Answers every request alike, for as long as the process lives."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(sum(lengths))
            writer.write(ANSWER)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(handle, sock=listener)
        await server.serve_forever()

    asyncio.run(run())


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def cpu_per_call(call: Callable[[], Awaitable[object]]) -> float:
    """CPU microseconds of this process per call, the best of five rounds."""
    await call()
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(CALLS):
            await call()
        best = min(best, (time.process_time() - start) / CALLS)
    return best * 1e6


async def measure(base_url: str) -> float:
    """Our microseconds."""
    config = Config(providers={"bench": {"base_url": base_url, "dialect": "openai_chat"}})
    async with AsyncClient("bench/bench", config=config, api_keys={"bench": "x"}) as ours:
        return await cpu_per_call(lambda: ours.generate("Hello"))


def report() -> None:
    """Prints the table."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listener,), daemon=True)
    server.start()
    try:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        found = {"interlingua": asyncio.run(measure(base_url))}
        found |= run_peer("peer_calls.py", json.dumps({"base_url": base_url, "calls": CALLS})) or {}
    finally:
        server.terminate()
        server.join()
        listener.close()
    for name, cost in found.items():
        print(f"{name:32} {cost:8.0f} µs CPU per call   {cost / found['interlingua']:5.1f} ×")


if __name__ == "__main__":
    report()
