"""The `input` of a request: items to messages, and back.

Neighbouring items that a model made are one assistant message, neighbouring tool results one tool message. Rendering
keeps the order of everything, so a history of this dialect goes back as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from interlingua.dialects.openai_responses.content import Placed, parse_content, render_content
from interlingua.dialects.openai_responses.output import Item, is_item, parse_item, render_history
from interlingua.dialects.openai_responses.plain import add_plain, render_plain, render_plain_results
from interlingua.dialects.openai_responses.schema import (
    ADDED,
    ID,
    ITEM,
    REASONING_ITEM,
    Body,
    as_raw,
    bad_request,
    lose_foreign,
    luggage,
    own,
    put_back,
    source_of,
    text_or,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message
from interlingua.types.parts import (
    BlobPart,
    ContentPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
)
from interlingua.wire.fields import Fields, kind_of

ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_RESULTS = ("function_call_output", "custom_tool_call_output")
_ANSWERS = (
    "computer_call_output",
    "local_shell_call_output",
    "shell_call_output",
    "apply_patch_call_output",
    "mcp_approval_response",
)
"""Items with which a client answers the provider's own tools."""
_BY_CLIENT = ("compaction_trigger", "configuration_update", ADDED)
"""Other items that only a client writes."""
_CUSTOM = "custom"
"""Luggage that marks the result of a free-form tool whose call is not in the history."""


def parse_input(fields: Fields, context: TranslationContext) -> list[Message]:
    """The messages of `input`, a string or an array of items."""
    if fields.kind("input") == "string":
        text = fields.need_text("input")
        return [Message(role="user", parts=(TextPart(text=text),))] if text else []
    found: list[Message] = []
    for i, raw in enumerate(fields.items("input")):
        if kind_of(raw) == "string":
            found.append(Message(role="user", parts=(TextPart(text=msgspec.json.decode(raw, type=str)),)))
            continue
        if add_plain(found, raw, context):
            continue
        message = _parse(raw, f"{fields.at('input')}[{i}]", found, context)
        if message.role in ("assistant", "tool") and found and found[-1].role == message.role:
            message = msgspec.structs.replace(message, parts=(*found.pop().parts, *message.parts))
        if message.parts:
            found.append(message)
    return found


def _parse(raw: msgspec.Raw, path: str, before: list[Message], context: TranslationContext) -> Message:
    peek = Fields(raw, bad_request, path)
    kind, role = text_or(peek, "type", "message"), text_or(peek, "role")
    fields = Fields(raw, bad_request, path)
    if kind == "message" and role != "assistant":
        return _parse_message(fields, role)
    if kind in _RESULTS:
        return Message(role="tool", parts=(_parse_result(fields, kind, before),))
    if kind in _ANSWERS or (kind == "tool_search_output" and text_or(peek, "execution") == "client"):
        return Message(role="tool", parts=(OpaquePart(dialect=ID, kind=ITEM + kind, raw=source_of(fields)),))
    if kind in _BY_CLIENT or (kind != "message" and role):
        return Message(role="user", parts=(OpaquePart(dialect=ID, kind=ITEM + kind, raw=source_of(fields)),))
    item: Item = parse_item(fields, bad_request, context)
    said = tuple(part for part in item.parts if not (isinstance(part, TextPart | RefusalPart) and not part.text))
    return Message(role="assistant", parts=said, origin=context.origin)


def _parse_message(fields: Fields, raw_role: str) -> Message:
    role = ROLES.get(raw_role)
    if role is None:
        raise fields.error("role", f"expected one of {', '.join(ROLES)}, got {raw_role!r}")
    fields.skip("type", "role", "status")
    if not fields.has("content"):
        raise fields.error("content", "required")
    parts = tuple(parse_content(fields, "content", bad_request))
    raw = raw_role if raw_role != role else None
    return Message(role=role, parts=parts, raw_role=raw, extra=luggage(fields.rest()))


def _parse_result(fields: Fields, kind: str, before: Sequence[Message]) -> ToolCallResponsePart:
    call_id = fields.need_text("call_id")
    fields.skip("type", "status")
    response = tuple(parse_content(fields, "output", bad_request))
    rest = fields.rest()
    if kind == "custom_tool_call_output" and call_id not in _custom_calls(before):
        rest[_CUSTOM] = True
    return ToolCallResponsePart(id=call_id, response=response, extra=luggage(rest))


def _custom_calls(messages: Sequence[Message]) -> set[str]:
    found = [part for message in messages for part in message.parts if isinstance(part, ToolCallPart)]
    return {call.id for call in found if call.custom}


