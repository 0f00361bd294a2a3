"""Tool results: functionResponse parts, whose `response` must be an object and whose name must be the call's.

Text stands under `output`, an error under `error`; a text that is a JSON object goes as that object, unless it holds
`$ref`, which the provider would resolve as a reference to media.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from interlingua.dialects.gemini.parts import PartReader, render_media
from interlingua.dialects.gemini.schema import ID, ProtoFields, bad_request, lose_opaque, luggage, own, raw_json
from interlingua.errors import InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.types.messages import plain_result
from interlingua.types.opaque import Json
from interlingua.types.parts import (
    BlobPart,
    ContentPart,
    FilePart,
    OpaquePart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
)

_IN_RESULTS = {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}
_REFERENCES = ('"$ref"', '"$defs"')


class Pairing:
    """Tells which call a result answers while a conversation is read: by id, else by name and order."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._open: list[tuple[str, str, bool]] = []

    def turn(self, calls: list[ToolCallPart], *, goes_on: bool = False) -> None:
        """The model has spoken, or goes on to; `calls` is what it asked for."""
        if not goes_on:
            self._open = []
        for call in calls:
            self._ids.add(call.id)
            self._open.append((call.id, call.name, "id" in own(call.extra)))

    def resolve(self, result: ToolCallResponsePart, where: str) -> ToolCallResponsePart:
        """The result, which stands at `where`, with the id of its call.

        Raises:
            InvalidRequest: it has no id, and no call of its name waits for one.
        """
        for waiting in self._open:
            if waiting[0] == result.id:
                self._open.remove(waiting)
                return result
        if result.id not in self._ids:
            for waiting in self._open:
                if self._fits(result, waiting[1], waiting[2]):
                    self._open.remove(waiting)
                    return msgspec.structs.replace(result, id=waiting[0])
        if not result.id:
            reason = f"the result of {result.name!r} answers no functionCall before it"
            raise bad_request(f"{where}.functionResponse", reason)
        return result

    @staticmethod
    def _fits(result: ToolCallResponsePart, name: str, named: bool) -> bool:
        return name == result.name and not (result.id and named)


def read_result(fields: ProtoFields, context: TranslationContext) -> ToolCallResponsePart:
    """A functionResponse part; its id is empty where it has none."""
    inner = fields.child("functionResponse")
    assert inner is not None
    name, id = inner.need_text("name"), inner.text("id") or ""
    value = inner.look("response") or {}
    raw = inner.raw("response") or "{}"
    if not raw.startswith("{"):
        raise inner.error("response", "expected object")
    text, is_error = read_result_object(value, raw)
    reader = PartReader(context)
    media = [reader.read(part) for part in inner.list_of("parts")]
    fields.skip("thought", "thoughtSignature")
    rest = inner.rest()
    return ToolCallResponsePart(
        id=id,
        name=name,
        is_error=is_error,
        response=(
            *((TextPart(text=text),) if text is not None else ()),
            *(part for part in media if isinstance(part, TextPart | BlobPart | UriPart | FilePart | OpaquePart)),
        ),
        extra=luggage(fields.rest(), {"functionResponse": rest} if rest else {}),
    )


def read_result_object(value: dict[str, Json], raw: str) -> tuple[str | None, bool]:
    """(text, whether it is an error) of a `response`, given as value and as JSON text."""
    is_error = "error" in value and len(value) == 1
    if len(value) == 1:
        only = value.get("error" if is_error else "output")
        if isinstance(only, str):
            return only, is_error
    return (raw if value else None), is_error


Place = tuple[int, int]
"""Of a part: the number of its message, and its own in there."""


def _where(place: Place) -> str:
    return f"messages[{place[0]}].parts[{place[1]}]"


