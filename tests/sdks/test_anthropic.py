from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import msgspec
import pytest
from pydantic import BaseModel

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
from interlingua.types.events import Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
)
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.usage import Usage
from interlingua.wire.sse import render_sse
from tests.sdks import answers
from tests.sdks.answers import PLAIN, essence, read_back
from tests.sdks.server import Peer

ID = "anthropic_messages"
ASK: dict[str, Any] = {"model": "m-1", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
OPTIONS: dict[str, Any] = {"api_key": "k", "max_retries": 0, "_strict_response_validation": True}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=running.url, **OPTIONS) as client:
        yield client


def whole(client: anthropic.Anthropic, **more: Any) -> str:
    return str(client.messages.create(**ASK, **more).to_json())


def streamed(client: anthropic.Anthropic, **more: Any) -> str:
    with client.messages.stream(**ASK, **more) as stream:
        return str(stream.get_final_message().to_json())


def streamed_async(client: anthropic.Anthropic, **more: Any) -> str:
    async def run() -> str:
        other = anthropic.AsyncAnthropic(base_url=str(client.base_url), **OPTIONS)
        async with other, other.messages.stream(**ASK, **more) as stream:
            return str((await stream.get_final_message()).to_json())

    return asyncio.run(run())


Way = Callable[..., str]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
SIGNED = ReasoningPart(text="Hm, hm.", opaque=(Opaque(f"{ID}.signature", "EqQBCg=="),))
REDACTED = ReasoningPart(opaque=(Opaque(f"{ID}.redacted_thinking", "EmwKAhgB"),))
LOOKED_UP = answers.answer(
    ServerToolCallPart(
        id="srvtoolu_1",
        name="web_search",
        dialect=ID,
        raw='{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}',
    ),
    ServerToolCallResponsePart(
        id="srvtoolu_1",
        name="web_search",
        dialect=ID,
        raw='{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}',
    ),
    TextPart(text="Found nothing."),
    usage=Usage(input_tokens=5, output_tokens=6, server_tool_requests={"web_search": 1}),
)
SAID = PLAIN | {
    "reasoning": answers.answer(SIGNED, TextPart(text="Spoken.")),
    "redacted reasoning": answers.answer(SIGNED, REDACTED, TextPart(text="Spoken.")),
    "cached tokens": answers.answer(
        TextPart(text="Cheap."),
        usage=Usage(input_tokens=100, output_tokens=30, cache_read=60, cache_creation=30, reasoning=12),
    ),
    "a stop sequence": answers.answer(TextPart(text="Until"), kind="stop_sequence", stop_sequence="END"),
    "a pause": answers.answer(TextPart(text="Wait"), kind="pause"),
    "a server's tool": LOOKED_UP,
}


@ways
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_was_said(client: anthropic.Anthropic, peer: Peer, way: Way, said: ChatResponse) -> None:
    peer.answer = said
    found = read_back(ID, way(client))
    if said.usage is None:  # the format demands figures
        found = msgspec.structs.replace(found, usage=None)
    assert essence(found) == essence(said)


@ways
def test_reasoning_keeps_its_state(client: anthropic.Anthropic, peer: Peer, way: Way) -> None:
    peer.answer = SAID["redacted reasoning"]
    found = read_back(ID, way(client)).message.parts
    assert [part.opaque for part in found] == [SIGNED.opaque, REDACTED.opaque, ()]


@ways
def test_a_refusal_is_a_text_and_a_stop_reason(client: anthropic.Anthropic, peer: Peer, way: Way) -> None:
    peer.answer = answers.REFUSED
    found = read_back(ID, way(client))
    assert (found.text, found.finish.kind) == ("I will not do that.", "refusal")


@ways
def test_citations_of_other_formats_arrive_as_search_results(client: anthropic.Anthropic, peer: Peer, way: Way) -> None:
    peer.answer = answers.CITED
    [part] = read_back(ID, way(client)).message.parts
    assert isinstance(part, TextPart)
    assert [(one.url, one.title) for one in part.annotations] == [
        ("https://a.example/bern", "Bern"),
        ("https://a.example/rome", "Rome"),
    ]


@ways
def test_citations_arrive_in_their_own_words(client: anthropic.Anthropic, peer: Peer, way: Way) -> None:
    raw = {
        "type": "char_location",
        "cited_text": "Bern",
        "document_index": 0,
        "document_title": "Cities",
        "start_char_index": 3,
        "end_char_index": 7,
    }
    cited = Annotation(kind="document", title="Cities", cited_text="Bern", dialect=ID, raw=raw)
    peer.answer = answers.answer(TextPart(text="It is Bern.", annotations=(cited, cited)))
    [part] = read_back(ID, way(client)).message.parts
    assert isinstance(part, TextPart) and part.text == "It is Bern."
    assert [{k: v for k, v in one.raw.items() if v is not None} for one in part.annotations] == [raw, raw]


