"""Recorded traffic of the Messages format: what was sent and answered goes through us unharmed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from interlingua.dialects import anthropic_messages as dialect
from interlingua.errors import (
    AuthenticationFailed,
    ContextTooLong,
    InvalidRequest,
    ModelNotFound,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Failed, MessageEnd
from interlingua.types.opaque import Origin
from tests.replay.traffic import body_of, exchanges, response_of

# Recordings through Vertex name the model in the address, and a version in the body: another envelope.
ANOTHER_ENVELOPE = "vertex"
# A user who says nothing at all, which the provider refuses: so do we, before sending.
SAYS_NOTHING = "mirascope-typescript-e2e-input-empty-call"


def recorded() -> list[dict[str, Any]]:
    return exchanges("anthropic-messages")


def requests() -> list[dict[str, Any]]:
    return [
        exchange
        for exchange in recorded()
        if exchange["request"] and "model" in (exchange["request"]["body"] or {}) and _parses(exchange)
    ]


def _parses(exchange: dict[str, Any]) -> bool:
    return exchange["provider"] != ANOTHER_ENVELOPE and SAYS_NOTHING not in exchange["id"]


def wire(body: dict[str, Any], headers: dict[str, str]) -> WireRequest:
    return WireRequest(
        body=msgspec.json.encode(body), headers=tuple((name.lower(), value) for name, value in headers.items())
    )


def blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [normal_block(block) for block in content if block.get("text") != ""]


def normal_block(block: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in block.items() if value is not None}
    if found["type"] == "tool_result":
        if found.get("is_error") is False:
            del found["is_error"]
        if "content" in found:
            found["content"] = blocks(found["content"])
    return found


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """The body in one of the several spellings that mean the same."""
    found = {key: value for key, value in body.items() if value is not None and value not in (False, [], "")}
    turns: list[dict[str, Any]] = []
    for message in body["messages"]:
        content = blocks(message["content"])
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += content
        else:
            turns.append({**message, "content": content})
    for turn in turns:
        turn["content"].sort(key=lambda block: turn["role"] == "user" and block["type"] != "tool_result")
    found["messages"] = turns
    if "system" in found:
        found["system"] = blocks(found["system"])
    if "tools" in found:
        found["tools"] = [
            {key: value for key, value in tool.items() if (key, value) != ("type", "custom")} for tool in found["tools"]
        ]
    if "output_format" in found:  # the beta's name of what became general
        found["output_config"] = {"format": found.pop("output_format"), **found.get("output_config", {})}
    if {"temperature", "top_p"} <= found.keys():  # refused together
        del found["top_p"]
    return found


def test_every_recorded_request_is_rendered_again_as_it_was() -> None:
    for exchange in requests():
        if exchange["response"]["status"] >= 300:
            continue
        body, headers = exchange["request"]["body"], exchange["request"]["headers"]
        context = TranslationContext(dialect=dialect.ID)
        parsed = dialect.parse_request(wire(body, headers), context)
        rendered = dialect.render_request(parsed, context)
        assert normal(msgspec.json.decode(rendered.body)) == normal(body), exchange["id"]
        assert dict(rendered.headers).get("anthropic-beta") == headers.get("anthropic-beta"), exchange["id"]
        allowed = {"top_p"} if {"temperature", "top_p"} <= body.keys() else set()
        assert {loss.field for loss in context.losses} <= allowed, exchange["id"]


def test_parsing_what_was_rendered_changes_nothing_any_more() -> None:
    for exchange in requests():
        request, context = exchange["request"], TranslationContext(dialect=dialect.ID)
        first = dialect.render_request(
            dialect.parse_request(wire(request["body"], request["headers"]), context), context
        )
        second = dialect.render_request(
            dialect.parse_request(WireRequest(body=first.body, headers=first.headers), context), context
        )
        assert second.body == first.body, exchange["id"]


def test_a_request_of_another_envelope_is_refused_by_field_and_not_by_a_crash() -> None:
    for exchange in recorded():
        if exchange["provider"] == ANOTHER_ENVELOPE and exchange["request"]:
            body = {key: value for key, value in exchange["request"]["body"].items() if key != "model"}
            with pytest.raises(InvalidRequest, match="model"):
                dialect.parse_request(wire(body, {}), TranslationContext())


def test_every_recorded_answer_is_rendered_again_as_it_was() -> None:
    for exchange in recorded():
        if exchange["response"]["status"] >= 300 or "body" not in exchange["response"]:
            continue
        context = TranslationContext(dialect=dialect.ID, origin=Origin("p", dialect.ID, "m"))
        parsed = dialect.parse_response(response_of(exchange), context)
        rendered = dialect.render_response(parsed, context)
        body, again = exchange["response"]["body"], msgspec.json.decode(rendered.body)
        assert _answer(again) == _answer(body), exchange["id"]
        assert dialect.parse_response(rendered, context) == parsed, exchange["id"]
        assert context.losses == [], exchange["id"]


def _answer(body: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in body.items() if value is not None}
    found["content"] = [{key: value for key, value in block.items() if value is not None} for block in body["content"]]
    return found


def test_every_recorded_stream_is_complete_and_amounts_to_the_same_after_rendering() -> None:
    streams = [exchange for exchange in recorded() if "sse" in exchange["response"]]
    assert streams
    for exchange in streams:
        context = TranslationContext(dialect=dialect.ID, origin=Origin("p", dialect.ID, "m"))
        parser = dialect.StreamParser(context)
        events = parser.feed(body_of(exchange)) + parser.close()
        assert isinstance(events[-1], MessageEnd), exchange["id"]
        answer = accumulate(events)
        renderer = dialect.StreamRenderer(context)
        again = b"".join(renderer.render(event) for event in events) + renderer.close()
        parser = dialect.StreamParser(context)
        assert accumulate(parser.feed(again) + parser.close()) == answer, exchange["id"]
        whole = dialect.parse_response(dialect.render_response(answer, context), context)
        assert whole == answer, exchange["id"]
        renderer = dialect.StreamRenderer(context)
        unfolded = b"".join(renderer.render(event) for event in unfold(answer)) + renderer.close()
        parser = dialect.StreamParser(context)
        assert accumulate(parser.feed(unfolded) + parser.close()) == answer, exchange["id"]


def test_a_recorded_stream_cut_anywhere_never_looks_whole() -> None:
    stream = min((body_of(exchange) for exchange in recorded() if "sse" in exchange["response"]), key=len)
    for end in range(0, stream.index(b"message_stop"), 7):
        parser = dialect.StreamParser(TranslationContext())
        events = parser.feed(stream[:end]) + parser.close()
        assert isinstance(events[-1], Failed) and events[-1].code == "stream_interrupted"
        assert not any(isinstance(event, MessageEnd) for event in events)


def test_every_recorded_error_has_its_class() -> None:
    seen = set()
    for exchange in recorded():
        if exchange["response"]["status"] < 300:
            continue
        error = dialect.parse_error(response_of(exchange), TranslationContext(provider="p", model="m"))
        message = exchange["response"]["body"]["error"]["message"]
        status = exchange["response"]["status"]
        expected: type[Exception] = {401: AuthenticationFailed, 404: ModelNotFound, 400: InvalidRequest}[status]
        if "prompt is too long" in message:
            expected = ContextTooLong
            assert isinstance(error, ContextTooLong) and (error.estimate, error.limit) == (3333404, 200000)
        assert type(error) is expected, exchange["id"]
        assert error.message == message and error.request_id is not None
        assert not error.retryable
        seen.add(type(error))
    assert len(seen) == 4
