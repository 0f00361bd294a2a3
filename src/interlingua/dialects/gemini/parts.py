"""Parts of a content, both ways: one data field, which says what the part is, and metadata beside it.

A thought signature belongs to the very part that it came on, an empty text included: parts are never merged here.
Fields that we do not know stay with their part, those inside the data field under that field's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from interlingua.dialects.gemini.schema import (
    ID,
    SIGNATURE,
    ProtoFields,
    lose_opaque,
    luggage,
    own,
    raw_json,
    signature_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.loss import LossKind
from interlingua.types.opaque import Extra, Json, Opaque
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    UriPart,
    modality_of,
    tool_call,
)

FOREIGN_IDS = ("call_", "toolu_")
"""How ids begin that this format never makes: ours, and those of the other large formats."""

_UPLOADED = re.compile(r"(?:https?://[^/?#]+/v[^/?#]*/)?files/[^/?#]+")
_VIDEO_HOSTS = ("youtube.com", "youtu.be")
_URL_SAFE = str.maketrans("-_", "+/")

_DETAILS = {
    "low": "MEDIA_RESOLUTION_LOW",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_ULTRA_HIGH",
}
_RESOLUTIONS = {word: detail for detail, word in _DETAILS.items()}

_MIME_ALIASES = {"image/jpg": "image/jpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}
_TAKEN = re.compile(
    r"image/(png|jpeg|webp|heic|heif)|(audio|video|text)/.+"
    r"|application/(pdf|json|xml|rtf|javascript|x-javascript|x-typescript|x-python|x-python-code)"
)
_MAGIC = (
    ("iVBOR", "image/png"),
    ("/9j/", "image/jpeg"),
    ("UklGR", "image/webp"),
    ("JVBER", "application/pdf"),
)

_SERVER_NAMES = {"executableCode": "code_execution", "codeExecutionResult": "code_execution"}


class PartReader:
    """Reads the parts of one content or answer; numbers the provider's own tool calls where they have no id."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._server_calls = 0

    def read(self, fields: ProtoFields) -> Part | None:
        """The part, or None where there is nothing in it.

        Tool results without id get an empty one: only the conversation tells which call they answer.
        """
        signature = fields.text("thoughtSignature")
        opaque = (Opaque(SIGNATURE, signature, self._context.origin),) if signature else ()
        thought = fields.boolean("thought") is True
        key = next((key for key in _DATA if fields.peek(key) is not None), "")
        if key == "text":
            return _read_text(fields, thought, opaque)
        if not key:
            return _read_unknown(fields, thought, opaque)
        outer = {"thought": True} if thought else {}
        return _READERS[key](self, fields, key, outer, opaque)

    def _media(self, fields: ProtoFields, key: str, outer: dict[str, Json], opaque: tuple[Opaque, ...]) -> Part:
        inner = fields.child(key)
        assert inner is not None
        detail = _read_detail(fields)
        mime_type = inner.text("mimeType") or ""
        name = inner.text("displayName")
        address = inner.need_text("data" if key == "inlineData" else "fileUri")
        extra = luggage(outer, fields.rest(), _nested(key, inner))
        if key == "inlineData":
            return BlobPart(
                modality=modality_of(mime_type),
                mime_type=mime_type,
                content=_standard_base64(address),
                name=name,
                detail=detail,
                opaque=opaque,
                extra=extra,
            )
        if _UPLOADED.fullmatch(address):
            if detail:
                extra = luggage(own(extra), {"mediaResolution": {"level": _DETAILS[detail]}})
            return FilePart(
                modality=modality_of(mime_type),
                file_id=address,
                mime_type=mime_type,
                name=name,
                origin=self._context.origin,
                opaque=opaque,
                extra=extra,
            )
        return UriPart(
            modality="video" if not mime_type and _is_video_page(address) else modality_of(mime_type),
            uri=address,
            mime_type=mime_type,
            name=name,
            detail=detail,
            opaque=opaque,
            extra=extra,
        )

    def _call(self, fields: ProtoFields, key: str, outer: dict[str, Json], opaque: tuple[Opaque, ...]) -> Part:
        call = fields.child(key)
        assert call is not None
        name, id = call.need_text("name"), call.text("id")
        extra = luggage(outer, fields.rest(), id_luggage(id))
        raw = read_arguments(call)
        return tool_call(
            id or self._context.new_id("call_"), name, raw, opaque=opaque, extra=luggage(own(extra), _nested(key, call))
        )

    def _server(self, fields: ProtoFields, key: str, outer: dict[str, Json], opaque: tuple[Opaque, ...]) -> Part:
        inner = fields.child(key)
        assert inner is not None
        is_call = key in ("executableCode", "toolCall")
        self._server_calls += is_call
        id = inner.text("id") or f"{ID}_server_{self._server_calls}"
        name = _SERVER_NAMES.get(key) or inner.text("toolType") or key
        kind = ServerToolCallPart if is_call else ServerToolCallResponsePart
        raw = f'{{"{key}":{_source(inner)}}}'
        return kind(id=id, name=name, dialect=ID, raw=raw, opaque=opaque, extra=luggage(outer, fields.rest()))