class Results:
    """The tool results of a conversation while it is rendered: each goes right after the call that it answers."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[Place, ToolCallResponsePart]]] = {}

    def add(self, result: ToolCallResponsePart, place: Place) -> None:
        """Takes a result, and the place where it stands."""
        self._waiting.setdefault(result.id, deque()).append((place, result))

    def take(self, call: ToolCallPart) -> tuple[Place, ToolCallResponsePart] | None:
        """The result of a call and its place, or None where there is none."""
        waiting = self._waiting.get(call.id)
        return waiting.popleft() if waiting else None

    def check(self) -> None:
        """Makes sure that every result was taken.

        Raises:
            InvalidRequest: a result answers no call.
        """
        for waiting in self._waiting.values():
            for place, result in waiting:
                where = _where(place)
                name = f" of {result.name!r}" if result.name else ""
                raise InvalidRequest(f"{where}: the tool result {result.id!r}{name} answers no tool call", path=where)


def render_result(
    call: ToolCallPart, result: ToolCallResponsePart, place: Place, context: TranslationContext
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A result as functionResponse part, and the parts that must follow it in a user content."""
    text = "" if call.extra else plain_result(result)
    if text and not text.lstrip().startswith("{"):
        return {"functionResponse": {"name": call.name, "response": {"output": text}}}, []
    where = _where(place)
    inside: list[dict[str, Any]] = []
    after: list[dict[str, Any]] = []
    for j, part in enumerate(result.response):
        if isinstance(part, TextPart):
            continue
        at = f"{where}.response[{j}]"
        wire = _render_media(part, at, context)
        if wire is None:
            continue
        if context.traits.media_in_results and _goes_inside(part):
            inside.append(wire)
        else:
            context.emulate(at, "media of a tool result sent in the user content after it")
            after += [wire] if after else [{"text": f"Media that the tool {call.name} returned:"}, wire]
    response: dict[str, Any] = {"name": call.name, "response": _response(result, where, bool(after), context)}
    id = own(call.extra).get("id")
    if isinstance(id, str):
        response = {"id": id, **response}
    if inside:
        response["parts"] = inside
    wire = {"functionResponse": response}
    lose_opaque(result.opaque, where, context)
    for key, value in own(result.extra).items():
        if key == "functionResponse" and isinstance(value, dict):
            wire[key] = value | wire[key]
        else:
            wire.setdefault(key, value)
    return wire, after


def missing_result(call: ToolCallPart) -> dict[str, Any]:
    """What stands for the result of a call that was never answered."""
    response: dict[str, Any] = {"name": call.name, "response": {"error": "interrupted: there is no result"}}
    id = own(call.extra).get("id")
    return {"functionResponse": {"id": id, **response} if isinstance(id, str) else response}


def _render_media(part: ContentPart, where: str, context: TranslationContext) -> dict[str, Any] | None:
    if isinstance(part, BlobPart | UriPart | FilePart):
        return render_media(part, where, context)
    if isinstance(part, OpaquePart) and part.dialect == ID:
        wire: dict[str, Any] = msgspec.json.decode(part.raw, type=dict[str, msgspec.Raw])
        return wire
    dialect = part.dialect if isinstance(part, OpaquePart) else ""
    context.lose(where, f"a part that only {dialect} knows", "content")
    return None


def _goes_inside(part: ContentPart) -> bool:
    mime_type = "" if isinstance(part, TextPart | OpaquePart) else part.mime_type
    return mime_type.lower() in _IN_RESULTS or isinstance(part, OpaquePart)


def _response(result: ToolCallResponsePart, where: str, media_follows: bool, context: TranslationContext) -> Json:
    if not any(isinstance(part, TextPart) for part in result.response):
        if media_follows:
            return {"output": "See the media that follows."}
        return {"error": "failed"} if result.is_error else {}
    text = result.text
    value = _object(text)
    if result.is_error:
        return raw_json(text) if value is not None and set(value) == {"error"} else {"error": text}
    if value is None:
        return {"output": text}
    if any(mark in text for mark in _REFERENCES) and not _refers(value, result):
        context.emulate(where, "a JSON object with references sent as text, lest they be resolved")
        return {"output": text}
    return raw_json(text)


def _object(text: str) -> dict[str, Json] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refers(value: Json, result: ToolCallResponsePart) -> bool:
    """Whether every reference in a response names media that comes with it."""
    names = {part.name for part in result.response if isinstance(part, BlobPart | UriPart | FilePart)}
    if isinstance(value, list):
        return all(_refers(item, result) for item in value)
    if not isinstance(value, dict):
        return True
    return "$defs" not in value and all(
        item in names if key == "$ref" and isinstance(item, str) else _refers(item, result)
        for key, item in value.items()
    )
