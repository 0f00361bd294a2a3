"""Whatever comes: a typed error or an answer, never an exception of another kind."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.dialects import ollama
from interlingua.errors import InterlinguaError, InvalidRequest, UpstreamError
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import Accumulator, accumulate, unfold
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from tests.dialects.ollama.wire import context, lenient, parsed, raw_stream, written
from tests.strategies import requests, responses

KEYS = st.sampled_from(
    [
        *("model", "messages", "message", "role", "content", "images", "thinking", "tool_calls", "function", "name"),
        *("arguments", "tools", "options", "stop", "format", "think", "done", "done_reason", "created_at", "error"),
        *("logprobs", "token", "eval_count", "response", "prompt", "num_predict", "temperature", "code", "retry_after"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from(["", "user", "tool", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5).map(msgspec.json.encode)


@given(OBJECTS | st.binary(max_size=30), st.sampled_from(["/api/chat", "/api/generate"]))
@settings(max_examples=200)
def test_any_request_is_read_or_refused(body: bytes, path: str) -> None:
    try:
        request = ollama.parse_request(WireRequest(path=path, body=body), context())
    except InvalidRequest as error:
        assert error.message
    else:
        assert ollama.render_request(request, lenient()).body


@given(OBJECTS | st.binary(max_size=30))
@settings(max_examples=200)
def test_any_answer_is_read_or_an_upstream_error(body: bytes) -> None:
    try:
        found = ollama.parse_response(WireResponse(body=body), context())
    except UpstreamError as error:
        assert error.message
    except InterlinguaError as error:
        assert b'"error"' in body and error.message
    else:
        assert ollama.render_response(found, context()).body


@given(st.lists(OBJECTS, max_size=3))
@settings(max_examples=200)
def test_any_stream_ends_in_an_end_or_a_failure(bodies: list[bytes]) -> None:
    accumulator = Accumulator()
    for event in parsed(b"\n".join(bodies)):
        accumulator.add(event)
    assert accumulator.complete or accumulator.failed is not None


@given(requests)
@settings(max_examples=100)
def test_any_canonical_request_is_written_and_read_again(request: ChatRequest) -> None:
    body = written(request, lenient())
    again = ollama.parse_request(WireRequest(path="/api/chat", body=msgspec.json.encode(body)), context())
    assert written(again, lenient())["messages"] == body["messages"]


@given(responses())
@settings(max_examples=100)
def test_any_answer_streamed_and_whole_is_the_same_for_a_client(response: ChatResponse) -> None:
    whole = ollama.parse_response(ollama.render_response(response, lenient()), context())
    streamed = accumulate(parsed(raw_stream(list(unfold(response)), lenient())))
    assert streamed.text == whole.text and streamed.usage == whole.usage and streamed.model == whole.model
    assert streamed.finish == whole.finish and streamed.created == whole.created