_Reader = Callable[[PartReader, ProtoFields, str, dict[str, Json], tuple[Opaque, ...]], Part]
_READERS: dict[str, _Reader] = {
    "inlineData": PartReader._media,
    "fileData": PartReader._media,
    "functionCall": PartReader._call,
    "executableCode": PartReader._server,
    "codeExecutionResult": PartReader._server,
    "toolCall": PartReader._server,
    "toolResponse": PartReader._server,
}
_DATA = ("text", *_READERS)


def id_luggage(id: str | None) -> dict[str, Json]:
    """What marks a tool call whose id the provider itself gave: only such an id is ever sent to it."""
    return {} if not id or id.startswith(FOREIGN_IDS) else {"id": id}


def read_arguments(call: ProtoFields) -> str:
    """The arguments of a functionCall as they stand; none are an empty object."""
    if call.kind("args") not in ("", "null", "object"):
        raise call.error("args", f"expected object, got {call.kind('args')}")
    return call.raw("args") or "{}"


def _read_text(fields: ProtoFields, thought: bool, opaque: tuple[Opaque, ...]) -> Part | None:
    text = fields.need_text("text")
    extra: Extra = luggage(fields.rest())
    if not text and not opaque and not extra:
        return None
    if thought:
        return ReasoningPart(text=text, summary=True, opaque=opaque, extra=extra)
    return TextPart(text=text, opaque=opaque, extra=extra)


def _read_unknown(fields: ProtoFields, thought: bool, opaque: tuple[Opaque, ...]) -> Part | None:
    rest = fields.rest()
    if not rest:
        return ReasoningPart(opaque=opaque) if opaque else None
    if thought:
        rest["thought"] = True
    return OpaquePart(dialect=ID, kind=next(iter(rest)), raw=msgspec.json.encode(rest).decode(), opaque=opaque)


def _read_detail(fields: ProtoFields) -> str | None:
    value = fields.look("mediaResolution")
    detail = _RESOLUTIONS.get(str(value.get("level"))) if isinstance(value, dict) and len(value) == 1 else None
    if detail:
        fields.skip("mediaResolution")
    return detail


def _nested(key: str, inner: ProtoFields) -> dict[str, Json]:
    rest = inner.rest()
    return {key: rest} if rest else {}


def _source(fields: ProtoFields) -> str:
    source = fields.source
    return source if isinstance(source, str) else bytes(memoryview(source)).decode("utf-8").strip()


def _standard_base64(data: str) -> str:
    if "-" in data or "_" in data:
        data = data.translate(_URL_SAFE)
    return data + "=" * (-len(data) % 4) if len(data) % 4 else data


def _is_video_page(uri: str) -> bool:
    try:
        host = urlsplit(uri).hostname or ""
    except ValueError:
        return False
    return any(host == known or host.endswith(f".{known}") for known in _VIDEO_HOSTS)


def render_part(
    part: Part, where: str, context: TranslationContext, kind: LossKind = "content"
) -> dict[str, Any] | None:
    """The part as this format has it, or None where it cannot be carried or is empty.

    Args:
        part: any part but a tool call's answer, which stands in a content of its own.
        where: its place, for losses.
        kind: what its loss is: content, or a setting where it is history that the model wrote.
    """
    wire = _render_data(part, where, context, kind)
    if wire is None:
        lose_opaque(part.opaque, where, context)
        return None
    signature = signature_of(part.opaque)
    lose_opaque(part.opaque, where, context)
    for key, value in own(part.extra).items():
        if isinstance(wire.get(key), dict) and isinstance(value, dict):
            wire[key] = wire[key] | value
        elif key not in wire and not (key == "id" and isinstance(part, ToolCallPart)):
            wire[key] = value
    if signature is not None:
        wire["thoughtSignature"] = signature
    return wire


