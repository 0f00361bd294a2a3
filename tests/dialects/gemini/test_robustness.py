"""Whatever comes in, only typed errors come out."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import gemini
from interlingua.errors import InterlinguaError, InvalidRequest, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import unfold
from interlingua.types.events import Failed, MessageEnd
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from tests.strategies import requests, responses

_WORDS = (
    "candidates content parts text functionCall functionResponse name args response id index finishReason inlineData"
    " data mimeType fileData fileUri thought thoughtSignature partialArgs jsonPath stringValue willContinue"
    " usageMetadata promptTokenCount totalTokenCount promptFeedback blockReason responseId groundingMetadata"
    " groundingChunks groundingSupports segment citationMetadata citations logprobsResult chosenCandidates error"
    " contents role tools functionDeclarations parameters toolConfig functionCallingConfig mode generationConfig"
    " thinkingConfig thinkingLevel responseSchema responseMimeType labels executableCode mediaResolution level"
)
KEYS = _WORDS.split()
wild: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "model", "user", "STOP", "3", "$.a", "AUTO"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@st.composite
def answers(draw: st.DrawFn) -> Json:
    """Something that begins like an answer, so that the depths are reached."""
    part = st.dictionaries(st.sampled_from(KEYS), wild, max_size=3)
    candidate = draw(st.dictionaries(st.sampled_from(KEYS), wild, max_size=3))
    return {"candidates": [{"content": {"parts": draw(st.lists(part, max_size=3))}} | candidate]} | draw(
        st.dictionaries(st.sampled_from(KEYS), wild, max_size=2)
    )


def context() -> TranslationContext:
    return TranslationContext(dialect="gemini", on_loss={"setting": "warn", "content": "warn"})


@given(wild | answers())
def test_an_answer_is_read_or_is_an_upstream_error(body: Json) -> None:
    response = WireResponse(body=msgspec.json.encode(body))
    try:
        found = gemini.parse_response(response, context())
    except InterlinguaError as error:
        assert isinstance(error, UpstreamError) or "error" in body
        return
    assert gemini.render_response(found, context()).status == 200


@given(st.lists(wild | answers(), max_size=3))
def test_a_stream_ends_in_an_end_or_a_failure(chunks: list[Json]) -> None:
    parser = gemini.StreamParser(context())
    events = parser.feed(b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks))
    events += parser.close()
    assert isinstance(events[-1], MessageEnd | Failed)


@given(wild | st.fixed_dictionaries({"contents": wild}, optional={"tools": wild, "generationConfig": wild}))
def test_a_request_is_read_or_is_refused(body: Json) -> None:
    try:
        request = gemini.parse_request(WireRequest(body=msgspec.json.encode(body)), context())
    except InvalidRequest as refused:
        assert refused.message
        return
    assert isinstance(request, ChatRequest)


@given(requests)
def test_any_request_is_written_or_refused(request: ChatRequest) -> None:
    try:
        wire = gemini.render_request(request, context())
    except InvalidRequest as refused:
        assert "answers no tool call" in refused.message
        return
    assert msgspec.json.decode(wire.body)["contents"]


@given(responses())
def test_any_answer_is_written_whole_and_as_a_stream(response: ChatResponse) -> None:
    assert msgspec.json.decode(gemini.render_response(response, context()).body)["candidates"]
    renderer = gemini.StreamRenderer(context())
    data = b"".join(renderer.render(event) for event in unfold(response))
    parser = gemini.StreamParser(context())
    assert isinstance([*parser.feed(data), *parser.close()][-1], MessageEnd)


def test_citations_that_are_no_list_are_passed_over() -> None:
    """Twice, because the lists of two pieces are joined."""
    piece = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "citationMetadata": {"citations": 7}}]}
    stream = b"data: " + msgspec.json.encode(piece) + b"\n\n"
    events = gemini.StreamParser(context()).feed(stream + stream)
    assert not any(isinstance(event, Failed) for event in events)


def test_pieces_that_are_nested_without_end_are_a_failure_of_the_provider() -> None:
    (event,) = gemini.StreamParser(context()).feed(b"data: " + b"[" * 5000 + b"\n\n")
    assert isinstance(event, Failed)
