"""One try at a host with bytes that we do not read: what goes up and what comes down pass as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from interlingua.engine.deadline import Deadline
from interlingua.engine.engine import Engine
from interlingua.engine.exchange import Exchange, reading
from interlingua.engine.lanes import Lane
from interlingua.engine.relay import headers_down
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.loss import Loss
from interlingua.types.secret import Credential


class Passing:
    """One try.

    Args:
        engine: the way to the provider.
        target: who is asked.
        wire: what goes up; its headers are those that may.
        credential: the one to use; None is the provider's first.
        losses: headers that do not go on.

    Attributes:
        headers: of the answer, those that go down; once its first piece came.
    """

    lane: Lane = "verbatim"

    def __init__(
        self,
        engine: Engine,
        target: Target,
        wire: WireRequest,
        credential: Credential | None = None,
        losses: tuple[Loss, ...] = (),
    ) -> None:
        self.target = target
        self.losses = losses
        self.context = TranslationContext(
            dialect=target.dialect,
            provider=target.provider.id,
            model=target.model,
            host=target.host,
            created=int(engine.clock.time()),
        )
        self.headers: tuple[tuple[str, str], ...] = ()
        headers = (*wire.headers, ("accept-encoding", "identity"))
        self._wire = WireRequest(method=wire.method, path=wire.path, body=wire.body, headers=headers)
        self._exchange = Exchange(
            target.provider, self.context, engine.access(target.provider, credential), engine.settings.timeouts
        )

    @property
    def status(self) -> int | None:
        """The HTTP status, or None where no answer came."""
        return self._exchange.status

    @property
    def answer_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the answer; none where none came."""
        return self._exchange.headers

    @property
    def head(self) -> float | None:
        """Seconds until the head of the answer came; None where none came."""
        return self._exchange.head

    def bound(self, deadline: Deadline | None) -> None:
        """Sets the moment by which its first piece must be there; None is none."""
        self._exchange.deadline = deadline

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The answer as it comes.

        Raises:
            InterlinguaError: it is no success, or breaks off.
        """
        try:
            response = await self._exchange.open(self._wire, stream=True)
            try:
                self.headers = headers_down(response.headers)
                limit = self._exchange.timeouts.idle_before_content
                async with reading(response, self._exchange.provider.id, self._exchange.deadline) as next_piece:
                    while (piece := await next_piece(limit)) is not None:
                        yield piece
            finally:
                await response.aclose()
        except InterlinguaError as error:
            self._exchange.named(error)
            raise
