"""The targets of one call, tried one after the other, and what came of each try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from interlingua.engine.answer import AttemptRecord
from interlingua.engine.cost import charge_of
from interlingua.engine.lanes import Lane
from interlingua.engine.retry import wait_before_retry
from interlingua.engine.target import Target
from interlingua.errors import CredentialMissing, InterlinguaError, StreamInterrupted
from interlingua.types.usage import Usage

if TYPE_CHECKING:
    from interlingua.engine.engine import Engine


class Try(Protocol):
    """What a try tells of itself."""

    @property
    def target(self) -> Target:
        """Who is asked, in which dialect."""
        ...

    @property
    def lane(self) -> Lane:
        """Whether bytes are passed on or translated."""
        ...

    @property
    def status(self) -> int | None:
        """The HTTP status, or None where no answer came."""
        ...


T = TypeVar("T", bound=Try)


class Tries:
    """The tries of one call.

    Args:
        engine: settings and clock.
        targets: whom to ask, best first.
    """

    def __init__(self, engine: Engine, targets: Sequence[Target]) -> None:
        self._engine = engine
        self._targets = targets
        self._at = 0
        self._tried = 0
        self._started = 0.0
        self._failure: InterlinguaError | None = None
        self.records: list[AttemptRecord] = []

    def only(self, targets: Sequence[Target]) -> None:
        """Leaves only those targets; before the first try."""
        self._targets = targets

    def next(self, make: Callable[[Target], T]) -> T:
        """The next try: at the present target, or the first of the following that can be tried at all.

        Args:
            make: the try at a target; raises where it cannot be made.

        Raises:
            InterlinguaError: none is left; why the last one that was tried failed, else why the first cannot be tried.
        """
        while True:
            try:
                made = make(self._targets[self._at])
            except InterlinguaError as error:
                self._failure = self._failure or error
                if self._at + 1 >= len(self._targets):
                    raise self._failure from None
                self._next_target()
            else:
                self._tried += 1
                self._started = self._engine.clock.time()
                return made

    async def failed(self, tried: Try, error: InterlinguaError, usage: Usage | None = None) -> None:
        """Records a failed try and waits until the next may be made; raises the error where there is none."""
        self.record(tried, usage, error=error.code)
        if isinstance(error, StreamInterrupted) and error.partial is not None:
            raise error
        engine = self._engine
        wait = wait_before_retry(error, self._tried, engine.settings.retry, engine.clock.chance())
        if wait is not None:
            await engine.clock.sleep(wait)
        elif self._at + 1 < len(self._targets) and _another_may_answer(error):
            self._failure = error
            self._next_target()
        else:
            raise error

    def record(
        self, tried: Try, usage: Usage | None, *, service_tier: str | None = None, error: str | None = None
    ) -> AttemptRecord:
        """Notes what came of a try."""
        now = self._engine.clock.time()
        charge = charge_of(usage, tried.target, self._started, service_tier)
        record = AttemptRecord(
            target=tried.target.name,
            dialect=tried.target.dialect,
            started=self._started,
            seconds=now - self._started,
            status=tried.status,
            error=error,
            usage=usage,
            cost=charge.cost,
            lane=tried.lane,
            price_source=charge.source,
            price_since=charge.since,
            service_tier=service_tier,
        )
        self.records.append(record)
        return record

    def _next_target(self) -> None:
        self._at += 1
        self._tried = 0


def _another_may_answer(error: InterlinguaError) -> bool:
    """Whether a failure says nothing about the request itself, so that the next target is worth a try."""
    return error.fault == "provider" or error.exit_code == CredentialMissing.exit_code
