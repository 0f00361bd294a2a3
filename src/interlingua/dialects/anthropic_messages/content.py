"""Content blocks to parts.

A block that we only carry (server tools, search results, whatever is new) is kept as its JSON text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from interlingua.dialects.anthropic_messages.schema import (
    ID,
    REDACTED,
    SERVER_TOOL_CALLS,
    SERVER_TOOL_RESULT,
    SIGNATURE,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Extra, Opaque, Origin
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    ContentPart,
    FilePart,
    Modality,
    OpaquePart,
    Part,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.wire.fields import Fields


def parse_content(fields: Fields, key: str, context: TranslationContext) -> tuple[Part, ...]:
    """The parts of a `content` or `system` field, which is a string or an array of blocks; () where absent."""
    if fields.kind(key) == "string":
        text = fields.text(key)
        return (TextPart(text=text),) if text else ()
    return tuple(parse_block(block, context) for block in fields.children(key))


def parse_block(fields: Fields, context: TranslationContext) -> Part:
    """The part that a content block stands for; an OpaquePart for a type that we do not know."""
    kind = fields.need_text("type")
    parse = _PARSERS.get(kind)
    if parse is not None:
        return parse(fields, context)
    raw = source_text(fields)
    cache, _ = parse_cache(fields)
    if kind in SERVER_TOOL_CALLS:
        return ServerToolCallPart(
            id=fields.text("id") or "", name=fields.text("name") or "", dialect=ID, raw=raw, cache=cache
        )
    if kind.endswith(SERVER_TOOL_RESULT):
        name = kind.removesuffix(SERVER_TOOL_RESULT)
        return ServerToolCallResponsePart(
            id=fields.text("tool_use_id") or "", name=name, dialect=ID, raw=raw, cache=cache
        )
    return OpaquePart(dialect=ID, kind=kind, raw=raw, cache=cache)


def source_text(fields: Fields) -> str:
    """The JSON text of the whole object."""
    source = fields.source
    return (source if isinstance(source, str) else bytes(memoryview(source)).decode()).strip()


def parse_cache(fields: Fields) -> tuple[CacheHint | None, dict[str, Any]]:
    """The cache hint of a block, tool or request, and what else its `cache_control` says, for `extra`."""
    control = fields.child("cache_control")
    if control is None:
        return None, {}
    control.skip("type")
    hint = CacheHint(ttl=control.text("ttl") or "")
    more = control.rest()
    return hint, {"cache_control": more} if more else {}


def luggage(left: dict[str, Any]) -> Extra:
    """What only this dialect understands, as `extra`."""
    return {ID: left} if left else {}


def parse_annotation(raw: dict[str, Any]) -> Annotation:
    """A citation; whatever its kind, it is kept whole."""
    kind = str(raw.get("type", ""))
    return Annotation(
        kind=_CITATION_KINDS.get(kind, kind),
        url=_text_or_none(raw.get("url")),
        title=_text_or_none(raw.get("title") or raw.get("document_title")),
        cited_text=_text_or_none(raw.get("cited_text")),
        dialect=ID,
        raw=raw,
    )


_CITATION_KINDS = {
    "web_search_result_location": "url",
    "char_location": "document",
    "page_location": "document",
    "content_block_location": "document",
}


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _common(fields: Fields) -> dict[str, Any]:
    cache, more = parse_cache(fields)
    return {"cache": cache, "extra": luggage(fields.rest() | more)}


def _parse_text(fields: Fields, context: TranslationContext) -> Part:
    text = fields.text("text") or ""
    citations = fields.json("citations")
    listed = citations if isinstance(citations, list) else []
    found = tuple(parse_annotation(raw) for raw in listed if isinstance(raw, dict))
    return TextPart(text=text, annotations=found, **_common(fields))


def _parse_image(fields: Fields, context: TranslationContext) -> Part:
    return _parse_source(fields, "image")


def _parse_document(fields: Fields, context: TranslationContext) -> Part:
    return _parse_source(fields, "document")


def _parse_source(fields: Fields, modality: Modality) -> Part:
    raw = source_text(fields)
    source = fields.child("source")
    if source is None:
        raise fields.error("source", "required")
    kind = source.need_text("type")
    if kind not in ("base64", "url", "file", "text"):
        return OpaquePart(dialect=ID, kind=modality, raw=raw, cache=parse_cache(fields)[0])
    name = fields.text("title") if modality == "document" else None
    common = _common(fields)
    if kind == "file":
        # An uploaded file exists at its provider alone: saying which format it came in keeps it from the others.
        origin = Origin(provider="", endpoint=ID, model="")
        return FilePart(modality=modality, file_id=source.need_text("file_id"), name=name, origin=origin, **common)
    if kind == "url":
        mime = "application/pdf" if modality == "document" else ""
        return UriPart(modality=modality, uri=source.need_text("url"), mime_type=mime, name=name, **common)
    mime = source.text("media_type") or ("text/plain" if kind == "text" else "")
    data = source.need_text("data")
    if kind == "text":
        data = base64.b64encode(data.encode()).decode()
    return BlobPart(modality=modality, mime_type=mime, content=data, name=name, **common)


def _parse_thinking(fields: Fields, context: TranslationContext) -> Part:
    signature = fields.text("signature")
    opaque = (Opaque(kind=SIGNATURE, data=signature, origin=context.origin),) if signature else ()
    return ReasoningPart(text=fields.text("thinking") or "", opaque=opaque, extra=_common(fields)["extra"])


def _parse_redacted(fields: Fields, context: TranslationContext) -> Part:
    data = Opaque(kind=REDACTED, data=fields.need_text("data"), origin=context.origin)
    return ReasoningPart(opaque=(data,), extra=_common(fields)["extra"])


def _parse_tool_use(fields: Fields, context: TranslationContext) -> Part:
    return tool_call(fields.need_text("id"), fields.need_text("name"), fields.raw("input") or "", **_common(fields))


def _parse_tool_result(fields: Fields, context: TranslationContext) -> Part:
    parts = parse_content(fields, "content", context)
    for part in parts:
        if not isinstance(part, ContentPart):
            raise fields.error("content", f"a tool result cannot hold {type(part).__name__}")
    return ToolCallResponsePart(
        id=fields.need_text("tool_use_id"),
        response=tuple(part for part in parts if isinstance(part, ContentPart)),
        is_error=fields.boolean("is_error") or False,
        **_common(fields),
    )


_PARSERS: dict[str, Callable[[Fields, TranslationContext], Part]] = {
    "text": _parse_text,
    "image": _parse_image,
    "document": _parse_document,
    "thinking": _parse_thinking,
    "redacted_thinking": _parse_redacted,
    "tool_use": _parse_tool_use,
    "tool_result": _parse_tool_result,
}
