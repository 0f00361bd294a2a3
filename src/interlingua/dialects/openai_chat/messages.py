"""Messages: who says what, and in which order the format wants it.

Order rules kept when rendering: tool results stand directly behind the calls; media that a tool message or an
assistant message cannot hold goes into the user message that follows; turns without content are not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from interlingua.dialects.openai_chat.content import (
    parse_address,
    parse_content,
    render_content,
    split_media,
)
from interlingua.dialects.openai_chat.plain import add_plain, render_plain
from interlingua.dialects.openai_chat.reasoning import parse_thinking, render_thinking
from interlingua.dialects.openai_chat.schema import (
    ID,
    ROLES,
    as_raw,
    lose_foreign,
    lose_opaque,
    luggage,
    put_back,
)
from interlingua.dialects.openai_chat.tools import CALL, LEGACY, parse_calls, render_call
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    ContentPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
)
from interlingua.wire.fields import Fail, Fields

Body = dict[str, Any]
Placed = tuple[str, Part]
"""A part and its path, for losses."""


def parse_messages(fields: Fields, fail: Fail, context: TranslationContext) -> tuple[Message, ...]:
    """All messages of a request; neighbouring tool results become one message."""
    found: list[Message] = []
    for i, raw in enumerate(fields.items("messages")):
        if add_plain(found, raw, context):
            continue
        message = _parse_message(fields.item("messages", i, raw), found, fail, context)
        if found and message.role == "tool" and found[-1].role == "tool":
            message = msgspec.structs.replace(message, parts=(*found.pop().parts, *message.parts))
        found.append(message)
    return tuple(found)


def _parse_message(fields: Fields, before: list[Message], fail: Fail, context: TranslationContext) -> Message:
    raw_role = fields.need_text("role")
    role = ROLES.get(raw_role)
    if role is None:
        raise fields.error("role", f"expected one of {', '.join(ROLES)}, got {raw_role!r}")
    if role == "tool":
        return _parse_result(fields, raw_role, before, fail, context)
    if role == "assistant":
        parts = parse_answer(fields, fail, context)
    else:
        if not fields.has("content"):
            raise fields.error("content", "required")
        parts = parse_content(fields, fail, context)
    return Message(
        role="system" if role == "system" else "user" if role == "user" else "assistant",
        parts=tuple(parts),
        name=fields.text("name"),
        raw_role=raw_role if raw_role != role else None,
        origin=context.origin if role == "assistant" else None,
        extra=luggage(fields.rest()),
    )


def _parse_result(
    fields: Fields, raw_role: str, before: list[Message], fail: Fail, context: TranslationContext
) -> Message:
    name = fields.text("name")
    if raw_role == "function":
        call_id = _called(name, before)
    else:
        call_id = fields.text("tool_call_id") or _awaited(name, before)
        if not call_id:
            raise fields.error("tool_call_id", "required")
    pieces = parse_content(fields, fail, context)
    response = tuple(part for part in pieces if isinstance(part, TextPart | BlobPart | UriPart | FilePart | OpaquePart))
    rest = fields.rest()
    if name and not _repeats(call_id, name, before):
        rest["name"] = name
    result = ToolCallResponsePart(id=call_id, name=name, response=response, extra=luggage(rest))
    return Message(role="tool", parts=(result,))


def _called(name: str | None, before: list[Message]) -> str:
    """The id that we gave to the deprecated function call that a `function` message answers."""
    for message in reversed(before):
        for part in reversed(message.parts):
            if isinstance(part, ToolCallPart) and part.name == name and part.extra.get(ID, {}).get(LEGACY):
                return part.id
    return ""


def _repeats(call_id: str, name: str, before: list[Message]) -> bool:
    """Whether a result's name is that of its call, which needs not be told again."""
    calls = (part for message in reversed(before) for part in message.parts if isinstance(part, ToolCallPart))
    return next((call.name == name for call in calls if call.id == call_id), False)


def _awaited(name: str | None, before: list[Message]) -> str:
    """The id of the call that a result without one answers: the first of that name that waits; empty for none."""
    answered: set[str] = set()
    for message in reversed(before):
        answered.update(part.id for part in message.parts if isinstance(part, ToolCallResponsePart))
        if message.role == "assistant":
            calls = [part for part in message.parts if isinstance(part, ToolCallPart) and part.id not in answered]
            return next((call.id for call in calls if name in (None, "", call.name)), "")
        if message.role != "tool":
            break
    return ""


