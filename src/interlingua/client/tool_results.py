"""What a tool's function returned, as the content that a model gets."""

from __future__ import annotations

import re
import typing
from pathlib import PurePath
from typing import Any

import msgspec

from interlingua.errors import InvalidRequest
from interlingua.types.parts import ContentPart, TextPart

_PARTS: tuple[type, ...] = typing.get_args(ContentPart)
_BYTES = (bytes, bytearray, memoryview)
_HALVES = re.compile(r"[\ud800-\udfff]")


def render_result(value: Any, nothing: str = "null") -> tuple[ContentPart, ...]:
    """The content that tells a model of a value.

    Args:
        value: a string (as it is), a content part or a list of parts and strings (as they are), or anything that
            msgspec or Pydantic can write as JSON.
        nothing: what None becomes.

    Raises:
        InvalidRequest: the value is bytes, or has no form in JSON.
    """
    if isinstance(value, str):
        return (TextPart(text=whole_letters(value)),)
    if value is None:
        return (TextPart(text=nothing),)
    if isinstance(value, _PARTS):
        return (typing.cast("ContentPart", value),)
    if isinstance(value, _BYTES):
        raise InvalidRequest(
            "the tool returned bytes, which no model can read as they are",
            remedy="Return attach(data) for an image, sound or document, or text.",
        )
    if isinstance(value, list | tuple) and any(isinstance(one, _PARTS) for one in value):
        return tuple(part for one in value for part in render_result(one, nothing))
    try:
        text = msgspec.json.encode(value, enc_hook=_plain).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(
            f"the tool returned a {type(value).__name__}, which has no form in JSON: {error}",
            remedy="Return text, plain values, dataclasses, msgspec Structs, Pydantic models or parts.",
        ) from error
    return (TextPart(text=text),)


def whole_letters(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which names of files may hold and no request can."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def _plain(value: Any) -> Any:
    """Plain values for what msgspec does not know: Pydantic models, paths, and numbers and arrays of NumPy's kind."""
    if isinstance(value, PurePath):
        return str(value)
    if callable(getattr(value, "model_dump", None)):
        return value.model_dump(mode="json")
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not known")
