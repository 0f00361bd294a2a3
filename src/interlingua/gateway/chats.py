"""Conversations of the pages: lists, trees of messages, folders, export and import. Each belongs to its tenant."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from interlingua.client.transcripts.export import render_export
from interlingua.client.transcripts.keep import keep_export
from interlingua.errors import InvalidRequest
from interlingua.gateway.asked import Asked, dollars, json_answer, nothing, time_of
from interlingua.ports.conversations import ConversationStore
from interlingua.ports.dialect import WireResponse
from interlingua.ports.store import Answer, AttemptRow, Conversation, ConversationChanges, StoredMessage
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, TextPart
from interlingua.types.usage import Usage

TITLE_LETTERS = 60
_FORMS = {
    "markdown": ("markdown", "text/markdown; charset=utf-8", "md"),
    "json": ("json", "application/json", "json"),
    "openai_chat": ("openai_chat", "application/json", "messages.json"),
}
_STOPPED, _INTERRUPTED = "cancelled", "stream_interrupted"


class Changes(Struct, forbid_unknown_fields=True):
    """What a client may change of a conversation."""

    title: str | UnsetType = UNSET
    folder: str | UnsetType | None = UNSET
    pinned: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    active: str | UnsetType = UNSET
    settings: dict[str, Json] | UnsetType = UNSET


class New(Struct, forbid_unknown_fields=True):
    """A conversation to begin."""

    title: str = ""
    folder: str | None = None
    settings: dict[str, Json] = {}


class Said(Struct, forbid_unknown_fields=True):
    """A message to add. An answer can be taken over from a comparison; it is what the client says it was."""

    parts: tuple[Part, ...]
    parent: str | None = None
    role: Literal["user", "assistant", "system", "tool"] = "user"
    answer: dict[str, Json] | None = None


class Forked(Struct, forbid_unknown_fields=True):
    """Where a copy of a branch ends."""

    message: str | None = None


def _store(asked: Asked) -> ConversationStore:
    return asked.state.conversations


async def listed(asked: Asked) -> WireResponse:
    """Conversations, the one with the newest message first."""
    folder, text = asked.query("folder") or None, asked.query("q").strip()
    archived = asked.flag("archived")
    page = await _store(asked).page(
        asked.tenant,
        folder=folder,
        pinned=asked.flag("pinned"),
        archived=bool(archived),
        search=text,
        after=asked.query("after") or None,
        limit=asked.limit(),
    )
    snippets = await _snippets(asked, text) if text else {}
    items = [shown(one) | ({"snippet": snippets[one.id]} if one.id in snippets else {}) for one in page.conversations]
    return json_answer({"items": items, "next": page.next})


async def _snippets(asked: Asked, text: str) -> dict[str, str]:
    found = await _store(asked).search(asked.tenant, text, limit=200)
    return {hit.conversation: hit.snippet for hit in reversed(found.hits)}


async def created(asked: Asked) -> WireResponse:
    """A new conversation."""
    given = await asked.body(New)
    made = await _store(asked).create(
        asked.tenant, title=given.title, folder=given.folder or "", settings=given.settings
    )
    return json_answer(shown(made), status=201)


async def opened(asked: Asked) -> WireResponse:
    """A conversation with all its messages."""
    thread = await _store(asked).get(asked.tenant, asked.values[0], whole=True)
    return json_answer({**shown(thread.conversation), "messages": [shown_message(one) for one in thread.messages]})


async def changed(asked: Asked) -> WireResponse:
    """A conversation after a change."""
    given = await asked.body(Changes)
    changes = ConversationChanges(
        title=given.title,
        folder="" if given.folder is None else given.folder,
        pinned=given.pinned,
        archived=given.archived,
        leaf=given.active,
        settings=given.settings,
    )
    return json_answer(shown(await _store(asked).update(asked.tenant, asked.values[0], changes)))


async def deleted(asked: Asked) -> WireResponse:
    """Deletes a conversation."""
    await asked.state.runs.stop_of(asked.tenant, asked.values[0])
    await _store(asked).delete(asked.tenant, asked.values[0])
    return nothing()


async def said(asked: Asked) -> WireResponse:
    """Adds a message; a conversation without a title takes its first words."""
    given = await asked.body(Said)
    if not given.parts:
        raise InvalidRequest("a message needs at least one part", path="parts")
    store, id = _store(asked), asked.values[0]
    message = Message(role=given.role, parts=given.parts)
    added = await store.append(asked.tenant, id, given.parent, message, _taken_over(given.answer))
    if given.role == "user" and given.parent is None:
        thread = await store.get(asked.tenant, id, leaf=added.id)
        if not thread.conversation.title:
            await store.update(asked.tenant, id, ConversationChanges(title=title_of(message)))
    return json_answer(shown_message(added), status=201)


async def removed(asked: Asked) -> WireResponse:
    """Deletes a message and what follows it."""
    await _store(asked).remove(asked.tenant, asked.values[0], asked.values[1])
    return nothing()


async def forked(asked: Asked) -> WireResponse:
    """A copy of a branch as a conversation of its own."""
    given = await asked.body(Forked)
    return json_answer(shown(await _store(asked).fork(asked.tenant, asked.values[0], given.message)), status=201)


async def exported(asked: Asked) -> WireResponse:
    """A conversation's active branch as a file; as our JSON, to be taken in again, whole if asked for, or to read."""
    form = asked.query("format", "markdown")
    if form not in _FORMS:
        raise InvalidRequest(f"format: there is no {form!r}", path="format", remedy=f"One of {', '.join(_FORMS)}.")
    named, kind, ending = _FORMS[form]
    whole = bool(asked.flag("whole"))
    if whole and named != "json":
        raise InvalidRequest("only JSON holds all branches", path="whole", remedy="Ask for format=json.")
    thread = await _store(asked).get(asked.tenant, asked.values[0], whole=whole)
    text = render_export(thread.conversation, thread.messages, named)
    headers = (
        ("content-type", kind),
        ("content-disposition", f'attachment; filename="conversation.{ending}"'),
        ("cache-control", "no-store"),
    )
    return WireResponse(headers=headers, body=text.encode())


