"""Messages, read from its description: spellings, endings, counts, state, and what a stream amounts to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from tests.replay.reading.format import Ending, Exchange, Reading, Told, count, member, objects
from tests.replay.rules import Rules, Spelling, as_texts, at, dropped, empty, every, told, without_nulls

ENDINGS = {
    "end_turn": "stop",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
}
BLOCKS = {
    *("text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use", "container_upload"),
    *("web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "mcp_tool_result"),
    *("bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result"),
    *("advisor_tool_result", "fallback", "compaction"),
}
EVENTS = {
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop", "ping", "error"),
}
PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _merged(body: Json) -> Json:
    """Neighbouring turns of one role as the one turn that the format makes of them."""
    messages = objects(member(body, "messages"))
    if not messages:
        return body
    turns: list[dict[str, Json]] = []
    for message in messages:
        if not message.get("content"):
            continue  # a turn that says nothing
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1] = turns[-1] | {"content": [*turns[-1]["content"], *message["content"]]}
        else:
            turns.append(dict(message))
    return body | {"messages": turns}


def _format(body: Json) -> Json:
    """The beta's name of what became `output_config.format`."""
    if not isinstance(body, dict) or "output_format" not in body:
        return body
    found = {key: value for key, value in body.items() if key != "output_format"}
    return found | {"output_config": {**(found.get("output_config") or {}), "format": body["output_format"]}}


CONTENT = ("system", "messages[].content", "messages[].content[].content")

REQUEST = Rules(
    spellings=(
        Spelling(
            "null is absent",
            "JSON members that are null say nothing",
            without_nulls("input", "input_schema", "schema"),
        ),
        Spelling(
            "text alone is one part",
            "content may be a string or an array of blocks; an empty text is none, for the format refuses it",
            lambda body: every(*(f"{where}[]" for where in CONTENT), change=told)(
                every(*CONTENT, change=as_texts("text"))(body)
            ),
        ),
        Spelling("turns of one role", "the format merges them itself; one that says nothing is refused", _merged),
        Spelling(
            "default said",
            "no stream, no error and a tool of type custom are what is meant where nothing is said",
            lambda body: at(
                at(at(body, "stream", dropped(False)), "messages[].content[].is_error", dropped(False)),
                "tools[].type",
                dropped("custom"),
            ),
        ),
        Spelling(
            "empty says nothing",
            "an empty system text, list of tools or result is none",
            every("system", "tools", "stop_sequences", "messages[].content[].content", change=empty),
        ),
        Spelling("output_format is output_config.format", "the beta's name of what became general", _format),
    )
)

RESPONSE = Rules(
    spellings=(
        Spelling("null is absent", "JSON members that are null say nothing", without_nulls("input")),
        Spelling(
            "empty says nothing",
            "an empty text block, an empty list of citations",
            lambda body: at(at(body, "content[]", told), "content[].citations", empty),
        ),
    )
)


def surroundings(exchange: Exchange) -> TranslationContext:
    """An unknown target: nothing is refused."""
    return TranslationContext(dialect="anthropic_messages", seed="replay")


def endings(body: Json) -> list[Ending]:
    """Why it ended, by its word."""
    word = member(body, "stop_reason")
    if not isinstance(word, str):
        return [Ending("stop")]
    return [Ending(ENDINGS.get(word, "stop"), word)]


def usage(body: Json) -> tuple[dict[str, int | None], Json] | None:
    """The counts of an answer; the prompt is the sum of the three figures."""
    raw = member(body, "usage")
    if not isinstance(raw, dict) or not raw:
        return None
    fresh, read, written = (count(raw.get(key)) for key in PROMPT)
    return {
        "input_tokens": None if fresh is None else fresh + (read or 0) + (written or 0),
        "output_tokens": count(raw.get("output_tokens")),
        "cache_read": read,
        "cache_creation": written,
        "reasoning": count(member(raw, "output_tokens_details", "thinking_tokens")),
    }, raw


def calls(body: Json) -> list[tuple[str, str]]:
    """Calls of the caller's own tools."""
    blocks = [one for one in objects(member(body, "content")) if one.get("type") == "tool_use"]
    return [(str(one.get("id") or ""), str(one.get("name"))) for one in blocks]


