"""Conversations from elsewhere: what ChatGPT and Claude export, what we do, and OpenAI's list of messages.

The two hand out a ZIP with a `conversations.json`, or since 2026 with several that are numbered, or such a file alone.
What is a conversation keeps its branches, titles and times; what is none is told with its reason, and what in one is
not text is counted. Formats: as the two exported in November 2026, read leniently, because neither is documented.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from interlingua.client.transcripts.export import VERSION
from interlingua.client.transcripts.stored import new_id
from interlingua.dialects.registry import dialect
from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.ports.store import Answer, Conversation, StoredMessage
from interlingua.types.messages import Message, Role, user
from interlingua.types.parts import TextPart
from interlingua.wire.clean import one_line


class Imported(msgspec.Struct, frozen=True):
    """A conversation from elsewhere.

    Args:
        title: what it was called there.
        source: its id there, so that it is not taken in twice.
        created: when it was begun, in microseconds since 1970; 0 where that is not told.
        settings: what belongs to it, where it was ours.
        leaf: the id of the message at which it stands.
        messages: of all branches, parents first; their ids hold among themselves only.
        left_out: how many pictures, files and tools' messages it had that are no text, and are not among them.
    """

    title: str
    source: str
    created: int
    settings: dict[str, Any]
    leaf: str | None
    messages: list[StoredMessage]
    left_out: int = 0


class Unread(msgspec.Struct, frozen=True):
    """What stands where a conversation should, and cannot be read.

    Args:
        title: what it is called, as far as that is told.
        reason: why not.
    """

    title: str
    reason: str


_FILE = "conversations.json"
_FILES = re.compile(r"(?:^|/)conversations(?:-\d+)?\.json$")
_MESSAGES = "openai_chat"
_LARGEST = 1_000_000_000
_ROLES: dict[str, Role] = {"user": "user", "human": "user", "assistant": "assistant"}


def parse_export(content: bytes) -> Iterator[Imported | Unread]:
    """The conversations of an export, parents before children, and what in it cannot be read.

    Args:
        content: the ZIP or the JSON file.

    Raises:
        InvalidRequest: it is none that we know.
    """
    for document in _documents(content):
        try:
            value = msgspec.json.decode(document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(
                f"this is not JSON: {error}", remedy=f"Give the export's ZIP, or its {_FILE}."
            ) from error
        if isinstance(value, dict) and isinstance(value.get("messages"), list) and "interlingua_chat" not in value:
            value = value["messages"]
        if isinstance(value, dict) and value.get("interlingua_chat") == VERSION:
            yield _ours(value)
        elif not isinstance(value, list):
            raise InvalidRequest("this is no export that we know", remedy=f"Give an export's ZIP, or its {_FILE}.")
        elif value and all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in value):
            yield _messages(value)
        else:
            yield from map(_conversation, value)


def _documents(content: bytes) -> Iterator[bytes]:
    if not content.startswith(b"PK"):
        yield content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = sorted(one for one in archive.namelist() if _FILES.search(one))
            if not names:
                raise InvalidRequest(f"the ZIP holds no {_FILE}", remedy="Give the ZIP as it was exported.")
            if sum(archive.getinfo(name).file_size for name in names) > _LARGEST:
                raise InvalidRequest("the conversations are larger than 1 GB")
            for name in names:
                yield archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidRequest(f"the ZIP cannot be read: {error}") from error


def _conversation(one: Any) -> Imported | Unread:
    if not isinstance(one, dict):
        return Unread("", "it is no conversation")
    title = one_line(str(one.get("title") or one.get("name") or ""), 120)
    if isinstance(one.get("mapping"), dict):
        found = _chatgpt(one)
    elif isinstance(one.get("chat_messages"), list):
        found = _claude(one)
    elif one.get("interlingua_chat") == VERSION:
        try:
            return _ours(one)
        except InvalidRequest as error:
            return Unread(title, error.message)
    else:
        return Unread(title, "its form is not known")
    return found if found.messages else Unread(title or found.title, "it holds no text")


def _messages(value: list[dict[str, Any]]) -> Imported | Unread:
    """OpenAI's list of messages: one conversation, whose instructions become its settings."""
    body = msgspec.json.encode({"model": "any", "messages": value})
    source = f"messages-{hashlib.sha256(body).hexdigest()[:24]}"
    try:
        context = TranslationContext(dialect=_MESSAGES, seed=source)
        said = dialect(_MESSAGES).parse_request(WireRequest(body=body), context).messages
    except InterlinguaError as error:
        return Unread("", error.message)
    instructions = "\n\n".join(one.text for one in said if one.role == "system")
    nodes: list[StoredMessage] = []
    for message in said:
        if message.role == "system" or not message.parts:
            continue
        parent = nodes[-1].id if nodes else None
        answer = Answer(model="model") if message.role == "assistant" else None
        nodes.append(StoredMessage(id=new_id(), parent=parent, message=message, created=0, answer=answer))
    if not nodes:
        return Unread("", "it holds no messages")
    found = _imported("", source, 0, nodes, nodes[-1].id)
    return msgspec.structs.replace(found, settings={"system": instructions} if instructions else {})


