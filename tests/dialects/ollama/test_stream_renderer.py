"""Streams towards clients."""

from __future__ import annotations

import msgspec

from interlingua.dialects import ollama
from interlingua.errors import RateLimited
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Opaque
from interlingua.types.parts import Annotation, BlobPart, ReasoningPart, TextPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from tests.dialects.ollama.strategies import PNG
from tests.dialects.ollama.wire import context, parsed, raw_stream, streamed

START = MessageStart(id="i", model="m", created=0)
HEAD = {"model": "m", "created_at": "1970-01-01T00:00:00Z"}
END = MessageEnd(finish=FinishReason("stop", "end_turn"))


def text(index: int, *pieces: str) -> list[Event]:
    deltas: list[Event] = [PartDelta(index=index, text=piece) for piece in pieces]
    return [PartStart(index=index, part=TextPart(text="")), *deltas, PartEnd(index=index)]


def test_each_delta_is_a_line_and_the_last_one_is_done_with_counts() -> None:
    usage = UsageUpdate(usage=Usage(input_tokens=3, output_tokens=4, raw={"prompt_tokens": 3}))
    events: list[Event] = [START, *text(0, "a", "b"), usage, END]
    assert streamed(events) == [
        HEAD | {"message": {"role": "assistant", "content": "a"}, "done": False},
        HEAD | {"message": {"role": "assistant", "content": "b"}, "done": False},
        HEAD
        | {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
        | {"prompt_eval_count": 3, "eval_count": 4},
    ]


def test_thinking_goes_out_as_thinking_with_empty_content() -> None:
    events: list[Event] = [START, PartStart(index=0, part=ReasoningPart(text="hm")), PartEnd(index=0), END]
    assert streamed(events)[0]["message"] == {"role": "assistant", "content": "", "thinking": "hm"}


def test_a_call_waits_until_it_is_whole_and_calls_are_counted() -> None:
    renderer = ollama.StreamRenderer(context())
    assert renderer.render(START) == b""
    for index, id in enumerate(("a", "b")):
        assert renderer.render(PartStart(index=index, part=tool_call(id, "f"))) == b""
        assert renderer.render(PartDelta(index=index, text='{"x":')) == b""
        assert renderer.render(PartDelta(index=index, text="\n1}")) == b""
        line = renderer.render(PartEnd(index=index))
        assert line.count(b"\n") == 1
        assert msgspec.json.decode(line)["message"]["tool_calls"] == [
            {"id": id, "function": {"index": index, "name": "f", "arguments": {"x": 1}}}
        ]
    assert renderer.close() == b""


def test_overlapping_parts_go_out_one_after_the_other() -> None:
    events: list[Event] = [
        START,
        PartStart(index=0, part=TextPart(text="")),
        PartStart(index=1, part=tool_call("c", "f")),
        PartDelta(index=1, text="{}"),
        PartEnd(index=1),
        PartDelta(index=0, text="late"),
        PartEnd(index=0),
        END,
    ]
    first, second, _ = streamed(events)
    assert first["message"]["content"] == "late" and second["message"]["tool_calls"][0]["id"] == "c"


def test_a_failure_is_a_line_with_its_code_and_nothing_follows() -> None:
    error = RateLimited("slow down", retry_after=3.0)
    *_, line = streamed([START, *text(0, "a"), Failed.of(error), END])
    assert line == {"error": "slow down", "code": "rate_limited", "retry_after": 3.0}
    expected = msgspec.structs.replace(Failed.of(error), raw_code="rate_limited")
    assert parsed(raw_stream([START, *text(0, "a"), Failed.of(error)]))[-1] == expected


def test_a_client_of_generate_gets_its_shape() -> None:
    request = ChatRequest(model="m", extra={"ollama": {"generate": True}})
    events = [START, PartStart(index=0, part=ReasoningPart(text="hm")), PartEnd(index=0), *text(1, "a"), END]
    first, second, last = streamed(events, request=request)
    assert (first["response"], first["thinking"], second["response"], last["response"]) == ("", "hm", "a", "")
    assert not any("message" in line or "generate" in line for line in (first, second, last))


def test_images_come_whole_and_what_has_no_place_is_lost_once() -> None:
    surroundings = context()
    blob = BlobPart(modality="image", mime_type="image/png", content="")
    cited = Annotation(kind="url", url="https://a.example")
    events: list[Event] = [
        msgspec.structs.replace(START, service_tier="flex"),
        PartStart(index=0, part=blob),
        PartDelta(index=0, text=PNG),
        PartEnd(index=0),
        PartStart(index=1, part=TextPart(text="")),
        PartDelta(index=1, text="x", annotation=cited),
        PartDelta(index=1, text="y", annotation=cited),
        PartDelta(index=1, opaque=Opaque("gemini.thought_signature", "s")),
        PartEnd(index=1),
        PartStart(index=0, part=TextPart(text="no"), choice=1),
        PartEnd(index=0, choice=1),
        END,
        MessageEnd(finish=END.finish, choice=1),
    ]
    found = streamed(events, surroundings)
    assert found[0]["message"]["images"] == [PNG]
    assert [line["message"]["content"] for line in found] == ["", "x", "y", ""]
    assert [loss.field for loss in surroundings.losses] == [
        "service_tier",
        "annotations",
        "choices[0].message.parts[1].opaque",
        "choices[1]",
    ]


def test_line_breaks_of_unicode_are_escaped_for_clients_that_split_text() -> None:
    said = "a\x85b\u2028c\u2029d\x0b\x1c"
    stream = raw_stream([START, *text(0, said), END])
    assert len(stream.decode().splitlines()) == 2
    assert streamed([START, *text(0, said), END])[0]["message"]["content"] == said


def test_no_stream_holds_a_blank_line() -> None:
    assert all(raw_stream([START, *text(0, "a", "", "\n\n"), END]).splitlines())
