"""Parts to content blocks.

A block that we only carry (server tools, search results, whatever is new) keeps the exact text of each of its values.
Thinking is never taken apart: signature and text go back as they came, or not at all.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.schema import (
    ID,
    IMAGE_TYPES,
    MAGIC,
    MAX_CACHE_MARKS,
    REDACTED,
    SIGNATURE,
    TTLS,
)
from interlingua.errors import InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Extra, Opaque
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    FilePart,
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
)
from interlingua.wire.data_url import parse_data_url

Block = dict[str, Any]
"""A content block to be encoded; values that must keep their text are `msgspec.Raw`."""

_raw_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


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
        """Notes the luggage of other dialects as lost; `path` is empty for that of a whole request or answer."""
        for dialect, fields in extra.items():
            if dialect != ID and fields:
                where = f"{path}.extra.{dialect}" if path else f"extra.{dialect}"
                self.context.lose(where, f"fields that only {dialect} knows: {', '.join(fields)}")

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
    if len(blocks) != 1 or len(blocks[0]) != 2 or blocks[0].get("type") != "text" or "text" not in blocks[0]:
        return blocks
    return str(blocks[0]["text"])
