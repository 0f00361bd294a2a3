"""Conversations from elsewhere: what ChatGPT and Claude export, and what we do.

Both hand out a ZIP with a `conversations.json`, or that file alone. What in it is no conversation is passed over;
what is one keeps its branches, titles and times. Formats: as the two exported in November 2026, read leniently,
because neither is documented.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from interlingua.client.transcripts.export import VERSION
from interlingua.client.transcripts.stored import new_id
from interlingua.errors import InvalidRequest
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
    """

    title: str
    source: str
    created: int
    settings: dict[str, Any]
    leaf: str | None
    messages: list[StoredMessage]


_FILE = "conversations.json"
_LARGEST = 1_000_000_000
_ROLES: dict[str, Role] = {"user": "user", "human": "user", "assistant": "assistant"}


def parse_export(content: bytes) -> Iterator[Imported]:
    """The conversations of an export, parents before children.

    Args:
        content: the ZIP or the JSON file.

    Raises:
        InvalidRequest: it is none that we know.
    """
    try:
        value = msgspec.json.decode(_unzipped(content))
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"this is not JSON: {error}", remedy=f"Give the export's ZIP, or its {_FILE}.") from error
    if isinstance(value, dict) and value.get("interlingua_chat") == VERSION:
        yield _ours(value)
        return
    if not isinstance(value, list):
        raise InvalidRequest("this is no export that we know", remedy=f"Give an export's ZIP, or its {_FILE}.")
    for one in value:
        if isinstance(one, dict) and isinstance(one.get("mapping"), dict):
            found = _chatgpt(one)
        elif isinstance(one, dict) and isinstance(one.get("chat_messages"), list):
            found = _claude(one)
        else:
            continue
        if found.messages:
            yield found


def _unzipped(content: bytes) -> bytes:
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = next((one for one in archive.namelist() if one.rpartition("/")[2] == _FILE), None)
            if name is None:
                raise InvalidRequest(f"the ZIP holds no {_FILE}", remedy="Give the ZIP as it was exported.")
            if archive.getinfo(name).file_size > _LARGEST:
                raise InvalidRequest(f"{_FILE} is larger than 1 GB")
            return archive.read(name)
    except zipfile.BadZipFile as error:
        raise InvalidRequest(f"the ZIP cannot be read: {error}") from error


def _ours(value: dict[str, Any]) -> Imported:
    try:
        about = msgspec.convert(value.get("conversation"), Conversation)
        messages = msgspec.convert(value.get("messages"), list[StoredMessage])
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the export cannot be read: {error}") from error
    return Imported(about.title, "", about.created, about.settings, messages[-1].id if messages else None, messages)


def _chatgpt(one: dict[str, Any]) -> Imported:
    """A tree of nodes by id, each with its parent; nodes without a text are stepped over."""
    mapping: dict[str, Any] = one["mapping"]
    kept: dict[str, str | None] = {}
    nodes: list[StoredMessage] = []

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
    return _imported(one.get("title"), source, one.get("create_time"), nodes, leaf)


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
    for message in one["chat_messages"]:
        if not isinstance(message, dict):
            continue
        role = _ROLES.get(str(message.get("sender")))
        pieces = message.get("content")
        texts = [piece.get("text") for piece in pieces if isinstance(piece, dict)] if isinstance(pieces, list) else []
        text = "\n".join(piece for piece in texts if isinstance(piece, str)) or str(message.get("text") or "")
        for file in message.get("attachments") or ():
            if isinstance(file, dict) and isinstance(file.get("extracted_content"), str):
                name = one_line(str(file.get("file_name") or "file"), 80)
                text += f'\n\n<file name="{name}">\n{file["extracted_content"]}\n</file>'
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
    return _imported(one.get("name"), one.get("uuid"), one.get("created_at"), nodes, leaf)


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
