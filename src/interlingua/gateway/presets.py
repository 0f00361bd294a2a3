"""Presets on the pages: each tenant's own, shared with its terminal."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.client.presets import Preset, Presets
from interlingua.gateway.asked import Asked, json_answer, nothing
from interlingua.ports.dialect import WireResponse


def _presets(asked: Asked) -> Presets:
    return Presets(asked.state.overlay, asked.tenant)


def _shown(name: str, preset: Preset) -> dict[str, Any]:
    return {"settings": {}, **msgspec.to_builtins(preset), "name": name}


async def listed(asked: Asked) -> WireResponse:
    """The presets by name."""
    found = await _presets(asked).all()
    return json_answer({"items": [_shown(name, preset) for name, preset in found.items()], "next": None})


async def kept(asked: Asked) -> WireResponse:
    """Makes or changes one."""
    name = asked.values[0].strip()
    given = await asked.body(Preset)
    await _presets(asked).keep(name, given, asked.principal.key or "administrator")
    return json_answer(_shown(name, given))


async def removed(asked: Asked) -> WireResponse:
    """Takes one away."""
    await _presets(asked).remove(asked.values[0], asked.principal.key or "administrator")
    return nothing()
