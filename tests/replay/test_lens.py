"""Recorded traffic through the lenses: bytes untouched, and the same story as the dialect's own readers tell."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec.structs import replace

from interlingua.dialects.registry import DIALECTS, dialect, lens
from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.ports.lens import Seen
from interlingua.types.events import Event, Failed, MessageEnd, PartDelta, PartStart, UsageUpdate
from interlingua.types.parts import ReasoningPart, RefusalPart, TextPart
from interlingua.types.usage import Usage
from tests.dialects import peeked
from tests.replay.traffic import body_of, chunked, response_of

FILES = {
    "openai_chat": ("openai-chat",),
    "openai_responses": ("openai-responses",),
    "anthropic_messages": ("anthropic-messages",),
    "gemini": ("gemini-generate",),
    "ollama": ("ollama-chat", "ollama-generate"),
}
SAME_TIME = ("openai_chat", "gemini", "ollama")
"""Formats whose reader tells of content with the very event that holds it, but for audio; others wait for its end."""


def recorded(id: str) -> list[Any]:
    folder = os.environ.get("IL_TRAFFIC")
    if not folder:
        pytest.skip("IL_TRAFFIC is not set")
    lines = (line for name in FILES[id] for line in (Path(folder) / f"{name}.jsonl").read_bytes().split(b"\n"))
    return [msgspec.json.decode(line) for line in lines if line.strip()]


def streams(id: str) -> Iterator[tuple[str, bytes]]:
    for exchange in recorded(id):
        response = exchange["response"]
        if response["status"] == 200 and ("sse" in response or "ndjson" in response):
            yield str(exchange.get("id", "")), body_of(exchange)


def requests(id: str) -> Iterator[WireRequest]:
    for exchange in recorded(id):
        sent = exchange["request"]
        if sent and isinstance(sent.get("body"), dict) and exchange["response"]["status"] < 300:
            parts = urlsplit(sent["url"])
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            yield WireRequest(path=path, body=msgspec.json.encode(sent["body"]))


def context(id: str) -> TranslationContext:
    return TranslationContext(dialect=id, provider="p", model="m")


def watch(id: str, data: bytes, sizes: Iterator[int] | None = None) -> tuple[list[Seen], list[Seen]]:
    watcher = lens(id).Watcher(context(id))
    pieces = [data] if sizes is None else chunked(data, sizes)
    return [seen for piece in pieces for seen in watcher.feed(piece)], watcher.close()


def shown(events: list[Event]) -> bool:
    """Whether a client would show something of events."""
    for event in events:
        if isinstance(event, PartDelta) and event.text:
            return True
        if isinstance(event, PartStart) and not (
            isinstance(event.part, TextPart | ReasoningPart | RefusalPart) and not event.part.text
        ):
            return True
    return False


def last_usage(found: list[Seen]) -> Usage | None:
    return next((seen.usage for seen in reversed(found) if seen.usage is not None), None)


@pytest.mark.parametrize("id", DIALECTS)
def test_streams_pass_untouched_however_they_are_cut(id: str) -> None:
    chance, count = random.Random(id), 0
    for _, data in streams(id):
        fed, closed = watch(id, data)
        assert b"".join(seen.raw for seen in (*fed, *closed)) == data
        again = watch(id, data, iter([chance.randrange(1, 90) for _ in range(len(data))]))
        assert again == (fed, closed)
        count += 1
    assert count > 3


@pytest.mark.parametrize("id", DIALECTS)
def test_lens_and_reader_agree_on_every_stream(id: str) -> None:
    for name, data in streams(id):
        fed, closed = watch(id, data)
        parser = dialect(id).StreamParser(context(id))
        events: list[Event] = []
        began = False
        for seen in (*fed, *closed):
            now = parser.feed(seen.raw)
            events += now
            if seen.content and not began and id in SAME_TIME and b'"audio"' not in seen.raw:
                assert any(isinstance(event, PartStart | PartDelta) for event in events), (name, seen)
            began = began or seen.content
            assert seen.content or seen.terminal or (began and id == "anthropic_messages") or not shown(now), name
        events += parser.close()
        found = [*fed, *closed]
        failures = [seen.failed for seen in found if seen.failed is not None]
        told = [event for event in events if isinstance(event, Failed)]
        assert [failed.code for failed in failures] == [failed.code for failed in told], name
        assert any(seen.terminal for seen in found) == any(isinstance(e, MessageEnd) for e in events), name
        usages = [event.usage for event in events if isinstance(event, UsageUpdate)]
        assert last_usage(found) == (usages[-1] if usages else None), name


@pytest.mark.parametrize("id", DIALECTS)
def test_a_stream_that_was_cut_is_a_failure(id: str) -> None:
    chance, cuts = random.Random(id), 0
    for name, data in list(streams(id))[:40]:
        for end in sorted(chance.sample(range(len(data)), min(12, len(data)))):
            parser = dialect(id).StreamParser(context(id))
            events = [*parser.feed(data[:end]), *parser.close()]
            found = [seen for part in watch(id, data[:end]) for seen in part]
            complete = any(isinstance(event, MessageEnd) for event in events)
            assert any(seen.failed is not None for seen in found) != complete, (name, end)
            assert any(seen.terminal for seen in found) or not complete, (name, end)
            cuts += not complete
    assert cuts > 30


@pytest.mark.parametrize("id", DIALECTS)
def test_the_lens_misses_nothing_that_recorded_requests_need(id: str) -> None:
    count, broad = 0, 0
    for wire in requests(id):
        try:
            dialect(id).parse_request(wire, context(id))
        except InvalidRequest:
            continue
        peek, request = peeked.check(id, wire)
        broad += peek.needs != peeked.needs(request)
        count += 1
    assert count > 20
    assert broad < count / 10, "a guess that is often wrong refuses what would have worked"


@pytest.mark.parametrize("id", DIALECTS)
def test_an_edited_request_differs_in_the_model_alone(id: str) -> None:
    for wire in requests(id):
        edited = lens(id).edit(wire, "other/model")
        before, after = msgspec.json.decode(wire.body), msgspec.json.decode(edited.body)
        if id == "gemini":
            assert "/models/other/model:" in edited.path
        else:
            assert after.pop("model") == "other/model"
            before.pop("model", None)
            assert lens(id).peek(replace(edited, path=wire.path)).model == "other/model"
        assert after == before


@pytest.mark.parametrize("id", DIALECTS)
def test_usage_of_whole_answers_is_that_of_the_reader(id: str) -> None:
    count = 0
    for exchange in recorded(id):
        response = exchange["response"]
        if response["status"] != 200 or "body" not in response:
            continue
        wire = response_of(exchange)
        try:
            expected = dialect(id).parse_response(wire, context(id)).usage
        except InterlinguaError:
            continue
        assert lens(id).usage(wire, context(id)) == expected
        count += expected is not None
    assert count > 5


@pytest.mark.parametrize("id", DIALECTS)
def test_the_end_of_whole_answers_is_that_of_the_reader(id: str) -> None:
    count = 0
    for exchange in recorded(id):
        response = exchange["response"]
        if response["status"] != 200 or "body" not in response:
            continue
        wire = response_of(exchange)
        try:
            answer = dialect(id).parse_response(wire, context(id))
        except InterlinguaError:
            continue
        if len(answer.choices) != 1 or answer.finish.kind in ("refusal", "stop_sequence"):
            continue  # told by the content, which the lens does not read
        found = lens(id).finish(wire.body)
        expected = answer.finish.kind if answer.finish.raw else ""
        assert (found.kind if found else "") == expected, wire.body[:2000]
        count += found is not None
    assert count > 5