def parse_answer(fields: Fields, fail: Fail, context: TranslationContext) -> list[Part]:
    """The parts of an assistant message: thinking, content, refusal, audio, images, calls."""
    parts: list[Part] = [*parse_thinking(fields, context), *parse_content(fields, fail, context)]
    refusal = fields.text("refusal") if fields.kind("refusal") == "string" else None
    if refusal:
        parts.append(RefusalPart(text=refusal))
    place = next((i for i, part in enumerate(parts) if isinstance(part, TextPart)), None)
    if fields.kind("annotations") == "array":
        cited = tuple(parse_annotation(raw) for raw in fields.json("annotations"))
        if cited and place is None:
            place, parts = len(parts), [*parts, TextPart(text="")]
        if cited and place is not None:
            parts[place] = msgspec.structs.replace(parts[place], annotations=cited)
    child = fields.child("audio") if fields.kind("audio") == "object" else None
    if child is not None and (spoken := _parse_audio(child)) is not None:
        parts.append(spoken)
    if fields.kind("images") == "array":
        for image in fields.children("images"):
            image.skip("type", "index")
            parts.append(parse_address(image, "image_url", "image"))
    parts.extend(parse_calls(fields, context))
    return parts


def _parse_audio(fields: Fields) -> Part | None:
    content = fields.text("data")
    if not content:
        spoken = fields.text("id")
        return FilePart(modality="audio", file_id=spoken, extra=luggage(fields.rest())) if spoken else None
    return BlobPart(modality="audio", mime_type="", content=content, extra=luggage(fields.rest()))


def parse_annotation(raw: Json) -> Annotation:
    """A citation, with its own text kept."""
    kind = str(raw.get("type", "")) if isinstance(raw, dict) else ""
    cited = raw.get(kind) if isinstance(raw, dict) else None
    if kind != "url_citation" or not isinstance(cited, dict):
        return Annotation(kind=kind, dialect=ID, raw=raw)
    start, end = cited.get("start_index"), cited.get("end_index")
    return Annotation(
        kind="url",
        url=cited.get("url"),
        title=cited.get("title"),
        cited_text=cited.get("content"),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        dialect=ID,
        raw=raw,
    )


def render_annotation(annotation: Annotation) -> Json:
    """A citation as an answer carries it, or None where the format has no place for it."""
    if annotation.dialect == ID:
        return annotation.raw
    if annotation.url is None:
        return None
    cited = {
        "url": annotation.url,
        "title": annotation.title or annotation.url,
        "start_index": annotation.start or 0,
        "end_index": annotation.end or 0,
    }
    return {"type": "url_citation", "url_citation": cited}


def render_messages(messages: Sequence[Message], context: TranslationContext) -> list[Body]:
    """All messages of a request, in the order that the format demands."""
    rendered: list[Body] = []
    waiting: list[Placed] = []
    for i, message in _ordered(messages):
        if not waiting and (plain := render_plain(message, context)):
            rendered += plain
            continue
        path = f"messages[{i}]"
        if message.role == "tool":
            rendered.extend(_render_results(message, path, waiting, context))
            continue
        placed = [(f"{path}.parts[{k}]", part) for k, part in enumerate(message.parts)]
        if message.role == "user":
            placed, waiting = [*waiting, *placed], []
        elif waiting:
            _append(rendered, _render_user(waiting, context))
            waiting = []
        if message.role == "assistant":
            body = _render_assistant(placed, waiting, context)
        elif message.role == "system":
            body = _render_system(message, placed, context)
        else:
            body = _render_user(placed, context)
        if body is not None:
            _decorate(body, message, path, context)
            rendered.append(body)
    if waiting:
        _append(rendered, _render_user(waiting, context))
    last = rendered[-1] if rendered else {}
    if context.host.assistant_prefix and last.get("role") == "assistant" and "tool_calls" not in last:
        last["prefix"] = True
    return rendered


def _append(rendered: list[Body], body: Body | None) -> None:
    if body is not None:
        rendered.append(body)


def _ordered(messages: Sequence[Message]) -> Iterable[tuple[int, Message]]:
    """Messages by place, tool results moved up to the calls that they answer."""
    before = "assistant"
    for message in messages:
        if message.role == "tool" and before not in ("assistant", "tool"):
            return _moved_up(messages)
        before = message.role
    return enumerate(messages)


def _moved_up(messages: Sequence[Message]) -> Iterable[tuple[int, Message]]:
    turn: list[tuple[int, Message]] = []
    for placed in enumerate(messages):
        if placed[1].role == "assistant":
            yield from _results_first(turn)
            turn = []
        turn.append(placed)
    yield from _results_first(turn)


def _results_first(turn: list[tuple[int, Message]]) -> Iterable[tuple[int, Message]]:
    if not turn or turn[0][1].role != "assistant":
        return turn
    return [turn[0], *sorted(turn[1:], key=lambda placed: placed[1].role != "tool")]


