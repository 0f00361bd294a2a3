from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_responses
from interlingua.dialects.openai_responses import lens
from interlingua.errors import InvalidRequest
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Seen
from interlingua.types.request import ChatRequest
from tests.dialects import peeked
from tests.dialects.openai_responses.strategies import requests
from tests.dialects.openai_responses.wire import context

KEYS = ("stream", "temperature", "include", "reasoning", "Model", "metadata")
FIXED = {"input": '[ {"role" :"user","content":"say \\"model\\""} ]', "model": '"a\\u0062"'}


def event(kind: str, **more: Any) -> bytes:
    body = msgspec.json.encode({"type": kind, "sequence_number": 1, **more})
    return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"


def watch(*events: bytes, quirk: Quirk | None = None) -> list[Seen]:
    where = TranslationContext(dialect="openai_responses", provider="p", quirk=quirk or Quirk())
    watcher = lens.Watcher(where)
    return [seen for event in events for seen in watcher.feed(event)] + watcher.close()


@given(peeked.odd_bodies(FIXED, KEYS))
def test_an_edited_request_keeps_every_other_value_byte_for_byte(given: tuple[bytes, dict[str, str]]) -> None:
    body, values = given
    edited = lens.edit(WireRequest(path="/v1/responses", body=body, headers=(("x", "y"),)), "né/w", ask_usage=True)
    found = peeked.top_level(edited.body)
    assert list(found) == list(values)
    assert msgspec.json.decode(found.pop("model")) == "né/w"
    assert found == {key: value for key, value in values.items() if key != "model"}
    assert (edited.path, edited.headers) == ("/responses", (("x", "y"),))


@given(requests())
def test_the_lens_misses_nothing_that_the_reader_finds(request: ChatRequest) -> None:
    peek, parsed = peeked.check("openai_responses", openai_responses.render_request(request, context()))
    assert peek.needs == peeked.needs(parsed)


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        (b'{"input":"type input_image"}', set()),
        (b'{"input":[{"role":"user","content":[{"type" : "input\\u005fimage","image_url":"x"}]}]}', {"image"}),
        (b'{"input":[{"role":"user","content":"{\\"type\\":\\"input_image\\"}"}, "text"]}', set()),
        (b'{"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_file"}]}]}',
         {"calls", "pdf"}),
        (b'{"input":[{"type":"message","role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}',
         {"audio"}),
        (b'{"input":[{"type":"computer_call_output","output":{"type":"computer_screenshot"}}]}', set()),
        (b'{"input":[{"role":"user","content":{"type":"input_image"}}]}', {"image"}),
        (b'{"input":[],"tools":[{"type":"web_search"}],"reasoning":{"effort":"low"}}', {"tools", "reasoning"}),
        (b'{"prompt":{"id":"p"},"reasoning":{"effort":"none"},"text":{"format":{"type":"text"}}}', set()),
        (b'{"input":"x","reasoning":{"effort":5},"text":{"format":{"type":"json_schema"}}}',
         {"reasoning", "structured_output"}),
    ],
)  # fmt: skip
def test_needs_are_told_from_types_and_settings(body: bytes, needs: set[str]) -> None:
    assert lens.peek(WireRequest(body=body)).needs == needs


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": "rs", "summary": []},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "reasoning", "content": 5},
    ],
)
def test_state_is_never_missed(item: dict[str, Any]) -> None:
    assert lens.peek(WireRequest(body=msgspec.json.encode({"input": [item]}))).has_state
    assert not lens.peek(WireRequest(body=b'{"input":"x"}')).has_state


@pytest.mark.parametrize("body", [b'{"input":"a","input":"b"}', b'{"model":"m"}', b'{"input":"x","stream":1}', b"1"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        lens.peek(WireRequest(body=body))


def test_a_stream_is_seen_for_what_it_is() -> None:
    whole = {"id": "r", "status": "completed", "output": [], "usage": {"input_tokens": 3, "output_tokens": 4}}
    events = [
        event("response.created", response={"id": "r", "status": "in_progress", "usage": None}),
        event("response.output_item.added", item={"type": "message", "content": []}, output_index=0),
        event("response.output_text.delta", delta="Hi", output_index=0),
        event("response.output_item.added", item={"type": "function_call", "name": "f"}, output_index=1),
        event("response.new_thing.happened", thing=1),
        b'data: {"type":"response.reasoning_text.delta","delta":"x"}\nevent: out of order\n\n',
        event("response.completed", response=whole),
    ]
    found = watch(b"".join(events))
    assert [seen.raw for seen in found] == events
    assert [seen.content for seen in found] == [False, False, True, True, True, True, True]
    assert [seen.terminal for seen in found] == [False] * 6 + [True]
    used = found[-1].usage
    assert used is not None and (used.input_tokens, used.output_tokens) == (3, 4)
    assert not any(seen.only_usage or seen.failed for seen in found)


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (event("error", code="rate_limit_exceeded", message="slow down"), "rate_limited"),
        (event("response.failed", response={"error": {"code": "rate_limit_exceeded", "message": "x"}}), "rate_limited"),
        (event("response.completed", response={"status": "cancelled"}), "cancelled"),
        (b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}', "rate_limited"),
        (b"data: {oops\n\n", "upstream_error"),
        (b"data: {oops", "stream_interrupted"),
        (b"data: [DONE]\n\n", "stream_interrupted"),
        (b"", "stream_interrupted"),
    ],
)
def test_a_failure_is_the_readers_own(last: bytes, code: str) -> None:
    found = watch(event("response.output_text.delta", delta="a"), last)
    assert [seen.failed.code for seen in found if seen.failed] == [code]
    assert not any(seen.terminal for seen in found)
    assert b"".join(seen.raw for seen in found).endswith(last)


def test_a_failed_answer_still_says_what_it_consumed() -> None:
    found = watch(event("response.failed", response={"error": {"message": "x"}, "usage": {"input_tokens": 3}}))
    assert found[-1].usage is not None and found[-1].usage.input_tokens == 3


def test_a_quirk_reads_first_and_the_bytes_stay() -> None:
    def adapt(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "type": f"response.{body['type']}"}

    (seen,) = watch(b'data: {"type":"incomplete"}\n\n', quirk=Quirk(chunk=adapt))
    assert seen.terminal and seen.raw == b'data: {"type":"incomplete"}\n\n'


@given(st.binary() | st.just(b'{"usage":{"input_tokens":1e999}}') | st.just(b'{"usage":[]}'))
def test_usage_of_a_whole_answer_never_raises(body: bytes) -> None:
    assert lens.usage(WireResponse(body=body), TranslationContext()) is None


def test_usage_of_a_whole_answer_is_read() -> None:
    used = lens.usage(WireResponse(body=b'{"output":[],"usage":{"input_tokens":3}}'), TranslationContext())
    assert used is not None and used.input_tokens == 3
