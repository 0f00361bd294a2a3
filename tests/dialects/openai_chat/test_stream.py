from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_chat
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.parts import BlobPart, ReasoningPart, RefusalPart, TextPart, ToolCallPart, UriPart
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.traits import HostTraits
from tests.dialects.openai_chat.strategies import responses, scraps


def sse(*chunks: Any, done: bool = True) -> bytes:
    told = [chunk if isinstance(chunk, str) else msgspec.json.encode(chunk).decode() for chunk in chunks]
    return "".join(f"data: {one}\n\n" for one in [*told, *(["[DONE]"] if done else [])]).encode()


def delta(finish: str | None = None, choice: int = 0, **fields: Any) -> dict[str, Any]:
    return {"id": "i", "model": "m", "choices": [{"index": choice, "delta": fields, "finish_reason": finish}]}


def call(index: int | None = None, id: str | None = None, name: str | None = None, args: Any = None) -> dict[str, Any]:
    fragment: dict[str, Any] = {"function": {}}
    if index is not None:
        fragment["index"] = index
    if id is not None:
        fragment["id"] = id
    if name is not None:
        fragment["function"]["name"] = name
    if args is not None:
        fragment["function"]["arguments"] = args
    return fragment


def read(stream: bytes, context: TranslationContext | None = None, cuts: Iterator[int] | None = None) -> list[Event]:
    parser = openai_chat.StreamParser(context or TranslationContext(seed="t"))
    pieces = []
    while stream:
        size = next(cuts, 1) if cuts is not None else len(stream)
        pieces.append(stream[:size])
        stream = stream[size:]
    return [*chain.from_iterable(parser.feed(piece) for piece in pieces), *parser.close()]


def calls(events: list[Event]) -> list[tuple[str, str, str]]:
    parts = accumulate(events).message.parts
    return [(part.id, part.name, part.raw) for part in parts if isinstance(part, ToolCallPart)]


END = delta("stop")


@given(responses(), st.lists(st.integers(1, 9), max_size=300))
def test_what_is_streamed_is_read_back_the_same_however_it_is_cut(response: ChatResponse, sizes: list[int]) -> None:
    renderer = openai_chat.StreamRenderer(TranslationContext())
    stream = b"".join(renderer.render(event) for event in unfold(response)) + renderer.close()
    events = read(stream)
    assert read(stream, cuts=iter(sizes)) == events
    assert read(stream.replace(b"\n", b"\r\n"), cuts=iter(sizes)) == events
    again = accumulate(events)
    usage = again.usage and msgspec.structs.replace(again.usage, raw=None)
    assert msgspec.structs.replace(again, usage=usage) == response


def test_events_follow_the_grammar_and_the_end_comes_after_usage() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    events = read(sse(delta(role="assistant", content=""), delta(content="a"), delta(content="b"), END, usage))
    assert [type(event) for event in events] == [
        MessageStart,
        PartStart,
        PartDelta,
        PartDelta,
        PartEnd,
        UsageUpdate,
        MessageEnd,
    ]


