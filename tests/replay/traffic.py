"""Recorded provider traffic, read from the folder that IL_TRAFFIC names; tests skip where it is not set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.ports.dialect import WireResponse


def exchanges(name: str) -> list[dict[str, Any]]:
    """The exchanges of one file of recordings, such as `openai-chat`; skips the test where there are none."""
    folder = os.environ.get("IL_TRAFFIC")
    if not folder:
        pytest.skip("IL_TRAFFIC is not set")
    lines = (Path(folder) / f"{name}.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines if line]


def body_of(exchange: dict[str, Any]) -> bytes:
    """The bytes of a recorded response, whole or streamed."""
    response = exchange["response"]
    for key in ("sse", "ndjson", "text"):
        if key in response:
            return str(response[key]).encode()
    return msgspec.json.encode(response["body"])


def response_of(exchange: dict[str, Any]) -> WireResponse:
    """A recorded response as our wire value."""
    headers = exchange["response"].get("headers") or {}
    return WireResponse(
        status=exchange["response"]["status"],
        headers=tuple((name.lower(), str(value)) for name, value in headers.items()),
        body=body_of(exchange),
    )


def chunked(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    """`data` cut into pieces of the given sizes; the last size repeats."""
    size, start = 1, 0
    while start < len(data):
        size = next(sizes, size)
        yield data[start : start + size]
        start += size
