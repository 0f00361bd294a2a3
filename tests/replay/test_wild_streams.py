"""Recorded streams of every dialect, cut short and tampered with: no success without an end, no untyped error.

Contracts §1.2. Cuts and changes are a seeded sample, so that a failure can be repeated.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interlingua.dialects.registry import dialect
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, Failed, MessageEnd

TERMINAL = {
    "openai_chat": ("openai-chat", '"finish_reason":"'),
    "anthropic_messages": ("anthropic-messages", '"message_stop"'),
    "gemini": ("gemini-generate", '"finishReason"'),
}
"""The file of recordings, and what must have come before a stream counts as complete."""

STREAMS, CUTS, CHANGES = 12, 120, 60
VALUES: tuple[Any, ...] = (None, 1, -1, 2**70, 3.5, True, "x", "", [], {}, [None], [[]], {"a": 1})


def streams(id: str) -> Iterator[bytes]:
    """Some recorded streams that came to their end."""
    folder = os.environ.get("IL_TRAFFIC")
    if not folder:
        pytest.skip("IL_TRAFFIC is not set")
    lines = (Path(folder) / f"{TERMINAL[id][0]}.jsonl").read_bytes().splitlines()
    answers = [json.loads(line)["response"] for line in lines if line]
    found = [answer["sse"].encode() for answer in answers if "sse" in answer and answer["status"] == 200]
    random.Random(id).shuffle(found)
    whole = (data for data in found if isinstance(read(id, data)[-1], MessageEnd))
    for _, data in zip(range(STREAMS), whole, strict=False):
        yield data


def read(id: str, data: bytes) -> list[Event]:
    """The events of a stream; those of one that is malformed end with the failure."""
    parser = dialect(id).StreamParser(TranslationContext(dialect=id, provider="p", model="m"))
    events: list[Event] = []
    try:
        for start in range(0, len(data), 997):
            events += parser.feed(data[start : start + 997])
        events += parser.close()
    except InterlinguaError as error:
        events.append(Failed.of(error))
    return events


@pytest.mark.parametrize("id", TERMINAL)
def test_a_stream_cut_anywhere_is_never_a_success_without_its_terminal_event(id: str) -> None:
    chance, (_, terminal), cuts = random.Random(1), TERMINAL[id], 0
    for data in streams(id):
        for end in sorted(chance.sample(range(len(data)), min(CUTS, len(data)))):
            came = data[:end].decode("utf-8", "ignore").replace(" ", "")
            if isinstance(read(id, data[:end])[-1], MessageEnd):
                assert terminal in came, came[-300:]
            cuts += 1
    assert cuts > CUTS


@pytest.mark.parametrize("id", TERMINAL)
def test_a_stream_that_is_tampered_with_gives_events_that_add_up_or_a_typed_failure(id: str) -> None:
    chance, changed = random.Random(2), 0
    for data in streams(id):
        for _ in range(CHANGES):
            whole = Accumulator()
            for event in read(id, _tampered(data, chance)):
                if isinstance(event, Failed):
                    assert event.code != InterlinguaError.code
                    break
                whole.add(event)
            changed += 1
    assert changed > CHANGES


def _tampered(data: bytes, chance: random.Random) -> bytes:
    lines = data.decode().split("\n")
    places = [place for place, line in enumerate(lines) if line.startswith("data: {")]
    for place in chance.choices(places, k=chance.randint(1, 3)):
        other = chance.choice(places)
        if chance.random() < 0.2:
            lines[place], lines[other] = lines[other], lines[place]
        else:
            lines[place] = "data: " + json.dumps(_changed(json.loads(lines[place][6:]), chance))
    return "\n".join(lines).encode()


def _changed(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value:
        return chance.choice(VALUES)
    copy = value.copy()
    key = chance.choice(list(copy)) if isinstance(copy, dict) else chance.randrange(len(copy))
    if chance.random() < 0.1:
        del copy[key]
    else:
        copy[key] = chance.choice(VALUES) if chance.random() < 0.3 else _changed(copy[key], chance)
    return copy