def _ours(value: dict[str, Any]) -> Imported:
    try:
        about = msgspec.convert(value.get("conversation"), Conversation)
        messages = msgspec.convert(value.get("messages"), list[StoredMessage])
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the export cannot be read: {error}") from error
    last = messages[-1].id if messages else None
    leaf = about.leaf if any(one.id == about.leaf for one in messages) else last
    return Imported(about.title, "", about.created, about.settings, leaf, messages)


def _chatgpt(one: dict[str, Any]) -> Imported:
    """A tree of nodes by id, each with its parent; nodes without a text are stepped over."""
    mapping: dict[str, Any] = one["mapping"]
    kept: dict[str, str | None] = {}
    nodes: list[StoredMessage] = []
    left_out = 0

    def parent_of(id: Any) -> str | None:
        for _ in range(len(mapping) + 1):
            if not isinstance(id, str) or id not in mapping:
                return None
            if id in kept:
                return kept[id]
            entry = mapping[id]
            id = entry.get("parent") if isinstance(entry, dict) else None
        return None

    for id in _parents_first(mapping):
        message = mapping[id].get("message") if isinstance(mapping[id], dict) else None
        if not isinstance(message, dict):
            continue
        role = _ROLES.get(_at(message, "author", "role") or "")
        parts = _at(message, "content", "parts") or []
        text = "\n".join(part for part in parts if isinstance(part, str)) if isinstance(parts, list) else ""
        left_out += _no_text(message, parts, text)
        if role is None or not text.strip():
            continue
        model = _at(message, "metadata", "model_slug") or "model"
        node = StoredMessage(
            id=new_id(),
            parent=parent_of(mapping[id].get("parent")),
            message=_message(role, text),
            created=_micros(message.get("create_time")),
            answer=Answer(provider="chatgpt", model=str(model)) if role == "assistant" else None,
        )
        kept[id] = node.id
        nodes.append(node)
    leaf = parent_of(one.get("current_node")) or (nodes[-1].id if nodes else None)
    source = one.get("conversation_id") or one.get("id")
    found = _imported(one.get("title"), source, one.get("create_time"), nodes, leaf)
    return msgspec.structs.replace(found, left_out=left_out)


def _no_text(message: dict[str, Any], parts: Any, text: str) -> int:
    """How much of a message is left out: what in it is no text, or all of it where a tool or its call says it."""
    role = _at(message, "author", "role")
    if role == "system" or _at(message, "metadata", "is_visually_hidden_from_conversation"):
        return 0
    if role == "tool" or (role == "assistant" and not text.strip() and _at(message, "content", "text")):
        return 1
    return sum(1 for part in parts if not isinstance(part, str)) if isinstance(parts, list) else 0


def _parents_first(mapping: dict[str, Any]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    for start in mapping:
        way: list[str] = []
        id: Any = start
        while isinstance(id, str) and id in mapping and id not in seen:
            seen.add(id)
            way.append(id)
            id = mapping[id].get("parent") if isinstance(mapping[id], dict) else None
        order += reversed(way)
    return order


def _claude(one: dict[str, Any]) -> Imported:
    """A list of messages, some of which name the one before."""
    nodes: list[StoredMessage] = []
    ids: dict[str, str] = {}
    left_out = 0
    for message in one["chat_messages"]:
        if not isinstance(message, dict):
            continue
        role = _ROLES.get(str(message.get("sender")))
        pieces = message.get("content")
        texts = [piece.get("text") for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
        text = "\n".join(piece for piece in texts if isinstance(piece, str)) or str(message.get("text") or "")
        left_out += sum(1 for piece in _list(pieces) if _at(piece, "type") not in (None, "text", "thinking"))
        left_out += len(_list(message.get("files")))
        for file in _list(message.get("attachments")):
            if isinstance(file, dict) and isinstance(file.get("extracted_content"), str):
                name = one_line(str(file.get("file_name") or "file"), 80)
                text += f'\n\n<file name="{name}">\n{file["extracted_content"]}\n</file>'
            else:
                left_out += 1
        if role is None or not text.strip():
            continue
        parent = ids.get(str(message.get("parent_message_uuid"))) or (nodes[-1].id if nodes else None)
        node = StoredMessage(
            id=new_id(),
            parent=parent,
            message=_message(role, text),
            created=_micros(message.get("created_at")),
            answer=Answer(model="claude") if role == "assistant" else None,
        )
        ids[str(message.get("uuid"))] = node.id
        nodes.append(node)
    leaf = nodes[-1].id if nodes else None
    found = _imported(one.get("name"), one.get("uuid"), one.get("created_at"), nodes, leaf)
    return msgspec.structs.replace(found, left_out=left_out)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _message(role: Role, text: str) -> Message:
    return user(text) if role == "user" else Message(role=role, parts=(TextPart(text=text),))


def _imported(title: Any, source: Any, created: Any, nodes: list[StoredMessage], leaf: str | None) -> Imported:
    first = next((node.message.text for node in nodes if node.message.role == "user"), "")
    began = _micros(created) or min((node.created for node in nodes if node.created), default=0)
    return Imported(one_line(str(title or first), 120), str(source or ""), began, {}, leaf, nodes)


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _micros(value: Any) -> int:
    """Microseconds since 1970 of a number of seconds or an ISO time; 0 for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return int(value * 1e6)
    if isinstance(value, str):
        try:
            return int(datetime.fromisoformat(value).timestamp() * 1e6)
        except (ValueError, OverflowError, OSError):
            return 0
    return 0
