"""What the engine can be told; gathered into the configuration by `config/schema.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from interlingua.ports.transport import Timeouts
from interlingua.types.loss import LossAction


class RetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a call is tried, and how long is waited between tries.

    Args:
        attempts: tries per target, the first included; a try with another credential does not count.
        total: tries per call over all targets and credentials, the first included.
        deadline: seconds that all tries of a call have together, until its answer is whole, or a stream has its first
            content; None is no limit beyond those of `timeouts`.
        continue_on_interrupt: a stream of plain text that breaks off is continued by another target.
        base: seconds before the second try; doubled for each further one.
        cap: most seconds between two tries where the provider names no time.
        longest_wait: a provider that asks to wait longer than this many seconds is not waited for.
    """

    attempts: int = 3
    total: Annotated[int, Meta(ge=1)] = 10
    deadline: Annotated[float, Meta(gt=0)] | None = None
    continue_on_interrupt: bool = False
    base: float = 0.5
    cap: float = 8.0
    longest_wait: float = 120.0


class BreakerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target that fails is left out for a while.

    Args:
        failures: so many failures within a window …
        share: … that are so large a share of its calls open its breaker.
        window: seconds after which failures weigh half.
        rest: seconds that it is left out at first; doubled each time that the call which then tries it fails.
        longest_rest: most seconds.
    """

    failures: Annotated[int, Meta(ge=1)] = 5
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    window: Annotated[float, Meta(gt=0)] = 30.0
    rest: Annotated[float, Meta(gt=0)] = 15.0
    longest_rest: Annotated[float, Meta(gt=0)] = 300.0


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


class CacheSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers that are given again to the same request of the same tenant.

    Args:
        ttl: seconds for which an answer is; None is never.
        max_bytes: how much all of them may take; with `[shared]`, each tenant's.
        models: patterns of the models whose answers are, as asked for or as `provider/model`; others only where the
            client asks for it.
    """

    ttl: Annotated[float, Meta(gt=0)] | None = None
    max_bytes: Annotated[int, Meta(ge=65536)] = 64 * 1024 * 1024
    models: tuple[str, ...] = ("*",)


class QueueSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls that wait for limits of ours instead of being refused at once.

    Args:
        wait: seconds that a call waits at the most; None refuses at once.
        length: calls that wait at the most, of all keys together.
    """

    wait: Annotated[float, Meta(gt=0, le=600)] | None = None
    length: Annotated[int, Meta(ge=1)] = 1000


class EngineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the engine's settings."""

    retry: RetrySettings = RetrySettings()
    breaker: BreakerSettings = BreakerSettings()
    losses: LossSettings = LossSettings()
    timeouts: Timeouts = Timeouts()
