"""Items that a model makes: messages, reasoning, calls, and what the provider's own tools did.

They are the same in an answer and in the history that is sent back, but for what an answer must have besides: ids,
states, citations. An item whose type we do not know is kept as its exact text. Reasoning is kept in two pieces of
state: its encrypted content, and the rest of its item in canonical form, so that both are the same again after a
client has read and written the item in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from interlingua.dialects.openai_responses.content import Placed, parse_annotation, render_annotation
from interlingua.dialects.openai_responses.logprobs import parse_logprobs, render_logprobs
from interlingua.dialects.openai_responses.namespaces import NAMESPACE, called, flat_name
from interlingua.dialects.openai_responses.schema import (
    ENCRYPTED_CONTENT,
    HOME,
    ID,
    ITEM,
    REASONING_ITEM,
    Body,
    as_raw,
    lose_foreign,
    lose_opaque,
    luggage,
    own,
    put_back,
    source_of,
    text_or,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    BlobPart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    tool_call,
)
from interlingua.types.response import TokenLogprob
from interlingua.types.serde import canonical
from interlingua.wire.envelope import PREFIX
from interlingua.wire.fields import Fail, Fields, kind_of

CALLS = ("function_call", "custom_tool_call")


class Item(msgspec.Struct, frozen=True):
    """What an item that a model made amounts to."""

    kind: str
    parts: tuple[Part, ...]
    logprobs: tuple[TokenLogprob, ...] = ()


def parse_item(fields: Fields, fail: Fail, context: TranslationContext) -> Item:
    """One item of an answer, or of an assistant's turn in a request."""
    source = source_of(fields)
    kind = text_or(fields, "type", "message")
    if kind == "message":
        return _parse_message(fields, fail)
    if kind == "reasoning":
        return Item(kind, (_parse_reasoning(fields, Fields(source, fail, fields.path), context),))
    if kind in CALLS:
        return Item(kind, (_parse_call(fields, kind == "custom_tool_call", context),))
    return Item(kind, (_kept(fields, kind, source),))


def _parse_message(fields: Fields, fail: Fail) -> Item:
    pieces: list[Part] = []
    logprobs: tuple[TokenLogprob, ...] = ()
    fields.skip("role", "status")
    if fields.kind("content") == "string":
        pieces.append(TextPart(text=fields.need_text("content")))
    else:
        for i, raw in enumerate(fields.items("content")):
            if kind_of(raw) == "string":
                pieces.append(TextPart(text=msgspec.json.decode(raw, type=str)))
                continue
            piece, said = parse_piece(Fields(raw, fail, f"{fields.at('content')}[{i}]"))
            pieces.append(piece)
            logprobs += said
    rest = fields.rest()
    return Item("message", tuple(at_home(piece, rest) for piece in pieces), logprobs)


def at_home(part: Part, rest: Body) -> Part:
    """The part with the luggage of the message item that it stood in."""
    return msgspec.structs.replace(part, extra={ID: {**own(part.extra), HOME: rest}}) if rest else part


def parse_piece(fields: Fields) -> tuple[Part, tuple[TokenLogprob, ...]]:
    """A piece of a message that a model made, and the probabilities of its tokens."""
    source = source_of(fields)
    kind = fields.need_text("type")
    if kind in ("output_text", "input_text", "text"):
        text, cited, said = fields.need_text("text"), fields.json("annotations"), fields.json("logprobs")
        annotations = tuple(parse_annotation(raw) for raw in cited) if isinstance(cited, list) else ()
        return TextPart(text=text, annotations=annotations, extra=luggage(fields.rest())), parse_logprobs(said)
    if kind == "refusal":
        return RefusalPart(text=fields.need_text("refusal"), extra=luggage(fields.rest())), ()
    return OpaquePart(dialect=ID, kind=kind, raw=source), ()


def _parse_reasoning(fields: Fields, whole: Fields, context: TranslationContext) -> ReasoningPart:
    said = _texts(fields, "content")
    summary = "" if said else _texts(fields, "summary")
    item_id, sealed = text_or(fields, "id"), text_or(fields, "encrypted_content")
    opaque = [Opaque(ENCRYPTED_CONTENT, sealed, context.origin)] if sealed else []
    if not sealed.startswith(PREFIX):  # what we sealed holds the whole item, as its maker wrote it
        whole.skip("encrypted_content", "status")
        kept = whole.rest()
        opaque.append(Opaque(REASONING_ITEM, canonical(kept).decode(), context.origin))
    return ReasoningPart(
        text=said or summary,
        summary=bool(summary),
        opaque=tuple(opaque),
        extra=luggage({"id": item_id} if item_id else {}),
    )


def _texts(fields: Fields, key: str) -> str:
    if fields.kind(key) != "array":
        return ""
    return "\n\n".join(text for child in fields.children(key) if (text := text_or(child, "text")))


