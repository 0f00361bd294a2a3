"""Recorded traffic of the Responses format: what was sent and answered goes through us unharmed."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from interlingua.dialects import openai_responses as dialect
from interlingua.errors import (
    AuthenticationFailed,
    ContextTooLong,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    NotFound,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Failed, MessageEnd
from interlingua.types.opaque import Origin
from interlingua.types.parts import ToolCallPart
from interlingua.types.traits import HostTraits, Traits
from tests.replay.traffic import body_of, chunked, exchanges, response_of

# Function tools as Chat Completions nests them, without a name of their own: OpenAI refuses them too (400).
NESTED_TOOLS = "reqllm-openai-o3-deep-research-object-streaming"
# Two answers one after the other in one recording; a stream ends with the first.
TWO_ANSWERS = "vercelai-openai-responses-openai-shell-tool-1"

ORIGIN = Origin("p", dialect.ID, "m")


def recorded() -> list[dict[str, Any]]:
    return exchanges("openai-responses")


def requests() -> list[dict[str, Any]]:
    return [
        exchange
        for exchange in recorded()
        if exchange["request"] and exchange["request"]["body"] and exchange["response"]["status"] < 300
    ]


def wire(body: dict[str, Any]) -> WireRequest:
    return WireRequest(body=msgspec.json.encode(body))


def context() -> TranslationContext:
    """A target that takes everything; it does not reason, or we would ask for encrypted reasoning."""
    host = HostTraits(cache_field="prompt_cache_breakpoint")
    return TranslationContext(dialect=dialect.ID, host=host, traits=Traits(reasoning=None), origin=ORIGIN)


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """The body in one of the several spellings that mean the same."""
    found = {key: value for key, value in body.items() if value is not None and value not in (False, [], {}, "")}
    found.pop("store", None)
    found["include"] = sorted({*found.get("include", []), "reasoning.encrypted_content"})
    if "user" in found:
        found["safety_identifier"] = found.pop("user")
    given = body.get("input", [])
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    found["input"] = [item for item in map(item_of, items) if item.get("content") != []]
    if "tools" in found:
        found["tools"] = [tool_of(tool) for tool in found["tools"]]
    if isinstance(found.get("tool_choice"), dict) and "function" in found["tool_choice"]:
        found["tool_choice"] = {"type": "function", "name": found["tool_choice"]["function"]["name"]}
    return found


def item_of(item: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in item.items() if value is not None}
    if found.get("type", "message") in ("message", "function_call", "function_call_output", "reasoning"):
        found.pop("status", None)
    if "role" in found and found.get("type", "message") == "message":
        found.pop("type", None)
        found["content"] = pieces(found["content"], "output_text" if found["role"] == "assistant" else "input_text")
    if "output" in found:
        found["output"] = pieces(found["output"], "input_text")
    return found


def pieces(content: Any, kind: str) -> Any:
    if isinstance(content, str):
        return [{"type": kind, "text": content}] if content else []
    return [
        {key: value for key, value in piece.items() if key not in ("annotations", "logprobs")}
        for piece in content
        if piece.get("text") != ""
    ]


def tool_of(tool: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in tool.items() if value is not None}
    if tool["type"] == "function":
        found = {"strict": False, "parameters": {}, **found}
        if not found["parameters"].get("properties"):
            found["parameters"] = {}
    return found


def test_every_recorded_request_is_rendered_again_as_it_was() -> None:
    for exchange in requests():
        here, body = context(), exchange["request"]["body"]
        parsed = dialect.parse_request(wire(body), here)
        rendered = dialect.render_request(parsed, here)
        assert normal(msgspec.json.decode(rendered.body)) == normal(body), exchange["id"]
        assert here.losses == [], exchange["id"]


def test_parsing_what_was_rendered_changes_nothing_any_more() -> None:
    for exchange in requests():
        here = context()
        first = dialect.render_request(dialect.parse_request(wire(exchange["request"]["body"]), here), here)
        second = dialect.render_request(dialect.parse_request(first, here), here)
        assert second.body == first.body, exchange["id"]


def test_encrypted_reasoning_goes_back_byte_for_byte() -> None:
    seen = 0
    for exchange in requests():
        here, items = context(), exchange["request"]["body"].get("input")
        parsed = dialect.parse_request(wire(exchange["request"]["body"]), here)
        body = dialect.render_request(parsed, here).body
        for item in items if isinstance(items, list) else []:
            if item.get("encrypted_content"):
                assert msgspec.json.encode(item["encrypted_content"]) in body, exchange["id"]
                seen += 1
    assert seen > 20


def test_every_recorded_answer_is_rendered_again_as_it_was() -> None:
    for exchange in recorded():
        if exchange["response"]["status"] >= 300 or "body" not in exchange["response"]:
            continue
        here = context()
        parsed = dialect.parse_response(response_of(exchange), here)
        rendered = dialect.render_response(parsed, here)
        body, again = exchange["response"]["body"], msgspec.json.decode(rendered.body)
        assert {key: again.get(key) for key in answer(body)} == answer(body), exchange["id"]
        written = [bare(item, old) for item, old in zip(again["output"], body["output"], strict=True)]
        assert written == [bare(item, item) for item in body["output"]], exchange["id"]
        if all("id" in item for item in body["output"]):
            assert _without_frame(dialect.parse_response(rendered, here)) == _without_frame(parsed), exchange["id"]
        assert here.losses == [], exchange["id"]


def _without_frame(response: Any) -> Any:
    """An answer without the fields that we must write although its maker did not."""
    kept = response.extra.get(dialect.ID, {})
    frame = ("background", "metadata", "parallel_tool_calls", "reasoning", "text", "tool_choice", "tools", "truncation")
    return msgspec.structs.replace(response, extra={key: value for key, value in kept.items() if key not in frame})


def answer(body: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in body.items() if value is not None and key not in ("output", "service_tier")}
    found["created_at"] = int(found["created_at"])
    found.setdefault("object", "response")
    return found


def bare(item: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Any]:
    """The item without its state, and without an id that its maker did not give (Bedrock leaves some out)."""
    found = {key: value for key, value in item.items() if value is not None and (key != "id" or key in recorded)}
    if item["type"] in ("message", "function_call", "custom_tool_call", "reasoning"):
        found.pop("status", None)
    if item["type"] == "message":
        found["content"] = [
            {"annotations": [], "logprobs": [], **{key: value for key, value in piece.items() if value is not None}}
            for piece in item["content"]
        ]
        for piece in found["content"]:
            if piece["type"] == "refusal":
                del piece["annotations"], piece["logprobs"]
    return found


def streams() -> list[dict[str, Any]]:
    return [exchange for exchange in recorded() if "sse" in exchange["response"] and TWO_ANSWERS not in exchange["id"]]


def test_every_recorded_stream_is_complete_and_amounts_to_the_same_after_rendering() -> None:
    for exchange in streams():
        here = context()
        parser = dialect.StreamParser(here)
        events = parser.feed(body_of(exchange)) + parser.close()
        assert isinstance(events[-1], MessageEnd), exchange["id"]
        told = accumulate(events)
        for again in (events, list(unfold(told))):
            renderer = dialect.StreamRenderer(here)
            text = b"".join(renderer.render(event) for event in again) + renderer.close()
            parser = dialect.StreamParser(here)
            assert _essence(accumulate(parser.feed(text) + parser.close())) == _essence(told), exchange["id"]
        whole = dialect.parse_response(dialect.render_response(told, here), here)
        assert _essence(whole) == _essence(told), exchange["id"]


def test_a_recorded_stream_amounts_to_the_answer_that_its_terminal_event_repeats() -> None:
    for exchange in streams():
        here = context()
        parser = dialect.StreamParser(here)
        told = accumulate(parser.feed(body_of(exchange)) + parser.close())
        whole = dialect.parse_response(msgspec.structs.replace(response_of(exchange), body=terminal(exchange)), here)
        if whole.message.parts:
            assert _shape(told) == _shape(whole), exchange["id"]
        assert (told.finish, told.usage, told.text) == (whole.finish, whole.usage, whole.text), exchange["id"]


def terminal(exchange: dict[str, Any]) -> bytes:
    for line in reversed(exchange["response"]["sse"].splitlines()):
        if line.startswith("data: {"):
            event = msgspec.json.decode(line[6:])
            if event["type"] in ("response.completed", "response.incomplete"):
                return msgspec.json.encode(event["response"])
    raise AssertionError(exchange["id"])


def _shape(response: Any) -> list[Any]:
    return [
        (
            type(part).__name__,
            getattr(part, "text", ""),
            getattr(part, "raw", "") if isinstance(part, ToolCallPart) else "",
        )
        for part in response.message.parts
    ]


def _essence(response: Any) -> Any:
    """An answer without its repetition of the request."""
    choice = msgspec.structs.replace(response.choices[0], extra={})
    return msgspec.structs.replace(response, extra={}, choices=(choice,), service_tier=None)


def test_any_chunking_of_a_recorded_stream_gives_the_same_events() -> None:
    for exchange in streams()[::6]:
        data = body_of(exchange)[:60_000]
        whole = dialect.StreamParser(context())
        expected = whole.feed(data) + whole.close()
        for sizes in ((1, 2, 3, 7), (61,), (4096,)):
            parser = dialect.StreamParser(context())
            events = [event for piece in chunked(data, itertools.cycle(sizes)) for event in parser.feed(piece)]
            assert events + parser.close() == expected, exchange["id"]


def test_a_recorded_stream_cut_anywhere_never_looks_whole() -> None:
    stream = min((body_of(exchange) for exchange in streams() if "stop-length" not in exchange["tags"]), key=len)
    for end in range(0, stream.index(b"response.completed"), 13):
        parser = dialect.StreamParser(context())
        events = parser.feed(stream[:end]) + parser.close()
        assert isinstance(events[-1], Failed) and events[-1].code == "stream_interrupted"
        assert not any(isinstance(event, MessageEnd) for event in events)


EXPECTED: tuple[tuple[str, type[InterlinguaError]], ...] = (
    ("incorrect api key", AuthenticationFailed),
    ("does not exist", ModelNotFound),
    ("model not found", ModelNotFound),
    ("exceeds the context window", ContextTooLong),
    ("previous response with id", NotFound),
)


def test_every_recorded_error_has_its_class() -> None:
    seen = set()
    for exchange in recorded():
        if exchange["response"]["status"] < 300:
            continue
        error = dialect.parse_error(response_of(exchange), TranslationContext(provider="p", model="m"))
        body = exchange["response"]["body"]["error"]
        message = body if isinstance(body, str) else body["message"]
        expected = next((kind for words, kind in EXPECTED if words in message.lower()), InvalidRequest)
        assert type(error) is expected, exchange["id"]
        assert error.message == message and not error.retryable
        seen.add(type(error))
    assert len(seen) == 5


def test_a_tool_that_is_nested_as_in_another_format_is_refused_by_field() -> None:
    for exchange in recorded():
        if NESTED_TOOLS in exchange["id"]:
            with pytest.raises(InvalidRequest, match=r"tools\[\d\]\.name"):
                body = exchange["request"]["body"]
                nameless = [{key: value for key, value in tool.items() if key != "name"} for tool in body["tools"]]
                dialect.parse_request(wire({**body, "tools": nameless}), context())