def test_calls_whose_arguments_interleave_arrive_one_after_the_other(client: anthropic.Anthropic, peer: Peer) -> None:
    calls = (answers.CALL, answers.OTHER_CALL)
    pieces = [(0, calls[0].raw[:9]), (1, calls[1].raw[:4]), (0, calls[0].raw[9:]), (1, calls[1].raw[4:])]
    empty = [msgspec.structs.replace(call, raw="", arguments={}) for call in calls]
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        *(PartStart(index=i, part=part) for i, part in enumerate(empty)),
        *(PartDelta(index=i, text=text) for i, text in pieces),
        *(PartEnd(index=i) for i in range(2)),
        MessageEnd(finish=FinishReason("tool_call", "")),
    ]
    found = read_back(ID, streamed(client)).message.parts
    assert [part.arguments for part in found if isinstance(part, ToolCallPart)] == [call.arguments for call in calls]


def test_usage_that_comes_in_two_parts_is_counted_once(client: anthropic.Anthropic, peer: Peer) -> None:
    first = Usage(
        input_tokens=100,
        output_tokens=1,
        cache_read=60,
        cache_creation=30,
        cache_creation_by_ttl={"5m": 10, "1h": 20},
    )
    last = msgspec.structs.replace(first, output_tokens=20)
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        UsageUpdate(usage=first),
        PartStart(index=0, part=TextPart(text="Hi")),
        PartEnd(index=0),
        UsageUpdate(usage=last),
        MessageEnd(finish=FinishReason("stop", "")),
    ]
    found = read_back(ID, streamed(client)).usage
    assert found is not None and msgspec.structs.replace(found, raw=None) == last


class Place(BaseModel):
    city: str
    days: int


def test_structured_output_is_asked_for_and_parsed(client: anthropic.Anthropic, peer: Peer) -> None:
    peer.answer = answers.JSON
    assert client.messages.parse(**ASK, output_format=Place).parsed_output == Place(city="Zürich", days=3)
    output = peer.request.output
    assert output is not None and output.kind == "json_schema"
    assert set(output.schema["properties"]) == {"city", "days"}
    with client.messages.stream(**ASK, output_format=Place) as stream:
        assert stream.get_final_message().parsed_output == Place(city="Zürich", days=3)


def test_the_tool_runner_calls_and_answers(client: anthropic.Anthropic, peer: Peer) -> None:
    seen: list[str] = []

    def weather(city: str) -> str:
        """The weather.

        Args:
            city: where.
        """
        seen.append(city)
        peer.answer = answers.TEXT
        return "sunny"

    peer.answer = answers.answer(msgspec.structs.replace(answers.CALL, raw='{"city":"Bern"}'), kind="tool_call")
    runner = client.beta.messages.tool_runner(**ASK, tools=[anthropic.beta_tool(weather)])
    assert runner.until_done().content[0].text == answers.AWKWARD
    assert seen == ["Bern"]
    [result] = peer.request.messages[-1].parts
    assert isinstance(result, ToolCallResponsePart) and result.text == "sunny"


ERRORS: dict[str, tuple[InterlinguaError, type[anthropic.APIStatusError]]] = {
    "bad request": (InvalidRequest("messages[0]: no", path="messages[0]"), anthropic.BadRequestError),
    "too long": (ContextTooLong("too long", limit=10, estimate=20), anthropic.BadRequestError),
    "key": (AuthenticationFailed("who?"), anthropic.AuthenticationError),
    "permission": (PermissionDenied("not you"), anthropic.PermissionDeniedError),
    "model": (ModelNotFound("no such model"), anthropic.NotFoundError),
    "rate": (RateLimited("slow down", retry_after=2.5), anthropic.RateLimitError),
    "quota": (QuotaExceeded("pay"), anthropic.APIStatusError),
    "overloaded": (Overloaded("busy", retry_after=3.0), anthropic.APIStatusError),
    "upstream": (UpstreamError("broken"), anthropic.InternalServerError),
}


@pytest.mark.parametrize(("error", "theirs"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_become_the_exception_of_their_kind(
    client: anthropic.Anthropic, peer: Peer, error: InterlinguaError, theirs: type[Exception], stream: bool
) -> None:
    peer.answer = error
    with pytest.raises(theirs) as caught:
        client.messages.create(**ASK, stream=stream)
    found = caught.value
    assert isinstance(found, anthropic.APIStatusError) and isinstance(found.body, dict)
    assert error.message in found.body["error"]["message"] and found.body["type"] == "error"
    if isinstance(error, RateLimited | Overloaded):
        assert float(found.response.headers["retry-after"]) == pytest.approx(error.retry_after, abs=0.5)


@pytest.mark.parametrize("way", [streamed, streamed_async])
def test_an_answer_that_breaks_off_raises(client: anthropic.Anthropic, peer: Peer, way: Way) -> None:
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        PartStart(index=0, part=TextPart(text="So")),
        Failed.of(Overloaded("too many of you")),
    ]
    with pytest.raises(anthropic.APIStatusError, match="too many of you") as caught:
        way(client)
    assert "overloaded_error" in str(caught.value)


def test_heartbeats_disturb_nobody(client: anthropic.Anthropic, peer: Peer) -> None:
    peer.answer, peer.comments = answers.CALLED_TWICE, render_sse('{"type":"ping"}', "ping")
    assert essence(read_back(ID, streamed(client))) == essence(answers.CALLED_TWICE)