def _parse_call(fields: Fields, custom: bool, context: TranslationContext) -> ToolCallPart:
    fields.skip("status")
    key = "input" if custom else "arguments"
    raw = (fields.text(key) if fields.kind(key) == "string" else fields.raw(key)) or ""
    call_id, name = text_or(fields, "call_id"), fields.need_text("name")
    fields.skip("call_id")
    rest = fields.rest()
    if isinstance(group := rest.get(NAMESPACE), str) and group:
        rest["name"], name = name, flat_name(group, name)
    return tool_call(
        call_id or str(rest.get("id") or "") or context.new_id("call_"), name, raw, custom=custom, extra=luggage(rest)
    )


def _kept(fields: Fields, kind: str, source: str) -> Part:
    item_id = text_or(fields, "id")
    if kind.endswith("_call"):
        name = kind.removesuffix("_call")
        return ServerToolCallPart(id=item_id or text_or(fields, "call_id"), name=name, dialect=ID, raw=source)
    if kind.endswith("_output"):
        name = kind.removesuffix("_output").removesuffix("_call")
        return ServerToolCallResponsePart(id=text_or(fields, "call_id") or item_id, name=name, dialect=ID, raw=source)
    return OpaquePart(dialect=ID, kind=ITEM + kind, raw=source)


def home_of(part: Part) -> Body:
    """The luggage of the message item that a part stood in."""
    home = own(part.extra).get(HOME)
    return home if isinstance(home, dict) else {}


def together(part: Part, home: Body) -> bool:
    """Whether a part stood in the message item of that luggage; only an id can tell."""
    return "id" in home and home_of(part) == home


def text_piece(
    part: TextPart | RefusalPart, context: TranslationContext, logprobs: Sequence[TokenLogprob] | None = None
) -> Body:
    """A piece of a message that a model made.

    Args:
        part: what is said.
        context: where losses go.
        logprobs: of its tokens; None in history, which carries none.
    """
    if isinstance(part, RefusalPart):
        body: Body = {"type": "refusal", "refusal": part.text}
    else:
        cited = [one for annotation in part.annotations if (one := render_annotation(annotation)) is not None]
        body = {"type": "output_text", "text": part.text, "annotations": cited}
        if logprobs is not None:
            body["logprobs"] = render_logprobs(logprobs)
    put_back(body, {ID: {key: value for key, value in own(part.extra).items() if key != HOME}})
    return body


def message_item(home: Body, pieces: list[Any], status: str = "") -> Body:
    """A message item around its pieces; `status` is left out where it is empty."""
    body: Body = {"type": "message", **({"status": status} if status else {}), "role": "assistant", "content": pieces}
    return {**home, **body}


def said_item(text: str) -> Body:
    """The message item of a text that a model said, in history."""
    return message_item({}, [{"type": "output_text", "text": text, "annotations": []}])


def call_item(part: ToolCallPart, rest: Body, status: str = "") -> Body:
    """A call; arguments are sent as they were written, none as `{}`."""
    name = called(part, rest)
    if part.custom:
        body: Body = {"type": "custom_tool_call", "call_id": part.id, "name": name, "input": part.raw}
    else:
        arguments = part.raw if part.raw.strip() else "{}"
        body = {"type": "function_call", "call_id": part.id, "name": name, "arguments": arguments}
        if status:
            body["status"] = status
    return {**rest, **body}


def reasoning_item(part: ReasoningPart, path: str, context: TranslationContext, made: str = "") -> Body | None:
    """The item that reasoning goes back as, or None where nothing in it is of this dialect.

    Args:
        part: the reasoning.
        path: for losses.
        context: where losses go.
        made: id of the item that is made for a client where none was written; empty makes none for history.
    """
    lose_opaque(part.opaque, path, context)
    written, sealed = (
        next((one.data for one in part.opaque if one.kind == kind), None)
        for kind in (REASONING_ITEM, ENCRYPTED_CONTENT)
    )
    if written is not None and as_raw(written) is not None:
        body: Body = msgspec.json.decode(written)
    elif sealed is None and not made:
        if part.text:
            context.lose(path, "only this dialect's own reasoning goes back")
        return None
    else:
        summary = [{"type": "summary_text", "text": part.text}] if part.summary and part.text else []
        body = {**({"id": made} if made else {}), "type": "reasoning", "summary": summary}
        if part.text and not part.summary:
            body["content"] = [{"type": "reasoning_text", "text": part.text}]
    if sealed is not None:
        body["encrypted_content"] = sealed
    return body


def kept_item(part: Part, path: str, context: TranslationContext, made: str = "") -> Any:
    """An item that was kept as it stands, or None where it is another dialect's.

    Args:
        part: whatever has no form of its own here.
        path: for losses.
        context: where losses go.
        made: id of the item that is made for a client around a generated image; empty in history.
    """
    if isinstance(part, OpaquePart | ServerToolCallPart | ServerToolCallResponsePart) and part.dialect == ID:
        return as_raw(part.raw)
    if isinstance(part, BlobPart) and part.modality == "image" and made:
        return {"type": "image_generation_call", "id": made, "status": "completed", "result": part.content}
    named = getattr(part, "dialect", "")
    context.lose(path, f"known to {named} alone" if named else f"no item holds a {type(part).__name__}")
    return None


