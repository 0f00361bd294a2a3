"""The peers' side of `in_process`: CPU of one call through the official openai SDK and through LiteLLM's.

Runs in the environment of the peers. Reads the server's address and the number of calls from stdin.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import litellm
import openai

MESSAGES: list[Any] = [{"role": "user", "content": "Hello"}]


async def cpu_per_call(call: Callable[[], Awaitable[object]], calls: int) -> float:
    """CPU microseconds of this process per call, the best of five rounds."""
    await call()
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(calls):
            await call()
        best = min(best, (time.process_time() - start) / calls)
    return best * 1e6


async def measure(base_url: str, calls: int) -> dict[str, float]:
    """Microseconds by library."""
    litellm.suppress_debug_info = True
    client = openai.AsyncOpenAI(base_url=base_url, api_key="x")
    there = {"model": "openai/bench", "api_base": base_url, "api_key": "x"}
    found = {
        "openai SDK": await cpu_per_call(
            lambda: client.chat.completions.create(model="bench", messages=MESSAGES), calls
        ),
        "LiteLLM SDK": await cpu_per_call(lambda: litellm.acompletion(messages=MESSAGES, **there), calls),
    }
    await client.close()
    return found


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(asyncio.run(measure(given["base_url"], given["calls"]))))
