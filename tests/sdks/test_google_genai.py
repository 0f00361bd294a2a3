from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from interlingua.dialects import gemini
from interlingua.errors import (
    AuthenticationFailed,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    UpstreamError,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import accumulate
from interlingua.types.events import Event, Failed, MessageStart, PartStart
from interlingua.types.opaque import Opaque
from interlingua.types.parts import BlobPart, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.response import ChatResponse
from interlingua.wire.sse import render_sse
from tests.sdks import answers
from tests.sdks.answers import PLAIN, essence, read_back
from tests.sdks.server import Peer

pytestmark = pytest.mark.filterwarnings(  # its own session and connector classes
    "ignore:Inheritance class Aiohttp.* is discouraged:DeprecationWarning"
)
ASK: dict[str, Any] = {"model": "m-1", "contents": "Hi"}
THEIRS_ALONE = {"sdk_http_response", "automatic_function_calling_history", "parsed"}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[genai.Client]:
    with genai.Client(api_key="k", http_options=types.HttpOptions(base_url=running.url)) as client:
        yield client


def dumped(response: Any) -> str:
    return str(response.model_dump_json(by_alias=True, exclude_none=True, exclude=THEIRS_ALONE))


def joined(chunks: list[Any]) -> ChatResponse:
    """What the chunks that the client read amount to."""
    parser = gemini.StreamParser(TranslationContext(dialect=gemini.ID))
    found: list[Event] = []
    for chunk in chunks:
        found += parser.feed(render_sse(dumped(chunk)))
    return accumulate(found + parser.close())


def whole(client: genai.Client, **more: Any) -> ChatResponse:
    return read_back("gemini", dumped(client.models.generate_content(**ASK, **more)))


def streamed(client: genai.Client, **more: Any) -> ChatResponse:
    return joined(list(client.models.generate_content_stream(**ASK, **more)))


def whole_async(client: genai.Client, **more: Any) -> ChatResponse:
    async def run() -> str:
        try:
            return dumped(await client.aio.models.generate_content(**ASK, **more))
        finally:
            await client.aio.aclose()

    return read_back("gemini", asyncio.run(run()))


def streamed_async(client: genai.Client, **more: Any) -> ChatResponse:
    async def run() -> list[Any]:
        try:
            return [chunk async for chunk in await client.aio.models.generate_content_stream(**ASK, **more)]
        finally:
            await client.aio.aclose()

    return joined(asyncio.run(run()))


Way = Callable[..., ChatResponse]
ways = pytest.mark.parametrize("way", [whole, streamed, whole_async, streamed_async])
SIGNED = Opaque("gemini.thought_signature", "CiQ+/3rX0w==")
SAID = PLAIN | {
    "reasoning": answers.answer(ReasoningPart(text="First I think.", summary=True), TextPart(text="Spoken.")),
    "several choices": answers.TWO_CHOICES,
    "cached tokens": answers.CACHED,
    "filtered": answers.FILTERED,
    "an image": answers.answer(
        TextPart(text="Look:"), BlobPart(modality="image", mime_type="image/png", content="iVBORw0KGgo=")
    ),
}


@ways
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_was_said(client: genai.Client, peer: Peer, way: Way, said: ChatResponse) -> None:
    peer.answer = said
    assert essence(way(client)) == essence(said)


@ways
def test_calls_and_thoughts_keep_their_signatures(client: genai.Client, peer: Peer, way: Way) -> None:
    call = tool_call("call_a", "f", '{"x":1}', opaque=(SIGNED,))
    peer.answer = answers.answer(ReasoningPart(text="Hm.", summary=True, opaque=(SIGNED,)), call, kind="tool_call")
    found = way(client).message.parts
    assert [_same_bytes(one.data) for part in found for one in part.opaque] == [SIGNED.data, SIGNED.data]
    assert isinstance(found[-1], ToolCallPart) and found[-1].arguments == {"x": 1}


def _same_bytes(data: str) -> str:
    """The client writes base64 in the other alphabet than it read."""
    return data.translate(str.maketrans("-_", "+/"))


@ways
def test_citations_arrive_with_their_places(client: genai.Client, peer: Peer, way: Way) -> None:
    peer.answer = answers.CITED
    [part] = way(client).message.parts
    assert isinstance(part, TextPart) and part.text == answers.CITED.text
    assert [(one.url, one.title, one.start, one.end) for one in part.annotations] == [
        ("https://a.example/bern", "Bern", 0, 20),
        ("https://a.example/rome", "Rome", 21, 30),
    ]


@ways
def test_a_refusal_is_a_text(client: genai.Client, peer: Peer, way: Way) -> None:
    peer.answer = answers.REFUSED
    assert way(client).text == "I will not do that."


@ways
def test_usage_is_counted_once(client: genai.Client, peer: Peer, way: Way) -> None:
    peer.answer = answers.CACHED
    used = way(client).usage
    assert used is not None
    assert (used.input_tokens, used.output_tokens, used.cache_read, used.reasoning) == (100, 30, 60, 12)


def test_the_last_chunk_of_a_stream_holds_the_totals(client: genai.Client, peer: Peer) -> None:
    peer.answer = answers.CACHED
    *_, last = client.models.generate_content_stream(**ASK)
    used = last.usage_metadata
    assert (used.prompt_token_count, used.candidates_token_count, used.thoughts_token_count) == (100, 18, 12)
    assert (used.cached_content_token_count, used.total_token_count) == (60, 130)


class Place(BaseModel):
    city: str
    days: int


def test_structured_output_is_asked_for_and_parsed(client: genai.Client, peer: Peer) -> None:
    peer.answer = answers.JSON
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Place)
    assert client.models.generate_content(**ASK, config=config).parsed == Place(city="Zürich", days=3)
    output = peer.request.output
    assert output is not None and output.kind == "json_schema"
    assert output.schema["properties"]["days"]["type"] == "integer"


