"""Turns: how messages become the strictly alternating turns of the format, and back.

The rules that rendering satisfies (wire order): system first and apart; the first turn is a user's; turns alternate;
results of tools come first in the turn after the calls; a system turn in the middle follows a user's and is followed
by an assistant's or nothing; no turn and no text is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlingua.dialects.anthropic_messages.blocks import Block, Writer, brief
from interlingua.dialects.anthropic_messages.content import luggage, parse_content
from interlingua.dialects.anthropic_messages.plain import add_plain, render_plain
from interlingua.dialects.anthropic_messages.schema import ID, SERVER_TOOL_CALLS, SERVER_TOOL_RESULT
from interlingua.errors import InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message, Role
from interlingua.types.parts import TextPart, ToolCallResponsePart
from interlingua.wire.fields import Fields

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def parse_messages(fields: Fields, context: TranslationContext) -> tuple[Message, ...]:
    """The conversation of a request: its `system`, then its `messages`."""
    found: list[Message] = []
    if parts := parse_content(fields, "system", context):
        found.append(Message(role="system", parts=parts))
    if fields.kind("messages") != "array":
        raise fields.error("messages", "required, an array")
    for i, raw in enumerate(fields.items("messages")):
        if add_plain(found, raw, context):
            continue
        message = fields.item("messages", i, raw)
        word = message.need_text("role")
        role = _ROLES.get(word)
        if role is None:
            raise message.error("role", f"expected user, assistant or system, got {word!r}")
        if not message.kind("content") or message.kind("content") == "null":
            raise message.error("content", "required")
        parts = parse_content(message, "content", context)
        extra = luggage(message.rest())
        if role != "user":
            origin = context.origin if role == "assistant" else None
            found.append(Message(role=role, parts=parts, origin=origin, extra=extra))
            continue
        results = tuple(part for part in parts if isinstance(part, ToolCallResponsePart))
        rest = tuple(part for part in parts if not isinstance(part, ToolCallResponsePart))
        if results and found and found[-1].role == "tool" and not found[-1].extra:
            found.append(Message(role="tool", parts=(*found.pop().parts, *results), extra={} if rest else extra))
        elif results:
            found.append(Message(role="tool", parts=results, extra={} if rest else extra))
        if rest or not results:
            found.append(Message(role="user", parts=rest, extra=extra))
    return tuple(found)


class _Turn:
    __slots__ = ("blocks", "extra", "place", "role")

    def __init__(self, role: str, blocks: list[Block], place: int, extra: dict[str, Any]) -> None:
        self.role = role
        self.blocks = blocks
        self.place = place
        self.extra = extra

    @property
    def path(self) -> str:
        return f"messages[{self.place}]"


def render_messages(
    messages: Sequence[Message], writer: Writer, instructions: Sequence[str] = ()
) -> tuple[str | list[Block], list[dict[str, Any]]]:
    """(`system`, `messages`) of a request; the system is empty where there is none.

    Args:
        messages: the conversation.
        writer: renders its parts.
        instructions: texts of ours that join the system's.

    Raises:
        InvalidRequest: nothing is said at all.
    """
    leading = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    system: list[Block] = []
    for i, message in enumerate(messages[:leading]):
        system += _system_blocks(message, writer, f"messages[{i}]")
    system += [{"type": "text", "text": text} for text in instructions]
    turns = [
        turn for i, message in enumerate(messages[leading:], leading) if (turn := _turn(message, writer, i)) is not None
    ]
    if writer.moved:
        writer.context.lose("messages", "media of the last assistant turn: there is no user turn to move them to")
    turns = _ordered(_merged(_placed(_merged(turns), writer.context)))
    if not turns and not system:
        raise InvalidRequest("messages: nothing is said", path="messages")
    if not turns or turns[0].role == "assistant":
        writer.context.emulate("messages", 'the first turn must be a user\'s: one that says "." was put in')
        turns.insert(0, _Turn("user", [{"type": "text", "text": "."}], 0, {}))
    _settle_prefill(turns, writer.context)
    return brief(system), [{"role": turn.role, "content": brief(turn.blocks), **turn.extra} for turn in turns]


def _system_blocks(message: Message, writer: Writer, path: str) -> list[Block]:
    writer.foreign(message.extra, path)
    blocks: list[Block] = []
    for j, part in enumerate(message.parts):
        where = f"{path}.parts[{j}]"
        if isinstance(part, TextPart):
            blocks += writer.content(part, where)
        else:
            writer.context.lose(where, "system messages hold text only", kind="content")
    return blocks


def _turn(message: Message, writer: Writer, place: int) -> _Turn | None:
    if not writer.moved and (plain := render_plain(message)):
        return _Turn("user" if message.role == "tool" else message.role, plain, place, {})
    path = f"messages[{place}]"
    if message.name is not None:
        writer.context.lose(f"{path}.name", "participants have no names")
    extra = dict(message.extra.get(ID, {}))
    if message.role == "system":
        blocks = _system_blocks(message, writer, path)
        return _Turn("system", blocks, place, extra) if blocks else None
    writer.foreign(message.extra, path)
    if message.role == "assistant":
        blocks = [block for j, part in enumerate(message.parts) for block in writer.said(part, f"{path}.parts[{j}]")]
        return _Turn("assistant", blocks, place, extra) if blocks else None
    blocks, writer.moved = writer.moved, []
    for j, part in enumerate(message.parts):
        blocks += writer.content(part, f"{path}.parts[{j}]")
    return _Turn("user", blocks, place, extra) if blocks else None


def _merged(turns: list[_Turn]) -> list[_Turn]:
    found: list[_Turn] = []
    for turn in turns:
        if found and found[-1].role == turn.role:
            found[-1].blocks = found[-1].blocks + turn.blocks
            found[-1].extra = turn.extra | found[-1].extra
        else:
            found.append(turn)
    return found


def _placed(turns: list[_Turn], context: TranslationContext) -> list[_Turn]:
    """Turns with each system turn either where the format takes it, or made text of the user's."""
    anywhere = context.traits.system_anywhere is True and context.host.system_anywhere
    for i, turn in enumerate(turns):
        if turn.role != "system":
            continue
        before = turns[i - 1] if i else None
        after = turns[i + 1].role if i + 1 < len(turns) else "assistant"
        follows = before is not None and (before.role == "user" or _ends_with_server_tool(before))
        if anywhere and follows and after == "assistant":
            continue
        turn.role = "user"
        turn.extra = {}
        for block in turn.blocks:
            block["text"] = f"<system>{block['text']}</system>"
        context.emulate(turn.path, "a system message in the middle is sent as text of the user's")
    return turns