def states(body: Json) -> list[str]:
    """Signatures of thinking, and redacted thinking."""
    blocks = objects(member(body, "content"))
    kept = {"thinking": "signature", "redacted_thinking": "data"}
    return [text for one in blocks if (text := one.get(kept.get(str(one.get("type")), "")))]


def unknown(body: Json) -> list[str]:
    """Types of blocks that nobody documents."""
    return [f"block {one.get('type')}" for one in objects(member(body, "content")) if one.get("type") not in BLOCKS]


def failed(body: Json) -> bool:
    """Whether it is an error, whatever its status."""
    return not isinstance(body, dict) or bool(body.get("error"))


def _grow(block: dict[str, Json], delta: dict[str, Json], told_: Told) -> None:
    kind = delta.get("type")
    if kind == "text_delta":
        block["text"] = block.get("text", "") + delta["text"]
    elif kind == "thinking_delta":
        block["thinking"] = block.get("thinking", "") + delta["thinking"]
    elif kind == "signature_delta":
        block["signature"] = delta["signature"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]
    elif kind == "input_json_delta":
        block["input"] = (block["input"] if isinstance(block.get("input"), str) else "") + delta["partial_json"]
    elif kind == "compaction_delta":
        block["content"] = (block.get("content") or "") + (delta.get("content") or "")
    else:
        told_.unknown.append(f"delta {kind}")


def _stopped(block: dict[str, Json]) -> dict[str, Json]:
    """A block whose input came in pieces, with the object that they are."""
    if isinstance(block.get("input"), str):
        block["input"] = msgspec.json.decode(block["input"]) if block["input"].strip() else {}
    return block


def fold(events: Sequence[Json]) -> Told:
    """The message that events amount to; `message_stop` makes it whole."""
    told_ = Told()
    message: dict[str, Json] = {}
    usage_: dict[str, Json] = {}
    blocks: dict[int, dict[str, Json]] = {}
    for number, event in enumerate(events):
        kind = event.get("type") if isinstance(event, dict) else None
        if kind not in EVENTS:
            told_.unknown.append(f"event {kind}")
            continue
        if kind == "error":
            told_.error = event
            return told_
        if kind == "message_start":
            message = dict(event["message"])
            usage_ = dict(message.get("usage") or {})
        elif kind == "content_block_start":
            blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            _grow(blocks[event["index"]], event["delta"], told_)
        elif kind == "message_delta":
            message |= {key: value for key, value in event["delta"].items() if value is not None}
            message |= {key: value for key, value in event.items() if key not in ("type", "delta", "usage")}
            later = {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
            usage_ |= {key: value for key, value in later.items() if value or key not in PROMPT or not usage_.get(key)}
        elif kind == "message_stop":
            told_.ended, told_.end = True, number
            break
    content = [_stopped(block) for _, block in sorted(blocks.items())]
    told_.body = message | {"content": content} | ({"usage": usage_} if usage_ else {})
    return told_


def plain(exchange: Exchange) -> tuple[Exchange, tuple[str, str] | None]:
    """The exchange in the plain envelope, and the rule that took it out of another one.

    Vertex names the model in the address and the version in the body (wire/anthropic-messages.md).
    """
    request = exchange["request"]
    body = (request or {}).get("body")
    if not isinstance(body, dict) or "anthropic_version" not in body or "model" in body:
        return exchange, None
    model = request["url"].rpartition("/")[2].partition(":")[0]
    inner = {"model": model, **{key: value for key, value in body.items() if key != "anthropic_version"}}
    rule = "Vertex envelope", "model in the address and version in the body: the same request in another envelope"
    return exchange | {"request": request | {"body": inner}}, rule


READING = Reading(
    dialect="anthropic_messages",
    request=REQUEST,
    response=RESPONSE,
    surroundings=surroundings,
    endings=endings,
    usage=usage,
    calls=calls,
    states=states,
    unknown=unknown,
    fold=fold,
    failed=failed,
)
