"""What the engine can be told; gathered into the configuration by `config/schema.py`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.ports.transport import Timeouts
from interlingua.types.loss import LossAction


class RetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often one target is tried, and how long is waited between tries.

    Args:
        attempts: tries per target, the first included.
        base: seconds before the second try; doubled for each further one.
        cap: most seconds between two tries where the provider names no time.
        longest_wait: a provider that asks to wait longer than this many seconds is not waited for.
    """

    attempts: int = 3
    base: float = 0.5
    cap: float = 8.0
    longest_wait: float = 120.0


class LossSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do with what a dialect cannot carry.

    Args:
        setting: sampling and the like.
        content: what the model is meant to see: images, files, tools.
        reasoning: thinking of another model in the history: dropped, or told as text.
    """

    setting: LossAction = "warn"
    content: LossAction = "reject"
    reasoning: Literal["drop", "text"] = "drop"


class EngineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the engine's settings."""

    retry: RetrySettings = RetrySettings()
    losses: LossSettings = LossSettings()
    timeouts: Timeouts = Timeouts()
