"""What recordings of Ollama's own API prove beyond the report: pairs without ids, and the shape of /api/generate."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects import ollama
from interlingua.dialects.registry import dialect
from interlingua.ports.context import TranslationContext
from interlingua.types.parts import ToolCallPart
from tests.replay.check import READINGS, parse_stream, wire_request
from tests.replay.traffic import body_of, folder, recorded


def context() -> TranslationContext:
    return TranslationContext(dialect="ollama", seed="replay")


def exchanges(kind: str) -> list[dict[str, Any]]:
    return [one for one in recorded(folder()) if one["dialect"] == kind and one["response"]["status"] == 200]


def test_recorded_results_find_the_calls_that_clients_gave_no_ids() -> None:
    paired = 0
    for exchange in exchanges("ollama-chat"):
        request = ollama.parse_request(wire_request(exchange), context())
        parts = [part for message in request.messages for part in message.parts]
        calls = {part.id: part.name for part in parts if isinstance(part, ToolCallPart)}
        for message in request.messages:
            if message.role == "tool" and calls:
                assert all(calls[part.id] == part.name for part in message.parts), exchange["id"]  # type: ignore[union-attr]  # results alone stand in tool messages
                paired += 1
    assert paired


def test_generate_is_answered_in_its_own_shape() -> None:
    for exchange in exchanges("ollama-generate"):
        request = ollama.parse_request(wire_request(exchange), context())
        if "ndjson" not in exchange["response"]:
            continue
        marked = parse_stream(dialect("ollama"), body_of(exchange), READINGS["ollama"])
        plain = [msgspec.structs.replace(marked[0], extra={}), *marked[1:]]
        renderer = ollama.StreamRenderer(context(), request)
        written = b"".join(renderer.render(event) for event in plain) + renderer.close()
        lines = [msgspec.json.decode(line) for line in written.splitlines()]
        recording = [msgspec.json.decode(line) for line in body_of(exchange).splitlines()]
        assert "".join(line["response"] for line in lines) == "".join(line["response"] for line in recording)
        assert not any("message" in line for line in lines)
        assert lines[-1]["context"] == recording[-1]["context"]
