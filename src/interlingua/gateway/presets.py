"""Presets of the pages: a name for a model, instructions and settings. Each tenant has its own."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct

from interlingua.errors import InvalidRequest, NotFound
from interlingua.gateway.asked import Asked, json_answer, nothing
from interlingua.gateway.chat_settings import ChatSettings
from interlingua.ports.dialect import WireResponse

_PREFIX = "presets."
MOST_LETTERS = 80


class Preset(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a name stands for.

    Args:
        model: whom to ask.
        system: what every answer should heed.
        template: of the first message; `{{name}}` stands for a variable.
        variables: their names.
        settings: of the chat.
    """

    model: str | None = None
    system: str | None = None
    template: str | None = None
    variables: tuple[str, ...] = ()
    settings: ChatSettings = ChatSettings()


def _tenant(asked: Asked) -> str:
    """Whose overlay: the empty one is the gateway's own, so no tenant's may be it."""
    return f"tenant {asked.tenant}"


async def listed(asked: Asked) -> WireResponse:
    """The presets by name."""
    found = await asked.state.overlay.read(_tenant(asked))
    items = [
        {"settings": {}, **value, "name": name.removeprefix(_PREFIX)}
        for name, value in sorted(found.values.items())
        if name.startswith(_PREFIX) and isinstance(value, dict)
    ]
    return json_answer({"items": items, "next": None})


async def kept(asked: Asked) -> WireResponse:
    """Makes or changes one."""
    name = asked.values[0].strip()
    if not name or len(name) > MOST_LETTERS:
        raise InvalidRequest(f"a preset's name has 1 to {MOST_LETTERS} letters", path="name")
    given = await asked.body(Preset)
    value = msgspec.to_builtins(given)
    who = asked.principal.key or "administrator"
    await asked.state.overlay.change({_PREFIX + name: value}, who, tenant=_tenant(asked))
    return json_answer({"settings": {}, **value, "name": name})


async def removed(asked: Asked) -> WireResponse:
    """Takes one away."""
    name = _PREFIX + asked.values[0]
    if name not in (await asked.state.overlay.read(_tenant(asked))).values:
        raise NotFound(f"there is no preset {asked.values[0]!r}", what="preset")
    await asked.state.overlay.change({name: UNSET}, asked.principal.key or "administrator", tenant=_tenant(asked))
    return nothing()
