"""Responses, read from its description: spellings, endings, counts, state, and what a stream amounts to."""

from __future__ import annotations

from collections.abc import Sequence

from interlingua.dialects.openai_responses.namespaces import flat_name
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Json
from interlingua.types.traits import HostTraits
from tests.replay.differences import ABSENT, Difference
from tests.replay.reading.format import Ending, Exchange, Reading, Told, count, member, objects
from tests.replay.rules import (
    Case,
    Excuse,
    Rules,
    Spelling,
    as_texts,
    at,
    dropped,
    empty,
    every,
    renamed,
    without_nulls,
)

REASONS = {
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
    "steered": "pause",
}
STATES = {"completed", "incomplete", "in_progress", "queued", "failed", "cancelled"}
ITEMS = {
    *("message", "reasoning", "function_call", "custom_tool_call", "compaction", "program", "program_output"),
    *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call"),
    *("mcp_list_tools", "mcp_call", "mcp_approval_request", "tool_search_call", "tool_search_output"),
    *("local_shell_call", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output"),
    *("function_call_output", "custom_tool_call_output", "computer_call_output", "local_shell_call_output"),
}
PIECES = {"output_text", "refusal", "reasoning_text", "summary_text"}
EVENTS = {
    *("created", "queued", "in_progress", "completed", "incomplete", "failed"),
    *("output_item.added", "output_item.done", "content_part.added", "content_part.done"),
    *("output_text.delta", "output_text.done", "output_text.annotation.added", "refusal.delta", "refusal.done"),
    *("reasoning_summary_part.added", "reasoning_summary_part.done", "reasoning_part.added", "reasoning_part.done"),
    *("reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_text.delta", "reasoning_text.done"),
    *("function_call_arguments.delta", "function_call_arguments.done"),
    *("custom_tool_call_input.delta", "custom_tool_call_input.done"),
    *("mcp_call_arguments.delta", "mcp_call_arguments.done"),
    *("code_interpreter_call_code.delta", "code_interpreter_call_code.done"),
    *("image_generation_call.partial_image", "compaction.compacting"),
    *("audio.delta", "audio.done", "audio.transcript.delta", "audio.transcript.done"),
    *(f"shell_call_command.{step}" for step in ("added", "delta", "done")),
    *(f"shell_call_output_content.{step}" for step in ("delta", "done")),
    *(f"apply_patch_call_operation_diff.{step}" for step in ("delta", "done")),
    *(
        f"{tool}.{step}"
        for tool in (
            *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
            *("mcp_call", "mcp_list_tools"),
        )
        for step in ("in_progress", "searching", "interpreting", "generating", "completed", "failed")
    ),
}
OUTSIDE = {"error": "a failure", "keepalive": "says that the connection stands"}

NULLS = Spelling(
    "null is absent", "JSON members that are null say nothing", without_nulls("parameters", "schema", "output_schema")
)


def _item(item: Json) -> Json:
    """An item of the input: its type where the role tells it, its content as parts of the role's type."""
    if isinstance(item, str):
        item = {"role": "user", "content": item}
    if not isinstance(item, dict):
        return item
    found = dict(item)
    if "role" in found:
        found.setdefault("type", "message")
    if found.get("type") == "message":
        kind = "output_text" if found.get("role") == "assistant" else "input_text"
        found["content"] = _pieces(as_texts(kind)(found.get("content")))
    if "output" in found and found["type"] in ("function_call_output", "custom_tool_call_output"):
        found["output"] = _pieces(as_texts("input_text")(found["output"]))
    return ABSENT if found.get("type") == "message" and not found.get("content") else found


def _pieces(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    return [
        one
        for one in content
        if not (isinstance(one, dict) and one.get("text") == "" and "text" in str(one.get("type")))
    ]


def _choice(value: Json) -> Json:
    inner = member(value, "function")
    return {"type": "function", **inner} if isinstance(inner, dict) else value


CITED = ("annotations", "logprobs")

REQUEST = Rules(
    spellings=(
        NULLS,
        Spelling(
            "text alone is one item",
            "input, content and output may be a string or an array; an empty one is none",
            lambda body: at(
                at(at(body, "input", lambda one: [one] if isinstance(one, str) else one), "input[]", _item),
                "input",
                empty,
            ),
        ),
        Spelling(
            "item complete",
            "what is sent back was completed; the word is the provider's to say",
            every("input[].status", change=dropped("completed")),
        ),
        Spelling(
            "empty says nothing",
            "no citations, no instructions, no tools, no end user",
            every(
                *(f"input[].content[].{key}" for key in CITED),
                "instructions",
                "tools",
                "include",
                "metadata",
                change=empty,
            ),
        ),
        Spelling(
            "default said",
            "an answer in one piece is what happens unasked",
            lambda body: at(body, "stream", dropped(False)),
        ),
        Spelling(
            "user is safety_identifier",
            "deprecated and current name",
            lambda body: renamed(body, {"user": "safety_identifier"}),
        ),
        Spelling(
            "choice nested",
            "as Chat Completions writes a forced function",
            lambda body: at(body, "tool_choice", _choice),
        ),
        Spelling(
            "generate_summary is summary",
            "deprecated and current name",
            lambda body: at(body, "reasoning", lambda one: renamed(one, {"generate_summary": "summary"})),
        ),
    ),
    excuses=(
        Excuse(
            "nothing stored unasked",
            "wire/openai-responses.md §5: we are stateless where a request does not say otherwise",
            lambda one, case: one.added and one.pattern == "store" and one.rendered is False,
        ),
        Excuse(
            "encrypted reasoning asked for",
            "without state at the provider the next turn needs it",
            lambda one, case: _asked_for_state(one),
        ),
        Excuse(
            "strictness said",
            "wire/openai-responses.md §2: always send `strict`; unsaid, strict is only tried",
            lambda one, case: one.added and one.pattern.endswith("tools[].strict") and one.rendered is False,
        ),
        Excuse(
            "schema of no arguments",
            "the field must be there",
            lambda one, case: (
                one.added
                and one.pattern == "tools[].parameters"
                and one.rendered == {"type": "object", "properties": {}}
            ),
        ),
    ),
)


def _asked_for_state(difference: Difference) -> bool:
    """`include` with encrypted reasoning behind what was asked for."""
    word = "reasoning.encrypted_content"
    before = [] if difference.added else difference.recorded
    if difference.pattern != "include" or difference.lost or word in before:
        return False
    return sorted(difference.rendered) == sorted([*before, word])


def surroundings(exchange: Exchange) -> TranslationContext:
    """A target that takes everything."""
    host = HostTraits(cache_field="prompt_cache_breakpoint", namespaces=True)
    return TranslationContext(dialect="openai_responses", seed="replay", host=host)


FRAME: dict[str, Json] = {
    "background": False,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {},
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "truncation": "disabled",
    "object": "response",
    "status": "completed",
    "output": [],
}
"""Fields that clients insist on, at what the format means where they are missing."""


def _finished(item: Json) -> Json:
    usual = (
        ("completed", "in_progress")
        if member(item, "type") in ("function_call", "custom_tool_call")
        else ("completed",)
    )
    return at(item, "status", dropped(*usual))


def _made_id(difference: Difference, case: Case) -> bool:
    return difference.added and difference.pattern in ("id", "output[].id", "created_at") and bool(difference.rendered)


def _ends_alike(difference: Difference, case: Case) -> bool:
    """The last item ends as the answer does, which a stream says only after the item."""
    last = difference.path[:2] == ("output", len(case.recorded.get("output", [])) - 1)
    return last and difference.added and difference.key == "status" and difference.rendered == case.recorded["status"]


def _whole_second(body: Json) -> Json:
    """`created_at` in whole seconds, as the format has it."""
    return at(body, "created_at", lambda one: int(one) if isinstance(one, float) else one)


RESPONSE = Rules(
    spellings=(
        NULLS,
        Spelling(
            "item complete",
            "an item's status is the answer's; a call in progress is one that awaits its result",
            lambda body: at(body, "output[]", _finished),
        ),
        Spelling(
            "empty says nothing",
            "no citations, no token probabilities",
            every(*(f"output[].content[].{key}" for key in CITED), change=empty),
        ),
        Spelling("whole seconds", "some hosts write a fraction of a second where the format has none", _whole_second),
        Spelling(
            "padding", "obfuscation is noise against traffic analysis", every("obfuscation", change=lambda _: ABSENT)
        ),
        Spelling(
            "reasoning counted apart",
            "wire/mapping.md: if total = prompt + answer + reasoning, the answer is both",
            lambda body: at(body, "usage", lambda one: _inclusive(one)),
        ),
    ),
    excuses=(
        Excuse(
            "frame completed",
            "fields that official clients insist on, at their defaults",
            lambda one, case: one.added and len(one.path) == 1 and FRAME.get(str(one.path[0]), ABSENT) == one.rendered,
        ),
        Excuse("id made", "official clients insist on ids and a time, and nobody gave it", _made_id),
        Excuse("item ends with the answer", "the last item of an unfinished answer is unfinished", _ends_alike),
    ),
)


def _inclusive(raw: Json) -> Json:
    prompt, answer = count(member(raw, "input_tokens")), count(member(raw, "output_tokens"))
    thought = count(member(raw, "output_tokens_details", "reasoning_tokens"))
    if prompt is None or answer is None or not thought:
        return raw
    apart = count(raw.get("total_tokens")) == prompt + answer + thought or thought > answer
    return raw | {"output_tokens": answer + thought, "total_tokens": prompt + answer + thought} if apart else raw


def endings(body: Json) -> list[Ending]:
    """Why it ended: the format has no word for it, so its status and what was said tell."""
    status = member(body, "status") or "completed"
    reason = member(body, "incomplete_details", "reason")
    items = objects(member(body, "output"))
    if status == "incomplete":
        return [Ending(REASONS.get(str(reason), "length"), reason or status)]
    if status in ("queued", "in_progress"):
        return [Ending("pause", status)]
    if any(one.get("type") in ("function_call", "custom_tool_call") for one in items):
        return [Ending("tool_call", status)]
    if any(piece.get("type") == "refusal" for one in items for piece in objects(one.get("content"))):
        return [Ending("refusal", status)]
    return [Ending("stop", status)]


def usage(body: Json) -> tuple[dict[str, int | None], Json] | None:
    """The counts of an answer."""
    raw = member(body, "usage")
    if not isinstance(raw, dict) or not raw:
        return None
    told = _inclusive(raw)
    return {
        "input_tokens": count(told.get("input_tokens")),
        "output_tokens": count(told.get("output_tokens")),
        "cache_read": count(member(raw, "input_tokens_details", "cached_tokens")),
        "cache_creation": count(member(raw, "input_tokens_details", "cache_write_tokens")),
        "reasoning": count(member(raw, "output_tokens_details", "reasoning_tokens")),
    }, raw


def calls(body: Json) -> list[tuple[str, str]]:
    """Calls of functions and free-form tools; a call without `call_id` goes by the id of its item, and one of a
    group's function by the name that this has outside of the group."""
    items = [one for one in objects(member(body, "output")) if one.get("type") in ("function_call", "custom_tool_call")]
    return [(str(one.get("call_id") or one.get("id") or ""), _called(one)) for one in items]


def _called(item: dict[str, Json]) -> str:
    group, name = item.get("namespace"), str(item.get("name"))
    return flat_name(str(group), name) if group else name


def states(body: Json) -> list[str]:
    """Encrypted reasoning."""
    items = objects(member(body, "output"))
    return [
        one["encrypted_content"] for one in items if one.get("type") == "reasoning" and one.get("encrypted_content")
    ]


def unknown(body: Json) -> list[str]:
    """Types of items and pieces that nobody documents."""
    items = objects(member(body, "output"))
    found = [f"item {one.get('type')}" for one in items if one.get("type", "message") not in ITEMS]
    pieces = [piece for one in items if one.get("type") == "message" for piece in objects(one.get("content"))]
    return found + [f"content {piece.get('type')}" for piece in pieces if piece.get("type") not in PIECES]


def failed(body: Json) -> bool:
    """Whether it is an error, whatever its status."""
    return not isinstance(body, dict) or bool(body.get("error")) or body.get("status") in ("failed", "cancelled")


def fold(events: Sequence[Json]) -> Told:
    """The response that events amount to: the terminal one repeats it, else its items as they were completed."""
    told = Told()
    done: list[dict[str, Json]] = []
    for number, event in enumerate(events):
        kind = str(member(event, "type"))
        if kind.removeprefix("response.") not in EVENTS and kind not in OUTSIDE:
            told.unknown.append(f"event {kind}")
        if kind in ("error", "response.failed"):
            told.error = event if kind == "error" else member(event, "response")
            return told
        if kind == "response.output_item.done":
            if event["item"] not in done:
                done.append(event["item"])
        elif kind in ("response.completed", "response.incomplete"):
            body = dict(event.get("response") or {})
            body.setdefault("status", kind.removeprefix("response."))
            repeated = body.get("output") or []
            if done and repeated[: len(done)] != done:
                told.note(
                    "items as completed",
                    "wire/openai-responses.md §4: output_item.done holds what is sent back; the end may vary it",
                )
            body["output"] = [*done, *repeated[len(done) :]]
            told.body, told.ended, told.end = body, True, number
            break
    if told.ended and told.end + 1 < len(events):
        told.note("after the end", "what a recording holds behind the terminal event belongs to no answer")
    return told


READING = Reading(
    dialect="openai_responses",
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
