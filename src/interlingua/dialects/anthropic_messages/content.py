"""Content blocks, one at a time: block to part, and part to block.

A block that the format's other side made and we only carry (server tools, search results, whatever is new) keeps the
exact text of each of its values. Thinking is never taken apart: signature and text go back as they came.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.schema import (
    ID,
    IMAGE_TYPES,
    MAGIC,
    MAX_CACHE_MARKS,
    REDACTED,
    SERVER_TOOL_CALLS,
    SERVER_TOOL_RESULT,
    SIGNATURE,
    TTLS,
)
from interlingua.errors import InvalidRequest
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
    PartBase,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.wire.data_url import parse_data_url
from interlingua.wire.fields import Fields

Block = dict[str, Any]
"""A content block to be encoded; values that must keep their text are `msgspec.Raw`."""

_raw_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


# --- block to part ----------------------------------------------------------------------------------------------


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
    citations = fields.json("citations") or []
    found = tuple(parse_annotation(raw) for raw in citations if isinstance(raw, dict))
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


# --- part to block ----------------------------------------------------------------------------------------------


class Writer:
    """Renders parts to blocks, notes what they lose and gathers the cache marks in the order of the prompt.

    Args:
        context: where losses go.
        reply: whether an answer is written for a client; else a request for a provider.
    """

    def __init__(self, context: TranslationContext, *, reply: bool = False) -> None:
        self.context = context
        self.reply = reply
        self.marks: list[Block] = []
        self.moved: list[Block] = []
        """Media of assistant turns, which the format refuses there: due in the next user turn."""

    # What users, tools and systems say.

    def content(self, part: Part, path: str) -> list[Block]:
        """The blocks for a part that is not the assistant's."""
        if isinstance(part, TextPart):
            if part.annotations:
                self.context.lose(f"{path}.annotations", "only the assistant's text can be cited")
            return self.mark(part, {"type": "text", "text": part.text}, path) if part.text else []
        if isinstance(part, BlobPart | UriPart | FilePart):
            return self._media(part, path)
        if isinstance(part, ToolCallResponsePart):
            return self._tool_result(part, path)
        if isinstance(part, OpaquePart | ServerToolCallPart | ServerToolCallResponsePart):
            if part.dialect == ID:
                return self._verbatim(part, path)
            self.context.lose(path, f"a piece that only {part.dialect} knows", kind="content")
        else:
            self.context.lose(path, f"{type(part).__name__} stands only in assistant messages", kind="content")
        return []

    def _tool_result(self, part: ToolCallResponsePart, path: str) -> list[Block]:
        inside: list[Block] = []
        after: list[Block] = []
        for i, piece in enumerate(part.response):
            blocks = self.content(piece, f"{path}.response[{i}]")
            if self.context.traits.media_in_results is False and isinstance(piece, BlobPart | UriPart | FilePart):
                self.context.emulate(f"{path}.response[{i}]", "media of a tool result follow it in the user turn")
                after += blocks
            else:
                inside += blocks
        block: Block = {"type": "tool_result", "tool_use_id": part.id}
        if inside:
            block["content"] = brief(inside)
        if part.is_error:
            block["is_error"] = True
        return self.mark(part, block, path) + after

    # What the assistant says.

    def said(self, part: Part, path: str) -> list[Block]:
        """The blocks for a part of an assistant message."""
        if isinstance(part, TextPart):
            return self._said_text(part, path)
        if isinstance(part, ReasoningPart):
            return self._thinking(part, path)
        if isinstance(part, ToolCallPart):
            return self.mark(part, self.tool_use(part, path), path)
        if isinstance(part, RefusalPart):
            return self.mark(part, {"type": "text", "text": part.text}, path) if part.text else []
        if isinstance(part, OpaquePart | ServerToolCallPart | ServerToolCallResponsePart):
            if part.dialect == ID:
                return self._verbatim(part, path)
            self.context.lose(path, f"a piece that only {part.dialect} knows")
        elif isinstance(part, ToolCallResponsePart):
            self.context.lose(path, "tool results stand only in tool messages", kind="content")
        elif self.reply:
            self.context.lose(path, f"answers cannot hold {part.modality}s")
        else:
            blocks = self._media(part, path)
            if blocks:
                self.context.emulate(path, "media of an assistant turn move to the next user turn")
                self.moved += blocks
        return []

    def tool_use(self, part: ToolCallPart, path: str) -> Block:
        """A tool call without extra and cache mark."""
        value: Any = {}
        if part.custom:
            value = {"input": part.raw}
            if not self.reply:
                self.context.emulate(path, 'free text for a tool is sent as {"input": …}')
        elif not part.raw.strip():
            value = part.arguments or {}
        elif isinstance(part.arguments, dict):
            value = msgspec.Raw(part.raw.encode())
        else:
            value = {"_raw": part.raw}
            self.context.emulate(path, 'arguments that are no JSON object are sent as {"_raw": …}')
        return {"type": "tool_use", "id": part.id or self.context.new_id("toolu_"), "name": part.name, "input": value}

    def _said_text(self, part: TextPart, path: str) -> list[Block]:
        if not part.text:
            return []
        block: Block = {"type": "text", "text": part.text}
        citations = [
            raw
            for i, annotation in enumerate(part.annotations)
            if (raw := self.citation(annotation, f"{path}.annotations[{i}]")) is not None
        ]
        if citations:
            block["citations"] = citations
        return self.mark(part, block, path)

    def citation(self, annotation: Annotation, path: str) -> Any:
        """The citation for an annotation; None where it is lost."""
        if annotation.dialect == ID and isinstance(annotation.raw, dict):
            # An empty index is our own stand-in from an earlier answer: the provider would refuse it.
            if self.reply or annotation.raw.get("encrypted_index") != "":
                return annotation.raw
        elif self.reply and annotation.url:
            return {
                "type": "web_search_result_location",
                "url": annotation.url,
                "title": annotation.title,
                "cited_text": annotation.cited_text or "",
                "encrypted_index": "",
            }
        self.context.lose(path, f"a citation of kind {annotation.kind!r} that this format did not make")
        return None

    def _thinking(self, part: ReasoningPart, path: str) -> list[Block]:
        signature, redacted = self.own_state(part.opaque, path)
        blocks: list[Block] = []
        if signature or (self.reply and part.text):
            blocks.append({"type": "thinking", "thinking": part.text, "signature": signature})
        elif part.text:
            self.context.lose(path, "thinking without a signature of this model is not taken back")
        blocks += [{"type": "redacted_thinking", "data": data} for data in redacted]
        if part.cache is not None:
            self.context.lose(f"{path}.cache", "thinking takes no cache mark")
        for block in blocks[:1]:
            self._load(part, block, path)
        return blocks

    def own_state(self, opaque: tuple[Opaque, ...], path: str) -> tuple[str, list[str]]:
        """(signature, redacted thinking) among reasoning state; what is of another kind is lost."""
        signature, redacted = "", []
        for state in opaque:
            if state.kind == SIGNATURE:
                signature = state.data
            elif state.kind == REDACTED:
                redacted.append(state.data)
            else:
                self.context.lose(f"{path}.opaque", f"reasoning state of another kind ({state.kind})")
        return signature, redacted

    # Media.

    def _media(self, part: BlobPart | UriPart | FilePart, path: str) -> list[Block]:
        if isinstance(part, UriPart) and (inline := parse_data_url(part.uri)):
            part = BlobPart(
                modality=part.modality,
                mime_type=inline[0],
                content=inline[1],
                name=part.name,
                cache=part.cache,
                extra=part.extra,
            )
        kind, source, reason = self._source(part, path)
        if kind == "document" and not self.context.host.file_parts:
            source, reason = None, "the host takes no documents"
        if source is None:
            self.context.lose(path, reason, kind="content")
            return []
        block: Block = {"type": kind, "source": source}
        if part.name and kind == "document":
            block["title"] = part.name
        elif part.name:
            self.context.lose(f"{path}.name", "images have no name")
        if not isinstance(part, FilePart) and part.detail not in (None, "auto"):
            self.context.lose(f"{path}.detail", "images have no level of detail")
        return self.mark(part, block, path)

    def _source(self, part: BlobPart | UriPart | FilePart, path: str) -> tuple[str, Block | None, str]:
        kind = "image" if part.modality == "image" else "document"
        if isinstance(part, BlobPart):
            return self._inline(part, path)
        if part.modality not in ("image", "document"):
            return kind, None, f"{part.modality} is not taken"
        if isinstance(part, FilePart):
            if part.origin is not None and part.origin.endpoint != ID:
                return kind, None, f"the file was uploaded to another provider ({part.origin.endpoint})"
            return kind, {"type": "file", "file_id": part.file_id}, ""
        if not part.uri.lower().startswith(("http://", "https://")):
            return kind, None, "only http and https addresses are taken"
        if kind == "document" and part.mime_type not in ("", "application/pdf"):
            return kind, None, f"documents by address must be PDF, not {part.mime_type}"
        return kind, {"type": "url", "url": part.uri}, ""

    def _inline(self, part: BlobPart, path: str) -> tuple[str, Block | None, str]:
        mime = part.mime_type.lower()
        if mime in ("", "image/*", "application/octet-stream"):
            mime = next((found for magic, found in MAGIC.items() if part.content.startswith(magic)), mime)
        mime = "image/jpeg" if mime == "image/jpg" else mime
        if mime in IMAGE_TYPES:
            return "image", {"type": "base64", "media_type": mime, "data": part.content}, ""
        if mime == "application/pdf":
            return "document", {"type": "base64", "media_type": mime, "data": part.content}, ""
        if mime.startswith("text/") or mime == "application/json":
            try:
                text = base64.b64decode(part.content, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return "document", None, "text that is not UTF-8 is not taken"
            if mime != "text/plain":
                self.context.emulate(path, f"{mime} is sent as plain text")
            return "document", {"type": "text", "media_type": "text/plain", "data": text}, ""
        return "document", None, f"{part.modality} of type {mime or 'unknown'} is not taken"

    # What every block may carry.

    def mark(self, part: PartBase, block: Block, path: str) -> list[Block]:
        """The block with the part's extra and cache mark."""
        self.no_state(part.opaque, path)
        self._load(part, block, path)
        if part.cache is not None and not self.reply:
            self.cache(block, part.cache, path)
        return [block]

    def no_state(self, opaque: Iterable[Opaque], path: str) -> None:
        """Notes reasoning state as lost where a block has no place for it."""
        for state in opaque:
            self.context.lose(f"{path}.opaque", f"reasoning state has no place here ({state.kind})")

    def _load(self, part: PartBase, block: Block, path: str) -> None:
        self.foreign(part.extra, path)
        for key, value in part.extra.get(ID, {}).items():
            block.setdefault(key, value)

    def foreign(self, extra: Extra, path: str) -> None:
        """Notes the luggage of other dialects as lost."""
        for dialect, fields in extra.items():
            if dialect != ID and fields:
                self.context.lose(f"{path}.extra.{dialect}", f"fields that only {dialect} knows: {', '.join(fields)}")

    def cache(self, block: Block, hint: CacheHint, path: str) -> None:
        """Puts a cache mark on a block or tool."""
        block["cache_control"] = self.control(hint, path) | block.get("cache_control", {})
        self.marks.append(block)

    def control(self, hint: CacheHint, path: str) -> dict[str, Any]:
        """The `cache_control` for a hint."""
        ttl = TTLS.get(hint.ttl, "1h")
        if ttl != hint.ttl:
            self.context.emulate(f"{path}.cache", f"a lifetime of {hint.ttl} becomes {ttl}")
        return {"type": "ephemeral", "ttl": ttl} if ttl else {"type": "ephemeral"}

    def limit_marks(self, reserved: int) -> None:
        """Keeps the last cache marks that the format allows; `reserved` are taken already."""
        surplus = len(self.marks) - (MAX_CACHE_MARKS - reserved)
        for block in self.marks[: max(0, surplus)]:
            del block["cache_control"]
        if surplus > 0:
            self.context.lose("cache", f"{surplus} more cache marks than the {MAX_CACHE_MARKS} that are allowed")

    def _verbatim(self, part: OpaquePart | ServerToolCallPart | ServerToolCallResponsePart, path: str) -> list[Block]:
        return [self.verbatim(part.raw, part.cache, path)]

    def verbatim(self, raw: str, hint: CacheHint | None, path: str) -> Block:
        """A block or tool as the format wrote it, each value with its exact text.

        Raises:
            InvalidRequest: `raw` is not a JSON object with a type.
        """
        try:
            block: Block = dict(_raw_object.decode(raw))
            block["type"] = msgspec.json.decode(block["type"], type=str)
        except (msgspec.DecodeError, KeyError) as error:
            raise InvalidRequest(f"{path}.raw: expected a JSON object with a type", path=f"{path}.raw") from error
        if "cache_control" in block:
            self.marks.append(block)
        elif hint is not None and not self.reply:
            self.cache(block, hint, path)
        return block


def brief(blocks: list[Block]) -> str | list[Block]:
    """Content as a plain string where it is one plain text: the form that every compatible server takes."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} and blocks[0]["type"] == "text":
        return str(blocks[0]["text"])
    return blocks
