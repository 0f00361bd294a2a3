"""One try at a host with bytes that we do not read: what goes up and what comes down pass as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from interlingua.engine.engine import Engine
from interlingua.engine.exchange import Exchange, OneExchange, reading
from interlingua.engine.lanes import Lane
from interlingua.engine.relay import headers_down
from interlingua.engine.target import Target
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.loss import Loss
from interlingua.types.secret import Credential


class Passing(OneExchange):
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
        self.exchange = Exchange(
            target.provider, self.context, engine.access(target.provider, credential), engine.settings.timeouts
        )

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The answer as it comes.

        Raises:
            InterlinguaError: it is no success, or breaks off.
        """
        try:
            response = await self.exchange.open(self._wire, stream=True)
            try:
                self.headers = headers_down(response.headers)
                limit = self.exchange.timeouts.idle_before_content
                async with reading(response, self.exchange.provider.id, self.exchange.deadline) as next_piece:
                    while (piece := await next_piece(limit)) is not None:
                        yield piece
            finally:
                await response.aclose()
        except InterlinguaError as error:
            self.exchange.named(error)
            raise
