"""Streams, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import gemini
from interlingua.dialects.gemini.schema import ID, SIGNATURE
from interlingua.errors import RateLimited
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    OpaquePart,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from tests.dialects.gemini.strategies import responses
from tests.strategies import cuts


def context(**more: Any) -> TranslationContext:
    return TranslationContext(dialect="gemini", seed="test", **more)


def sse(*chunks: Any) -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\r\n\r\n" for chunk in chunks)


def piece(*parts: dict[str, Any], finish: str = "", **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **more}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "responseId": "r", "modelVersion": "m"}


def read(*pieces: bytes, surroundings: TranslationContext | None = None) -> list[Event]:
    parser = gemini.StreamParser(surroundings or context())
    events = [event for data in pieces for event in parser.feed(data)]
    return events + parser.close()


def write(events: list[Event], surroundings: TranslationContext | None = None) -> list[dict[str, Any]]:
    renderer = gemini.StreamRenderer(surroundings or context())
    data = b"".join(renderer.render(event) for event in events) + renderer.close()
    found = data.decode().split("\n\n")
    assert found.pop() == ""
    return [msgspec.json.decode(text.removeprefix("data: ")) for text in found]


def parts_of(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for chunk in chunks for candidate in chunk["candidates"] for part in candidate["content"]["parts"]]


@given(responses(), st.data())
def test_an_answer_survives_being_told_as_a_stream_however_it_is_cut(
    response: ChatResponse, data: st.DataObject
) -> None:
    renderer = gemini.StreamRenderer(context())
    wire = b"".join(renderer.render(event) for event in unfold(response)) + renderer.close()
    events = read(*data.draw(cuts(wire)))
    assert accumulate(events) == response
    assert events == read(*(wire[i : i + 1] for i in range(len(wire))))


def test_texts_are_deltas_and_nothing_is_merged_with_what_is_signed() -> None:
    answer = accumulate(
        read(
            sse(
                piece({"text": "h", "thought": True}),
                piece({"text": "m", "thought": True}),
                piece({"text": "Hel"}),
                piece({"text": "lo"}, {"text": "", "thoughtSignature": "c2ln"}),
                piece({"text": " you"}),
                piece({"text": "!", "thoughtSignature": "Mg=="}),
                piece({"text": ""}, finish="STOP"),
            )
        )
    )
    assert answer.message.parts == (
        ReasoningPart(text="hm", summary=True),
        TextPart(text="Hello"),
        TextPart(text="", opaque=(Opaque(SIGNATURE, "c2ln"),)),
        TextPart(text=" you"),
        TextPart(text="!", opaque=(Opaque(SIGNATURE, "Mg=="),)),
    )


def test_a_signature_after_the_finish_reason_is_kept() -> None:
    events = read(sse(piece({"text": "a"}, finish="STOP")), sse(piece({"text": "", "thoughtSignature": "c2ln"})))
    assert accumulate(events).message.parts[1] == TextPart(text="", opaque=(Opaque(SIGNATURE, "c2ln"),))
    assert isinstance(events[-1], MessageEnd)


def test_calls_come_whole_and_end_the_answer_as_tool_calls() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}, "id": "8xju7mua"}, "thoughtSignature": "c2ln"}
    answer = accumulate(read(sse(piece(call), piece({"functionCall": {"name": "g"}}), piece(finish="STOP"))))
    assert answer.message.parts[0] == tool_call(
        "8xju7mua", "f", '{"a":1}', opaque=(Opaque(SIGNATURE, "c2ln"),), extra={ID: {"id": "8xju7mua"}}
    )
    assert answer.finish == FinishReason("tool_call", "STOP")


def test_arguments_in_pieces_are_put_together() -> None:
    def part(**call: Any) -> dict[str, Any]:
        return piece({"functionCall": call})

    answer = accumulate(
        read(
            sse(
                part(name="f", willContinue=True),
                part(partialArgs=[{"jsonPath": "$.to", "stringValue": "Bos", "willContinue": True}], willContinue=True),
                part(partialArgs=[{"jsonPath": "$.to", "stringValue": "ton"}], willContinue=True),
                part(
                    partialArgs=[
                        {"jsonPath": "$.list[1].x", "numberValue": 2},
                        {"jsonPath": "$['a.b']", "boolValue": False},
                        {"jsonPath": "$.none", "nullValue": "NULL_VALUE"},
                    ],
                    willContinue=True,
                ),
                part(),
                part(name="g", willContinue=True),
                piece({"functionCall": {}}, finish="STOP"),
            )
        )
    )
    calls = [part for part in answer.message.parts if isinstance(part, ToolCallPart)]
    assert [call.arguments for call in calls] == [
        {"to": "Boston", "list": [None, {"x": 2}], "a.b": False, "none": None},
        {},
    ]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize("path", ["", "$", "$.a.b", "$x", "$.l[99999999]"])
def test_pieces_of_arguments_that_lead_nowhere_are_an_error(path: str) -> None:
    events = read(
        sse(
            piece({"functionCall": {"name": "f", "args": {"a": "text"}, "willContinue": True}}),
            piece({"functionCall": {"partialArgs": [{"jsonPath": path, "stringValue": "x"}]}}),
        )
    )
    assert isinstance(events[-1], Failed) and events[-1].code == "upstream_error"


def test_usage_is_the_last_that_came_and_precedes_the_end() -> None:
    first = piece({"text": "a"}) | {"usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}
    last = piece(finish="STOP") | {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}
    events = read(sse(first, first, last))
    updates = [event.usage for event in events if isinstance(event, UsageUpdate)]
    assert [(usage.input_tokens, usage.output_tokens) for usage in updates] == [(3, 0), (3, 2)]
    assert isinstance(events[-1], MessageEnd) and not isinstance(events[-2], MessageEnd)


def test_a_blocked_prompt_is_complete() -> None:
    chunk = {"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r", "modelVersion": "m"}
    events = read(sse(chunk))
    assert events[-1] == MessageEnd(finish=FinishReason("content_filter", "SAFETY"))
    assert write(events) == [chunk]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        sse(piece({"text": "a"})),
        sse({"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 1}]}),
        sse({"usageMetadata": {"promptTokenCount": 1}}),
    ],
)
def test_a_stream_that_ends_too_early_is_no_success(data: bytes) -> None:
    events = read(data)
    assert isinstance(events[-1], Failed) and events[-1].code == "stream_interrupted"
    assert not any(isinstance(event, MessageEnd) for event in events)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda error: sse(error),
        lambda error: msgspec.json.format(msgspec.json.encode(error)) + b"\n",
        lambda error: msgspec.json.encode([error]),
    ],
)
def test_an_error_within_a_stream_is_typed_and_the_last_event(wrap: Any) -> None:
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    events = read(sse(piece({"text": "a"})) + wrap(error), sse(piece(finish="STOP")))
    assert isinstance(events[-1], Failed) and events[-1].code == "overloaded"
    assert not any(isinstance(event, PartEnd) for event in events)


@pytest.mark.parametrize("data", [b"data: {oops\n\n", b"data: 1\n\n", sse({"candidates": 3}), b"[1]"])
def test_nonsense_within_a_stream_is_an_upstream_error(data: bytes) -> None:
    events = read(data)
    assert isinstance(events[-1], Failed) and events[-1].code == "upstream_error"


def test_a_stream_that_is_one_array_is_understood() -> None:
    data = msgspec.json.format(msgspec.json.encode([piece({"text": "a"}), piece({"text": "b"}, finish="STOP")]))
    assert accumulate(read(*(data[i : i + 5] for i in range(0, len(data), 5)))).text == "ab"


def test_candidates_interleave() -> None:
    chunk = {
        "candidates": [
            {"index": i, "content": {"parts": [{"text": text}]}, "finishReason": "STOP"} for i, text in enumerate("ab")
        ]
    }
    answer = accumulate(read(sse(chunk, chunk)))
    assert [choice.message.text for choice in answer.choices] == ["aa", "bb"]


def test_citations_that_come_after_a_signature_still_find_their_text() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example"}}],
        "groundingSupports": [{"segment": {"endIndex": 2, "text": "ab"}, "groundingChunkIndices": [0]}],
    }
    answer = accumulate(
        read(
            sse(
                piece({"text": "ab"}),
                piece({"text": "", "thoughtSignature": "c2ln"}),
                piece(finish="STOP", groundingMetadata=grounding),
            )
        )
    )
    part = answer.message.parts[0]
    assert isinstance(part, TextPart) and [note.url for note in part.annotations] == ["https://a.example"]
    assert answer.choices[0].extra == {ID: {"groundingMetadata": grounding}}


def test_citations_of_several_pieces_add_up() -> None:
    def cited(start: int) -> dict[str, Any]:
        return {"citations": [{"startIndex": start, "endIndex": start + 1, "uri": f"https://{start}.example"}]}

    answer = accumulate(
        read(
            sse(
                piece({"text": "ab"}, citationMetadata=cited(0)),
                piece({"text": "cd"}, finish="STOP", citationMetadata=cited(3)),
            )
        )
    )
    part = answer.message.parts[0]
    assert isinstance(part, TextPart) and [note.start for note in part.annotations] == [0, 3]
    assert len(answer.choices[0].extra[ID]["citationMetadata"]["citations"]) == 2


def test_log_probabilities_of_a_stream_are_gathered_and_told_again() -> None:
    def chosen(token: str) -> dict[str, Any]:
        return {"chosenCandidates": [{"token": token, "logProbability": -1.0}]}

    events = read(
        sse(
            piece({"text": "a"}, logprobsResult=chosen("a")),
            piece({"text": "b"}, finish="STOP", logprobsResult=chosen("b")),
        )
    )
    answer = accumulate(events)
    assert answer.choices[0].logprobs == (TokenLogprob("a", -1.0), TokenLogprob("b", -1.0))
    written = b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in write(events))
    assert accumulate(read(written)) == answer


def test_a_quirk_sees_each_piece_first() -> None:
    quirk = Quirk(chunk=lambda chunk: piece({"text": chunk["t"]}, finish="STOP"))
    assert accumulate(read(sse({"t": "x"}), surroundings=context(quirk=quirk))).text == "x"


START = MessageStart(id="r", model="m")
END = MessageEnd(finish=FinishReason("stop", "end_turn"))


def test_texts_are_told_as_they_come_and_every_piece_has_its_envelope() -> None:
    renderer = gemini.StreamRenderer(context())
    assert renderer.render(START) == b""
    assert renderer.render(PartStart(index=0, part=TextPart(text=""))) == b""
    data = renderer.render(PartDelta(index=0, text="hi"))
    assert msgspec.json.decode(data.removeprefix(b"data: ")) == {
        "candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "index": 0}],
        "modelVersion": "m",
        "responseId": "r",
    }


def test_calls_that_interleave_are_told_whole_and_in_order() -> None:
    chunks = write(
        [
            START,
            PartStart(index=0, part=ToolCallPart(id="call_0", name="f", arguments={})),
            PartStart(index=1, part=ToolCallPart(id="call_1", name="g", arguments={})),
            PartDelta(index=1, text='{"b":'),
            PartDelta(index=0, text='{"a":1}'),
            PartDelta(index=1, text="2}"),
            PartEnd(index=1),
            PartEnd(index=0),
            END,
        ]
    )
    calls = [part["functionCall"] for part in parts_of(chunks) if "functionCall" in part]
    assert calls == [
        {"id": "call_0", "name": "f", "args": {"a": 1}},
        {"id": "call_1", "name": "g", "args": {"b": 2}},
    ]


def test_usage_stands_in_the_last_piece() -> None:
    chunks = write(
        [
            START,
            PartStart(index=0, part=TextPart(text="x")),
            PartEnd(index=0),
            UsageUpdate(usage=Usage(input_tokens=2, output_tokens=1)),
            END,
        ]
    )
    assert "usageMetadata" not in chunks[0]
    assert chunks[-1]["usageMetadata"] == {"promptTokenCount": 2, "candidatesTokenCount": 1, "totalTokenCount": 3}
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_signature_that_comes_after_its_text_stands_on_an_empty_one() -> None:
    surroundings = context()
    chunks = write(
        [
            START,
            PartStart(index=0, part=ReasoningPart(text="")),
            PartDelta(index=0, text="hm"),
            PartDelta(index=0, opaque=Opaque(SIGNATURE, "c2ln")),
            PartDelta(index=0, opaque=Opaque("x.y", "z")),
            PartEnd(index=0),
            END,
        ],
        surroundings,
    )
    assert parts_of(chunks)[:2] == [
        {"text": "hm", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "c2ln"},
    ]
    assert [loss.field for loss in surroundings.losses] == ["choices[0].message.parts[0].opaque"]


def test_media_that_grows_is_told_whole_and_parts_of_others_are_lost() -> None:
    surroundings = context()
    chunks = write(
        [
            START,
            PartStart(index=0, part=BlobPart(modality="image", mime_type="image/png", content="AA")),
            PartDelta(index=0, text="AA"),
            PartEnd(index=0),
            PartStart(index=1, part=OpaquePart(dialect="openai_chat", kind="x", raw="{}")),
            PartEnd(index=1),
            END,
        ],
        surroundings,
    )
    assert parts_of(chunks)[0] == {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert [loss.field for loss in surroundings.losses] == ["choices[0].message.parts[1]"]


def test_annotations_of_others_come_with_the_end() -> None:
    note = Annotation(kind="url", url="https://a.example", start=0, end=1)
    chunks = write(
        [
            START,
            PartStart(index=0, part=TextPart(text="")),
            PartDelta(index=0, text="é"),
            PartDelta(index=0, annotation=note),
            PartEnd(index=0),
            END,
        ]
    )
    assert chunks[-1]["candidates"][0]["citationMetadata"] == {
        "citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://a.example"}]
    }


def test_after_a_failure_comes_the_error_and_then_nothing() -> None:
    renderer = gemini.StreamRenderer(context())
    renderer.render(START)
    data = renderer.render(Failed.of(RateLimited("slow down", retry_after=2)))
    assert msgspec.json.decode(data.removeprefix(b"data: "))["error"]["code"] == 429
    assert renderer.render(END) == b"" and renderer.close() == b""
    (failed,) = read(data)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.retry_after) == ("rate_limited", 2.0)