async def imported(asked: Asked) -> WireResponse:
    """Takes conversations in: our JSON, OpenAI's messages, or an export of ChatGPT or Claude; each once."""
    content = await asked.incoming.body(asked.state.config.server.max_body)
    return json_answer(msgspec.to_builtins(await keep_export(_store(asked), asked.tenant, content)))


async def folders(asked: Asked) -> WireResponse:
    """The folders, with how many conversations are in each."""
    found = await _store(asked).folders(asked.tenant)
    return json_answer({"items": [{"name": name, "count": count} for name, count in found.items()], "next": None})


def title_of(message: Message) -> str:
    """A title from the first words of a message."""
    text = " ".join(" ".join(part.text for part in message.parts if isinstance(part, TextPart)).split())
    if len(text) <= TITLE_LETTERS:
        return text
    cut = text[:TITLE_LETTERS]
    return (cut.rpartition(" ")[0] if " " in cut[TITLE_LETTERS // 2 :] else cut).rstrip(".,;: ") + "…"


def shown(one: Conversation) -> dict[str, Any]:
    """A conversation as clients see it."""
    return {
        "id": one.id,
        "title": one.title,
        "folder": one.folder or None,
        "pinned": one.pinned,
        "archived": one.archived,
        "created": time_of(one.created),
        "updated": time_of(one.updated),
        "active": one.leaf,
        "settings": one.settings,
    }


def shown_message(one: StoredMessage) -> dict[str, Any]:
    """A message as clients see it; what only providers read stays here."""
    return {
        "id": one.id,
        "parent": one.parent,
        "role": one.message.role,
        "parts": [_without_luggage(msgspec.to_builtins(part)) for part in one.message.parts],
        "created": time_of(one.created),
        "answer": None if one.answer is None else shown_answer(one.answer),
    }


def _without_luggage(part: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in part.items() if name not in ("opaque", "extra", "cache")}
    if "response" in found:
        found["response"] = [_without_luggage(inner) for inner in found["response"]]
    return found


def status_of(answer: Answer) -> str:
    """How an answer ended, in the word that clients see."""
    if answer.error is None:
        return "done"
    return {_STOPPED: "stopped", _INTERRUPTED: "interrupted"}.get(answer.error, "failed")


def shown_answer(one: Answer) -> dict[str, Any]:
    """How an answer came to be, as clients see it."""
    status = status_of(one)
    return {
        "request_id": one.request_id or None,
        "model": f"{one.provider}/{one.model}" if one.provider else one.model,
        "provider": one.provider,
        "model_name": one.model,
        "status": status,
        "finish": one.finish,
        "usage": shown_usage(one.usage),
        "cost": dollars(one.cost),
        "seconds": _seconds(one.duration),
        "first_seconds": _seconds(one.first),
        "tokens_per_second": tokens_per_second(one.usage, one.first, one.duration),
        "attempts": [shown_attempt(each) for each in one.attempts],
        "losses": [shown_loss(each) for each in one.losses],
        "error": _problem(one) if status == "failed" else None,
        "run": None,
    }


def _problem(one: Answer) -> dict[str, Any]:
    from interlingua.errors import BY_CODE

    kind = BY_CODE.get(one.error or "")
    return {
        "code": one.error,
        "message": one.error_message or f"{one.provider or one.model} did not answer: {one.error}",
        "remedy": kind.remedy if kind is not None else None,
        "fault": kind.fault if kind is not None else "provider",
        "retryable": bool(kind is not None and kind.retryable),
        "request_id": one.request_id or None,
    }


def shown_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Tokens as clients see them."""
    if usage is None:
        return None
    names = ("input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning")
    return {name: getattr(usage, name) for name in names}


def shown_attempt(one: AttemptRow) -> dict[str, Any]:
    """A try as clients see it."""
    return {"target": one.target, "status": one.status, "error": one.error, "seconds": one.duration / 1e6, "why": None}


def shown_loss(one: Loss) -> dict[str, Any]:
    """What was not carried over, as clients see it."""
    return {"field": one.field, "dialect": one.dialect, "reason": one.reason, "action": one.action}


def tokens_per_second(usage: Usage | None, first: int | None, duration: int | None) -> float | None:
    """The speed of an answer after its first token; None where it cannot be told."""
    if usage is None or not usage.output_tokens or first is None or duration is None or duration - first < 1000:
        return None
    return usage.output_tokens / ((duration - first) / 1e6)


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6


def _taken_over(given: dict[str, Json] | None) -> Answer | None:
    """An answer as a client tells it: who gave it, and the tokens; what it cost stands in the ledger."""
    if given is None:
        return None
    model = str(given.get("model") or "")
    provider, _, name = model.partition("/")
    usage = given.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    tokens = [value if isinstance(value, int) else None for value in map(counts.get, ("input_tokens", "output_tokens"))]
    return Answer(
        request_id=str(given.get("request_id") or ""),
        provider=provider,
        model=name,
        usage=Usage(input_tokens=tokens[0], output_tokens=tokens[1]) if counts else None,
        finish="stop",
    )