def test_functions_are_called_by_the_client_itself(client: genai.Client, peer: Peer) -> None:
    seen: list[str] = []

    def weather(city: str) -> str:
        """The weather somewhere."""
        seen.append(city)
        peer.answer = answers.TEXT
        return "sunny"

    peer.answer = answers.answer(tool_call("call_a", "weather", '{"city":"Bern"}'), kind="tool_call")
    config = types.GenerateContentConfig(tools=[weather])
    assert client.models.generate_content(**ASK, config=config).text == answers.AWKWARD
    assert seen == ["Bern"]
    [result] = peer.request.messages[-1].parts
    assert isinstance(result, ToolCallResponsePart) and (result.id, result.name) == ("call_a", "weather")
    assert "sunny" in result.text


def test_a_chat_sends_its_turns_back_with_their_signatures(client: genai.Client, peer: Peer) -> None:
    call = tool_call("call_a", "f", '{"x":1}', opaque=(SIGNED,))
    peer.answer = answers.answer(TextPart(text="So."), call, kind="tool_call")
    chat = client.chats.create(model="m-1")
    list(chat.send_message_stream("Hi"))
    peer.answer = answers.TEXT
    chat.send_message(types.Part.from_function_response(name="f", response={"y": 2}))
    turn = peer.request.messages[1]
    assert turn.text == "So."
    assert [(part.name, part.arguments) for part in turn.parts if isinstance(part, ToolCallPart)] == [("f", {"x": 1})]
    assert [_same_bytes(one.data) for part in turn.parts for one in part.opaque] == [SIGNED.data]
    assert peer.request.messages[2].role == "tool"


ERRORS: dict[str, tuple[InterlinguaError, type[errors.APIError], str]] = {
    "bad request": (InvalidRequest("contents: no", path="messages[0]"), errors.ClientError, "INVALID_ARGUMENT"),
    "too long": (ContextTooLong("too long", limit=10, estimate=20), errors.ClientError, "INVALID_ARGUMENT"),
    "key": (AuthenticationFailed("who?"), errors.ClientError, "UNAUTHENTICATED"),
    "permission": (PermissionDenied("not you"), errors.ClientError, "PERMISSION_DENIED"),
    "model": (ModelNotFound("no such model"), errors.ClientError, "NOT_FOUND"),
    "rate": (RateLimited("slow down", retry_after=2.5), errors.ClientError, "RESOURCE_EXHAUSTED"),
    "quota": (QuotaExceeded("pay"), errors.ClientError, "RESOURCE_EXHAUSTED"),
    "overloaded": (Overloaded("busy", retry_after=3.0), errors.ServerError, "UNAVAILABLE"),
    "upstream": (UpstreamError("broken"), errors.ServerError, "INTERNAL"),
}


@pytest.mark.parametrize(("error", "theirs", "word"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("way", [whole, streamed])
def test_errors_become_the_exception_of_their_kind(
    client: genai.Client, peer: Peer, error: InterlinguaError, theirs: type[errors.APIError], word: str, way: Way
) -> None:
    peer.answer = error
    with pytest.raises(theirs) as caught:
        way(client)
    found = caught.value
    assert (found.code, found.status) == (error.status, word)
    assert found.message is not None and error.message in found.message
    if isinstance(error, RateLimited | Overloaded):
        assert float(found.response.headers["retry-after"]) == pytest.approx(error.retry_after, abs=0.5)


@pytest.mark.parametrize("way", [streamed, streamed_async])
def test_an_answer_that_breaks_off_raises(client: genai.Client, peer: Peer, way: Way) -> None:
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        PartStart(index=0, part=TextPart(text="So")),
        Failed.of(Overloaded("too many of you")),
    ]
    with pytest.raises(errors.APIError, match="too many of you") as caught:
        way(client)
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
