"""Values as canonical JSON with a version, for storage and for `il translate`.

Canonical: one value has one text (keys sorted, defaults left out, no white space), so texts can be compared and
hashed. The version rises when a stored text could no longer be read.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import msgspec

from interlingua.errors import InvalidRequest
from interlingua.types.events import Event
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse

VERSION = 1

Value: TypeAlias = ChatRequest | ChatResponse | Message | Event
T = TypeVar("T")

_encoder = msgspec.json.Encoder(order="sorted")


class _Envelope(msgspec.Struct, frozen=True):
    interlingua: int
    value: msgspec.Raw


def dump(value: Value) -> bytes:
    """The canonical text of a value.

    Args:
        value: a request, response, message or event.
    """
    return _encoder.encode({"interlingua": VERSION, "value": msgspec.to_builtins(value)})


def load(text: bytes | str, kind: type[T]) -> T:
    """The value of type `kind` that `dump` wrote.

    Raises:
        InvalidRequest: the text is not such a value, or a newer version wrote it.
    """
    try:
        envelope = msgspec.json.decode(text, type=_Envelope)
        if envelope.interlingua > VERSION:
            raise InvalidRequest(
                f"written by a newer Interlingua (format {envelope.interlingua}, this one reads {VERSION})",
                path="interlingua",
                remedy="Upgrade: pip install --upgrade interlingua",
            )
        return msgspec.json.decode(envelope.value, type=kind)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"not a stored {getattr(kind, '__name__', 'value')}: {error}") from error


def canonical(value: Json) -> bytes:
    """The canonical text of plain JSON, for digests."""
    return _encoder.encode(value)
