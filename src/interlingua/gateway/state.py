"""What one serving process holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from interlingua.config.schema import Config
from interlingua.engine.engine import Engine
from interlingua.engine.ledger import Ledger
from interlingua.engine.limits import Limiter
from interlingua.gateway.auth import Doorkeeper
from interlingua.gateway.guard import Guard
from interlingua.ports.memory import Memory


@dataclass(slots=True)
class State:
    """The gateway's parts.

    Args:
        config: the configuration in force.
        engine: what answers.
        doorkeeper, guard: who may ask, and from where.
        limiter: how much they may ask.
        ledger: where calls are written down.
        memory: what is remembered for clients.
        envelope_key: seals state that goes through clients' hands.
        draining: whether the process ends; new calls are refused.
        running: calls that are being answered.
    """

    config: Config
    engine: Engine
    doorkeeper: Doorkeeper
    guard: Guard
    limiter: Limiter
    ledger: Ledger
    memory: Memory
    envelope_key: bytes
    draining: bool = False
    running: set[asyncio.Task[Any]] = field(default_factory=set)
