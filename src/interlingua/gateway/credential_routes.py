"""Keys of providers on the pages: kept in the keychain or the 0600 file of who runs the gateway, tested, taken away.

A secret goes in and never comes out: what is shown is where it lies and how it ends. A keychain may take its time, so
it is asked in a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct

from interlingua.credentials.vault import Place, full_name
from interlingua.engine.operations import health
from interlingua.errors import Conflict, InvalidRequest, NotFound
from interlingua.gateway.asked import Asked, json_answer, nothing
from interlingua.gateway.states import forget, see
from interlingua.ports.dialect import WireResponse
from interlingua.providers.provider import Provider, find
from interlingua.types.secret import Secret

LONGEST = 16_384


class New(Struct, forbid_unknown_fields=True):
    """A key to keep."""

    secret: str


async def listed(asked: Asked) -> WireResponse:
    """The keys that are kept or found, by provider and profile."""
    return json_answer({"items": await asyncio.to_thread(_all, asked), "next": None})


def _all(asked: Asked) -> list[dict[str, Any]]:
    state = asked.state
    items = [
        {"provider": name.partition("/")[0], "profile": name.partition("/")[2], **_place(place), "writable": True}
        for name, place in state.vault.names().items()
    ]
    for item in items:
        found = state.vault.get(f"{item['provider']}/{item['profile']}")
        item["tail"] = found.secret.tail if found is not None else ""
    here = {item["provider"] for item in items}
    items += [
        {
            "provider": provider.id,
            "profile": credential.profile or "default",
            "source": credential.source,
            "tail": credential.secret.tail,
            "writable": False,
        }
        for provider in state.engine.providers.values()
        if provider.id not in here
        for credential in state.engine.pool(provider)
    ]
    return items


def _place(place: Place) -> dict[str, Any]:
    return {"source": "keychain" if place == "keychain" else "credentials file", "tail": ""}


async def shown(asked: Asked) -> WireResponse:
    """One key, masked: where it lies and how it ends. The key itself is given to nobody."""
    provider, name = _named(asked)
    found = next((item for item in await asyncio.to_thread(_all, asked) if _name_of(item) == name), None)
    if found is None:
        raise NotFound(f"{provider.id} has no key {name}", what="credential", remedy=f"il credentials set {name}")
    return json_answer({**found, "api_key": found["tail"], "masked": True})


def _name_of(item: dict[str, Any]) -> str:
    return f"{item['provider']}/{item['profile']}"


async def kept(asked: Asked) -> WireResponse:
    """Keeps a key."""
    provider, name = _named(asked)
    secret = checked((await asked.body(New)).secret)
    if "api_keys" in asked.state.config.providers.get(provider.id, {}):
        raise Conflict(
            f"providers.{provider.id}.api_keys in the configuration file says where its keys are",
            remedy="Change it there, or take it out.",
        )
    place, _ = await asyncio.to_thread(asked.state.vault.set, name, secret)
    forget(asked.state, provider.id)
    profile = name.partition("/")[2]
    shown = {**_place(place), "tail": secret.tail}
    return json_answer({"provider": provider.id, "profile": profile, **shown, "writable": True})


def checked(text: str) -> Secret:
    """A key as somebody pasted it.

    Raises:
        InvalidRequest: it is none.
    """
    text = text.strip()
    if not text or len(text) > LONGEST or not text.isascii() or not text.isprintable():
        raise InvalidRequest("secret: this is no key", path="secret", remedy="Paste it whole, in one line.")
    return Secret(text)


async def removed(asked: Asked) -> WireResponse:
    """Takes a key away."""
    provider, name = _named(asked)
    await asyncio.to_thread(asked.state.vault.delete, name)
    forget(asked.state, provider.id)
    return nothing()


async def tested(asked: Asked) -> WireResponse:
    """Whether a provider takes the key that it is asked with."""
    provider, _ = _named(asked)
    found = await health(asked.state.engine, provider)
    see(asked.state, found)
    return json_answer(
        {
            "state": found.state.replace("-", "_"),
            "seconds": found.seconds,
            "models": found.models,
            "error": {"message": found.error, "remedy": None} if found.error else None,
        }
    )


def _named(asked: Asked) -> tuple[Provider, str]:
    provider = find(asked.values[0], asked.state.engine.providers)
    if provider is None:
        raise NotFound(f"there is no provider {asked.values[0]!r}", what="provider")
    return provider, full_name(f"{provider.id}/{asked.values[1]}")
