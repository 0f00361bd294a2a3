"""Operations that are only passed on: completions, images, audio, moderations, rerank.

The body goes to the target's host as it came, JSON or a form; only the model's name becomes the host's. The answer
comes back as it came, piece by piece. Authentication, limits and the ledger are as for chat (contracts §8), and so is
who is asked next where somebody fails, as long as nothing went out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

import msgspec
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.lanes import forwarded
from interlingua.engine.passing import Passing
from interlingua.engine.principal import Principal
from interlingua.engine.target import Target
from interlingua.engine.tries import Tries
from interlingua.errors import InterlinguaError, InvalidRequest, Unsupported
from interlingua.gateway.call import Call
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_end, send_piece, send_start
from interlingua.gateway.overrides import planned
from interlingua.gateway.state import State
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek
from interlingua.types.secret import Credential
from interlingua.types.usage import Usage
from interlingua.wire import glance
from interlingua.wire.strict_json import cut, joined

_FIELD = re.compile(rb'content-disposition:[^\r\n]*;\s*name="?model"?\s*(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n', re.I)
MOST_READ = 1024 * 1024
"""Bytes of an answer that are kept to read its usage; longer ones are pictures and sound."""


async def answer(
    state: State, incoming: Incoming, principal: Principal, dialect: str, send: Send
) -> WireResponse | None:
    """Passes a request on and its answer back."""
    operation = incoming.path.removeprefix("/v1/")
    async with Call(state, incoming, principal, dialect, operation) as call:
        wire = await call.hooked(await call.wire())
        form = incoming.header("content-type").lower().startswith("multipart/form-data")
        call.peek = _form_peek(wire.body) if form else _json_peek(wire.body)
        route = planned(call, dialect, len(wire.body))
        speaking = [target for target in route.targets if target.dialect == dialect]
        if not speaking:
            raise _not_spoken(route.targets[0], dialect, incoming.path)
        prompt = len(wire.body) // 4 if not form else 0
        await call.admit(speaking[0], prompt)
        if call.is_budgeted:
            speaking = await call.afford(speaking, prompt, None)
        call.outcome.target, call.outcome.lane = speaking[0], "verbatim"
        asks = partial(_asked, call, wire, dialect, form)
        await _pass(call, Tries(state.engine, replace(route, targets=tuple(speaking))), asks, call.watched(send, wire))
    return None


def _asked(
    call: Call, wire: WireRequest, dialect: str, form: bool, target: Target, credential: Credential | None
) -> Passing:
    """The try at a target: the request as it came, the model's name its host's.

    Raises:
        Unsupported: the host does not speak the dialect that the path belongs to; a fallback may be such a one.
        CredentialMissing: there is none.
    """
    incoming = call.incoming
    if target.dialect != dialect:
        raise _not_spoken(target, dialect, incoming.path)
    body = _form_for(wire.body, target.model) if form else _json_for(wire.body, target.model)
    asked = WireRequest(path=wire.path.removeprefix("/v1"), body=body, headers=wire.headers)
    up, losses = forwarded(asked, target, dialect)
    kind = incoming.header("content-type") or "application/json"
    passed = replace(up, headers=(("content-type", kind), *up.headers))
    return Passing(call.state.engine, target, passed, credential, losses)


async def _pass(call: Call, tries: Tries, asks: Callable[[Target, Credential | None], Passing], send: Send) -> None:
    """Asks, again and elsewhere where that is worth it, until something of an answer went out."""
    outcome = call.outcome
    outcome.attempts, outcome.decisions = tries.records, tries.decisions
    while True:
        passing = await tries.next(asks)
        outcome.target, outcome.losses = passing.target, passing.losses
        kept: list[bytes] = []
        try:
            await _passed(call, tries, passing, kept, send)
        except InterlinguaError as error:
            outcome.usage = _usage(passing, kept)
            if call.first is None:
                await tries.failed(passing, error, outcome.usage)
                continue
            outcome.error = error
            outcome.cost = tries.broken(passing, error, outcome.usage).cost
            await call.record()
            # Bytes of an unknown kind went out: only a connection that breaks off tells that they are not whole.
            return
        except asyncio.CancelledError:
            outcome.usage = _usage(passing, kept)
            outcome.cost = tries.left(passing, outcome.usage).cost
            raise
        outcome.usage = _usage(passing, kept)
        outcome.cost = tries.record(passing, outcome.usage).cost
        await call.record()
        await send_end(send)
        return


async def _passed(call: Call, tries: Tries, passing: Passing, kept: list[bytes], send: Send) -> None:
    """Passes an answer on as it comes; what is needed to read its usage is kept."""
    size = 0
    async with aclosing(passing.pieces()) as pieces:
        async for piece in pieces:
            if call.first is None:
                tries.began()
                call.first = call.state.engine.clock.time()
                await send_start(send, passing.headers, call.headers())
            if size < MOST_READ:
                size += len(piece)
                kept.append(piece)
            await send_piece(send, piece)
    if call.first is None:
        await send_start(send, passing.headers, call.headers())


def _usage(passing: Passing, kept: list[bytes]) -> Usage | None:
    whole = WireResponse(body=b"".join(kept))
    return registry.lens(passing.target.dialect).usage(whole, passing.context) if kept else None


def _not_spoken(target: Target, dialect: str, path: str) -> Unsupported:
    return Unsupported(
        f"{target.name} is not spoken to in {dialect}, which {path} belongs to",
        feature=path,
        remedy="Ask for a model of a provider that offers this path.",
    )


def _json_peek(body: bytes) -> Peek:
    values = cut(body)
    return Peek(model=glance.text(values, "model"), stream=glance.flag(values, "stream") or False)


def _json_for(body: bytes, model: str) -> bytes:
    values = cut(body)
    return joined({**values, "model": msgspec.Raw(msgspec.json.encode(model))})


def _form_peek(body: bytes) -> Peek:
    start, end = _form_model(body)
    try:
        return Peek(model=body[start:end].decode())
    except UnicodeDecodeError as error:
        raise InvalidRequest("model: is not UTF-8", path="model") from error


def _form_for(body: bytes, model: str) -> bytes:
    start, end = _form_model(body)
    return body[:start] + model.encode() + body[end:]


def _form_model(body: bytes) -> tuple[int, int]:
    """Where the model's name stands in a form.

    Raises:
        InvalidRequest: it stands nowhere, or twice, so that we and the host could read two names.
    """
    found = list(_FIELD.finditer(body))
    if len(found) != 1:
        raise InvalidRequest("model: required, once", path="model", remedy="Send one form field called model.")
    start = found[0].end()
    end = body.find(b"\r\n--", start)
    if end < 0 or b"\r\n" in body[start:end]:
        raise InvalidRequest("model: the form is not whole", path="model")
    return start, end
