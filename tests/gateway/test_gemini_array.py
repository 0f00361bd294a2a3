"""A Gemini client that does not ask for `alt=sse` gets its stream as one JSON array, as Google answers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.dialects.gemini.json_array import JsonArray
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import DIALECTS, ENVIRONMENT, WORDS, asks, begun, config, in_band, script


def asked(host: str, query: str = "") -> tuple[str, dict[str, Any]]:
    path, body = asks("gemini", host)
    return path.partition("?")[0] + query, body


def said(elements: list[Any]) -> str:
    parts = [one["candidates"][0]["content"]["parts"] for one in elements if one.get("candidates")]
    return "".join(part.get("text", "") for some in parts for part in some)


@pytest.mark.parametrize("query", ["", "?alt=json", "?prettyPrint=false"])
@pytest.mark.parametrize("host", DIALECTS)
async def test_the_stream_is_one_array_whoever_answers(host: str, query: str, tmp_path: Path) -> None:
    """Verbatim and translated; the provider is asked for server-sent events."""
    transport = ScriptedTransport(script(host).rechunked(13))
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asked(host, query))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert said(answer.json).replace(" ", "") == "".join(WORDS).replace(" ", "")
    assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"
    if host == "gemini":
        assert transport.requests[0].url.endswith("alt=sse")


async def test_with_alt_sse_it_is_server_sent_events(tmp_path: Path) -> None:
    """As it came."""
    async with gateway(tmp_path, ScriptedTransport(script("gemini")), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asked("gemini", "?alt=sse"))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.body == b"".join(script("gemini").chunks)


@pytest.mark.parametrize("host", ["gemini", "anthropic_messages"])
async def test_a_failure_in_the_middle_is_the_last_element(host: str, tmp_path: Path) -> None:
    """The array is whole all the same."""
    broken = Script(headers=script(host).headers, chunks=(*begun(host), in_band(host)))
    async with gateway(tmp_path, ScriptedTransport(broken), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asked(host))
    assert answer.status == 200
    assert "error" in answer.json[-1]
    assert said(answer.json)


async def test_a_failure_before_the_first_word_is_a_status(tmp_path: Path) -> None:
    """Not an array."""
    async with gateway(tmp_path, ScriptedTransport(script("gemini")), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", "/v1beta/models/nobody/knows-it:streamGenerateContent", {"contents": []})
    assert answer.status >= 400
    assert "error" in answer.json


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_heartbeats_and_cuts_leave_the_array_whole(size: int) -> None:
    """Blank lines before, between and behind."""
    stream = b'\r\ndata: {"a": 1}\r\n\r\n\r\n: note\n\ndata: {"b":\ndata: 2}\n\n\r\n'
    array = JsonArray()
    found = b"".join(array.feed(stream[i : i + size]) for i in range(0, len(stream), size)) + array.close()
    assert msgspec.json.decode(found) == [{"a": 1}, {"b": 2}]
    assert msgspec.json.decode(JsonArray().close()) == []