def _ordered(turns: list[_Turn]) -> list[_Turn]:
    for turn in turns:
        if turn.role == "user" and len(turn.blocks) > 1:
            turn.blocks.sort(key=lambda block: block["type"] != "tool_result")
    return turns


def _settle_prefill(turns: list[_Turn], context: TranslationContext) -> None:
    """Sees to an assistant turn at the end, which the model is to continue."""
    last = turns[-1]
    if last.role != "assistant" or any(_is_server_tool(block) for block in last.blocks):
        return  # an answer that paused for the provider's own tools is continued by every model
    if context.traits.prefill is False:
        context.lose(last.path, "the model does not continue an assistant message", kind="content")
        turns.pop()
        return
    block = last.blocks[-1]
    if block["type"] == "text" and block["text"] != block["text"].rstrip():
        context.emulate(last.path, "white space at the end of the last assistant message is refused and was cut")
        block["text"] = block["text"].rstrip()
        if not block["text"]:
            last.blocks.pop()
        if not last.blocks:
            turns.pop()


def _ends_with_server_tool(turn: _Turn) -> bool:
    return turn.role == "assistant" and _is_server_tool(turn.blocks[-1])


def _is_server_tool(block: Block) -> bool:
    kind = str(block["type"])
    return kind in SERVER_TOOL_CALLS or (kind.endswith(SERVER_TOOL_RESULT) and kind != "tool_result")
