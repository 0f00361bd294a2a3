from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects import ollama
from interlingua.dialects.ollama import lens
from interlingua.errors import InvalidRequest
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Seen
from interlingua.types.request import ChatRequest
from tests.dialects import peeked
from tests.dialects.ollama.strategies import requests
from tests.dialects.ollama.wire import lenient

KEYS = ("stream", "options", "keep_alive", "format", "Model", "tools")
FIXED = {"messages": '[ {"role" :"user","content":"say \\"model\\""} ]', "model": '"a\\u0062"'}


def line(**body: Any) -> bytes:
    return msgspec.json.encode({"model": "m", "created_at": "2026-11-01T00:00:00Z", **body}) + b"\n"


def said(done: bool = False, **message: Any) -> bytes:
    return line(message={"role": "assistant", **message}, done=done)


def watch(*lines: bytes, quirk: Quirk | None = None) -> list[Seen]:
    where = TranslationContext(dialect="ollama", provider="p", quirk=quirk or Quirk())
    watcher = lens.Watcher(where)
    return [seen for line in lines for seen in watcher.feed(line)] + watcher.close()


@given(peeked.odd_bodies(FIXED, KEYS), st.sampled_from(["/api/chat", "/api/generate"]))
def test_an_edited_request_keeps_every_other_value_byte_for_byte(
    given: tuple[bytes, dict[str, str]], path: str
) -> None:
    body, values = given
    edited = lens.edit(WireRequest(path=path, body=body, headers=(("x", "y"),)), "né/w", ask_usage=True)
    found = peeked.top_level(edited.body)
    assert list(found) == list(values)
    assert msgspec.json.decode(found.pop("model")) == "né/w"
    assert found == {key: value for key, value in values.items() if key != "model"}
    assert (edited.path, edited.headers) == (path, (("x", "y"),))


@given(requests)
def test_the_lens_misses_nothing_that_the_reader_finds(request: ChatRequest) -> None:
    peek, parsed = peeked.check("ollama", ollama.render_request(request, lenient()))
    assert peek.needs == peeked.needs(parsed)


@pytest.mark.parametrize(
    ("path", "body", "needs"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "images"}]}, set()),
        ("/api/chat", {"messages": [{"role": "user", "images": ["AA"]}]}, {"image"}),
        ("/api/chat", {"messages": [{"role": "user", "images": []}], "tools": [{}]}, {"tools"}),
        ("/api/chat", {"messages": [{"role": "Tool", "content": "x"}]}, {"calls"}),
        ("/api/chat", {"messages": [{"role": "assistant", "tool_calls": [{}]}], "think": "low"},
         {"calls", "reasoning"}),
        ("/api/chat", {"messages": [{"role": "user", "images": "odd"}]}, {"image"}),
        ("/api/chat", {"think": False, "format": ""}, set()),
        ("/api/chat", {"think": 5, "format": {"type": "object"}}, {"reasoning", "structured_output"}),
        ("/api/generate", {"prompt": "x", "images": ["AA"]}, {"image"}),
    ],
)  # fmt: skip
def test_needs_are_told_from_fields(path: str, body: dict[str, Any], needs: set[str]) -> None:
    peek = lens.peek(WireRequest(path=path, body=msgspec.json.encode({"model": "m", **body})))
    assert peek.needs == needs
    assert not peek.has_state


def test_streaming_is_the_default_and_a_negative_limit_is_none() -> None:
    peek = lens.peek(WireRequest(body=b'{"model":"m","options":{"num_predict":-1}}'))
    assert (peek.stream, peek.most_output) == (True, None)
    peek = lens.peek(WireRequest(body=b'{"model":"m","stream":false,"options":{"num_predict":7}}'))
    assert (peek.stream, peek.most_output) == (False, 7)


@pytest.mark.parametrize("body", [b'{"model":"a","model":"b"}', b'{"model":[]}', b'{"stream":"x"}', b"[]"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        lens.peek(WireRequest(body=body))


def test_a_stream_is_seen_for_what_it_is() -> None:
    lines = [
        said(content=""),
        said(content="Hi"),
        said(content="", thinking="hm"),
        b"\n",
        said(content="", tool_calls=[{"function": {"name": "f"}}]),
        line(response="old", done=False),
        line(message={"role": "assistant", "content": ""}, done=True, prompt_eval_count=3, eval_count=4),
    ]
    found = watch(b"".join(lines))
    assert [seen.raw for seen in found] == lines
    assert [seen.content for seen in found] == [False, True, True, False, True, True, False]
    assert [seen.terminal for seen in found] == [False] * 6 + [True]
    used = found[-1].usage
    assert used is not None and (used.input_tokens, used.output_tokens) == (3, 4)
    assert not any(seen.only_usage or seen.failed for seen in found)


def test_the_last_line_needs_no_line_feed() -> None:
    found = watch(said(content="a"), said(True, content="").rstrip())
    assert found[-1].terminal and found[-1].failed is None


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (b'{"error":"server busy"}\n', "overloaded"),
        (b'{"error":"server busy"}', "overloaded"),
        (b"{oops\n", "upstream_error"),
        (b"{oops", "stream_interrupted"),
        (b"", "stream_interrupted"),
    ],
)
def test_a_failure_is_the_readers_own(last: bytes, code: str) -> None:
    found = watch(said(content="a"), last)
    assert [seen.failed.code for seen in found if seen.failed] == [code]
    assert not any(seen.terminal for seen in found)
    assert b"".join(seen.raw for seen in found).endswith(last)


def test_what_never_was_this_format_is_an_error_of_the_provider() -> None:
    assert [seen.failed.code for seen in watch(b"<html>no</html>") if seen.failed] == ["upstream_error"]


def test_a_quirk_reads_first_and_the_bytes_stay() -> None:
    (seen,) = watch(b'{"end":1}\n', quirk=Quirk(chunk=lambda body: {"done": True, "eval_count": body["end"]}))
    assert seen.terminal and seen.raw == b'{"end":1}\n'
    assert seen.usage is not None and seen.usage.output_tokens == 1


@given(st.binary() | st.just(b'{"eval_count":1e999}') | st.just(b'{"eval_count":[]}'))
def test_usage_of_a_whole_answer_never_raises(body: bytes) -> None:
    assert lens.usage(WireResponse(body=body), TranslationContext()) is None


def test_usage_of_a_whole_answer_is_read() -> None:
    used = lens.usage(WireResponse(body=b'{"done":true,"prompt_eval_count":3}'), TranslationContext())
    assert used is not None and used.input_tokens == 3
