from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import openai_chat
from interlingua.dialects.openai_chat import lens
from interlingua.errors import InvalidRequest
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Seen
from interlingua.types.request import ChatRequest
from interlingua.types.traits import HostTraits
from tests.dialects import peeked
from tests.dialects.openai_chat.strategies import requests
from tests.dialects.openai_chat.wire import context

KEYS = ("stream", "temperature", "stream_options", "messages_", "Model", "seed")
FIXED = {"messages": '[ {"role" :"user","content":"say \\"model\\""} ]', "model": '"a\\u0062"'}


def wire(**body: Any) -> WireRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return WireRequest(path="/v1/chat/completions", body=msgspec.json.encode(body))


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return b"data: " + msgspec.json.encode({"id": "c", "choices": choices, **more}) + b"\n\n"


def watch(*events: bytes, quirk: Quirk | None = None) -> list[Seen]:
    where = TranslationContext(dialect="openai_chat", provider="p", quirk=quirk or Quirk())
    watcher = lens.Watcher(where)
    return [seen for event in events for seen in watcher.feed(event)] + watcher.close()


@given(peeked.odd_bodies(FIXED, KEYS), st.booleans())
def test_an_edited_request_keeps_every_other_value_byte_for_byte(
    given: tuple[bytes, dict[str, str]], ask: bool
) -> None:
    body, values = given
    edited = lens.edit(
        WireRequest(path="/v1/chat/completions?a=b", body=body, headers=(("x", "y"),)), "né/w", ask_usage=ask
    )
    found = peeked.top_level(edited.body)
    changed = {"model", "stream_options"} if ask else {"model"}
    assert {key: value for key, value in found.items() if key not in changed} == {
        key: value for key, value in values.items() if key not in changed
    }
    assert [key for key in found if key in values] == list(values)
    assert msgspec.json.decode(found["model"]) == "né/w"
    assert (edited.path, edited.headers) == ("/chat/completions?a=b", (("x", "y"),))
    assert not ask or msgspec.json.decode(found["stream_options"])["include_usage"] is True


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"x": 1.50 ,"include_usage":false}', '{"x":1.50,"include_usage":true}'),
        ('{ "include_usage" : true, "x":[ ]}', '{ "include_usage" : true, "x":[ ]}'),
        ("null", '{"include_usage":true}'),
    ],
)
def test_asking_for_usage_keeps_the_other_stream_options(given: str, expected: str) -> None:
    body = f'{{"model":"m","stream_options":{given},"messages":[]}}'.encode()
    edited = lens.edit(WireRequest(body=body), "m", ask_usage=True)
    assert peeked.top_level(edited.body)["stream_options"] == expected


def test_a_missing_model_goes_to_the_front() -> None:
    assert lens.edit(WireRequest(body=b'{"messages": [ ]}'), "m").body == b'{"model":"m","messages":[ ]}'


@given(requests())
def test_the_lens_misses_nothing_that_the_reader_finds(request: ChatRequest) -> None:
    rendered = openai_chat.render_request(request, context(HostTraits(video_parts=True)))
    peek, parsed = peeked.check("openai_chat", rendered)
    assert peek.needs == peeked.needs(parsed)


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        (b'{"messages":[{"role":"user","content":[{"type" : "image\\u005furl","image_url":{"url":"x"}}]}]}', {"image"}),
        (b'{"messages":[{"role":"user","content":"{\\"type\\":\\"image_url\\"}"}]}', set()),
        (b'{"messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"x"}},"a"]}]}', {"video"}),
        (b'{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:image/png;base64,AA"}}]}]}',
         {"pdf", "image"}),
        (b'{"messages":[{"role":"user","content":{"type":"image_url"}}]}', {"image"}),
        (b'{"messages":[{"role":"tool","content":"x","tool_call_id":"c"}],"tools":[ ]}', {"calls"}),
        (b'{"messages":[],"functions":[{"name":"f"}],"modalities":["text","audio"]}', {"tools", "audio output"}),
        (b'{"messages":[],"reasoning_effort":"none","response_format":{"type":"text"}}', set()),
        (b'{"messages":[],"thinking":{"type":"enabled"},"response_format":{"type":"json_object"}}',
         {"reasoning", "structured_output"}),
        (b'{"messages":[],"reasoning":{"max_tokens":"odd"}}', {"reasoning"}),
    ],
)  # fmt: skip
def test_needs_are_told_from_types_and_settings(body: bytes, needs: set[str]) -> None:
    assert lens.peek(WireRequest(body=body)).needs == needs


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}, "extra_content": {"google": {}}}]},
        {"role": "assistant", "thought_signature": "x"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": [], "signature": "x"}]},
        {"role": "assistant", "content": 5, "reasoning_details": []},
    ],
)
def test_state_is_never_missed(message: dict[str, Any]) -> None:
    assert lens.peek(wire(messages=[message])).has_state
    assert not lens.peek(wire()).has_state