def test_thinking_ends_where_the_answer_begins() -> None:
    events = read(sse(delta(reasoning_content="r"), delta(content="a"), END))
    assert accumulate(events).message.parts == (ReasoningPart(text="r"), TextPart(text="a"))
    opened = [event for event in events if isinstance(event, PartStart | PartEnd)]
    assert [(type(event).__name__, event.index) for event in opened] == [
        ("PartStart", 0),
        ("PartEnd", 0),
        ("PartStart", 1),
        ("PartEnd", 1),
    ]


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        (
            [call(0, "a", "f", ""), call(0, args='{"x"'), call(0, "", "", ":1}"), call(1, "b", "g", "{}")],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
        ),
        (
            [call(0, "a", "f"), call(1, "b", "g"), call(0, args='{"x":'), call(1, args="{"), call(0, args="1}"),
             call(1, args="}")],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
        ),
        ([call(None, "a", "f", '{"x":1}'), call(None, "b", "g", "{}")], [("a", "f", '{"x":1}'), ("b", "g", "{}")]),
        ([call(None, "a", "f", '{"x":'), call(None, args="1}")], [("a", "f", '{"x":1}')]),
        ([call(0, "a", "f", "{}"), call(0, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([call(0, "a", "f", {"x": 1})], [("a", "f", '{"x":1}')]),
    ],
    ids=["plain", "interleaved", "no index", "no index, no id", "every call is number 0", "an object"],
)  # fmt: skip
def test_fragments_of_tool_calls_find_their_call(fragments: list[Any], expected: list[tuple[str, str, str]]) -> None:
    events = read(sse(*(delta(tool_calls=[one]) for one in fragments), delta("tool_calls")))
    assert calls(events) == expected
    assert calls(read(sse(delta(tool_calls=fragments), delta("stop")))) == expected


def test_a_whole_call_ends_when_the_next_begins() -> None:
    events = read(sse(delta(tool_calls=[call(0, "a", "f", "{}")]), delta(tool_calls=[call(1, "b", "g", "{}")]), END))
    order = [(type(event).__name__, event.index) for event in events if isinstance(event, PartStart | PartEnd)]
    assert order == [("PartStart", 0), ("PartEnd", 0), ("PartStart", 1), ("PartEnd", 1)]


def test_a_call_without_an_id_gets_one() -> None:
    first, again = (read(sse(delta(tool_calls=[call(0, "", "f", "{}")]), END)) for _ in range(2))
    assert calls(first) == calls(again) and calls(first)[0][0].startswith("call_")


def test_the_deprecated_function_call_is_a_tool_call() -> None:
    events = read(
        sse(delta(function_call={"name": "f", "arguments": ""}), delta(function_call={"arguments": "{}"}),
            delta("function_call"))
    )  # fmt: skip
    response = accumulate(events)
    assert calls(events)[0][1:] == ("f", "{}") and response.finish == FinishReason("tool_call", "function_call")


def test_reasoning_details_come_out_as_the_array_of_a_whole_answer() -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        return delta(reasoning=fields.get("text"), reasoning_details=[{"type": "reasoning.text", "index": 0, **fields}])

    events = read(sse(detail(text="a"), detail(text="b"), detail(signature="s"), delta(content="x"), END))
    part = accumulate(events).message.parts[0]
    assert isinstance(part, ReasoningPart) and part.text == "ab"
    assert msgspec.json.decode(part.opaque[0].data) == [
        {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"}
    ]


def test_chunks_of_thinking_in_content_arrays_are_thinking() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "r"}]}
    events = read(sse(delta(content=[thought]), delta(content=[thought]), delta(content="a"), END))
    assert accumulate(events).message.parts == (ReasoningPart(text="rr"), TextPart(text="a"))


def test_spoken_audio_comes_as_one_part() -> None:
    pieces = [{"id": "audio_1", "transcript": "he"}, {"data": "YQ==", "transcript": "llo"}, {"data": "Yg=="}]
    events = read(sse(*(delta(audio=piece) for piece in pieces), delta(audio={"expires_at": 5}), END))
    assert accumulate(events).message.parts == (
        BlobPart(
            modality="audio",
            mime_type="",
            content="YWI=",
            extra={"openai_chat": {"id": "audio_1", "transcript": "hello", "expires_at": 5}},
        ),
    )


def test_images_refusals_and_citations_arrive() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://e.org"}}
    image = {"type": "image_url", "image_url": {"url": "https://e.org/i"}}
    events = read(sse(delta(content="a"), delta(annotations=[note]), delta(images=[image]), delta(refusal="no"), END))
    text, picture, refusal = accumulate(events).message.parts
    assert isinstance(text, TextPart) and text.annotations[0].url == "https://e.org"
    assert picture == UriPart(modality="image", uri="https://e.org/i") and refusal == RefusalPart(text="no")
    assert accumulate(events).finish.kind == "refusal"


def test_think_tags_are_thinking_where_the_host_writes_them() -> None:
    context = TranslationContext(host=HostTraits(think_tags=True))
    events = read(sse(*(delta(content=piece) for piece in ["<th", "ink>r", "r</thi", "nk>\n", "\na"]), END), context)
    assert accumulate(events).message.parts == (ReasoningPart(text="rr"), TextPart(text="a"))


