"""A guess at a prompt's tokens where nobody counts them: marked as a guess wherever it shows.

Rule of thumb: a token is about four letters of Latin script, a bit less of code, and one character of scripts that
are written without spaces. Messages cost a few tokens each; media cost what most providers charge for a medium size.
Good to some 20 %; good enough to warn, and to reserve a budget.
"""

from __future__ import annotations

import re

import msgspec

from interlingua.engine.strategies import Size
from interlingua.ports.lens import Peek
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
)
from interlingua.types.request import ChatRequest
from interlingua.types.token_count import TokenCount

PER_MESSAGE = 4
RESERVED_OUTPUT = 4096
"""Tokens that an answer is reckoned with before it comes."""
MEDIA_TOKENS = {"image": 1_000, "audio": 1_500, "video": 10_000, "document": 3_000}
"""Per piece; an inline document is reckoned by its size instead."""
_BYTES_PER_DOCUMENT_TOKEN = 30
_MEDIA_NEEDS = {"image": "image", "audio": "audio", "video": "video", "pdf": "document"}
_SHORTEST_DATA = 2048
_DATA = re.compile(rb"[A-Za-z0-9+/\\_=-]{2048,}")
"""What is no text: base64, with slashes as some escape them."""


def estimate_tokens(request: ChatRequest) -> TokenCount:
    """About how many tokens a request's prompt holds."""
    total = float(3)
    for message in request.messages:
        total += PER_MESSAGE + sum(_part(part) for part in message.parts)
    for tool in request.tools:
        total += PER_MESSAGE + _text(msgspec.json.encode(tool).decode())
    if request.output is not None and request.output.schema is not None:
        total += _text(msgspec.json.encode(request.output.schema).decode())
    return TokenCount(input_tokens=round(total), exact=False)


def estimate_size(length: int, peek: Peek) -> int:
    """About how many tokens a call will use, prompt and answer, from a body that is not parsed.

    Args:
        length: of the body, in bytes.
        peek: what the lens sees of it.
    """
    return length // 4 + min(peek.most_output or RESERVED_OUTPUT, RESERVED_OUTPUT)


def size_of(request: ChatRequest) -> Size:
    """About how large a call is."""
    return Size(
        estimate_tokens(request).input_tokens, min(request.max_output_tokens or RESERVED_OUTPUT, RESERVED_OUTPUT)
    )


def estimate_prompt(body: bytes, peek: Peek) -> int:
    """About how many tokens a prompt holds, from a body that is not parsed; inline media count as media, not as text.

    Args:
        body: as it came.
        peek: what the lens sees of it.
    """
    kinds = peek.needs & _MEDIA_NEEDS.keys()
    if not kinds:
        return len(body) // 4
    each = max(MEDIA_TOKENS[_MEDIA_NEEDS[kind]] for kind in kinds)
    text, media = len(body), 0
    if text >= _SHORTEST_DATA:
        for data in _DATA.finditer(body):
            size = data.end() - data.start()
            text -= size
            media += max(each, size * 3 // 4 // _BYTES_PER_DOCUMENT_TOKEN if "pdf" in kinds else 0)
    return text // 4 + max(media, each)


def _part(part: Part) -> float:
    if isinstance(part, TextPart | ReasoningPart | RefusalPart):
        return _text(part.text)
    if isinstance(part, ToolCallPart):
        return PER_MESSAGE + _text(part.name) + _text(part.raw)
    if isinstance(part, ToolCallResponsePart):
        return PER_MESSAGE + sum(_part(piece) for piece in part.response)
    if isinstance(part, BlobPart) and part.modality == "document":
        return len(part.content) * 3 / 4 / _BYTES_PER_DOCUMENT_TOKEN
    if isinstance(part, BlobPart | UriPart | FilePart):
        return MEDIA_TOKENS[part.modality]
    return _text(part.raw)


def _text(text: str) -> float:
    if text.isascii():
        return len(text) / 4
    dense = sum(1 for character in text if character >= "\u2e80")
    return dense + (len(text.encode("utf-8", "surrogatepass")) - 3 * dense) / 4
