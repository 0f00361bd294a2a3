from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import openai
import pytest
from pydantic import BaseModel

from interlingua.errors import (
    AuthenticationFailed,
    Conflict,
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
from interlingua.types.events import Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart
from interlingua.types.parts import BlobPart, TextPart, ToolCallPart, tool_call
from interlingua.types.response import ChatResponse, FinishKind, FinishReason, TokenLogprob
from interlingua.wire.sse import render_comment
from tests.sdks import answers
from tests.sdks.answers import PLAIN, essence, read_back
from tests.sdks.server import Peer

ASK: dict[str, Any] = {"model": "m-1", "messages": [{"role": "user", "content": "Hi"}]}
USAGE = {"stream_options": {"include_usage": True}}
OPTIONS: dict[str, Any] = {"api_key": "k", "max_retries": 0, "_strict_response_validation": True}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", **OPTIONS) as client:
        yield client


def whole(client: openai.OpenAI, **more: Any) -> str:
    return str(client.chat.completions.create(**ASK, **more).to_json())


def streamed(client: openai.OpenAI, **more: Any) -> str:
    with client.chat.completions.stream(**ASK, **USAGE, **more) as stream:
        return str(stream.until_done().current_completion_snapshot.to_json())


def streamed_async(client: openai.OpenAI, **more: Any) -> str:
    async def run() -> str:
        other = openai.AsyncOpenAI(base_url=str(client.base_url), **OPTIONS)
        async with other, other.chat.completions.stream(**ASK, **USAGE, **more) as stream:
            return str((await stream.until_done()).current_completion_snapshot.to_json())

    return asyncio.run(run())


Way = Callable[..., str]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
SAID = PLAIN | {
    "reasoning": answers.THOUGHT,
    "a refusal": answers.REFUSED,
    "citations": answers.CITED,
    "several choices": answers.TWO_CHOICES,
    "cached tokens": answers.CACHED,
    "filtered": answers.FILTERED,
}


@ways
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_was_said(client: openai.OpenAI, peer: Peer, way: Way, said: ChatResponse) -> None:
    peer.answer = said
    assert essence(read_back("openai_chat", way(client))) == essence(said)


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
    found = read_back("openai_chat", streamed(client)).message.parts
    assert [(one.id, one.raw) for one in found if isinstance(one, ToolCallPart)] == [(c.id, c.raw) for c in calls]


def test_citations_and_images_that_come_one_by_one_arrive_intact(client: openai.OpenAI, peer: Peer) -> None:
    images = tuple(BlobPart(modality="image", mime_type="image/png", content=one) for one in ("AAAA", "BBBB"))
    said = answers.answer(*answers.CITED.message.parts, *images)
    peer.answer = said
    assert essence(read_back("openai_chat", streamed(client))) == essence(said)


def test_choices_that_begin_out_of_order_keep_their_places(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        *(PartStart(index=0, part=TextPart(text=f"Answer {i}"), choice=i) for i in (2, 0, 1)),
        *(PartEnd(index=0, choice=i) for i in range(3)),
        *(MessageEnd(finish=FinishReason("stop", "stop"), choice=i) for i in range(3)),
    ]
    found = read_back("openai_chat", streamed(client, n=3))
    assert [(one.index, one.message.text) for one in found.choices] == [(i, f"Answer {i}") for i in range(3)]
    assert peer.request.n == 3


class Place(BaseModel):
    city: str
    days: int


def test_structured_output_is_asked_for_and_parsed(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.JSON
    parsed = client.chat.completions.parse(**ASK, response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Zürich", days=3)
    output = peer.request.output
    assert output is not None and (output.kind, output.name, output.strict) == ("json_schema", "Place", True)
    assert set(output.schema["properties"]) == {"city", "days"}
    with client.chat.completions.stream(**ASK, response_format=Place) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == Place(city="Zürich", days=3)


def test_calls_of_strict_tools_are_parsed_into_their_types(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.answer(tool_call("c", "Place", '{"city":"Bern","days":1}'), kind="tool_call")
    tools = [openai.pydantic_function_tool(Place)]
    for message in (
        client.chat.completions.parse(**ASK, tools=tools).choices[0].message,
        _final(client, tools=tools).choices[0].message,
    ):
        assert message.tool_calls[0].function.parsed_arguments == Place(city="Bern", days=1)


def _final(client: openai.OpenAI, **more: Any) -> Any:
    with client.chat.completions.stream(**ASK, **more) as stream:
        return stream.get_final_completion()


@pytest.mark.parametrize(
    ("kind", "error"),
    [("length", openai.LengthFinishReasonError), ("content_filter", openai.ContentFilterFinishReasonError)],
)
def test_an_answer_that_was_cut_is_not_parsed(
    client: openai.OpenAI, peer: Peer, kind: FinishKind, error: type[Exception]
) -> None:
    peer.answer = answers.answer(TextPart(text='{"city":"Zü'), kind=kind)
    with pytest.raises(error):
        client.chat.completions.parse(**ASK, response_format=Place)
    with pytest.raises(error):
        _final(client, response_format=Place)


def test_token_probabilities_arrive_with_their_alternatives(client: openai.OpenAI, peer: Peer) -> None:
    spoken = (TokenLogprob("A", -0.1, (65,), (TokenLogprob("A", -0.1, (65,)), TokenLogprob("B", -2.5, (66,)))),)
    [choice] = answers.answer(TextPart(text="A")).choices
    peer.answer = msgspec.structs.replace(answers.TEXT, choices=(msgspec.structs.replace(choice, logprobs=spoken),))
    for way in (whole, streamed):
        assert read_back("openai_chat", way(client, logprobs=True, top_logprobs=2)).choices[0].logprobs == spoken
    assert (peer.request.logprobs, peer.request.top_logprobs) == (True, 2)


def test_usage_comes_only_where_it_was_asked_for(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer = answers.TEXT
    assert all(chunk.usage is None for chunk in client.chat.completions.create(**ASK, stream=True))
    used = [chunk.usage for chunk in client.chat.completions.create(**ASK, stream=True, **USAGE)]
    assert [one.total_tokens for one in used if one] == [70]


ERRORS: dict[str, tuple[InterlinguaError, type[openai.APIStatusError]]] = {
    "bad request": (InvalidRequest("messages[0]: no", path="messages[0]"), openai.BadRequestError),
    "too long": (ContextTooLong("too long", limit=10, estimate=20), openai.BadRequestError),
    "key": (AuthenticationFailed("who?"), openai.AuthenticationError),
    "permission": (PermissionDenied("not you"), openai.PermissionDeniedError),
    "model": (ModelNotFound("no such model"), openai.NotFoundError),
    "conflict": (Conflict("meanwhile"), openai.ConflictError),
    "rate": (RateLimited("slow down", retry_after=2.5), openai.RateLimitError),
    "quota": (QuotaExceeded("pay"), openai.RateLimitError),
    "overloaded": (Overloaded("busy", retry_after=3.0), openai.InternalServerError),
    "upstream": (UpstreamError("broken"), openai.InternalServerError),
}


@pytest.mark.parametrize(("error", "theirs"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_become_the_exception_of_their_kind(
    client: openai.OpenAI, peer: Peer, error: InterlinguaError, theirs: type[openai.APIStatusError], stream: bool
) -> None:
    peer.answer = error
    with pytest.raises(theirs) as caught:
        client.chat.completions.create(**ASK, stream=stream)
    assert error.message in caught.value.message
    assert caught.value.status_code == error.status
    assert caught.value.type and isinstance(caught.value.code, str | None)
    if isinstance(error, RateLimited | Overloaded):
        assert float(caught.value.response.headers["retry-after"]) == pytest.approx(error.retry_after, abs=0.5)


@pytest.mark.parametrize("way", [streamed, streamed_async])
def test_an_answer_that_breaks_off_raises(client: openai.OpenAI, peer: Peer, way: Way) -> None:
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        PartStart(index=0, part=TextPart(text="So")),
        Failed.of(Overloaded("too many of you")),
    ]
    with pytest.raises(openai.APIError, match="too many of you") as caught:
        way(client)
    assert caught.value.code == "overloaded"


def test_heartbeats_disturb_nobody(client: openai.OpenAI, peer: Peer) -> None:
    peer.answer, peer.comments = answers.CALLED_TWICE, render_comment("keep-alive")
    assert essence(read_back("openai_chat", streamed(client))) == essence(answers.CALLED_TWICE)