def is_item(part: Part) -> bool:
    """Whether a part of unknown type was an item of its own."""
    if isinstance(part, OpaquePart):
        return part.dialect != ID or part.kind.startswith(ITEM)
    return not isinstance(part, TextPart | RefusalPart)


def render_history(placed: Sequence[Placed], context: TranslationContext, *, ids: bool) -> list[Any]:
    """The items of an assistant's turn that is sent back.

    Args:
        placed: its parts, each with its path for losses.
        context: where losses go.
        ids: whether items go under the ids that the provider gave them.
    """
    items: list[Any] = []
    pieces: list[Any] = []
    home: Body = {}
    for path, part in placed:
        if not is_item(part):
            lose_opaque(part.opaque, path, context)
            said = _said(part, context)
            if said is None:
                continue
            if not pieces or not together(part, home):
                home, pieces = home_of(part), []
                rest = _rest(home, ids)
                items.append(message_item(rest, pieces, "completed" if "id" in rest else ""))
            pieces.append(said)
            continue
        pieces = []
        if isinstance(part, ReasoningPart):
            item = reasoning_item(part, path, context)
            items.extend([] if item is None else [item])
        elif isinstance(part, ToolCallPart):
            lose_opaque(part.opaque, path, context)
            lose_foreign(part.extra, context)
            items.append(call_item(part, _rest(_spoken_to(own(part.extra), context), ids)))
        else:
            item = kept_item(part, path, context)
            items.extend([] if item is None else [item])
    return items


def _said(part: Part, context: TranslationContext) -> Any:
    if isinstance(part, OpaquePart):
        return as_raw(part.raw)
    assert isinstance(part, TextPart | RefusalPart)
    if not part.text:
        return None
    lose_foreign(part.extra, context)
    return text_piece(part, context)


def _spoken_to(rest: Body, context: TranslationContext) -> Body:
    """What a call's item has besides, as the host knows it: without its group where that was offered flat."""
    if context.host.namespaces or not rest.get(NAMESPACE):
        return rest
    return {key: value for key, value in rest.items() if key not in (NAMESPACE, "name")}


def _rest(rest: Body, ids: bool) -> Body:
    return rest if ids else {key: value for key, value in rest.items() if key != "id"}


def render_output(
    parts: Sequence[Part], logprobs: Sequence[TokenLogprob], status: str, context: TranslationContext
) -> list[Any]:
    """The items of an answer.

    Args:
        parts: what the model said.
        logprobs: of the tokens of all its texts.
        status: how the last item ended; those before it are complete.
        context: ids, and where losses go.
    """
    items: list[Any] = []
    pieces: list[Any] | None = None
    home: Body = {}
    left = list(logprobs)
    last = len(parts) - 1
    for i, part in enumerate(parts):
        path, state = f"choices[0].message.parts[{i}]", status if i == last else "completed"
        if not is_item(part):
            lose_opaque(part.opaque, path, context)
            if pieces is None or not together(part, home):
                home, pieces = home_of(part), []
                items.append(message_item({"id": context.new_id("msg_"), **home}, pieces, state))
            items[-1]["status"] = state
            if isinstance(part, TextPart | RefusalPart):
                pieces.append(text_piece(part, context, take_logprobs(part, left, parts[i + 1 :])))
            elif isinstance(part, OpaquePart):
                pieces.append(as_raw(part.raw))
            continue
        pieces = None
        items.extend(render_item(part, path, state, context))
    return items


def render_item(part: Part, path: str, status: str, context: TranslationContext) -> list[Any]:
    """The items of an answer that a part other than text makes."""
    if isinstance(part, ReasoningPart):
        written = reasoning_item(part, path, context, item_id(part, context))
        return [] if written is None else [written]
    if isinstance(part, ToolCallPart):
        lose_opaque(part.opaque, path, context)
        return [call_item(part, {"id": item_id(part, context), **own(part.extra)}, status)]
    item = kept_item(part, path, context, item_id(part, context))
    return [] if item is None else [item]


def item_id(part: Part, context: TranslationContext) -> str:
    """The id of the item that a part makes: the one that it came with, else a new one."""
    given = own(part.extra).get("id")
    if isinstance(given, str):
        return given
    if isinstance(part, ReasoningPart):
        return context.new_id("rs_")
    if isinstance(part, ToolCallPart):
        return context.new_id("ctc_" if part.custom else "fc_")
    return context.new_id("ig_") if isinstance(part, BlobPart) else ""


def take_logprobs(
    part: TextPart | RefusalPart, left: list[TokenLogprob], later: Sequence[Part] = ()
) -> list[TokenLogprob]:
    """Takes the tokens that make up the text of `part`; the last text takes all that are left."""
    if isinstance(part, RefusalPart) or not left:
        return []
    if not any(isinstance(one, TextPart) for one in later):
        taken, left[:] = list(left), []
        return taken
    length, count = 0, 0
    while count < len(left) and length < len(part.text):
        length += len(left[count].token)
        count += 1
    taken, left[:] = left[:count], left[count:]
    return taken