def _decorate(body: Body, message: Message, path: str, context: TranslationContext) -> None:
    if message.name is not None:
        if context.host.names:
            body["name"] = message.name
        else:
            context.lose(f"{path}.name", "the host takes no names of participants")
    if message.origin is None:  # else luggage and citations are an answer's, which no request carries
        said = (part for part in message.parts if isinstance(part, TextPart))
        cited = [one.raw for part in said for one in part.annotations if one.dialect == ID]
        if cited:
            body["annotations"] = cited
        put_back(body, message.extra)
        lose_foreign(message.extra, context)


def _render_system(message: Message, placed: list[Placed], context: TranslationContext) -> Body | None:
    content = render_content(placed, context, media=False)
    role = "developer" if message.raw_role == "developer" and context.host.developer_role else "system"
    return None if content is None else {"role": role, "content": content}


def _render_user(placed: list[Placed], context: TranslationContext) -> Body | None:
    content = render_content(placed, context)
    return None if content is None else {"role": "user", "content": content}


def _render_assistant(placed: list[Placed], waiting: list[Placed], context: TranslationContext) -> Body | None:
    body: Body = {"role": "assistant"}
    said: list[Placed] = []
    thought: list[tuple[str, ReasoningPart]] = []
    calls: list[Any] = []
    for path, part in placed:
        if isinstance(part, ReasoningPart):
            thought.append((path, part))
            continue
        lose_opaque(part.opaque, path, context)
        if isinstance(part, ToolCallPart):
            calls.append(render_call(part, context))
        elif isinstance(part, OpaquePart) and part.dialect == ID and part.kind.startswith(CALL):
            calls.append(as_raw(part.raw))
        elif isinstance(part, BlobPart | FilePart) and part.modality == "audio":
            _render_spoken(body, path, part, said, context)
        elif isinstance(part, BlobPart | UriPart | FilePart):
            context.emulate(path, "assistant messages hold no media: it follows in a user message")
            waiting.append((path, part))
        elif isinstance(part, ServerToolCallPart | ServerToolCallResponsePart):
            context.lose(path, f"{part.name} ran at {part.dialect} alone")
        elif isinstance(part, OpaquePart) and part.dialect != ID:
            context.lose(path, f"known to {part.dialect} alone")
        else:
            said.append((path, part))
    chunks = render_thinking(body, thought, context, calls=bool(calls))
    content = render_content(said, context)
    if chunks:
        texts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        content = [*chunks, *texts]
    if content is not None:
        body["content"] = content
    if calls:
        body["tool_calls"] = calls
    elif content is None and len(body) > 1 and "audio" not in body:
        body["content"] = ""
    return body if len(body) > 1 else None


def _render_spoken(
    body: Body, path: str, part: BlobPart | FilePart, said: list[Placed], context: TranslationContext
) -> None:
    """Audio that the assistant said goes back by id, or as its transcript."""
    own = part.extra.get(ID, {})
    spoken = part.file_id if isinstance(part, FilePart) else own.get("id")
    if spoken:
        body["audio"] = {"id": spoken}
    elif own.get("transcript"):
        context.emulate(path, "the audio goes back as its transcript")
        said.append((path, TextPart(text=str(own["transcript"]))))
    else:
        context.lose(path, "audio of an assistant goes back by id only")


def _render_results(message: Message, path: str, waiting: list[Placed], context: TranslationContext) -> Iterable[Body]:
    for i, part in enumerate(message.parts):
        here = f"{path}.parts[{i}]"
        if not isinstance(part, ToolCallResponsePart):
            waiting.append((here, part))
            continue
        body: Body = {"role": "tool", "tool_call_id": part.id, "content": _result(part, here, waiting, context)}
        put_back(body, part.extra)
        lose_foreign(part.extra, context)
        yield body


def _result(
    part: ToolCallResponsePart, path: str, waiting: list[Placed], context: TranslationContext
) -> str | list[Any]:
    inside = context.host.media_in_results
    pieces, media = (list(part.response), []) if inside else split_media(part.response)
    for one in media:
        context.emulate(f"{path}.response", "tool results hold no media: it follows in a user message")
        pieces.append(TextPart(text=f"[{_label(one)}: see the user message after the tool results]"))
        waiting.append((path, one))
    if part.is_error:
        context.emulate(f"{path}.is_error", "said in words, no flag for it")
        pieces.insert(0, TextPart(text="Error: " + _pop_text(pieces)))
    content = render_content([(path, piece) for piece in pieces], context, media=inside)
    return content if content is not None else ""


def _label(part: BlobPart | UriPart | FilePart) -> str:
    return f"{part.modality} {part.name}" if part.name else part.modality


def _pop_text(pieces: list[ContentPart]) -> str:
    if pieces and isinstance(pieces[0], TextPart):
        first = pieces.pop(0)
        assert isinstance(first, TextPart)
        return first.text
    return ""
