"""The grammars of the five streams, as a strict client would hold us to them (contracts §1.6).

Each check takes the bytes of a whole stream and fails with an AssertionError that names the rule. `broken` tells that
the stream ends with an error, after which nothing may follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlingua.wire.ndjson import NDJSONParser
from interlingua.wire.sse import SSEEvent, SSEParser

Wire = dict[str, Any]


def _sse(data: bytes) -> list[SSEEvent]:
    parser = SSEParser()
    return [*parser.feed(data), *parser.close()]


def _json(text: str) -> Wire:
    found: Wire = msgspec.json.decode(text)
    return found


def anthropic_messages(data: bytes, *, broken: bool = False, usage: bool = True) -> None:
    """One message_start; start, deltas and stop per block, never overlapping; then message_delta and message_stop."""
    events = [(event.event, _json(event.data)) for event in _sse(data)]
    assert all(name == body["type"] for name, body in events), "the event's name is its type"
    names = [name for name, _ in events if name != "ping"]
    assert names[0] == "message_start" and names.count("message_start") == 1
    if broken:
        assert names[-1] == "error" and "message_stop" not in names
    else:
        assert names[-2:] == ["message_delta", "message_stop"] and names.count("message_delta") == 1
    block, count = None, 0
    for name, body in events:
        if name == "content_block_start":
            assert block is None and body["index"] == count, "blocks follow each other without gaps"
            block, count = count, count + 1
        elif name in ("content_block_delta", "content_block_stop"):
            assert body["index"] == block, "only the open block goes on"
            block = block if name == "content_block_delta" else None
        elif name == "message_delta":
            assert block is None, "all blocks are closed before the message"
            assert body["delta"]["stop_reason"] is not None
            assert isinstance(body["usage"]["output_tokens"], int)


def openai_responses(data: bytes, *, broken: bool = False, usage: bool = True) -> None:
    """Sequence numbers from 0, items in order, each piece and item done once, one terminal event that repeats them."""
    events = _sse(data)
    bodies = [_json(event.data) for event in events]
    assert [event.event for event in events] == [body["type"] for body in bodies]
    assert [body["sequence_number"] for body in bodies] == list(range(len(bodies)))
    types = [body["type"] for body in bodies]
    assert types[:2] == ["response.created", "response.in_progress"] and types.count("response.created") == 1
    terminal = [name for name in types if name in ("response.completed", "response.incomplete", "response.failed")]
    assert terminal == [types[-1]], "one terminal event, and it is the last"
    assert (types[-1] == "response.failed") >= broken
    items: dict[int, Wire] = {}
    done: dict[int, Wire] = {}
    for body in bodies:
        kind = body["type"]
        if kind == "response.output_item.added":
            assert body["output_index"] == len(items)
            items[body["output_index"]] = body["item"]
        elif kind == "response.output_item.done":
            assert body["output_index"] in items and body["output_index"] not in done
            assert body["item"]["id"] == items[body["output_index"]]["id"]
            done[body["output_index"]] = body["item"]
        elif "output_index" in body:
            assert body["item_id"] == items[body["output_index"]]["id"], "events name the item that they belong to"
            assert body["output_index"] not in done, "nothing follows an item's end"
    _pieces_are_whole(bodies, broken)
    if not broken:
        assert set(done) == set(items)
        assert bodies[-1]["response"]["output"] == [done[i] for i in sorted(done)]
        assert len({item["id"] for item in items.values()}) == len(items)


def _pieces_are_whole(bodies: list[Wire], broken: bool) -> None:
    """Every kind of delta has its `done`, which repeats all that was said."""
    said: dict[tuple[Any, ...], str] = {}
    told: dict[tuple[Any, ...], str] = {}
    for body in bodies:
        kind, _, step = body["type"].rpartition(".")
        key = (kind, body.get("output_index"), body.get("content_index"), body.get("summary_index"))
        if step == "delta":
            said[key] = said.get(key, "") + body["delta"]
        elif step == "done" and kind.endswith(("text", "arguments", "refusal", "input")):
            assert key not in told, "one end for each piece"
            told[key] = next(body[field] for field in ("text", "arguments", "refusal", "input") if field in body)
    assert all(told.get(key, text if broken else None) == text for key, text in said.items())


def openai_chat(data: bytes, *, broken: bool = False, usage: bool = True) -> None:
    """Chunks of one id, one finish reason for each choice, usage once in a chunk of its own if asked for, [DONE]."""
    texts = [event.data for event in _sse(data)]
    assert all(not event.event for event in _sse(data)), "events have no names"
    if broken:
        assert "[DONE]" not in texts and "error" in _json(texts[-1])
        texts = texts[:-1]
    else:
        assert texts.count("[DONE]") == 1 and texts[-1] == "[DONE]"
        texts = texts[:-1]
    chunks = [_json(text) for text in texts]
    assert len({(chunk["id"], chunk["model"], chunk["created"]) for chunk in chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    counted = [chunk for chunk in chunks if chunk.get("usage")]
    assert len(counted) == 0 or (usage and counted == [chunks[-1]] and chunks[-1]["choices"] == [])
    ended: set[int] = set()
    begun: set[int] = set()
    calls: dict[tuple[int, int], str] = {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        place, delta = choice["index"], choice["delta"]
        assert place not in ended, "nothing follows a finish reason"
        assert (delta.get("role") == "assistant") == (place not in begun), "the role comes first, once"
        begun.add(place)
        for call in delta.get("tool_calls", []):
            if "id" in call:
                assert call["index"] == sum(1 for known, _ in calls if known == place), "calls begin in order"
                calls[place, call["index"]] = call["id"]
            assert (place, call["index"]) in calls
        if choice["finish_reason"] is not None:
            ended.add(place)
    assert broken or ended == begun


def gemini(data: bytes, *, broken: bool = False, usage: bool = True) -> None:
    """Whole answers, each a piece; one finish reason for each candidate; no terminator."""
    bodies = [_json(event.data) for event in _sse(data)]
    assert all(("error" in body) == (broken and body is bodies[-1]) for body in bodies)
    bodies = bodies[:-1] if broken else bodies
    finished = [
        candidate["index"] for body in bodies for candidate in body.get("candidates", []) if "finishReason" in candidate
    ]
    seen = {candidate["index"] for body in bodies for candidate in body.get("candidates", [])}
    assert broken or sorted(finished) == sorted(seen)
    for candidate in (candidate for body in bodies for candidate in body.get("candidates", [])):
        for part in candidate.get("content", {}).get("parts", []):
            assert part, "no part is empty"
            assert isinstance(part.get("functionCall", {}).get("args", {}), dict), "arguments come whole"
    assert len({body["responseId"] for body in bodies}) == 1


def ollama(data: bytes, *, broken: bool = False, usage: bool = True) -> None:
    """A JSON object to a line, no blank lines; `done` is true in the last alone."""
    assert b"\n\n" not in data
    parser = NDJSONParser()
    lines = [msgspec.json.decode(line) for line in [*parser.feed(data), *parser.close()]]
    assert all(("error" in line) == (broken and line is lines[-1]) for line in lines)
    lines = lines[:-1] if broken else lines
    assert [line["done"] for line in lines] == [False] * (len(lines) - (not broken)) + [True] * (not broken)
    for line in lines:
        for call in line["message"].get("tool_calls", []):
            assert isinstance(call["function"]["arguments"], dict), "arguments come whole"


GRAMMARS: dict[str, Callable[..., None]] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic_messages": anthropic_messages,
    "gemini": gemini,
    "ollama": ollama,
}
