"""Words of Gemini's generateContent format that requests and responses share, and how its objects are read.

The format is proto3 JSON: names are camelCase (snake_case is understood too), numbers may be strings, bytes are
base64 in either alphabet, a list of one may stand without its brackets, and defaults are left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Extra, Json, Opaque
from interlingua.types.response import FinishKind
from interlingua.wire.fields import Fail, Fields, kind_of

ID = "gemini"
VERSIONS = ("v1beta", "v1")
"""Versions of the interface as they stand in paths: the official clients have gone over to the second."""
SIGNATURE = f"{ID}.thought_signature"
DUMMY_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""Base64 of `skip_thought_signature_validator`: the documented stand-in on calls that another model made."""

FINISH_KINDS: dict[str, FinishKind] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "LANGUAGE": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "OTHER": "error",
    "IMAGE_OTHER": "error",
    "NO_IMAGE": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "FINISH_REASON_UNSPECIFIED": "error",
}
"""Every finishReason; a word that is not here counts as an error, because nothing says that the answer is whole."""

FINISH_WORDS_BY_NUMBER = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""The first members of the enum, by number; behind them the two transports number differently."""

FINISH_WORDS: dict[FinishKind, str] = {
    "stop": "STOP",
    "stop_sequence": "STOP",
    "tool_call": "STOP",
    "length": "MAX_TOKENS",
    "pause": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "error": "OTHER",
}
"""Our kinds in this format, where tool calls have no word of their own and CONTINUATION needs a token."""


LAST_CHOICE = 127
"""The highest index of a candidate that is believed (the format takes 8); one without bound would fill our memory."""


def checked(body: bytes, fail: Fail) -> bytes:
    """A body that is UTF-8, so that no text taken from it can fail to be one."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise fail("", f"not UTF-8: {error.reason} at byte {error.start}") from error
    return body


def bad_request(path: str, reason: str) -> Exception:
    """The error for a client's JSON."""
    return InvalidRequest(f"{path or 'body'}: {reason}", path=path)


def bad_answer(path: str, reason: str) -> Exception:
    """The error for a provider's JSON."""
    return UpstreamError(f"the provider's answer is not a generateContent response: {path or 'body'}: {reason}")


def camel(name: str) -> str:
    """The camelCase form of a field's name."""
    if "_" not in name:
        return name
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if head else name


class ProtoFields(Fields):
    """One proto3 JSON object under reading; fields go by their camelCase names."""

    __slots__ = ()

    def __init__(self, source: msgspec.Raw | bytes | str, fail: Fail, path: str = "") -> None:
        super().__init__(source, fail, path)
        if any("_" in key for key in self._left):
            self._left = {camel(key): raw for key, raw in self._left.items()}

    def number(self, key: str, least: float | None = None, most: float | None = None) -> float | None:
        """A number, or a string that holds one."""
        self._unquote(key)
        return super().number(key, least, most)

    def integer(self, key: str, least: int | None = None, most: int | None = None) -> int | None:
        """A whole number, or a string that holds one (int64)."""
        self._unquote(key)
        return super().integer(key, least, most)

    def items(self, key: str) -> list[msgspec.Raw]:
        """An array of any values, undecoded; a single object counts as an array of it."""
        if self.kind(key) == "object":
            return [self._left.pop(key)]
        return super().items(key)

    def child(self, key: str) -> ProtoFields | None:
        """An object."""
        raw = self._take(key, "object")
        return None if raw is None else ProtoFields(raw, self._fail, self.at(key))

    def list_of(self, key: str) -> list[ProtoFields]:
        """An array of objects; empty where absent."""
        return [ProtoFields(raw, self._fail, f"{self.at(key)}[{i}]") for i, raw in enumerate(self.items(key))]

    def peek(self, key: str) -> msgspec.Raw | None:
        """The text of a field, left where it is; None where it is absent or null."""
        raw = self._left.get(key)
        return None if raw is None or kind_of(raw) == "null" else raw

    def _unquote(self, key: str) -> None:
        raw = self._left.get(key)
        if raw is not None and kind_of(raw) == "string":
            inner = bytes(memoryview(raw)).strip()[1:-1].strip()
            if kind_of(inner) == "number":
                self._left[key] = msgspec.Raw(inner)


def own(extra: Extra) -> dict[str, Json]:
    """What a value carries for this dialect."""
    return extra.get(ID, {})


def luggage(*found: dict[str, Json]) -> Extra:
    """Leftovers of several objects as `extra`; empty where there are none."""
    merged: dict[str, Json] = {}
    for each in found:
        merged |= each
    return {ID: merged} if merged else {}


def signature_of(opaque: tuple[Opaque, ...]) -> str | None:
    """The thought signature among a part's opaque state."""
    return next((item.data for item in opaque if item.kind == SIGNATURE), None)


def lose_opaque(opaque: tuple[Opaque, ...], where: str, context: TranslationContext) -> None:
    """Notes opaque state that is not this dialect's."""
    for item in opaque:
        if item.kind != SIGNATURE:
            context.lose(f"{where}.opaque", f"{item.kind} means nothing to this dialect")


def raw_json(text: str) -> Any:
    """JSON text to be written as it stands."""
    return msgspec.Raw(text.encode())