def _render_data(part: Part, where: str, context: TranslationContext, kind: LossKind) -> dict[str, Any] | None:
    match part:
        case TextPart() | RefusalPart():
            keep = part.text or signature_of(part.opaque) or own(part.extra)
            return {"text": part.text} if keep else None
        case ReasoningPart():
            return _render_reasoning(part)
        case BlobPart() | UriPart() | FilePart():
            return render_media(part, where, context, kind)
        case ToolCallPart():
            return {"functionCall": _render_call(part, where, context)}
        case OpaquePart() | ServerToolCallPart() | ServerToolCallResponsePart():
            if part.dialect == ID:
                wire: dict[str, Any] = msgspec.json.decode(part.raw, type=dict[str, msgspec.Raw])
                return wire
            context.lose(where, f"a part that only {part.dialect} knows", kind)
    return None


def _render_reasoning(part: ReasoningPart) -> dict[str, Any] | None:
    if part.text:
        return {"text": part.text, "thought": True}
    if signature_of(part.opaque) is None:
        return None
    return {"text": "", "thought": True} if part.summary else {}


def _render_call(part: ToolCallPart, where: str, context: TranslationContext) -> dict[str, Any]:
    call: dict[str, Any] = {"name": part.name, "args": _arguments(part, where, context)}
    id = own(part.extra).get("id")
    return {"id": id, **call} if isinstance(id, str) else call


def _arguments(part: ToolCallPart, where: str, context: TranslationContext) -> Any:
    if part.custom:
        context.emulate(where, "free-form input sent as the argument `input`")
        return {"input": part.raw}
    if not part.raw.strip():
        return {}
    if isinstance(part.arguments, dict):
        return raw_json(part.raw)
    context.emulate(where, "arguments that are no JSON object sent as the argument `_raw`")
    return {"_raw": part.raw}


def render_media(
    part: BlobPart | UriPart | FilePart, where: str, context: TranslationContext, kind: LossKind = "content"
) -> dict[str, Any] | None:
    """Media as inlineData or fileData; None where the format cannot take it."""
    if isinstance(part, BlobPart):
        mime_type = _mime_type(part)
        if not _TAKEN.fullmatch(mime_type.lower()):
            context.lose(where, f"{mime_type or 'media of unknown type'} is not taken", kind)
            return None
        data: dict[str, Any] = {"mimeType": mime_type, "data": part.content}
        wire = {"inlineData": data}
    else:
        address = _address(part, where, context, kind)
        if not address:
            return None
        data = {"mimeType": part.mime_type, "fileUri": address} if part.mime_type else {"fileUri": address}
        wire = {"fileData": data}
    if part.name:
        data["displayName"] = part.name
    detail = None if isinstance(part, FilePart) else part.detail
    if detail in _DETAILS and context.traits.budget is None:
        wire["mediaResolution"] = {"level": _DETAILS[detail]}
    elif detail not in (None, "auto"):
        context.lose(f"{where}.detail", "this model takes no resolution per part")
    return wire


def _mime_type(part: BlobPart) -> str:
    if part.mime_type:
        return _MIME_ALIASES.get(part.mime_type.lower(), part.mime_type)
    return next((mime for magic, mime in _MAGIC if part.content.startswith(magic)), "")


def _address(part: UriPart | FilePart, where: str, context: TranslationContext, kind: LossKind) -> str:
    if isinstance(part, FilePart):
        if (part.origin is None or part.origin.endpoint == ID) and _UPLOADED.fullmatch(part.file_id):
            return part.file_id
        context.lose(where, "a file that was uploaded elsewhere", kind)
        return ""
    public = context.host.fetches_media and part.uri.startswith(("https://", "http://"))
    if public or part.uri.startswith("gs://") or _is_video_page(part.uri):
        return part.uri
    context.lose(where, "an address that the provider does not fetch", kind)
    return ""
