from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import openai
import pytest
from pydantic import BaseModel

from interlingua.errors import AuthenticationFailed, InterlinguaError, InvalidRequest, Overloaded, RateLimited
from interlingua.types.events import Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart
from interlingua.types.opaque import Opaque
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallPart, tool_call
from interlingua.types.response import ChatResponse, FinishReason, TokenLogprob
from interlingua.wire.sse import render_comment
from tests.sdks import answers
from tests.sdks.answers import PLAIN, essence, read_back
from tests.sdks.server import Peer

ASK: dict[str, Any] = {"model": "m-1", "input": "Hi"}
OPTIONS: dict[str, Any] = {"api_key": "k", "max_retries": 0, "_strict_response_validation": True}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", **OPTIONS) as client:
        yield client


def whole(client: openai.OpenAI, **more: Any) -> str:
    return str(client.responses.create(**ASK, **more).to_json())


TERMINAL = ("response.completed", "response.incomplete")


def streamed(client: openai.OpenAI, **more: Any) -> str:
    with client.responses.stream(**ASK, **more) as stream:
        [end] = [event for event in stream if event.type in TERMINAL]
        return str(end.response.to_json())


def streamed_async(client: openai.OpenAI, **more: Any) -> str:
    async def run() -> str:
        other = openai.AsyncOpenAI(base_url=str(client.base_url), **OPTIONS)
        async with other, other.responses.stream(**ASK, **more) as stream:
            [end] = [event async for event in stream if event.type in TERMINAL]
            return str(end.response.to_json())

    return asyncio.run(run())


Way = Callable[..., str]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
SAID = PLAIN | {
    "reasoning": answers.THOUGHT,
    "a refusal": answers.REFUSED,
    "citations": answers.CITED,
    "cached tokens": answers.CACHED,
    "filtered": answers.FILTERED,
    "a custom call": answers.answer(tool_call("c", "g", "free\ntext", custom=True), kind="tool_call"),
}


@ways
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_was_said(client: openai.OpenAI, peer: Peer, way: Way, said: ChatResponse) -> None:
    peer.answer = said
    assert essence(read_back("openai_responses", way(client))) == essence(said)


def test_what_the_stream_helper_gathers_is_what_the_terminal_event_says(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.CALLED_TWICE
    with client.responses.stream(**ASK) as stream:
        events = list(stream)
        final = stream.get_final_response()
    texts = [event.snapshot for event in events if event.type == "response.output_text.delta"]
    arguments = {e.item_id: e.snapshot for e in events if e.type == "response.function_call_arguments.delta"}
    calls = [item for item in final.output if item.type == "function_call"]
    assert texts[-1] == final.output_text == "Let me see."
    assert arguments == {item.id: item.arguments for item in calls}
    assert [item.arguments for item in calls] == [answers.CALL.raw, answers.OTHER_CALL.raw]
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_parallel_calls_whose_arguments_interleave_arrive_intact(client: openai.OpenAI, peer: Peer) -> None:
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
    found = read_back("openai_responses", streamed(client)).message.parts
    assert [(one.id, one.raw) for one in found if isinstance(one, ToolCallPart)] == [(c.id, c.raw) for c in calls]


@ways
def test_reasoning_keeps_its_state(client: openai.OpenAI, peer: Peer, way: Way) -> None:
    state = Opaque("openai_responses.encrypted_content", "gAAAA_secret==")
    said = answers.answer(ReasoningPart(text="A summary.", summary=True, opaque=(state,)), TextPart(text="So."))
    peer.answer = said
    found = read_back("openai_responses", way(client))
    assert essence(found) == essence(said)
    assert state in found.message.parts[0].opaque


class Place(BaseModel):
    city: str
    days: int


def test_structured_output_is_asked_for_and_parsed(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.JSON
    assert client.responses.parse(**ASK, text_format=Place).output_parsed == Place(city="Zürich", days=3)
    output = peer.request.output
    assert output is not None and (output.kind, output.name, output.strict) == ("json_schema", "Place", True)
    assert set(output.schema["properties"]) == {"city", "days"}
    with client.responses.stream(**ASK, text_format=Place) as stream:
        assert stream.get_final_response().output_parsed == Place(city="Zürich", days=3)


def test_calls_of_typed_tools_are_parsed_into_their_types(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.answer(tool_call("c", "Place", '{"city":"Bern","days":1}'), kind="tool_call")
    tools = [openai.pydantic_function_tool(Place)]
    [call] = client.responses.parse(**ASK, tools=tools).output
    assert call.parsed_arguments == Place(city="Bern", days=1)
    with client.responses.stream(**ASK, tools=tools) as stream:
        assert stream.get_final_response().output[0].arguments == call.arguments


@ways
def test_token_probabilities_arrive_with_their_alternatives(client: openai.OpenAI, peer: Peer, way: Way) -> None:
    spoken = (TokenLogprob("A", -0.1, (65,), (TokenLogprob("A", -0.1, (65,)), TokenLogprob("B", -2.5, (66,)))),)
    [choice] = answers.answer(TextPart(text="A")).choices
    peer.answer = msgspec.structs.replace(answers.TEXT, choices=(msgspec.structs.replace(choice, logprobs=spoken),))
    found = read_back("openai_responses", way(client, include=["message.output_text.logprobs"], top_logprobs=2))
    assert found.choices[0].logprobs == spoken
    assert (peer.request.logprobs, peer.request.top_logprobs) == (True, 2)


ERRORS: dict[str, tuple[InterlinguaError, type[openai.APIStatusError]]] = {
    "bad request": (InvalidRequest("input[0]: no", path="messages[0]"), openai.BadRequestError),
    "key": (AuthenticationFailed("who?"), openai.AuthenticationError),
    "rate": (RateLimited("slow down", retry_after=2.5), openai.RateLimitError),
    "overloaded": (Overloaded("busy"), openai.InternalServerError),
}


@pytest.mark.parametrize(("error", "theirs"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_become_the_exception_of_their_kind(
    client: openai.OpenAI, peer: Peer, error: InterlinguaError, theirs: type[openai.APIStatusError], stream: bool
) -> None:
    peer.answer = error
    with pytest.raises(theirs) as caught:
        client.responses.create(**ASK, stream=stream)
    assert error.message in caught.value.message
    if isinstance(error, RateLimited):
        assert float(caught.value.response.headers["retry-after"]) == pytest.approx(2.5, abs=0.5)


@pytest.mark.parametrize("way", [streamed, streamed_async])
def test_an_answer_that_breaks_off_raises(client: openai.OpenAI, peer: Peer, way: Way) -> None:
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        PartStart(index=0, part=TextPart(text="So")),
        Failed.of(Overloaded("too many of you")),
    ]
    with pytest.raises(openai.APIError, match="too many of you"):
        way(client)


def test_heartbeats_disturb_nobody(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer, peer.comments = answers.CALLED_TWICE, render_comment("keep-alive")
    assert essence(read_back("openai_responses", streamed(client))) == essence(answers.CALLED_TWICE)
