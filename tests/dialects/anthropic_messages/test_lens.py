from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.anthropic_messages import lens, render_request
from interlingua.errors import InvalidRequest
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Seen
from interlingua.types.request import ChatRequest
from tests.dialects import peeked
from tests.dialects.anthropic_messages.strategies import requests

KEYS = ("stream", "temperature", "metadata", "thinking", "Model", "tools")
FIXED = {"messages": '[ {"role" :"user","content":"say \\"model\\""} ]', "model": '"a\\u0062"'}


def asked(*blocks: Any, **more: Any) -> WireRequest:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": list(blocks)}], **more}
    return WireRequest(path="/v1/messages", body=msgspec.json.encode(body))


def event(kind: str, **more: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode({"type": kind, **more}) + b"\n\n"


def delta(kind: str, **more: Any) -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, **more})


def start(kind: str, **more: Any) -> bytes:
    return event("content_block_start", index=0, content_block={"type": kind, **more})


def watch(*events: bytes, quirk: Quirk | None = None) -> list[Seen]:
    where = TranslationContext(dialect="anthropic_messages", provider="p", quirk=quirk or Quirk())
    watcher = lens.Watcher(where)
    return [seen for event in events for seen in watcher.feed(event)] + watcher.close()


@given(peeked.odd_bodies(FIXED, KEYS))
def test_an_edited_request_keeps_every_other_value_byte_for_byte(given: tuple[bytes, dict[str, str]]) -> None:
    body, values = given
    sent = WireRequest(path="/v1/messages?beta=true", body=body, headers=(("anthropic-beta", "a,b"),))
    edited = lens.edit(sent, "né/w", ask_usage=True)
    found = peeked.top_level(edited.body)
    assert list(found) == list(values)
    assert msgspec.json.decode(found.pop("model")) == "né/w"
    assert found == {key: value for key, value in values.items() if key != "model"}
    assert (edited.path, edited.headers) == ("/messages?beta=true", (("anthropic-beta", "a,b"),))


@given(requests())
def test_the_lens_misses_nothing_that_the_reader_finds(request: ChatRequest) -> None:
    where = TranslationContext(on_loss={"setting": "warn", "content": "warn"})
    peek, parsed = peeked.check("anthropic_messages", render_request(request, where))
    assert peek.needs == peeked.needs(parsed)


@pytest.mark.parametrize(
    ("wire", "needs"),
    [
        (asked({"type": "text", "text": '{"type": "image"}'}), set()),
        (asked({"type": "image", "source": {"type": "url", "url": "x"}}), {"image"}),
        (asked({"type": "document", "source": {"type": "base64", "media_type": "application/pdf"}}), {"pdf"}),
        (asked({"type": "document", "source": {"type": "text", "media_type": "text/plain"}}), set()),
        (asked({"type": "document", "source": {"type": "file", "file_id": "f"}}), {"pdf"}),
        (asked({"type": "document", "source": {"type": "content", "content": [{"type": "image"}]}}), {"image"}),
        (asked({"type": "tool_result", "content": [{"type": "image"}]}), {"calls", "image"}),
        (asked({"type": "tool_use", "id": "t", "name": "n", "input": {"type": "image"}}), {"calls"}),
        (asked({"type": "web_search_tool_result", "content": {"type": "web_search_tool_result_error"}}), set()),
        (asked({"type": "document", "source": 5}), {"pdf"}),
        (asked({"type": "search_result", "source": "https://x", "content": [{"type": "text", "text": "a"}]}), set()),
        (asked(system=[{"type": "image"}], tools=[{"name": "t"}], output_config={"effort": "low"}),
         {"image", "tools", "reasoning"}),
        (asked(thinking={"type": "disabled"}, output_format={"type": "json_schema"}), {"structured_output"}),
        (asked(thinking={"type": "enabled", "budget_tokens": "odd"}), {"reasoning"}),
    ],
)  # fmt: skip
def test_needs_are_told_from_types_and_settings(wire: WireRequest, needs: set[str]) -> None:
    assert lens.peek(wire).needs == needs


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "", "signature": "x"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "thinking", "content": 5},
    ],
)
def test_state_is_never_missed(block: dict[str, Any]) -> None:
    assert lens.peek(asked(block)).has_state
    assert not lens.peek(asked({"type": "text", "text": "thinking"})).has_state


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b","messages":[]}',
        b'{"messages":[]}',
        b'{"model":"m"}',
        b'{"model":"m","messages":[],"stream":"a"}',
        b"[]",
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        lens.peek(WireRequest(body=body))


def test_a_stream_is_seen_for_what_it_is() -> None:
    events = [
        event("message_start", message={"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}),
        event("ping"),
        start("text", text=""),
        delta("text_delta", text="Hi"),
        delta("text_delta", text=""),
        start("tool_use", name="t"),
        delta("input_json_delta", partial_json="{"),
        delta("signature_delta", signature="x"),
        delta("new_delta", what=1),
        event("new_event", what=1),
        b": a comment\n\n",
        b'data: {"type":"content_block_stop","index":0}\nevent: content_block_stop\n\n',
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7}),
        event("message_stop"),
    ]
    found = watch(b"".join(events))
    assert [seen.raw for seen in found] == events
    assert [place for place, seen in enumerate(found) if seen.content] == [3, 5, 6, 8]
    assert [place for place, seen in enumerate(found) if seen.terminal] == [13]
    used = [seen.usage for seen in found if seen.usage is not None]
    assert [(usage.input_tokens, usage.output_tokens) for usage in used] == [(3, 1), (3, 7)]
    assert not any(seen.only_usage or seen.failed for seen in found)


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (event("error", error={"type": "overloaded_error", "message": "busy"}), "overloaded"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}', "overloaded"),
        (b"data: {oops\n\n", "upstream_error"),
        (b"data: {oops", "stream_interrupted"),
        (event("message_delta", delta={"stop_reason": "end_turn"}), "stream_interrupted"),
        (b"data: [DONE]\n\n", "stream_interrupted"),
        (b"", "stream_interrupted"),
    ],
)
def test_a_failure_is_the_readers_own(last: bytes, code: str) -> None:
    found = watch(event("message_start", message={}), delta("text_delta", text="a"), last)
    assert [seen.failed.code for seen in found if seen.failed] == [code]
    assert not any(seen.terminal for seen in found)
    assert b"".join(seen.raw for seen in found).endswith(last)


def test_a_quirk_reads_first_and_the_bytes_stay() -> None:
    (seen,) = watch(b'data: {"end":1}\n\n', quirk=Quirk(chunk=lambda body: {"type": "message_stop"}))
    assert seen.terminal and seen.raw == b'data: {"end":1}\n\n'


@given(st.binary() | st.just(b'{"usage":{"input_tokens":1e999}}') | st.just(b'{"usage":[]}'))
def test_usage_of_a_whole_answer_never_raises(body: bytes) -> None:
    assert lens.usage(WireResponse(body=body), TranslationContext()) is None


def test_usage_of_a_whole_answer_is_read() -> None:
    used = lens.usage(WireResponse(body=b'{"content":[],"usage":{"input_tokens":3}}'), TranslationContext())
    assert used is not None and used.input_tokens == 3