def test_choices_are_kept_apart() -> None:
    response = accumulate(
        read(sse(delta(choice=1, content="b"), delta(content="a"), delta("stop"), delta("length", choice=1)))
    )
    assert [(one.message.text, one.finish.kind) for one in response.choices] == [("a", "stop"), ("b", "length")]


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [], "usage": {"prompt_tokens": 3}},
        {"x_groq": {"usage": {"prompt_tokens": 3}}},
        {"choices": [{"index": 0, "delta": None, "usage": {"prompt_tokens": 3}}]},
    ],
)
def test_usage_is_found_wherever_hosts_put_it(chunk: Any) -> None:
    usage = accumulate(read(sse(delta(content="a"), END, chunk))).usage
    assert usage is not None and usage.input_tokens == 3


def test_an_empty_first_chunk_waits_for_the_answer_to_have_a_name() -> None:
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": [1]}
    start = read(sse(first, delta(content="a"), END))[0]
    assert start == MessageStart(id="i", model="m", extra={"openai_chat": {"prompt_filter_results": [1]}})


def test_luggage_is_kept_where_it_came() -> None:
    late = {"choices": [], "citations": ["c"], "obfuscation": "zzz"}
    end = {**delta("stop"), "choices": [{"index": 0, "delta": {"channel": "x"}, "finish_reason": "stop",
                                        "native_finish_reason": "STOP"}]}  # fmt: skip
    response = accumulate(read(sse(delta(content="a"), end, late)))
    assert response.message.extra == {"openai_chat": {"channel": "x"}}
    assert response.choices[0].extra == {"openai_chat": {"native_finish_reason": "STOP", "chunk": {"citations": ["c"]}}}


def test_comments_and_a_missing_terminator_do_not_matter() -> None:
    events = read(b": PROCESSING\n\n" + sse(delta(content="a"), END, done=False).rstrip())
    assert isinstance(events[-1], MessageEnd)


def test_events_without_data_do_not_matter() -> None:
    """Some hosts keep the connection alive by them."""
    events = read(b"data: \n\n" + sse(delta(content="a"), " ", END))
    assert isinstance(events[-1], MessageEnd)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        sse(),
        sse(delta(content="a")),
        sse(delta(content="a"), done=False),
        sse(delta(content="a"), delta("stop", choice=1)),
        sse(delta(content="a"), delta("")),
        sse(delta(content="a"), END)[: len(sse(delta(content="a"))) - 5],
    ],
)
def test_no_completion_no_success(stream: bytes) -> None:
    last = read(stream)[-1]
    assert isinstance(last, Failed) and last.code == "stream_interrupted"


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (sse({"error": {"message": "x", "type": "server_error"}}), "upstream_error"),
        (sse({"error": {"message": "x", "code": 429}}, END), "rate_limited"),
        (sse({"error": "gone", "code": "model_not_found"}), "model_not_found"),
        (b'{"error":{"message":"busy","code":503}}', "overloaded"),
        (sse("{nonsense", END), "upstream_error"),
        (sse("[1]", END), "upstream_error"),
    ],
)
def test_an_error_in_the_stream_is_the_last_event(stream: bytes, code: str) -> None:
    start = sse(delta(content="a"), done=False)
    parser = openai_chat.StreamParser(TranslationContext(provider="p"))
    events = [*parser.feed(start + stream), *parser.feed(sse(END)), *parser.close()]
    assert isinstance(events[-1], Failed) and (events[-1].code, events[-1].provider) == (code, "p")
    assert sum(isinstance(event, Failed | PartEnd | MessageEnd) for event in events) == 1


def test_a_quirk_sees_each_chunk_first() -> None:
    context = TranslationContext(quirk=Quirk(chunk=lambda chunk: {**chunk, "model": "quirky"}))
    assert accumulate(read(sse(delta(content="a"), END), context)).model == "quirky"


@given(st.lists(scraps, max_size=3), scraps)
def test_no_chunk_makes_the_parser_raise_or_break_the_grammar(said: list[Any], more: Any) -> None:
    broken = [{"choices": [{"index": 0, "delta": one}], **(more if isinstance(more, dict) else {})} for one in said]
    events = read(sse(delta(content="a"), *broken, END))
    accumulate(events)
    assert isinstance(events[-1], Failed | MessageEnd)


def test_a_tier_that_is_told_late_and_a_time_of_zero_are_kept() -> None:
    late = {**delta("stop"), "created": 0, "service_tier": "flex"}
    answer = accumulate(read(sse({**delta(content="a"), "created": 0}, late)))
    assert answer.created == 0
    assert answer.choices[0].extra == {"openai_chat": {"chunk": {"service_tier": "flex"}}}
