"""The request behind an answer: as canonical values, as it goes to the host, and as each dialect's client would ask it.

It is made again from the conversation: its messages are those that were sent, its settings and tools those that the
answer was asked with. Answers of the terminal and of earlier versions do not know theirs: they get what the chat has
now, and `settings` says so. A tool is described as it is now. Keys are masked; where a provider lies, and what it is
sent beside the body, is the administrator's business.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.prepare import prepare
from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.gateway.asked import Asked, json_answer
from interlingua.gateway.chat_settings import ChatSettings, chat_request, read_settings
from interlingua.gateway.chats import shown_loss
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.store import StoredMessage
from interlingua.types.loss import Loss
from interlingua.types.request import ChatRequest
from interlingua.types.tools import Tool
from interlingua.wire.redact import MASK, redact_headers, redact_url

CANONICAL, SENT = "canonical", "sent"
FORMS = (CANONICAL, SENT, *registry.DIALECTS)
_LUGGAGE = ("opaque", "extra", "cache", "origin")
_KEY = "$INTERLINGUA_KEY"
_GONE = "is not allowed here any more, so what it looked like is not known"


async def shown(asked: Asked) -> WireResponse:
    """The request of an answer in the form that `form` names: canonical, sent, or a dialect.

    Raises:
        InvalidRequest: there is no such form, or the message is no answer.
    """
    form = asked.query("form", SENT)
    if form not in FORMS:
        raise InvalidRequest(f"form: there is no {form!r}", path="form", remedy=f"One of {', '.join(FORMS)}.")
    chat, message = asked.values
    thread = await asked.state.conversations.get(asked.tenant, chat, leaf=message)
    answer = thread.messages[-1]
    if answer.message.role != "assistant":
        raise InvalidRequest("only an answer has a request", path="message")
    before = [one.message for one in thread.messages[:-1]]
    then = answer.answer.settings if answer.answer is not None else None
    settings = read_settings(thread.conversation.settings if then is None else then)
    tools, gone = await _tools(asked, settings)
    request = replace(chat_request(_model(answer), settings, before), tools=tools)
    found = _rendered(asked, request, form)
    empty: dict[str, Any] = {
        "form": form,
        "forms": FORMS,
        "target": None,
        "url": None,
        "headers": [],
        "losses": [],
        "error": None,
        "settings": "now" if then is None else "kept",
    }
    losses = [*(shown_loss(one) for one in gone), *found.pop("losses", ())]
    return json_answer({**empty, "method": "POST", "body": None, **found, "losses": losses})


async def _tools(asked: Asked, settings: ChatSettings) -> tuple[tuple[Tool, ...], list[Loss]]:
    """The tools that a chat names, as they are now, and those that are not to be had any more."""
    names = tuple(dict.fromkeys(settings.tools))
    if not names:
        return (), []
    async with asked.state.tools.open(asked.principal) as offered:
        found = tuple(offered[name].tool.definition for name in names if name in offered)
        gone = [Loss(f"tools.{name[:64]}", "", _GONE, "drop") for name in names if name not in offered]
    return found, gone


def _model(answer: StoredMessage) -> str:
    about = answer.answer
    if about is None or not about.model:
        return ""
    return f"{about.provider}/{about.model}" if about.provider else about.model


def _rendered(asked: Asked, request: ChatRequest, form: str) -> dict[str, Any]:
    try:
        if form == CANONICAL:
            return {"method": None, "body": _plain(msgspec.to_builtins(request))}
        return _sent(asked, request) if form == SENT else _as_client(request, form)
    except InterlinguaError as error:
        return {"error": {"code": error.code, "message": error.message, "remedy": error.remedy}}


def _sent(asked: Asked, request: ChatRequest) -> dict[str, Any]:
    engine, admin = asked.state.engine, asked.principal.admin
    target = engine.route(request.model)[0]
    attempt = prepare(engine, request, target)
    target, access = attempt.target, attempt.exchange.access
    wire = registry.dialect(target.dialect).render_request(attempt.asked, attempt.exchange.context)
    url = redact_url(target.provider.url(target.dialect, wire.path, target.model), access.secrets)
    own = redact_headers(access.headers, access.secrets)
    return {
        "target": f"{target.name} ({target.dialect})",
        "url": url if admin else wire.path,
        "headers": [*_headers(wire), *(own if admin else ((name, MASK) for name, _ in own))],
        "body": msgspec.json.decode(wire.body),
        "losses": [shown_loss(loss) for loss in attempt.losses],
    }


def _as_client(request: ChatRequest, form: str) -> dict[str, Any]:
    """What a client of this gateway would send in its own words; what they lack is told, not refused."""
    dialect = registry.dialect(form)
    lenient = TranslationContext(dialect=form, model=request.model, on_loss={"setting": "warn", "content": "warn"})
    bare = tuple(replace(one, parts=tuple(replace(part, opaque=()) for part in one.parts)) for one in request.messages)
    wire = dialect.render_request(replace(request, messages=bare), lenient)
    first = "/" + wire.path.lstrip("/").partition("/")[0].partition("?")[0]
    mounted: str = dialect.CHAT_PATHS[0]
    return {
        "url": mounted.partition(first)[0] + wire.path,
        "headers": [*_headers(wire), ("authorization", f"Bearer {_KEY}")],
        "body": msgspec.json.decode(wire.body),
        "losses": [shown_loss(loss) for loss in lenient.losses],
    }


def _headers(wire: WireRequest) -> list[tuple[str, str]]:
    return [("content-type", "application/json"), *(one for one in wire.headers if one[0] != "content-type")]


def _plain(value: Any) -> Any:
    """Without what only providers read."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if name not in _LUGGAGE}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
