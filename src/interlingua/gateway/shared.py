"""What this process has in common with other workers and machines, where `[shared]` is configured."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interlingua.engine.limits import Limiter
from interlingua.engine.shared_limits import SharedLimiter
from interlingua.errors import ConfigError
from interlingua.stores.settings import SharedSettings

if TYPE_CHECKING:
    from interlingua.stores.shared import Shared
    from interlingua.stores.shared_claims import SharedClaims
    from interlingua.stores.shared_counters import SharedCounters
    from interlingua.stores.shared_memory import SharedMemory
    from interlingua.stores.shared_news import SharedNews
    from interlingua.stores.shared_rests import SharedRests
    from interlingua.stores.shared_runs import SharedRuns


@dataclass(frozen=True, slots=True)
class Sharing:
    """The parts.

    Args:
        shared: the server that all ask.
        counters: limits.
        memory: what is remembered for clients.
        answers: a memory of its own for answers that are given again.
        rests: who is not asked for now.
        claims: who asks for what all are asked.
        runs: answers that are being written for people.
        news: who is told of them at once.
    """

    shared: Shared
    counters: SharedCounters
    memory: SharedMemory
    answers: SharedMemory
    rests: SharedRests
    claims: SharedClaims
    runs: SharedRuns
    news: SharedNews

    def limiter(self, limiter: Limiter) -> SharedLimiter:
        """The limits of this process as those of all."""
        return SharedLimiter(limiter, self.counters, refuse=self.shared.settings.on_loss == "closed")

    async def aclose(self) -> None:
        """Tells what is untold, and closes the connection."""
        await self.shared.aclose()


def open_sharing(settings: SharedSettings, environment: Mapping[str, str], most_answers: int) -> Sharing | None:
    """The parts, or None where each process counts for itself. Connects when it is first needed.

    Args:
        settings: where the server is.
        environment: names and values.
        most_answers: bytes of a tenant's answers that are given again.

    Raises:
        ConfigError: the address is none, or the packages are not installed.
        LocalFileError: the password's file cannot be read.
    """
    if settings.url is None:
        return None
    try:
        from interlingua.stores.shared import Shared
        from interlingua.stores.shared_claims import SharedClaims
        from interlingua.stores.shared_counters import SharedCounters
        from interlingua.stores.shared_memory import SharedMemory
        from interlingua.stores.shared_news import SharedNews
        from interlingua.stores.shared_rests import SharedRests
        from interlingua.stores.shared_runs import SharedRuns
    except ImportError as error:
        raise ConfigError(
            f"shared.url needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[shared]'",
        ) from error
    shared = Shared(settings, environment)
    answers = SharedMemory(shared, "answers", most_answers)
    owner = secrets.token_hex(8)
    return Sharing(
        shared,
        SharedCounters(shared),
        SharedMemory(shared),
        answers,
        SharedRests(shared, time.time),
        SharedClaims(shared),
        SharedRuns(shared, owner),
        SharedNews(shared, f"process {owner}"),
    )