def render_input(messages: Sequence[Message], context: TranslationContext, *, first: int = 0) -> list[Any]:
    """The items of a conversation.

    Args:
        messages: what is left of it after its instructions.
        context: the target, and where losses go.
        first: place of the first message in the whole conversation, for losses.
    """
    items: list[Any] = []
    waiting: list[Placed] = []
    custom = _custom_calls(messages)
    for i, message in enumerate(messages, first):
        plain = render_plain_results(message, custom) if message.role == "tool" else []
        if plain or (not waiting and message.role != "tool" and (plain := render_plain(message))):
            items += plain
            continue
        placed: list[Placed] = [(f"messages[{i}].parts[{k}]", part) for k, part in enumerate(message.parts)]
        if message.name is not None:
            context.lose(f"messages[{i}].name", "this format has no names of participants")
        if message.role == "tool":
            items.extend(_render_results(placed, custom, waiting, context))
            continue
        if waiting and message.role != "user":
            items.extend(_render_said("user", waiting, {}, context))
            waiting = []
        if message.role == "assistant":
            said = [one for one in placed if not isinstance(one[1], BlobPart | UriPart | FilePart)]
            waiting = [one for one in placed if isinstance(one[1], BlobPart | UriPart | FilePart)]
            for path, _ in waiting:
                context.emulate(path, "assistant messages hold no media: it follows in a user message")
            items.extend(render_history(said, context, ids=_keeps_ids(message, context)))
        else:
            body: Body = {}
            put_back(body, message.extra)
            role = "user" if message.role == "user" else _system_role(message, context)
            items.extend(_render_said(role, [*waiting, *placed], body, context))
            waiting = []
        lose_foreign(message.extra, context)
    return [*items, *_render_said("user", waiting, {}, context)]


def _system_role(message: Message, context: TranslationContext) -> str:
    return "developer" if message.raw_role == "developer" and context.host.developer_role else "system"


def _keeps_ids(message: Message, context: TranslationContext) -> bool:
    """Whether items go back under their ids: to their maker only, and not without the reasoning that led to them.

    A provider that stored an answer refuses its calls and messages where their reasoning item is missing; without
    ids they are new to it.
    """
    if message.origin is not None and context.provider and message.origin.provider != context.provider:
        return False
    thought = any(
        isinstance(part, ReasoningPart) and any(one.kind == REASONING_ITEM for one in part.opaque)
        for part in message.parts
    )
    return thought or context.traits.reasoning is not True


def _render_said(role: str, placed: Sequence[Placed], extra: Body, context: TranslationContext) -> list[Any]:
    """The message of a user or a system, and the items that were kept among its parts, in order."""
    items: list[Any] = []
    run: list[Placed] = []
    for path, part in [*placed, ("", None)]:
        if part is not None and not (isinstance(part, OpaquePart) and part.dialect == ID and is_item(part)):
            run.append((path, part))
            continue
        content = render_content(run, context, media=role == "user") if run else ""
        if content:
            items.append({**extra, "role": role, "content": content})
        run = []
        if isinstance(part, OpaquePart) and (kept := as_raw(part.raw)) is not None:
            items.append(kept)
    return items


def _render_results(
    placed: Sequence[Placed], custom: set[str], waiting: list[Placed], context: TranslationContext
) -> list[Any]:
    items: list[Any] = []
    for path, part in placed:
        if isinstance(part, ToolCallResponsePart):
            rest = dict(own(part.extra))
            kind = _RESULTS[rest.pop(_CUSTOM, False) or part.id in custom]
            output = _render_result(part, path, waiting, context)
            items.append({**rest, "type": kind, "call_id": part.id, "output": output})
            lose_foreign(part.extra, context)
        elif isinstance(part, OpaquePart) and part.dialect == ID and is_item(part):
            items.extend([kept] if (kept := as_raw(part.raw)) is not None else [])
        else:
            waiting.append((path, part))
    return items


def _render_result(
    part: ToolCallResponsePart, path: str, waiting: list[Placed], context: TranslationContext
) -> str | list[Any]:
    pieces: list[ContentPart] = []
    for piece in part.response:
        if context.traits.media_in_results is False and isinstance(piece, BlobPart | UriPart | FilePart):
            context.emulate(f"{path}.response", "tool results hold no media: it follows in a user message")
            label = f"{piece.modality} {piece.name}" if piece.name else piece.modality
            pieces.append(TextPart(text=f"[{label}: see the user message after the tool results]"))
            waiting.append((path, piece))
        else:
            pieces.append(piece)
    if part.is_error:
        context.emulate(f"{path}.is_error", "said in words, no flag for it")
        first = pieces.pop(0) if pieces and isinstance(pieces[0], TextPart) else TextPart(text="")
        pieces.insert(0, msgspec.structs.replace(first, text="Error: " + _text(first)))
    if part.cache is not None and pieces and pieces[-1].cache is None:
        pieces[-1] = msgspec.structs.replace(pieces[-1], cache=part.cache)
    placed: list[Placed] = [(f"{path}.response[{i}]", piece) for i, piece in enumerate(pieces)]
    return render_content(placed, context) or ""


def _text(part: Part) -> str:
    return part.text if isinstance(part, TextPart) else ""
