"""Signing in to the pages and out again, and who one is."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from interlingua._version import __version__
from interlingua.engine.principal import Principal
from interlingua.errors import AuthenticationFailed, InterlinguaError, InvalidRequest
from interlingua.gateway.asked import Asked, json_answer, nothing, time_of
from interlingua.gateway.auth import ADMIN, key_of
from interlingua.gateway.sessions import TOKEN_PREFIX
from interlingua.gateway.virtual_keys import digest
from interlingua.ports.dialect import WireResponse

SLOWED_SECONDS = 0.5
"""A wrong secret is answered that late, so that nobody tries many."""


class SignIn(Struct, forbid_unknown_fields=True):
    """What is traded for a session: a one-time code, or the administrator's token or a virtual key."""

    code: str = ""
    key: str = ""


async def shown(asked: Asked) -> WireResponse:
    """Who asks. Nobody is refused here: who is not signed in is told so."""
    principal = await _known(asked)
    state = asked.state
    return json_answer(
        {
            "signed_in": principal is not None,
            "admin": principal is not None and principal.admin,
            "tenant": principal.tenant if principal is not None else None,
            "key": (principal.key or None) if principal is not None else None,
            "version": __version__,
            "features": {
                "voice": principal is not None and principal.admin and bool(state.livekit),
            },
            "default_model": _default_model(asked) if principal is not None else "",
            "needs_key": state.doorkeeper.has_keys,
        }
    )


async def begun(asked: Asked) -> WireResponse:
    """A session for a code or key."""
    given = await asked.body(SignIn)
    sessions, doorkeeper = asked.state.sessions, asked.state.doorkeeper
    if bool(given.code) == bool(given.key):
        raise InvalidRequest("send either a code or a key", path="key")
    try:
        if given.code:
            await sessions.trade(given.code)
            principal = ADMIN
        else:
            if given.key.startswith(TOKEN_PREFIX):
                raise AuthenticationFailed("a session cannot be traded for another")
            principal = doorkeeper.known(given.key)
    except AuthenticationFailed:
        await asyncio.sleep(SLOWED_SECONDS)
        raise
    token, until = sessions.token("" if principal.admin else digest(given.key))
    return json_answer(
        {
            "token": token,
            "admin": principal.admin,
            "tenant": principal.tenant,
            "expires": time_of(int(until * 1e6)),
        },
        status=201,
    )


async def ended(asked: Asked) -> WireResponse:
    """Ends the session that asks."""
    await asked.state.sessions.end(key_of(asked.incoming))
    return nothing()


async def _known(asked: Asked) -> Principal | None:
    key = key_of(asked.incoming)
    if not key:
        return None
    try:
        principal = asked.state.doorkeeper.known(key)
        await asked.state.sessions.check(key)
    except AuthenticationFailed:
        return None
    return principal


def _default_model(asked: Asked) -> str:
    try:
        return asked.state.engine.route("")[0].name
    except InterlinguaError:
        return ""  # no model can be asked: the pages say what to do
