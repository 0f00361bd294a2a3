"""Ollama servers on this machine: whether one answers, and which models it has.

Only addresses that are known are asked: those of hosts that speak Ollama's dialect and are on the loopback at their
usual port, or are configured. Nothing is scanned. What a server that is used told last stands in the lists of models;
it is asked again when somebody looks at them, for a moment only.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from interlingua.engine.operations import list_models
from interlingua.errors import InterlinguaError
from interlingua.gateway.asked import Asked, json_answer
from interlingua.gateway.state import State
from interlingua.ports.dialect import WireResponse
from interlingua.providers.provider import Provider

DIALECT = "ollama"
SECONDS = 3.0
"""That a server has to answer who was asked for it."""
MOMENT = 0.25
"""Seconds that a list of models waits for a server at the most."""
FRESH = 30.0
"""Seconds for which what a server told is not asked again."""


_asking: set[asyncio.Task[str | None]] = set()
"""Questions that nobody waits for any more; the event loop alone would not keep them."""


class Told(Struct, frozen=True):
    """What a server said last.

    Args:
        models: their names.
        when: seconds since 1970.
    """

    models: tuple[str, ...]
    when: float


async def servers(asked: Asked) -> WireResponse:
    """The servers that could be here, and what they say now."""
    state = asked.state
    known = [one for one in state.engine.providers.values() if DIALECT in one.endpoints and _is_near(state, one)]
    items = await asyncio.gather(*(_shown(state, one) for one in known))
    return json_answer({"items": items, "next": None})


async def refresh(state: State) -> None:
    """Asks the servers that are used and were not asked of late; whoever is slow is not waited for."""
    now = state.engine.clock.time()
    stale = [
        provider
        for provider in state.engine.providers.values()
        if is_used(state, provider)
        and DIALECT in provider.endpoints
        and (provider.id not in state.told or now - state.told[provider.id].when > FRESH)
    ]
    tasks = [asyncio.ensure_future(ask(state, provider)) for provider in stale]
    for task in tasks:
        _asking.add(task)
        task.add_done_callback(_asking.discard)
    if tasks:
        await asyncio.wait(tasks, timeout=MOMENT)


async def ask(state: State, provider: Provider) -> str | None:
    """Asks a server for its models and remembers them; why it did not answer, or None."""
    now = state.engine.clock.time()
    before = state.told.get(provider.id)
    # Who looks meanwhile sees what was told last, and asks no second time.
    state.told[provider.id] = Told(before.models if before is not None else (), now)
    problem = None
    try:
        async with asyncio.timeout(SECONDS):
            found = await list_models(state.engine, provider)
    except InterlinguaError as error:
        problem = error.message
    except TimeoutError:
        problem = f"{provider.id} did not answer within {SECONDS:g} s"
    models = tuple(one.id for one in found) if problem is None else ()
    state.told[provider.id] = Told(models, now)
    return problem


def is_used(state: State, provider: Provider) -> bool:
    """Whether a server is configured, by file or in the pages."""
    return provider.id in state.config.providers


def told(state: State, provider: Provider) -> tuple[str, ...]:
    """The models that a server which is used told of last."""
    found = state.told.get(provider.id)
    return found.models if found is not None and is_used(state, provider) else ()


async def _shown(state: State, provider: Provider) -> dict[str, Any]:
    problem = await ask(state, provider)
    return {
        "provider": provider.id,
        "name": provider.title or provider.id,
        "base_url": provider.base_url,
        "address": urlsplit(provider.base_url).netloc,
        "found": problem is None,
        "models": state.told[provider.id].models,
        "used": is_used(state, provider),
        "editable": provider.id not in state.config_of_file.providers,
        "error": problem,
    }


def _is_near(state: State, provider: Provider) -> bool:
    return is_used(state, provider) or _on_loopback(provider.base_url)


def _on_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
