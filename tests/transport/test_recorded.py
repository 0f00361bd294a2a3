from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.errors import ConnectionFailed, LocalFileError, NotFound, UpstreamError
from interlingua.ports.transport import HttpRequest, HttpResponse, Transport
from interlingua.transport.recorded import RecordingTransport, ReplayTransport
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.opaque import Json
from tests.strategies import json_objects

STREAM = Script.sse({"t": "a"}, {"t": "€"}, "[DONE]", headers=(("x-request-id", "r1"), ("set-cookie", "a=b")))
CANARY = "canary-secret-9f2k"


def ask(body: Json = None, url: str = "https://example.com/v1/chat", **headers: str) -> HttpRequest:
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest(url=url, headers=fields, body=msgspec.json.encode(body or {"model": "m"}))


async def pieces(transport: Transport, request: HttpRequest) -> list[bytes]:
    response = await transport.send(request)
    try:
        return [piece async for piece in response.stream()]
    finally:
        await response.aclose()


async def read(transport: Transport, request: HttpRequest) -> bytes:
    response = await transport.send(request)
    try:
        return await response.read()
    finally:
        await response.aclose()


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_what_is_recorded_is_replayed_piece_by_piece(tmp_path: Path) -> None:
    recording = RecordingTransport(ScriptedTransport(STREAM), tmp_path)
    assert await pieces(recording, ask()) == list(STREAM.chunks)
    await recording.aclose()
    replay = ReplayTransport(tmp_path)
    assert await pieces(replay, ask()) == list(STREAM.chunks)
    response = await replay.send(ask())
    assert response.status == 200
    assert response.headers == (("content-type", "text/event-stream"), ("x-request-id", "r1"))
    await replay.aclose()


@pytest.mark.parametrize("size", [1, 7])
async def test_pieces_that_end_inside_a_character_survive(tmp_path: Path, size: int) -> None:
    script = STREAM.rechunked(size)
    await pieces(RecordingTransport(ScriptedTransport(script), tmp_path), ask())
    assert await pieces(ReplayTransport(tmp_path), ask()) == list(script.chunks)


@settings(max_examples=20)
@given(json_objects, st.binary(max_size=30))
async def test_any_exchange_survives(
    tmp_path_factory: pytest.TempPathFactory, body: dict[str, Json], answer: bytes
) -> None:
    folder = tmp_path_factory.mktemp("recorded")
    script = Script(chunks=(answer,)) if answer else Script()
    await pieces(RecordingTransport(ScriptedTransport(script), folder), ask(body))
    assert b"".join(await pieces(ReplayTransport(folder), ask(body))) == answer


async def test_no_credential_reaches_the_disk(tmp_path: Path) -> None:
    answer = Script.json({"error": f"bad key {CANARY}"}, 401, (("x-request-id", CANARY), ("www-authenticate", CANARY)))
    request = ask(
        {"model": "m", "note": f"my key is {CANARY} and sk-proj-Abc123Def456Ghi789"},
        f"https://me:{CANARY}@example.com/v1?key={CANARY}",
        authorization=f"Bearer {CANARY}",
        x_tenant="acme",
        content_type="application/json",
    )
    assert CANARY.encode() in await read(RecordingTransport(ScriptedTransport(answer), tmp_path), request)
    (file,) = files(tmp_path)
    text = file.read_text()
    assert CANARY not in text
    assert CANARY not in file.name
    assert "Ghi789" not in text
    assert "acme" not in text
    assert '"content-type": "application/json"' in text
    other = ask(
        {"model": "m", "note": "my key is other-key-1234 and sk-proj-Zyx987Wvu654Tsr321"},
        "https://you:other-key-1234@example.com/v1?key=other-key-1234",
        authorization="Bearer other-key-1234",
    )
    assert await read(ReplayTransport(tmp_path), other) == b'{"error":"bad key ***"}'


async def test_a_credential_cut_across_two_pieces_is_masked_too(tmp_path: Path) -> None:
    script = Script(chunks=(b"a " + CANARY[:8].encode(), CANARY[8:].encode() + b" z"))
    await pieces(RecordingTransport(ScriptedTransport(script), tmp_path, [CANARY]), ask())
    assert await pieces(ReplayTransport(tmp_path), ask()) == [b"a *** z"]


