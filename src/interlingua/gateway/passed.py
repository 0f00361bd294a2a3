"""Operations that are only passed on: completions, images, audio, moderations, rerank.

The body goes to the target's host as it came, JSON or a form; only the model's name becomes the host's. The answer
comes back as it came, piece by piece. Authentication, limits and the ledger are as for chat (contracts §8).
"""

from __future__ import annotations

import re
from contextlib import aclosing

import msgspec

from interlingua.dialects import registry
from interlingua.engine.lanes import forwarded
from interlingua.engine.passing import Passing
from interlingua.engine.principal import Principal
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError, InvalidRequest, Unsupported
from interlingua.gateway.beside import attempted
from interlingua.gateway.call import Call
from interlingua.gateway.incoming import Incoming, Send
from interlingua.gateway.outgoing import send_end, send_piece, send_start
from interlingua.gateway.state import State
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek
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
        kind = incoming.header("content-type")
        form = kind.lower().startswith("multipart/form-data")
        call.peek = _form_peek(wire.body) if form else _json_peek(wire.body)
        target = _speaking(call.allowed(state.engine.route(call.peek.model, dialect)), dialect, incoming.path)
        prompt = len(wire.body) // 4 if not form else 0
        await call.admit(target, prompt)
        if call.is_budgeted:
            await call.afford([target], prompt, None)
        call.outcome.target = target
        call.outcome.lane = "verbatim"
        body = _form_for(wire.body, target.model) if form else _json_for(wire.body, target.model)
        headers, call.outcome.losses = forwarded(wire.headers, target, dialect)
        path = incoming.path.removeprefix("/v1") + (f"?{incoming.query}" if incoming.query else "")
        passed = WireRequest(path=path, body=body, headers=(("content-type", kind or "application/json"), *headers))
        await _pass(call, Passing(state.engine, target, passed), call.watched(send, wire))
    return None


async def _pass(call: Call, passing: Passing, send: Send) -> None:
    state, started = call.state, call.state.engine.clock.time()
    kept: list[bytes] = []
    failure: InterlinguaError | None = None
    try:
        async with aclosing(passing.pieces()) as pieces:
            async for piece in pieces:
                if call.first is None:
                    call.first = state.engine.clock.time()
                    await send_start(send, passing.headers, call.headers())
                if sum(map(len, kept)) < MOST_READ:
                    kept.append(piece)
                await send_piece(send, piece)
        if call.first is None:
            await send_start(send, passing.headers, call.headers())
    except InterlinguaError as error:
        failure = error
        if call.first is None:
            raise
        call.outcome.error = error
    finally:
        whole = WireResponse(body=b"".join(kept))
        usage = registry.lens(passing.target.dialect).usage(whole, passing.context) if kept else None
        call.outcome.usage = usage
        record = attempted(call, passing.target, started, usage, failure)
        record = msgspec.structs.replace(record, lane="verbatim", status=passing.status)
        call.outcome.cost = record.cost
        call.outcome.attempts.append(record)
    await call.record()
    if failure is None:
        await send_end(send)
    # Else bytes of an unknown kind went out: only a connection that breaks off tells that they are not whole.


def _speaking(targets: list[Target], dialect: str, path: str) -> Target:
    """The first target whose host speaks the dialect that the path belongs to.

    Raises:
        Unsupported: none.
    """
    for target in targets:
        if target.dialect == dialect:
            return target
    raise Unsupported(
        f"{targets[0].name} is not spoken to in {dialect}, which {path} belongs to",
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
