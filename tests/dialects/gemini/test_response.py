"""Whole answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from interlingua.dialects import gemini
from interlingua.dialects.gemini.schema import FINISH_KINDS, ID, SIGNATURE
from interlingua.errors import Overloaded, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    Annotation,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.usage import Usage
from tests.dialects.gemini.strategies import responses


def context(**more: Any) -> TranslationContext:
    return TranslationContext(dialect="gemini", seed="test", **more)


def parse(body: dict[str, Any], surroundings: TranslationContext | None = None) -> ChatResponse:
    return gemini.parse_response(WireResponse(body=msgspec.json.encode(body)), surroundings or context())


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", **more}


def answer(*parts: Part, finish: FinishReason | None = None, **more: Any) -> ChatResponse:
    said = Message(role="assistant", parts=parts)
    return ChatResponse(
        id="r", model="m", choices=(Choice(message=said, finish=finish or FinishReason("stop", "stop")),), **more
    )


def render(response: ChatResponse, surroundings: TranslationContext | None = None) -> dict[str, Any]:
    wire = gemini.render_response(response, surroundings or context())
    assert wire.status == 200
    body: dict[str, Any] = msgspec.json.decode(wire.body)
    return body


@given(responses())
def test_what_the_format_can_express_survives_being_written_and_read(response: ChatResponse) -> None:
    surroundings = context()
    assert gemini.parse_response(gemini.render_response(response, surroundings), context()) == response
    assert surroundings.losses == []


def test_every_kind_of_part_is_read() -> None:
    origin = Origin("p", "gemini", "m")
    surroundings = context(origin=origin)
    found = parse(
        {
            "candidates": [
                candidate(
                    {"text": "hm", "thought": True},
                    {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                    {"toolCall": {"id": "t", "tool_type": "FILE_SEARCH", "args": {}}},
                    {"text": ""},
                    {"text": "so"},
                    {"functionCall": {"name": "f", "id": "8xju7mua", "args": {"a": 1}}},
                    {"functionCall": {"name": "g"}},
                    {"laterKind": {"x": 1}},
                )
            ],
            "responseId": "r",
            "modelVersion": "m-1",
            "createTime": "2026-04-02T17:03:50.399550123Z",
        },
        surroundings,
    )
    parts = found.message.parts
    assert parts[0] == ReasoningPart(text="hm", summary=True)
    assert parts[1] == ServerToolCallPart(
        id="gemini_server_1",
        name="code_execution",
        dialect=ID,
        raw='{"executableCode":{"language":"PYTHON","code":"1"}}',
        opaque=(Opaque(SIGNATURE, "c2ln", origin),),
    )
    assert isinstance(parts[2], ServerToolCallResponsePart) and parts[2].id == "gemini_server_1"
    assert isinstance(parts[3], ServerToolCallPart) and (parts[3].id, parts[3].name) == ("t", "FILE_SEARCH")
    assert parts[4] == TextPart(text="so")
    assert parts[5] == tool_call("8xju7mua", "f", '{"a":1}', extra={ID: {"id": "8xju7mua"}})
    assert isinstance(parts[6], ToolCallPart) and parts[6].id.startswith("call_") and parts[6].raw == "{}"
    assert parts[7] == OpaquePart(dialect=ID, kind="laterKind", raw='{"laterKind":{"x":1}}')
    assert found.finish == FinishReason("tool_call", "STOP")
    assert (found.id, found.model, found.created) == ("r", "m-1", 1775149430)
    assert found.message.origin == origin


@pytest.mark.parametrize(("word", "kind"), sorted(FINISH_KINDS.items()))
def test_finish_reasons_are_known_and_come_back_as_they_were(word: str, kind: str) -> None:
    found = parse({"candidates": [{"finishReason": word}]})
    assert found.finish == FinishReason(FINISH_KINDS[word], word) and kind == found.finish.kind
    assert render(found)["candidates"][0]["finishReason"] == word


@pytest.mark.parametrize(
    ("kind", "raw", "word"),
    [
        ("tool_call", "tool_use", "STOP"),
        ("stop", "end_turn", "STOP"),
        ("stop_sequence", "x", "STOP"),
        ("refusal", "refusal", "SAFETY"),
        ("pause", "pause_turn", "MAX_TOKENS"),
        ("error", "failed", "OTHER"),
    ],
)
def test_finish_reasons_of_others_have_a_word_here(kind: Any, raw: str, word: str) -> None:
    assert render(answer(finish=FinishReason(kind, raw)))["candidates"][0]["finishReason"] == word


def test_an_unknown_finish_reason_is_no_success() -> None:
    assert parse({"candidates": [candidate({"text": "a"}, finishReason="LATER")]}).finish.kind == "error"


def test_a_blocked_prompt_is_an_answer_that_a_filter_ended() -> None:
    body = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []},
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
        "modelVersion": "m",
        "responseId": "r",
    }
    found = parse(body)
    assert found.finish == FinishReason("content_filter", "PROHIBITED_CONTENT")
    assert found.message.parts == ()
    assert render(found) == body


def test_a_long_decode_that_goes_on_keeps_its_token() -> None:
    found = parse({"candidates": [candidate({"text": "a"}, finishReason="CONTINUATION", continuationToken="t")]})
    assert found.finish.kind == "length"
    assert found.choices[0].extra == {ID: {"continuationToken": "t"}}


@pytest.mark.parametrize("body", [{}, {"usageMetadata": {}}, {"candidates": []}])
def test_an_answer_without_candidates_is_an_error(body: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        parse(body)


def test_an_error_within_a_200_is_raised_as_what_it_is() -> None:
    with pytest.raises(Overloaded):
        parse({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"candidates":1}', b'{"candidates":[{"content":{"parts":[1]}}]}']
)
def test_what_is_not_this_dialect_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        gemini.parse_response(WireResponse(body=body), context())


def test_usage_counts_thoughts_as_output_and_tool_prompts_as_input() -> None:
    found = parse(
        {
            "candidates": [candidate({"text": "a"})],
            "usageMetadata": {
                "promptTokenCount": 147,
                "cachedContentTokenCount": "100",
                "candidatesTokenCount": 108,
                "thoughtsTokenCount": 168,
                "toolUsePromptTokenCount": 360,
                "totalTokenCount": 783,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 7}],
                "serviceTier": "flex",
            },
        }
    )
    usage = found.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (507, 276, 783)
    assert (usage.cache_read, usage.reasoning, usage.tool_use, usage.output_image) == (100, 168, 360, 7)
    assert usage.input_audio is None and usage.cache_creation is None
    assert found.service_tier == "flex"


@pytest.mark.parametrize(
    ("raw", "counts"),
    [
        ({"promptTokenCount": 5}, (5, None)),
        ({"promptTokenCount": 5, "totalTokenCount": 5}, (5, 0)),
        ({"promptTokenCount": 5, "thoughtsTokenCount": 3}, (5, 3)),
        ({"candidatesTokenCount": 3}, (None, 3)),
    ],
)
def test_what_usage_does_not_say_stays_unknown(raw: dict[str, int], counts: tuple[int | None, int | None]) -> None:
    usage = parse({"candidates": [candidate()], "usageMetadata": raw}).usage
    assert usage is not None and (usage.input_tokens, usage.output_tokens) == counts


def test_usage_that_counts_nothing_is_no_usage() -> None:
    assert parse({"candidates": [candidate()], "usageMetadata": {"trafficType": "ON_DEMAND"}}).usage is None


def test_usage_of_others_is_written_the_way_this_format_counts() -> None:
    body = render(answer(usage=Usage(input_tokens=10, output_tokens=8, reasoning=3, cache_read=4, raw={"x": 1})))
    assert body["usageMetadata"] == {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 4,
        "totalTokenCount": 18,
    }
    assert "usageMetadata" not in render(answer())


def test_log_probabilities_are_read_and_written() -> None:
    logprobs = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}, {"token": "b"}],
        "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.5}]}, {"candidates": []}],
    }
    found = parse({"candidates": [candidate({"text": "ab"}, logprobsResult=logprobs)]})
    assert [(token.token, token.logprob, len(token.top)) for token in found.choices[0].logprobs] == [
        ("a", -0.5, 1),
        ("b", 0.0, 0),
    ]
    top = render(found)["candidates"][0]["logprobsResult"]["topCandidates"]
    assert top[0]["candidates"] == logprobs["chosenCandidates"][:1]


def test_grounding_points_into_the_text_by_characters() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"retrievedContext": {"text": "said"}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 6, "endIndex": 12, "text": "wörld"}, "groundingChunkIndices": [0, 1]},
            {"segment": {"endIndex": 3, "text": "not there"}, "groundingChunkIndices": [0]},
        ],
    }
    found = parse({"candidates": [candidate({"text": "héllo wörld"}, groundingMetadata=grounding)]})
    part = found.message.parts[0]
    assert isinstance(part, TextPart)
    assert [(note.kind, note.url, note.cited_text) for note in part.annotations] == [
        ("url", "https://a.example", None),
        ("document", None, "said"),
    ]
    assert all(part.text[note.start : note.end] == "wörld" for note in part.annotations)
    assert render(found)["candidates"][0]["groundingMetadata"] == grounding
    assert "citationMetadata" not in render(found)["candidates"][0]


@pytest.mark.parametrize("key", ["citations", "citationSources"])
def test_citations_point_across_parts_by_bytes(key: str) -> None:
    cited = {key: [{"startIndex": 3, "endIndex": 5, "uri": "https://a.example", "license": "mit"}]}
    found = parse({"candidates": [candidate({"text": "é"}, {"text": "xyz"}, citationMetadata=cited)]})
    part = found.message.parts[1]
    assert isinstance(part, TextPart)
    assert [(note.start, note.end) for note in part.annotations] == [(1, 3)]


def test_annotations_of_others_become_citations() -> None:
    note = Annotation(kind="url", url="https://a.example", title="A", start=1, end=2)
    body = render(answer(TextPart(text="é"), TextPart(text="éa", annotations=(note,))))
    assert body["candidates"][0]["citationMetadata"]["citationSources"] == [
        {"startIndex": 4, "endIndex": 5, "uri": "https://a.example", "title": "A"}
    ]


def test_tool_calls_show_their_ids_to_clients_and_refusals_are_texts() -> None:
    parts = render(answer(RefusalPart(text="no"), tool_call("call_1", "f", "")))["candidates"][0]["content"]["parts"]
    assert parts == [{"text": "no"}, {"functionCall": {"id": "call_1", "name": "f", "args": {}}}]


def test_an_answer_without_id_gets_one_that_is_the_same_every_time() -> None:
    body = {"candidates": [candidate({"text": "a"})]}
    assert parse(body).id == parse(body).id != ""


def test_a_quirk_sees_the_answer_first() -> None:
    quirk = Quirk(response=lambda body: {**body, "candidates": [candidate({"text": "b"})]})
    assert parse({"other": 1}, context(quirk=quirk)).text == "b"


@pytest.mark.parametrize(
    ("number", "word"), [(0, "FINISH_REASON_UNSPECIFIED"), (1, "STOP"), (2, "MAX_TOKENS"), (9, "9")]
)
def test_a_finish_reason_by_number_is_read_by_its_name(number: int, word: str) -> None:
    assert parse({"candidates": [candidate({"text": "x"}, finishReason=number)]}).finish.raw == word


def test_metadata_that_counts_nothing_is_no_usage_and_comes_back() -> None:
    body = {"candidates": [candidate({"text": "x"})], "usageMetadata": {"trafficType": "ON_DEMAND"}}
    found = parse(body)
    assert found.usage is None
    assert msgspec.json.decode(gemini.render_response(found, context()).body)["usageMetadata"] == body["usageMetadata"]


def test_what_is_said_about_each_token_comes_back() -> None:
    chosen = [{"token": "a", "tokenId": 7, "logProbability": -0.5}]
    found = parse({"candidates": [candidate({"text": "a"}, logprobsResult={"chosenCandidates": chosen})]})
    wire = msgspec.json.decode(gemini.render_response(found, context()).body)
    assert wire["candidates"][0]["logprobsResult"] == {"chosenCandidates": chosen}
