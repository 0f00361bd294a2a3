"""A conversation as others read it: Markdown for people, JSON with all that is known, OpenAI's list of messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from interlingua.client.transcripts.stored import is_interrupted, maker
from interlingua.dialects.registry import dialect
from interlingua.errors import InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.ports.store import Conversation, StoredMessage
from interlingua.types.messages import Message, system
from interlingua.types.opaque import Json
from interlingua.types.parts import BlobPart, FilePart, ReasoningPart, ToolCallPart, ToolCallResponsePart, UriPart
from interlingua.types.request import ChatRequest
from interlingua.types.traits import Traits

VERSION = 1
_OPENAI = "openai_chat"
_NAMES = {"user": "You", "assistant": "Assistant", "system": "Instructions", "tool": "Tool"}


def render_export(about: Conversation, path: Sequence[StoredMessage], form: str) -> str:
    """The conversation in a form.

    Args:
        about: what it is called.
        path: its messages, the first one first.
        form: markdown, json or openai_chat.

    Raises:
        InvalidRequest: there is no such form.
    """
    if form not in _FORMATS:
        raise InvalidRequest(f"there is no form {form!r}", remedy="There are " + ", ".join(_FORMATS) + ".")
    return _FORMATS[form](about, path)


def _markdown(about: Conversation, path: Sequence[StoredMessage]) -> str:
    pieces = [f"# {about.title or 'Conversation'}"]
    instructions = str(about.settings.get("system") or "")
    if instructions:
        pieces.append(f"## Instructions\n\n{instructions}")
    for one in path:
        who = maker(one) or _NAMES[one.message.role]
        body = _markdown_body(one.message)
        if body:
            broken = "\n\n*(interrupted)*" if is_interrupted(one) else ""
            pieces.append(f"## {who}\n\n{body}{broken}")
    return "\n\n".join(pieces) + "\n"


def _markdown_body(message: Message) -> str:
    pieces = [message.text.strip()] if message.text.strip() else []
    for part in message.parts:
        if isinstance(part, ReasoningPart) and part.text.strip():
            pieces.insert(0, f"<details><summary>Thinking</summary>\n\n{part.text.strip()}\n\n</details>")
        elif isinstance(part, ToolCallPart):
            pieces.append(f"Calls `{part.name}` with\n\n{_fenced(part.raw or '{}', 'json')}")
        elif isinstance(part, ToolCallResponsePart):
            pieces.append(f"`{part.name or part.id}` answers\n\n{_fenced(part.text)}")
        elif isinstance(part, BlobPart | UriPart | FilePart):
            pieces.append(f"*[{part.modality}: {part.name or part.mime_type or 'attached'}]*")
    return "\n\n".join(pieces)


def _fenced(text: str, language: str = "") -> str:
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _json(about: Conversation, path: Sequence[StoredMessage]) -> str:
    value = {
        "interlingua_chat": VERSION,
        "conversation": msgspec.to_builtins(about),
        "messages": msgspec.to_builtins(path),
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _openai(about: Conversation, path: Sequence[StoredMessage]) -> str:
    """The messages as that dialect renders them; what it has no place for is left out."""
    instructions = str(about.settings.get("system") or "")
    first = (system(instructions),) if instructions else ()
    context = TranslationContext(
        dialect=_OPENAI, provider="", model="", traits=Traits(), on_loss={"setting": "drop", "content": "warn"}
    )
    request = ChatRequest(model="any", messages=(*first, *(one.message for one in path)))
    body: Any = msgspec.json.decode(dialect(_OPENAI).render_request(request, context).body)
    messages: Json = body["messages"]
    return json.dumps(messages, ensure_ascii=False, indent=2) + "\n"


_FORMATS: dict[str, Callable[[Conversation, Sequence[StoredMessage]], str]] = {
    "markdown": _markdown,
    "json": _json,
    _OPENAI: _openai,
}
