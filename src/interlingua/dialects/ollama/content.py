"""What is said in a message: one text, images as bare base64, thinking and calls. There is no order among them."""

from __future__ import annotations

import base64
import binascii

from interlingua.dialects.ollama.schema import Body, lose_foreign, lose_once
from interlingua.dialects.ollama.tools import render_call
from interlingua.ports.context import TranslationContext
from interlingua.types.loss import LossKind
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
)
from interlingua.wire.data_url import parse_data_url

_HEAD = 24
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


def parse_image(text: str) -> BlobPart:
    """An image, its type told by its first bytes; a data URL is taken too."""
    found = parse_data_url(text)
    mime_type, content = found if found is not None else ("", text)
    return BlobPart(modality="image", mime_type=mime_type or _mime_type(content), content=content)


def _mime_type(content: str) -> str:
    try:
        head = base64.b64decode(content[:_HEAD] + "=" * (-len(content[:_HEAD]) % 4))
    except (binascii.Error, ValueError):
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for magic, mime in _MAGIC if head.startswith(magic)), "")


class Pieces:
    """Gathers the parts of one message as the format has them.

    Args:
        context: where losses are noted.
        kind: what the loss of a part is: content in what the caller says, a setting in what a model said.
    """

    def __init__(self, context: TranslationContext, kind: LossKind) -> None:
        self.texts: list[str] = []
        self.images: list[str] = []
        self.thinking: list[str] = []
        self.calls: list[Body] = []
        self._context = context
        self._kind = kind

    def add(self, part: Part, where: str) -> None:
        """Takes a part that stands at `where`; what cannot be carried is a loss."""
        for item in part.opaque:
            lose_once(f"{where}.opaque", f"no field for {item.kind}", self._context)
        lose_foreign(part.extra, self._context)
        if isinstance(part, TextPart | RefusalPart):
            if part.text:
                self.texts.append(part.text)
        elif isinstance(part, ReasoningPart):
            if part.text:
                self.thinking.append(part.text)
        elif isinstance(part, ToolCallPart):
            self.calls.append(render_call(part, where, self._context))
        else:
            self._add_media(part, where)

    def _add_media(self, part: Part, where: str) -> None:
        if isinstance(part, UriPart) and (found := parse_data_url(part.uri)) is not None:
            part = BlobPart(modality=part.modality, mime_type=found[0], content=found[1], name=part.name)
        if isinstance(part, BlobPart) and part.modality == "image":
            self.images.append(part.content)
            if part.detail in ("low", "high", "original"):
                self._context.lose(f"{where}.detail", "images have no resolution here")
        elif isinstance(part, BlobPart) and (text := _text_of(part)) is not None:
            self._context.emulate(where, "a text file is sent as text")
            self.texts.append(text)
        else:
            self._context.lose(where, _refusal(part), self._kind)


def _text_of(part: BlobPart) -> str | None:
    if not part.mime_type.startswith("text/"):
        return None
    try:
        return base64.b64decode(part.content).decode("utf-8")
    except ValueError:
        return None


def _refusal(part: Part) -> str:
    if isinstance(part, UriPart):
        return f"images are sent inline here, and nothing fetches {part.uri.partition('?')[0][:80]}"
    if isinstance(part, BlobPart):
        return f"no {part.mime_type or part.modality} is taken, only images"
    if isinstance(part, FilePart):
        return "a file that was uploaded elsewhere"
    if isinstance(part, OpaquePart | ServerToolCallPart | ServerToolCallResponsePart):
        return f"known to {part.dialect} alone"
    return f"no {type(part).__name__} stands here"
