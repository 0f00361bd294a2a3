"""Recorded provider traffic, read from the folder that IL_TRAFFIC names; tests skip where it is not set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Json
from tests.replay.reading.format import Exchange

_BETWEEN_EVENTS = re.compile(r"(?:\r\n|\n|\r(?!\n)){2,}")
_BETWEEN_LINES = re.compile(r"\r\n|\n|\r")


def recorded(folder: Path) -> Iterator[Exchange]:
    """Every exchange of a folder, by file and line."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            if line.strip():
                yield msgspec.json.decode(line)


def folder() -> Path:
    """The folder that IL_TRAFFIC names; skips the test where there is none."""
    named = os.environ.get("IL_TRAFFIC")
    if not named:
        pytest.skip("IL_TRAFFIC is not set")
    return Path(named)


def body_of(exchange: Exchange) -> bytes:
    """The bytes of a recorded response, whole or streamed."""
    response = exchange["response"]
    for key in ("sse", "ndjson", "text"):
        if key in response:
            return str(response[key]).encode()
    return msgspec.json.encode(response.get("body"))


def headers_of(message: dict[str, Json]) -> dict[str, str]:
    """The headers of a recorded request or response, names in lower case."""
    return {name.lower(): str(value) for name, value in (message.get("headers") or {}).items()}


def response_of(exchange: Exchange) -> WireResponse:
    """A recorded response as our wire value."""
    response = exchange["response"]
    headers = tuple(headers_of(response).items())
    return WireResponse(status=response["status"], headers=headers, body=body_of(exchange))


def chunked(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    """`data` cut into pieces of the given sizes; the last size repeats."""
    size, start = 1, 0
    while start < len(data):
        size = next(sizes, size)
        yield data[start : start + size]
        start += size


def events_of(exchange: Exchange) -> list[tuple[int, Json]]:
    """The events of a recorded stream, each with the byte that it begins at; text that is no JSON stays text."""
    response = exchange["response"]
    if "ndjson" in response:
        return list(_pieces(response["ndjson"], _BETWEEN_LINES))
    if "sse" in response:
        return [
            (start, event)
            for start, block in _blocks(response["sse"], _BETWEEN_EVENTS)
            if (event := _event(block)) is not None
        ]
    return [(0, event) for event in response["body"]]


def _pieces(text: str, between: re.Pattern[str]) -> Iterator[tuple[int, Json]]:
    return ((start, _json(block)) for start, block in _blocks(text, between))


def _blocks(text: str, between: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    start = 0
    for end in [*(found.span() for found in between.finditer(text)), (len(text), len(text))]:
        block = text[start : end[0]]
        if block.strip():
            yield len(text[:start].encode()), block
        start = end[1]


def _event(block: str) -> Json:
    """The data of a server-sent event; None where it holds none, or only the end mark."""
    lines = [line for line in _BETWEEN_LINES.split(block) if line and not line.startswith(":")]
    data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
    if not data and lines and lines[0].lstrip().startswith(("{", "[")):
        data = lines  # an error that a host wrote without framing
    text = "\n".join(data).strip()
    return None if text in ("", "[DONE]") else _json(text)


def _json(text: str) -> Json:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
