from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects import openai_chat
from interlingua.errors import Overloaded
from interlingua.ports.context import TranslationContext
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Opaque
from interlingua.types.parts import Annotation, BlobPart, ReasoningPart, TextPart, ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage

START = MessageStart(id="i", model="m", created=5)
END = MessageEnd(finish=FinishReason("stop", "end_turn"))
USED = UsageUpdate(usage=Usage(input_tokens=1, output_tokens=2))
TEXT: list[Event] = [PartStart(index=0, part=TextPart(text="")), PartDelta(index=0, text="a"), PartEnd(index=0)]


def chunks(
    *events: Event, request: ChatRequest | None = None, context: TranslationContext | None = None
) -> list[dict[str, Any] | str]:
    renderer = openai_chat.StreamRenderer(context or TranslationContext(dialect="openai_chat"), request)
    stream = b"".join(renderer.render(event) for event in events) + renderer.close()
    told = [one.removeprefix("data: ") for one in stream.decode().split("\n\n")[:-1]]
    return [one if one == "[DONE]" else msgspec.json.decode(one) for one in told]


def deltas(*events: Event) -> list[dict[str, Any]]:
    told = chunks(START, *events, END)
    return [one["choices"][0]["delta"] for one in told if isinstance(one, dict) and one["choices"]][1:-1]


def test_every_chunk_is_a_whole_envelope_and_the_first_names_the_role() -> None:
    first, text, end, done = chunks(START, *TEXT, END)
    assert first == {
        "id": "i",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }
    assert isinstance(text, dict) and text["choices"][0]["delta"] == {"content": "a"}
    assert isinstance(end, dict) and end["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert done == "[DONE]"


def test_usage_comes_only_to_those_who_asked() -> None:
    asked = ChatRequest(model="m", include_usage=True)
    chunk = chunks(START, *TEXT, USED, END, request=asked)[-2]
    assert isinstance(chunk, dict) and chunk["choices"] == []
    assert chunk["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    silent = chunks(START, *TEXT, USED, END, request=ChatRequest(model="m"))
    assert not any("usage" in one for one in silent if isinstance(one, dict))


def test_calls_are_numbered_among_themselves_and_may_interleave() -> None:
    found = deltas(
        *TEXT,
        PartStart(index=1, part=tool_call("a", "f")),
        PartStart(index=2, part=tool_call("b", "g")),
        PartDelta(index=2, text="{}"),
        PartDelta(index=1, text='{"x":1}'),
        PartEnd(index=1),
        PartEnd(index=2),
    )[1:]
    assert [(one["tool_calls"][0]["index"], one["tool_calls"][0]["function"]) for one in found] == [
        (0, {"name": "f", "arguments": ""}),
        (1, {"name": "g", "arguments": ""}),
        (1, {"arguments": "{}"}),
        (0, {"arguments": '{"x":1}'}),
    ]


def test_a_call_without_arguments_gets_empty_ones() -> None:
    found = deltas(PartStart(index=0, part=ToolCallPart(id="a", name="f")), PartEnd(index=0))
    assert found[-1] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}


def test_state_of_reasoning_follows_its_words_and_foreign_state_is_a_loss() -> None:
    part = ReasoningPart(opaque=(Opaque("openai_chat.reasoning_details", '[{"text":"r"}]'),))
    context = TranslationContext(dialect="openai_chat")
    events: list[Event] = [
        PartStart(index=0, part=part),
        PartDelta(index=0, text="r"),
        PartDelta(index=0, opaque=Opaque("anthropic_messages.signature", "s")),
        PartEnd(index=0),
    ]
    assert deltas(*events) == [{"reasoning_content": "r"}, {"reasoning_details": [{"text": "r"}]}]
    chunks(START, *events, END, context=context)
    assert [loss.field for loss in context.losses] == ["choices[0].message.parts[0].opaque"]


def test_after_a_failure_there_is_an_error_and_no_terminator() -> None:
    *_, last = chunks(START, *TEXT, Failed.of(Overloaded("too many")), END)
    assert last == {"error": {"message": "too many", "type": "server_error", "param": None, "code": "overloaded"}}


def test_an_answer_that_did_not_end_gets_no_terminator() -> None:
    assert "[DONE]" not in chunks(START, *TEXT, USED)


def test_citations_and_images_are_numbered_because_clients_join_them_by_index() -> None:
    cited = [Annotation(kind="url", url=f"https://a.example/{i}", start=0, end=1) for i in range(3)]
    found = deltas(
        PartStart(index=0, part=TextPart(text="a", annotations=(cited[0],))),
        PartDelta(index=0, annotation=cited[1]),
        PartDelta(index=0, annotation=cited[2]),
        PartEnd(index=0),
        *(
            event
            for i, content in enumerate(("AAAA", "BBBB"), 1)
            for event in (
                PartStart(index=i, part=BlobPart(modality="image", mime_type="image/png", content=content)),
                PartEnd(index=i),
            )
        ),
    )
    told = {key: [each["index"] for one in found for each in one.get(key, [])] for key in ("annotations", "images")}
    assert told == {"annotations": [0, 1, 2], "images": [0, 1]}


def test_choices_begin_in_order_because_clients_take_them_as_they_come() -> None:
    told = chunks(START, PartStart(index=0, part=TextPart(text="a"), choice=2), PartEnd(index=0, choice=2))
    assert [one["choices"][0]["index"] for one in told if isinstance(one, dict)] == [0, 1, 2, 2]


def test_the_number_of_a_citation_is_read_as_its_place_in_the_stream_alone() -> None:
    renderer = openai_chat.StreamRenderer(TranslationContext(dialect="openai_chat"))
    raw = {"type": "url_citation", "url_citation": {"url": "https://a.example", "start_index": 0, "end_index": 1}}
    part = TextPart(text="a", annotations=(Annotation(kind="url", dialect="openai_chat", raw=raw),))
    stream = b"".join(renderer.render(event) for event in (START, PartStart(index=0, part=part), PartEnd(index=0), END))
    found = openai_chat.StreamParser(TranslationContext()).feed(stream)
    [cited] = [one.annotation for one in found if isinstance(one, PartDelta) and one.annotation]
    assert cited.raw == raw
