"""Words of OpenAI's Responses format that requests and responses share, and how its objects are read.

A conversation is a list of items here, not of messages: what the model says in one turn is several items (reasoning,
messages, calls), and each is a piece of one canonical message. What an item carries beyond its content (`id`,
`phase`) is luggage of the parts that came from it. `status` is not kept: it follows from how the answer ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from interlingua.errors import InvalidRequest, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.types.opaque import Extra, Json, Opaque, Origin
from interlingua.types.response import FinishKind
from interlingua.wire.fields import Fail, Fields

Body = dict[str, Any]

ID = "openai_responses"

FILES = Origin(provider="", endpoint=ID, model="")
"""Who made a file that a client names by its id: whoever it is, hosts of other formats do not have it."""
_FILES_OF = ("openai_chat", "openai_responses")
"""Formats of which one host speaks both and keeps one store of files."""

INSTRUCTIONS = "instructions"
"""The raw role of the system message that stood in `instructions` and not among the items."""
ITEM = "item."
"""Marks the kind of an opaque part that was an item of its own and not a piece of a message."""
ADDED = "additional_tools"
"""Type of the item that brings tools, and key of the luggage of a message before which it stood, and of its tools."""
HOME = "item"
"""Key of a text part's luggage under which that of its message item stands."""

ENCRYPTED_CONTENT = f"{ID}.encrypted_content"
"""Opaque state: the `encrypted_content` of a reasoning item."""
REASONING_ITEM = f"{ID}.reasoning_item"
"""Opaque state: the rest of that item as canonical JSON, its id and all its summaries included."""

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
"""Members of `include`."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

INCOMPLETE: dict[str, FinishKind] = {
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
    "steered": "pause",
}
"""Reasons for an incomplete answer; a word that is not here counts as length."""
INCOMPLETE_WORDS: dict[FinishKind, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "pause": "max_output_tokens",
}
"""Our kinds as such reasons; the others are a completed answer, or a failed one."""
PENDING = ("queued", "in_progress")
"""States of an answer that is being made in the background."""


def bad_request(path: str, reason: str) -> Exception:
    """The error for a client's JSON."""
    return InvalidRequest(f"{path or 'body'}: {reason}", path=path)


def bad_answer(path: str, reason: str) -> Exception:
    """The error for a provider's JSON."""
    return UpstreamError(f"the provider's answer is not a response: {path or 'body'}: {reason}")


def checked(body: bytes, fail: Fail) -> bytes:
    """A body that is UTF-8, so that no text taken from it can fail to be one."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise fail("", f"not UTF-8: {error.reason} at byte {error.start}") from error
    return body


def text_or(fields: Fields, key: str, otherwise: str = "") -> str:
    """A string where there is one; anything else is left where it is."""
    return (fields.text(key) or otherwise) if fields.kind(key) == "string" else otherwise


def source_of(fields: Fields) -> str:
    """The JSON text of the whole object."""
    source = fields.source
    return source if isinstance(source, str) else bytes(memoryview(source)).decode("utf-8").strip()


def has_file(origin: Origin | None, context: TranslationContext) -> bool:
    """Whether the target may have an uploaded file of that origin; one of unknown origin is sent as it is."""
    if origin is None:
        return True
    return origin.provider == context.provider if origin.provider else origin.endpoint in _FILES_OF


def luggage(rest: dict[str, Json]) -> Extra:
    """What nobody took, as `extra`."""
    return {ID: rest} if rest else {}


def own(extra: Extra) -> dict[str, Json]:
    """The luggage of this dialect."""
    return extra.get(ID, {})


def put_back(body: Body, extra: Extra) -> None:
    """Adds luggage of this dialect to what was rendered; objects are merged, and what was rendered wins."""
    for key, value in own(extra).items():
        if key not in body:
            body[key] = value
        elif isinstance(value, dict) and isinstance(body[key], dict):
            body[key] = {**value, **body[key]}


def lose_foreign(extra: Extra, context: TranslationContext) -> None:
    """Notes luggage of other dialects, once for each."""
    for key in extra:
        if key != ID and extra[key]:
            field = f"extra.{key}"
            if all(loss.field != field for loss in context.losses):
                context.lose(field, f"known to {key} alone: " + ", ".join(sorted(extra[key])))


def lose_opaque(opaque: Iterable[Opaque], path: str, context: TranslationContext) -> None:
    """Notes state that this format has no place for."""
    for one in opaque:
        if one.kind not in (REASONING_ITEM, ENCRYPTED_CONTENT):
            context.lose(f"{path}.opaque", f"{one.kind} means nothing to this dialect")


def as_raw(text: str) -> msgspec.Raw | None:
    """JSON text to be inserted as it is; None for a text that is no JSON."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return msgspec.Raw(text.encode())
