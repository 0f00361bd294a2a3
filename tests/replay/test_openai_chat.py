"""Recorded chat completions of some thirty hosts against openai_chat; exceptions stand in tables, with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import msgspec
import pytest

from interlingua.dialects import openai_chat
from interlingua.errors import (
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    PermissionDenied,
    RateLimited,
    UpstreamError,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.traits import HostTraits
from interlingua.types.usage import Usage
from tests.replay.traffic import body_of, chunked, exchanges, response_of

REFUSED_REQUESTS = {
    "zai/reqllm-zai-coder-glm-4-5-tool-round-trip-2-8a48a": "a tool result without the id of its call",
    "zai/reqllm-zai-glm-4-5-air-tool-round-trip-2-e9f9c": "a tool result without the id of its call",
    "zai/reqllm-zai-glm-4-5-tool-round-trip-2-0fb79": "a tool result without the id of its call",
    "zai/reqllm-zai-glm-4-6-tool-round-trip-2-69cc6": "a tool result without the id of its call",
}
MEDIA_IN_RESULTS = {  # goes into a user message behind the results, so the second reading differs
    "ollama/rubyllm-chat-string-tool-results-ollama-qwen3-preserves-strings-returned-from-tools-692ac-2",
    "openrouter/rubyllm-chat-string-tool-results-openrouter-claude-haiku-4-5-preserves-strings-returned-from-tools-"
    "ddef0-2",
}
BROKEN_STREAMS = {
    "groq/pydanticai-test-groq-test-tool-use-failed-error-streaming-e4551-1": "an error chunk",
    "groq/reqllm-groq-meta-llama-llama-4-scout-17b-16e-instruct-object-streaming-e5353": "an error chunk",
    "openai/dotnet-chattests-chatwithbasicaudiooutput-dab4a": "no finish_reason",
}
ERRORS_IN_200 = {
    "openrouter/reqllm-openrouter-mistralai-devstral-small-2505-tool-round-trip-2-6554a",
    "openrouter/reqllm-openrouter-mistralai-mistral-small-3-1-24b-instruct-tool-round-trip-2-280be",
}
BY_STATUS: dict[int, tuple[type[InterlinguaError], ...]] = {
    400: (InvalidRequest, ModelNotFound, ContextTooLong, UpstreamError),  # UpstreamError: Groq's tool_use_failed
    401: (AuthenticationFailed,),
    403: (PermissionDenied, ContentFiltered),
    404: (ModelNotFound, InvalidRequest),
    429: (RateLimited,),
    500: (UpstreamError,),
}


def recorded(*, stream: bool | None = None, ok: bool = True) -> list[dict[str, Any]]:
    """Recorded exchanges, answered well or badly, streamed or whole."""
    return [
        exchange
        for exchange in exchanges("openai-chat")
        if (exchange["response"]["status"] < 300) == ok
        and (stream is None or ("sse" in exchange["response"]) == stream)
    ]


def plain() -> TranslationContext:
    return TranslationContext(dialect="openai_chat", seed="replay")


def parsed(stream: bytes, sizes: Iterator[int] | None = None) -> list[Event]:
    """The events of a stream fed in pieces of the given sizes, whole without them."""
    parser = openai_chat.StreamParser(plain())
    pieces = [stream] if sizes is None else chunked(stream, sizes)
    return [*chain.from_iterable(parser.feed(piece) for piece in pieces), *parser.close()]


def rendered(events: list[Event]) -> bytes:
    """The stream that a client would get."""
    renderer = openai_chat.StreamRenderer(plain())
    return b"".join(renderer.render(event) for event in events) + renderer.close()


def compared(response: ChatResponse) -> ChatResponse:
    """A response without what a translation may put into other words: usage as written, vendors' finish words,
    texts in one piece or several."""
    choices = []
    for choice in response.choices:
        finish = FinishReason(choice.finish.kind, "", choice.finish.stop_sequence)
        message = msgspec.structs.replace(choice.message, parts=tuple(joined(choice.message.parts)))
        extra = {key: value for key, value in choice.extra.get("openai_chat", {}).items() if key != "chunk"}
        choices.append(msgspec.structs.replace(choice, finish=finish, message=message, extra=extra))
    usage = response.usage and msgspec.structs.replace(response.usage, raw=None, reported_cost=None)
    created = response.created or None
    return msgspec.structs.replace(
        response, id="", choices=tuple(choices), usage=usage if usage != Usage() else None, created=created, extra={}
    )


def joined(parts: Any) -> list[Any]:
    """Parts in the order of a whole answer, texts of a kind in one piece."""
    texts = [part for part in parts if isinstance(part, TextPart)]
    thoughts = [part for part in parts if isinstance(part, ReasoningPart)]
    others = [
        msgspec.structs.replace(part, raw="{}") if isinstance(part, ToolCallPart) and not part.raw else part
        for part in parts
        if not isinstance(part, TextPart | ReasoningPart)
    ]
    found: list[Any] = []
    if thoughts:
        found.append("".join(part.text for part in thoughts))
        found.append([one.kind for part in thoughts for one in part.opaque])
    if texts:
        found.append("".join(part.text for part in texts))
        found.append([note for part in texts for note in part.annotations])
    return found + others


def host_of(body: dict[str, Any]) -> HostTraits:
    """The traits of a host that takes the spellings of `body`."""
    text = msgspec.json.encode(body["messages"]).decode()
    fields = ("reasoning_details", "reasoning_content", "reasoning")
    field: Any = next((name for name in fields if f'"{name}":' in text), "")
    return HostTraits(
        reasoning_field="content" if '"type":"thinking"' in text else field,
        effort="reasoning" if isinstance(body.get("reasoning"), dict) else "reasoning_effort",
        thinking_switch=next((name for name in ("thinking", "enable_thinking") if name in body), ""),
        cache_field="prompt_cache_breakpoint" if "prompt_cache_breakpoint" in text else "cache_control",
        max_tokens_field="max_tokens" if "max_tokens" in body else "max_completion_tokens",
        seed_field="random_seed" if "random_seed" in body else "seed",
        usage="asked" if (body.get("stream_options") or {}).get("include_usage") else "never",
        video_parts=True,
    )


def accepted_requests() -> list[tuple[str, dict[str, Any]]]:
    """The chat requests that were answered well."""
    found = []
    for exchange in recorded():
        body = (exchange["request"] or {}).get("body")
        if isinstance(body, dict) and "messages" in body and exchange["id"] not in REFUSED_REQUESTS:
            found.append((exchange["id"], body))
    return found


def read(body: bytes) -> ChatRequest:
    return openai_chat.parse_request(WireRequest(body=body), plain())


def test_every_accepted_request_parses_and_stays_the_same_through_rendering() -> None:
    seen = 0
    for name, body in accepted_requests():
        request = read(msgspec.json.encode(body))
        context = TranslationContext(
            dialect="openai_chat", host=host_of(body), on_loss={"setting": "reject", "content": "reject"}
        )
        again = read(openai_chat.render_request(request, context).body)
        assert name in MEDIA_IN_RESULTS or settled(again) == settled(request), name
        seen += 1
    assert seen > 400


def settled(request: ChatRequest) -> ChatRequest:
    """A request without what rendering leaves out: citations in history, names of results, choices among no
    tools, empty turns."""
    messages = []
    for message in request.messages:
        if not message.parts:
            continue
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                parts.append(msgspec.structs.replace(part, annotations=()))
            elif isinstance(part, ToolCallResponsePart):
                parts.append(msgspec.structs.replace(part, name=None))
            else:
                parts.append(part)
        messages.append(msgspec.structs.replace(message, parts=tuple(parts)))
    request = msgspec.structs.replace(request, messages=tuple(messages), include_usage=None)
    return request if request.tools else msgspec.structs.replace(request, tool_choice=None, parallel_tool_calls=None)


@pytest.mark.parametrize("name", sorted(REFUSED_REQUESTS))
def test_a_tool_result_without_an_id_is_refused_by_name(name: str) -> None:
    body = next(one["request"]["body"] for one in recorded() if one["id"] == name)
    with pytest.raises(InvalidRequest, match="tool_call_id"):
        read(msgspec.json.encode(body))


def test_every_whole_answer_parses_and_stays_the_same_through_rendering() -> None:
    seen = 0
    for exchange in recorded(stream=False):
        if exchange["id"] in ERRORS_IN_200:
            continue
        response = openai_chat.parse_response(response_of(exchange), plain())
        again = openai_chat.parse_response(openai_chat.render_response(response, plain()), plain())
        assert compared(again) == compared(response), exchange["id"]
        assert response.message.parts or response.finish.kind in ("length", "content_filter"), exchange["id"]
        seen += 1
    assert seen > 250


def test_a_whole_answer_streamed_to_a_client_is_the_same_answer() -> None:
    for exchange in recorded(stream=False):
        if exchange["id"] in ERRORS_IN_200:
            continue
        response = openai_chat.parse_response(response_of(exchange), plain())
        events = parsed(rendered(list(unfold(response))))
        assert compared(accumulate(events)) == compared(response), exchange["id"]


def test_every_stream_parses_and_stays_the_same_through_rendering() -> None:
    seen = 0
    for exchange in recorded(stream=True):
        events = parsed(body_of(exchange))
        if exchange["id"] in BROKEN_STREAMS:
            assert isinstance(events[-1], Failed), exchange["id"]
            continue
        response = accumulate(events)
        assert all(isinstance(event, MessageEnd) for event in events[-len(response.choices) :]), exchange["id"]
        again = accumulate(parsed(rendered(events)))
        assert compared(again) == compared(response), exchange["id"]
        seen += 1
    assert seen > 180


def test_the_chunking_of_a_recorded_stream_makes_no_difference() -> None:
    for exchange in recorded(stream=True)[::6]:
        stream = body_of(exchange)
        assert parsed(stream, repeat(1)) == parsed(stream, iter([3, 1, 7])) == parsed(stream), exchange["id"]


def test_no_cut_stream_passes_for_a_whole_one() -> None:
    for exchange in recorded(stream=True)[::4]:
        stream = body_of(exchange)
        finish = stream.rfind(b'"finish_reason"')
        events = parsed(stream[: finish * 2 // 3])
        assert isinstance(events[-1], Failed) and events[-1].code == "stream_interrupted", exchange["id"]


def test_every_error_answer_becomes_an_error_of_a_sensible_class() -> None:
    for exchange in recorded(ok=False):
        status = exchange["response"]["status"]
        error = openai_chat.parse_error(response_of(exchange), plain())
        assert isinstance(error, BY_STATUS[status]), (exchange["id"], error)
        assert error.message, exchange["id"]


def test_an_error_under_200_is_raised() -> None:
    for exchange in recorded(stream=False):
        if exchange["id"] in ERRORS_IN_200:
            with pytest.raises(UpstreamError):
                openai_chat.parse_response(response_of(exchange), plain())
