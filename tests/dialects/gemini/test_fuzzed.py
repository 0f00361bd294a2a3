"""What fuzzing found, so that it stays found."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from interlingua.dialects import gemini
from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.ports.context import Quirk
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed
from tests.fuzz.samples import lenient


def answer(*candidates: dict[str, Any], **more: Any) -> WireResponse:
    return WireResponse(body=json.dumps({"candidates": candidates, **more}).encode())


def test_candidates_that_are_numbered_alike_or_not_at_all_are_numbered_anew() -> None:
    said = {"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}
    response = gemini.parse_response(answer(said, {**said, "index": 0}), lenient("gemini"))
    assert [choice.index for choice in response.choices] == [0, 1]
    assert accumulate(unfold(response)).choices == response.choices


def test_likely_tokens_that_are_no_list_are_none() -> None:
    probable = {"chosenCandidates": [{"token": "Hi"}], "topCandidates": [{"candidates": 3}]}
    response = gemini.parse_response(answer({"finishReason": "STOP", "logprobsResult": probable}), lenient("gemini"))
    assert response.choices[0].logprobs[0].top == ()


@pytest.mark.parametrize("created", [-(2**63), 2**63])
def test_an_answer_of_any_time_can_be_written(created: int) -> None:
    response = gemini.parse_response(answer({"finishReason": "STOP"}), lenient("gemini"))
    wire = gemini.render_response(msgspec.structs.replace(response, created=created), lenient("gemini"))
    assert json.loads(wire.body)["createTime"][:4] in ("1970", "9999")


def test_a_time_without_a_zone_means_the_same_on_every_machine() -> None:
    response = gemini.parse_response(
        answer({"finishReason": "STOP"}, createTime="1970-01-01T00:00:05"), lenient("gemini")
    )
    assert response.created == 5


def test_pieces_of_arguments_cannot_ask_for_any_number_of_items() -> None:
    def chunk(i: int) -> dict[str, Any]:
        piece = {"jsonPath": f"$.a{i}[9999]", "numberValue": 1}
        call = {**({} if i else {"name": "f"}), "partialArgs": [piece], "willContinue": True}
        return {"candidates": [{"content": {"parts": [{"functionCall": call}]}}]}

    parser = gemini.StreamParser(lenient("gemini"))
    events: list[Event] = []
    for i in range(3):
        events += parser.feed(b"data: " + json.dumps(chunk(i)).encode() + b"\n\n")
    assert isinstance(events[-1], Failed) and "leads nowhere" in events[-1].message


def test_a_candidate_of_an_index_that_nobody_asks_for_fails_instead_of_filling_the_memory() -> None:
    parser = gemini.StreamParser(lenient("gemini"))
    events = parser.feed(b'data: {"candidates": [{"index": 18446744073709551615, "finishReason": "STOP"}]}\n\n')
    assert isinstance(events[-1], Failed) and "index" in events[-1].message


def test_a_request_that_is_not_utf_8_is_refused_by_that_name() -> None:
    body = b'{"contents": [{"parts": [{"text": "a", "mediaResolution": {"level": "\xb2"}}]}]}'
    with pytest.raises(InvalidRequest, match="UTF-8"):
        gemini.parse_request(WireRequest(path="/v1beta/models/m:generateContent", body=body), lenient("gemini"))


@pytest.mark.parametrize("body", [b"5", b'{"a\xa3":', b"[]"])
def test_a_quirk_never_sees_what_is_no_object(body: bytes) -> None:
    context = lenient("gemini")
    context.quirk = Quirk(response=lambda value: {**value}, chunk=lambda value: {**value})
    with pytest.raises(UpstreamError):
        gemini.parse_response(WireResponse(body=body), context)
    parser = gemini.StreamParser(context)
    assert isinstance([*parser.feed(b"data: [5]\n\n"), *parser.close()][-1], Failed)


@pytest.mark.parametrize(
    "part",
    [
        b'{"functionResponse": {"name": "f", "response": {"a": 2e308}}}',
        b'{"inlineData": {"mimeType": "a/b", "data": ""}, "mediaResolution": 2e308}',
    ],
)
def test_a_number_that_no_float_can_hold_is_an_invalid_request(part: bytes) -> None:
    body = b'{"contents": [{"parts": [%b]}]}' % part
    with pytest.raises(InvalidRequest, match="malformed JSON"):
        gemini.parse_request(WireRequest(path="/v1beta/models/m:generateContent", body=body), lenient("gemini"))


def test_usage_that_cannot_be_read_fails_the_stream_before_its_piece_is_told() -> None:
    parser = gemini.StreamParser(lenient("gemini"))
    piece = b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "usageMetadata": %b}\n\n'
    first = parser.feed(piece % b'{"totalTokenCount": 1}')
    second = parser.feed(piece % b'{"totalTokenCount": 2e308}')
    assert len(first) == 4 and [type(event) for event in second] == [Failed]
