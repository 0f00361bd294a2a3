"""Loads on a gateway and what they cost it: many whole answers (`wrk`), many streams (`load.c`)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.gateway.gateways import Door, Gateway
from benchmarks.gateway.processes import LOAD_CORE
from benchmarks.gateway.programs import HERE, program
from benchmarks.gateway.upstreams import EVENT_MS

Figures = dict[str, Any]
SIZES = {"1 KB": 1_000, "10 KB": 10_000, "1 MB": 1_000_000}
_TURN = "Hello, can you tell me something about the history of the printing press, please? When was it invented? "
_EMPTY = 256
"""Bytes of a body without its turns."""


def body(model: str, size: int) -> bytes:
    """A request of about so many bytes: a conversation whose turns grow with it, up to 2 KB each."""
    turn = (_TURN * (min(2_000, size // 3) // len(_TURN) + 1))[: max(200, min(2_000, size // 3))]
    count = max(1, (size - _EMPTY) // (len(turn) + 40)) | 1  # odd: the user has the first word and the last
    roles = ("user", "assistant")
    turns = [{"role": roles[i % 2], "content": turn} for i in range(count)]
    system = {"role": "system", "content": "You are a helpful assistant that answers briefly and precisely."}
    request = {"model": model, "messages": [system, *turns], "temperature": 0.7, "max_tokens": 256}
    return json.dumps(request, separators=(",", ":")).encode()  # as the official clients write it


def whole_answers(
    gateway: Gateway, door: Door, folder: Path, *, size: str, connections: int, seconds: float
) -> Figures:
    """Requests over that many connections, one after the other on each.

    Returns:
        Requests per second, milliseconds at percentiles, microseconds of CPU per request, megabytes, failures.
    """
    file = folder / "body.json"
    file.write_bytes(body(door.model, SIZES[size]))
    headers = {"Content-Type": "application/json", **door.headers}
    environment = {
        **os.environ,
        "BENCH_BODY": str(file),
        "BENCH_HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items()),
    }
    url = f"http://127.0.0.1:{door.port}{door.path}"
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    command += ["--timeout", "20s", "-s", str(HERE / "post.lua"), url]
    before = gateway.process.cpu()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    spent = gateway.process.cpu() - before
    found = json.loads(done.stdout.strip().splitlines()[-1])
    requests = max(1, found["requests"])
    return {
        "requests": found["requests"],
        "per_second": found["requests"] / found["seconds"],
        "p50_ms": found["p50_us"] / 1e3,
        "p90_ms": found["p90_us"] / 1e3,
        "p99_ms": found["p99_us"] / 1e3,
        "cpu_us": spent / requests * 1e6,
        "memory_mb": gateway.process.memory(),
        "failed": found["failed"],
    }


def streams(gateway: Gateway | None, door: Door, count: int) -> Figures:
    """That many streams at once, each read to its end.

    Args:
        gateway: what is measured; None for the upstream itself.
        door: where it is asked.
        count: of streams.

    Returns:
        Events per second, milliseconds to the first event and of the longest gaps, streams that stalled or broke off,
        microseconds of CPU per event.
    """
    key = door.headers.get("Authorization", "Bearer x").removeprefix("Bearer ")
    environment = {**os.environ, "PORTKEY_HOST": door.headers.get("x-portkey-custom-host", "")}
    command = ["taskset", "-c", str(LOAD_CORE), program("load"), str(door.port), str(count)]
    command += [door.path, door.model, key, str(EVENT_MS)]
    before = gateway.process.cpu() if gateway is not None else 0.0
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    spent = gateway.process.cpu() - before if gateway is not None else 0.0
    found: Figures = json.loads(done.stdout)
    found["per_second"] = found["events"] / found["seconds"]
    if gateway is not None:
        found["cpu_us"] = spent / max(1, found["events"]) * 1e6
        found["memory_mb"] = gateway.process.memory()
    return found
