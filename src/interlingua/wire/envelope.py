"""Strings that pass through a client's hands and come back: what they hold, who made it, and that we wrote it.

`il1.<origin>.<mac>.<data>`, each part base64url without padding: the text can stand wherever a provider's own opaque
string can. The seal is HMAC-SHA256 over origin, data and a binding (such as a tenant), cut to 16 bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

PREFIX = "il1."
_MAC_BYTES = 16


def seal(origin: bytes, data: bytes, key: bytes, binding: bytes = b"") -> str:
    """The envelope of `data`.

    Args:
        origin: who made it.
        data: what must come back.
        key: our secret, at least 16 bytes.
        binding: what the envelope is valid for; must be given again to open it.
    """
    return f"{PREFIX}{_text(origin)}.{_text(_mac(origin, data, key, binding))}.{_text(data)}"


def unseal(text: str, key: bytes, binding: bytes = b"") -> tuple[bytes, bytes] | None:
    """(origin, data) of an envelope that we wrote, or None for any other text."""
    if not text.startswith(PREFIX) or text.count(".") != 3:
        return None
    try:
        origin, mac, data = (_bytes(part) for part in text[len(PREFIX) :].split("."))
    except ValueError:
        return None
    return (origin, data) if hmac.compare_digest(mac, _mac(origin, data, key, binding)) else None


def _mac(origin: bytes, data: bytes, key: bytes, binding: bytes) -> bytes:
    # Lengths before the pieces: otherwise two different splits of the same bytes would have one seal.
    lengths = b"".join(len(piece).to_bytes(8, "big") for piece in (origin, binding))
    return hmac.digest(key, lengths + origin + binding + data, hashlib.sha256)[:_MAC_BYTES]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise ValueError("not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
