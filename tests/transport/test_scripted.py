from __future__ import annotations

import asyncio
import doctest

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import interlingua.transport.scripted as scripted
from interlingua.errors import ConnectionFailed, InvalidRequest, TimedOut
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts
from interlingua.transport.scripted import Script, ScriptedResponse, ScriptedTransport

ASK = HttpRequest(url="https://example.com/v1?key=canary", body=b'{"a":1}', stream=True)
STREAM = Script.sse({"t": "a"}, ("named", {"t": "b"}), "[DONE]")


async def send(script: Script, request: HttpRequest = ASK) -> HttpResponse:
    return await ScriptedTransport(script).send(request)


async def pieces_before(script: Script, error: type[Exception]) -> list[bytes]:
    """The pieces that come before `error` does."""
    response, pieces = await send(script), []
    with pytest.raises(error):
        async for piece in response.stream():
            pieces.append(piece)  # noqa: PERF401  # the list must hold what came before the error
    return pieces


def test_the_examples_of_its_documentation_run() -> None:
    tried = doctest.testmod(scripted)
    assert (tried.failed, tried.attempted > 5) == (0, True)


async def test_answers_come_in_order_and_requests_are_remembered() -> None:
    transport = ScriptedTransport([Script.json({"n": 1}), Script.text("<html>", status=502, content_type="text/html")])
    first, second = await transport.send(ASK), await transport.send(ASK)
    assert msgspec.json.decode(await first.read()) == {"n": 1}
    assert (second.status, second.headers) == (502, (("content-type", "text/html"),))
    assert transport.requests == [ASK, ASK]
    assert transport.bodies == [{"a": 1}, {"a": 1}]


async def test_a_script_that_has_ended_says_so_and_can_go_on() -> None:
    transport = ScriptedTransport([])
    with pytest.raises(InvalidRequest, match="no answer left for POST") as caught:
        await transport.send(ASK)
    assert "canary" not in caught.value.message
    transport.add(Script(status=204))
    assert (await transport.send(ASK)).status == 204


async def test_a_function_may_choose_the_answer() -> None:
    transport = ScriptedTransport(lambda request: Script(status=200 if request.stream else 400))
    assert (await transport.send(ASK)).status == 200


async def test_a_stream_comes_piece_by_piece_in_its_framing() -> None:
    response = await send(STREAM)
    assert [piece async for piece in response.stream()] == [
        b'data: {"t":"a"}\n\n',
        b'event: named\ndata: {"t":"b"}\n\n',
        b"data: [DONE]\n\n",
    ]
    assert await (await send(Script.ndjson({"a": 1}, {"done": True}))).read() == b'{"a":1}\n{"done":true}\n'


@given(st.integers(1, 60))
def test_rechunking_keeps_the_bytes(size: int) -> None:
    again = STREAM.rechunked(size)
    assert b"".join(again.chunks) == b"".join(STREAM.chunks)
    assert {len(chunk) for chunk in again.chunks[:-1]} <= {size}


async def test_a_cut_gives_what_came_and_then_breaks() -> None:
    assert await pieces_before(STREAM.cut(after=2), ConnectionFailed) == list(STREAM.chunks[:2])
    assert await pieces_before(STREAM.cut(after=0), ConnectionFailed) == []


async def test_a_stall_gives_what_came_and_then_nothing() -> None:
    pieces = (await send(STREAM.stalled(after=1))).stream()
    assert await anext(pieces) == STREAM.chunks[0]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(pieces)


async def test_a_drip_takes_its_time_before_each_piece() -> None:
    now = asyncio.get_running_loop().time
    began, came = now(), []
    async for piece in (await send(STREAM.dripping(0.03))).stream():
        came.append(piece)
        assert now() - began > 0.029 * len(came)
    assert came == list(STREAM.chunks)


async def test_an_end_without_its_terminal_event_looks_like_an_end() -> None:
    assert await (await send(STREAM.without_end())).read() == b"".join(STREAM.chunks[:-1])


async def test_a_malformed_event_stands_between_the_others() -> None:
    body = await (await send(STREAM.malformed(after=1))).read()
    assert body.split(b"\n\n")[1] == b'data: {"broken'
    assert (await (await send(Script.ndjson(1).malformed(after=0))).read()).splitlines() == [b'{"broken', b"1"]


async def test_an_error_inside_a_stream_is_the_last_that_comes() -> None:
    body = await (await send(STREAM.failing({"error": "busy"}, after=1, event="error"))).read()
    assert body == b'data: {"t":"a"}\n\nevent: error\ndata: {"error":"busy"}\n\n'
    assert Script.ndjson(1, 2).failing({"error": "busy"}, after=1).chunks == (b"1\n", b'{"error":"busy"}\n')


async def test_a_compressed_body_arrives_plain_and_cut_elsewhere() -> None:
    script = Script.sse(*({"n": n, "text": "some words"} for n in range(200)))
    pieces = [piece async for piece in (await send(script.gzipped())).stream()]
    assert b"".join(pieces) == b"".join(script.chunks)
    assert tuple(pieces) != script.chunks


@pytest.mark.parametrize("script", [Script.silent(), Script.json({}).delayed(60)])
async def test_silence_ends_with_the_time_for_the_first_byte(script: Script) -> None:
    request = HttpRequest(url="https://example.com", timeouts=Timeouts(first_byte=60, first_byte_whole=0.01))
    with pytest.raises(TimedOut) as caught:
        await send(script, request)
    assert caught.value.phase == "first_byte"


@pytest.mark.parametrize("script", [Script.refused(), Script.unresolvable()])
async def test_a_host_that_cannot_be_reached_fails_to_connect(script: Script) -> None:
    with pytest.raises(ConnectionFailed):
        await send(script)


async def test_a_response_knows_whether_it_was_read_and_closed() -> None:
    transport = ScriptedTransport(STREAM)
    response = await transport.send(ASK)
    assert isinstance(response, ScriptedResponse)
    pieces = response.stream()
    await anext(pieces)
    assert (response.finished, response.closed) == (False, False)
    await response.aclose()
    with pytest.raises(ConnectionFailed, match="closed"):
        await anext(pieces)
    other = await transport.send(ASK)
    await other.read()
    assert [answer.finished for answer in transport.responses] == [False, True]
    await transport.aclose()
