"""Masks credentials in whatever is about to be written down, logged or shown.

Three ways to know one: it was handed over as a secret, it stands where credentials stand (a header, a query
parameter, a field), or it has the shape of a well-known key. Shapes ask for length and for a digit or a capital,
so that ordinary words with the same prefix stay. Every pattern runs in time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

import msgspec

from interlingua.types.opaque import Json
from interlingua.types.secret import Secret

MASK = "***"
SHORTEST_SECRET = 4
"""Handed-over secrets with fewer characters are not looked for: they would tear ordinary text apart."""

_MIXED = r"(?=[\w.-]{0,64}[0-9A-Z])"
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + rf"(?:sk|rk|pk|csk)-{_MIXED}[\w-]{{16,}}|il-{_MIXED}[\w-]{{32,}}"
    + r"|(?:xai|pplx|nvapi)-(?=[\w-]{0,32}[0-9A-Z])[A-Za-z0-9][A-Za-z0-9_]{31,}[\w-]*"
    + rf"|(?:sk|gsk|hf|fw|r8|ghp|gho|ghs)_{_MIXED}[A-Za-z0-9]{{16,}}|(?:cpk|tgp|jina|github_pat)_{_MIXED}[\w.-]{{16,}}"
    + r"|AIza[\w-]{30,}|AQ\.[\w-]{30,}|ya29\.[\w.-]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])|ABSK[\w+/=]{30,}"
    + r"|xox[abeprs]-[\w-]{16,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{4,}"
    + r")"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]{0,40}PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_BEARER = re.compile(r"(?i)\b(bearer\s+)(?=[\w.~+/-]{0,200}[0-9])[\w.~+/-]{8,}=*")
_PAIRS = (
    *(("api", "key"), ("access", "key"), ("private", "key"), ("client", "secret")),
    *(("access", "token"), ("refresh", "token"), ("session", "token"), ("security", "token"), ("auth", "token")),
)
_FIELDS = (
    *("authorization", "password", "passwd", "cookie"),
    *(first + joint + second for first, second in _PAIRS for joint in ("", "_", "-")),
)
"""How names of fields that hold a credential end; looked for as they are before any pattern is tried."""
_AUTHORIZATION = re.compile(
    r"(?i)(authorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:bearer|basic|token|digest)\s+)[^\s\"'\\,;]+"
)
_KEY_HEADER = re.compile(r"(?i)(\b(?:x-)?(?:goog-)?api-key\s*:\s*)[^\s\"'&,;\\<>()]{6,}")
_COOKIE = re.compile(r"(?i)(\b(?:set-)?cookie\s*:\s*)[^\s=;:\"']{1,200}=[^\r\n\"']+")
_QUERY = re.compile(
    r"(?i)([?&](?:key|token|sig|signature|secret|password|auth|api[_-]?key|access[_-]?token|id[_-]?token"
    r"|refresh[_-]?token|client[_-]?secret|x-goog-api-key|x-amz-(?:signature|security-token|credential))=)[^&\s#\"'<>\\]+"
)
_USER = re.compile(r"(?<=://)[^\s/?#@\"'<>\\]+(?=@)")
_HEADER_NAME = re.compile(
    r"(?:^|[-_])(?:api-?key|key|token|secret|password|cookie|authorization|signature|credential)$"
)
_FIELD_NAME = re.compile(rf"(?i)(?:[\w-]*[_-])?(?:{'|'.join(_FIELDS)})(?:[_-]id)?")


def redact(text: str, secrets: Iterable[str | Secret] = ()) -> str:
    """`text` with every credential replaced by `***`.

    Args:
        text: prose, a log line, a URL, headers or JSON.
        secrets: exact strings that must not survive, of at least four characters; also found percent-encoded and
            inside JSON strings.
    """
    text = _without(text, secrets)
    text = _PRIVATE_KEY.sub(MASK, text)
    lowered = text.lower()
    present = "|".join(field for field in _FIELDS if field in lowered)
    if present:
        text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
        text = _KEY_HEADER.sub(rf"\1{MASK}", text)
        text = _COOKIE.sub(rf"\1{MASK}", text)
        quoted, plain = _fields(present)
        text = quoted.sub(rf"\1\2{MASK}", text)
        text = plain.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _QUERY.sub(rf"\1{MASK}", text)
    text = _USER.sub(MASK, text)
    return _SHAPES.sub(MASK, text)


def redact_headers(
    headers: Iterable[tuple[str, str]], secrets: Iterable[str | Secret] = ()
) -> tuple[tuple[str, str], ...]:
    """Headers whose credentials are `***`: whole values of those that carry one, matches within the others."""
    secrets = tuple(secrets)
    return tuple(
        (name, MASK if _HEADER_NAME.search(name.lower()) else redact(value, secrets)) for name, value in headers
    )


def redact_url(url: str, secrets: Iterable[str | Secret] = ()) -> str:
    """An address without user, password and secret query values; never raises, whatever `url` is."""
    return redact(url, secrets)


def redact_json(value: Json, secrets: Iterable[str | Secret] = ()) -> Json:
    """A decoded JSON value whose strings are redacted; fields named like a credential are masked whole."""
    secrets = tuple(secrets)
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, list):
        return [redact_json(item, secrets) for item in value]
    if isinstance(value, dict):
        return {
            redact(key, secrets): MASK
            if isinstance(item, str) and item and _FIELD_NAME.fullmatch(key)
            else redact_json(item, secrets)
            for key, item in value.items()
        }
    return value


def _without(text: str, secrets: Iterable[str | Secret]) -> str:
    exact = {secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets}
    forms: set[str] = set()
    for secret in exact:
        if len(secret) >= SHORTEST_SECRET:
            escaped = msgspec.json.encode(secret.encode("utf-8", "replace").decode()).decode()[1:-1]
            forms |= {secret, quote(secret, safe="", errors="replace"), escaped}
    for form in sorted(forms, key=lambda form: (-len(form), form)):
        text = text.replace(form, MASK)
    return text


@lru_cache(maxsize=64)
def _fields(names: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How a credential's field looks when quoted (JSON) and when not; only for the names that a text holds at all,
    because trying every name at every place is slow."""
    name = rf"(?i)((?:{names})(?:[_-]id)?"
    quoted = re.compile(rf"{name}\\?[\"']\s*:\s*)(\\?[\"'])[^\"'\\]+")
    plain = re.compile(rf"{name}\s*[:=]\s*)(?=[^\s\"'&,;]{{0,200}}[0-9])[^\s\"'&,;\\<>()]{{8,}}")
    return quoted, plain
