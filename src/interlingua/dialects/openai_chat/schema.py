"""Words of OpenAI's Chat Completions format that requests and responses share, and how its objects are read.

Reading is tolerant, whoever wrote the text: what the vendors of this format vary (field names, types, nulls) is
understood without asking which vendor it is. Writing follows `context.host` and `context.traits` alone.
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

ID = "openai_chat"

FILES = Origin(provider="", endpoint=ID, model="")
"""Who made a file that a client names by its id: whoever it is, hosts of other formats do not have it."""
_FILES_OF = ("openai_chat", "openai_responses")
"""Formats of which one host speaks both and keeps one store of files."""

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

FINISH_KINDS: dict[str, FinishKind] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
    "abort": "error",
}
"""Every finish_reason seen in the wild; a word that is not here counts as stop."""

OFFICIAL = ("stop", "length", "tool_calls", "function_call", "content_filter", "error")
"""Those that a client knows; `error` is what routers have made of it."""

FINISH_WORDS: dict[FinishKind, str] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "length",
    "error": "error",
}
"""Our kinds in this format. A refusal that has words ends with `stop` instead, its words stand in `refusal`."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

DETAILS = f"{ID}.reasoning_details"
SIGNATURE = f"{ID}.thinking_signature"
MESSAGE_STATE = ("extra_content", "thought_signature")
"""Fields of messages and tool calls that hold state to be sent back unread (Gemini behind this format)."""
LAST_CHOICE = 127
"""The highest index of a choice (OpenAI takes `n` up to 128); one without bound would let a host fill our memory."""
NOISE = ("obfuscation", "p")
"""Padding against traffic analysis."""


def bad_request(path: str, reason: str) -> Exception:
    """The error for a client's JSON."""
    return InvalidRequest(f"{path or 'body'}: {reason}", path=path)


def bad_answer(path: str, reason: str) -> Exception:
    """The error for a provider's JSON."""
    return UpstreamError(f"the provider's answer is not a chat completion: {path or 'body'}: {reason}")


def text_or(fields: Fields, key: str, otherwise: str = "") -> str:
    """A string where there is one; anything else is left where it is."""
    return (fields.text(key) or otherwise) if fields.kind(key) == "string" else otherwise


def checked(body: bytes, fail: Fail) -> bytes:
    """A body that is UTF-8, so that no text taken from it can fail to be one."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise fail("", f"not UTF-8: {error.reason} at byte {error.start}") from error
    return body


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


def put_back(body: dict[str, Any], extra: Extra) -> None:
    """Adds luggage of this dialect to what was rendered; objects are merged, and what was rendered wins."""
    for key, value in extra.get(ID, {}).items():
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
    """Notes state of other dialects, which this one has no place for."""
    for one in opaque:
        if not one.kind.startswith(f"{ID}."):
            context.lose(f"{path}.opaque", f"{one.kind} means nothing to this dialect")


def merge(old: Json, new: Json) -> Json:
    """Two sightings of one field in a stream: objects merge, lists grow (both `old` itself), else the later wins."""
    if old == new:
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            old[key] = merge(old[key], value) if key in old else value
        return old
    if isinstance(old, list) and isinstance(new, list):
        old += new
        return old
    return new


def as_raw(text: str) -> msgspec.Raw | str:
    """JSON text to be inserted as it is; a text that is no JSON becomes a JSON string."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text
    return msgspec.Raw(text.encode())