def test_of_two_limits_the_higher_one_is_reserved() -> None:
    """Hosts know the one or the other, and the call may be answered by either."""
    assert lens.peek(wire(max_completion_tokens=1, max_tokens=9000)).most_output == 9000
    assert lens.peek(wire(max_completion_tokens=9000, max_tokens=1)).most_output == 9000


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b","messages":[]}',
        b'{"model":5,"messages":[]}',
        b'{"model":"m"}',
        b'{"model":"m","messages":[],"stream":"yes"}',
        b'{"model":"m","messages":[],"max_tokens":1.5}',
        b'{"model":"m","messages":[],"x":"\xff"}',
        b"[]",
        b"",
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        lens.peek(WireRequest(body=body))


def test_a_stream_is_seen_for_what_it_is() -> None:
    events = [
        b": waiting\n\n",
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hi"}),
        chunk({"reasoning_content": "hm"}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
        chunk({"new_kind": {"shown": 1}}),
        chunk({}, "stop"),
        chunk(usage={"prompt_tokens": 3, "completion_tokens": 4}),
        b"data: [DONE]\n\n",
    ]
    found = watch(b"".join(events))
    assert [seen.raw for seen in found] == events
    assert [seen.content for seen in found] == [False, False, True, True, True, True, False, False, False]
    assert [seen.terminal for seen in found] == [False] * 6 + [True, False, True]
    assert [seen.only_usage for seen in found] == [False] * 7 + [True, False]
    used = found[7].usage
    assert used is not None and (used.input_tokens, used.output_tokens) == (3, 4)
    assert all(seen.failed is None for seen in found)


def test_every_choice_begun_must_end() -> None:
    begun = chunk({"content": "a"}), chunk({"content": "b"}, index=1)
    half = watch(*begun, chunk({}, "stop"), b"data: [DONE]\n\n")
    assert half[-1].failed is not None and half[-1].failed.code == "stream_interrupted"
    assert not any(seen.terminal for seen in half)
    whole = watch(*begun, chunk({}, "stop"), chunk({}, "length", index=1))
    assert whole[-1].terminal and not any(seen.failed for seen in whole)


def test_an_answer_that_holds_nothing_is_a_failure() -> None:
    assert [seen.failed.code for seen in watch(b"data: [DONE]\n\n") if seen.failed] == ["stream_interrupted"]
    assert [seen.failed.code for seen in watch() if seen.failed] == ["stream_interrupted"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (b'data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n', "rate_limited"),
        (b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}', "rate_limited"),
        (b'data: {"detail":"out of order"}\n\n', "upstream_error"),
        (b"data: {oops\n\n", "upstream_error"),
        (b"data: {oops", "stream_interrupted"),
    ],
)
def test_a_failure_is_the_readers_own(event: bytes, code: str) -> None:
    found = watch(chunk({"content": "a"}), event)
    assert [seen.failed.code for seen in found if seen.failed] == [code]
    assert b"".join(seen.raw for seen in found).endswith(event)


def test_odd_shapes_pass_through() -> None:
    found = watch(b'data: {"choices":[{"delta":{"content":"a"},"index":"x"}, 5]}\n\n', chunk({}, "stop"))
    assert [seen.content for seen in found] == [True, False]
    assert found[-1].terminal


def test_a_quirk_reads_first_and_the_bytes_stay() -> None:
    def adapt(body: dict[str, Any]) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": body["end"]}]}

    (seen,) = watch(b'data: {"end":"stop"}\n\n', quirk=Quirk(chunk=adapt))
    assert seen.terminal and seen.raw == b'data: {"end":"stop"}\n\n'


@given(st.binary() | st.just(b'{"usage":{"prompt_tokens":-1e400}}') | st.just(b'{"choices":[5],"usage":[]}'))
def test_usage_of_a_whole_answer_never_raises(body: bytes) -> None:
    assert lens.usage(WireResponse(body=body), TranslationContext()) is None


def test_usage_of_a_whole_answer_is_read() -> None:
    used = lens.usage(WireResponse(body=b'{"choices":[],"usage":{"prompt_tokens":3}}'), TranslationContext())
    assert used is not None and used.input_tokens == 3