async def test_the_order_of_keys_in_a_body_makes_no_difference(tmp_path: Path) -> None:
    await read(RecordingTransport(ScriptedTransport(Script.json(1)), tmp_path), ask({"a": 1, "b": [2]}))
    assert await read(ReplayTransport(tmp_path), ask({"b": [2], "a": 1})) == b"1"


async def test_the_same_request_gets_its_answers_in_order_and_then_the_last(tmp_path: Path) -> None:
    recording = RecordingTransport(ScriptedTransport([Script.json(1), Script.json(2)]), tmp_path)
    for _ in range(2):
        await read(recording, ask())
    replay = ReplayTransport(tmp_path)
    assert [await read(replay, ask()) for _ in range(3)] == [b"1", b"2", b"2"]


async def test_a_stream_that_broke_breaks_again(tmp_path: Path) -> None:
    recording = RecordingTransport(ScriptedTransport(STREAM.cut(after=1)), tmp_path)
    with pytest.raises(ConnectionFailed):
        await pieces(recording, ask())
    with pytest.raises(ConnectionFailed, match="broke off"):
        await pieces(ReplayTransport(tmp_path), ask())
    with pytest.raises(ConnectionFailed, match="broke off"):
        await read(ReplayTransport(tmp_path), ask())


async def test_a_response_given_up_is_recorded_as_broken_and_never_as_whole(tmp_path: Path) -> None:
    response = await RecordingTransport(ScriptedTransport(STREAM), tmp_path).send(ask())
    assert await anext(response.stream()) == STREAM.chunks[0]
    await response.aclose()
    await response.aclose()
    with pytest.raises(ConnectionFailed, match="reader went away"):
        await pieces(ReplayTransport(tmp_path), ask())


async def test_a_request_that_is_not_recorded_is_named_with_what_is(tmp_path: Path) -> None:
    recording = RecordingTransport(ScriptedTransport(Script.json(1)), tmp_path)
    await read(recording, ask({"model": "m", "messages": [{"content": "a"}]}))
    replay = ReplayTransport(tmp_path)
    with pytest.raises(NotFound, match=r"differs at messages\[0\].content") as caught:
        await read(replay, ask({"model": "m", "messages": [{"content": "b"}]}))
    assert caught.value.what == "recording"
    with pytest.raises(NotFound, match=r"recorded are POST https://example.com/v1/chat"):
        await read(replay, ask(url="https://example.com/v1/other"))
    (tmp_path / "none").mkdir()
    with pytest.raises(NotFound, match="nothing is recorded"):
        await read(ReplayTransport(tmp_path / "none"), ask())


async def test_a_folder_or_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError, match="there is no folder"):
        await read(ReplayTransport(tmp_path / "absent"), ask())
    (tmp_path / "odd.json").write_text('{"request": 1}')
    with pytest.raises(LocalFileError, match=r"odd.json is not a recording") as caught:
        await read(ReplayTransport(tmp_path), ask())
    assert caught.value.path.endswith("odd.json")


async def test_a_recording_that_cannot_be_written_says_so_and_leaves_no_half_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalFileError, match="cannot be written"):
        await read(RecordingTransport(ScriptedTransport(Script.json(1)), tmp_path / "file"), ask())
    await read(RecordingTransport(ScriptedTransport(Script.json(1)), tmp_path / "new" / "deep"), ask())
    assert [path.suffix for path in files(tmp_path / "new" / "deep")] == [".json"]


class Oversized:
    """A response, and the transport that gives it, whose body is refused."""

    status = 200
    headers: tuple[tuple[str, str], ...] = ()

    async def send(self, request: HttpRequest) -> HttpResponse:
        return self

    async def read(self) -> bytes:
        raise UpstreamError("too large")

    async def stream(self) -> AsyncIterator[bytes]:
        yield await self.read()

    async def aclose(self) -> None:
        pass


async def test_an_error_of_the_body_keeps_its_class(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError):
        await read(RecordingTransport(Oversized(), tmp_path), ask())
    with pytest.raises(UpstreamError, match="too large"):
        await read(ReplayTransport(tmp_path), ask())
