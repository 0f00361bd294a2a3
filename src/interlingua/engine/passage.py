"""A client's request on its way through: bytes in, bytes out, both in the client's dialect.

Failures before the first content raise, so that they can become a status; later ones go out as the dialect's own
error event, with nothing after it (contracts §1.3). What came of it is in `outcome`, also when the client left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.dialects.ollama.generate import is_marked
from interlingua.dialects.ollama.schema import GENERATE
from interlingua.engine import recall, stored_responses
from interlingua.engine.answer import AttemptRecord
from interlingua.engine.attempt import Attempt
from interlingua.engine.continuity import anonymous, view
from interlingua.engine.endpoints import speaking
from interlingua.engine.engine import Engine
from interlingua.engine.envelopes import Envelopes
from interlingua.engine.lanes import Lane, check_needs, forwarded, may_pass
from interlingua.engine.prepare import accounts_of, origin_of, prepare, tool_call_ids
from interlingua.engine.relay import UPSTREAM_ID, Piece, Relay
from interlingua.engine.resume import Splice
from interlingua.engine.route import Route
from interlingua.engine.target import Target
from interlingua.engine.tries import Tries
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import StreamRenderer, WireRequest, WireResponse
from interlingua.ports.lens import Peek
from interlingua.ports.memory import Memory
from interlingua.ports.store import Decision
from interlingua.types.events import Failed, MessageStart, UsageUpdate
from interlingua.types.loss import Loss
from interlingua.types.messages import Message
from interlingua.types.money import Money
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, FinishReason
from interlingua.types.secret import Credential
from interlingua.types.usage import Usage

_LEFT = (asyncio.CancelledError, GeneratorExit)
"""How a try ends whose client left."""
_COMMENTS = ("openai_chat", "openai_responses", "anthropic_messages")
"""Dialects whose clients read over a comment in a stream."""


@dataclass(slots=True)
class Outcome:
    """What came of a request.

    Args:
        target, lane: who answered, and how.
        usage, cost, finish: of the answer, where known.
        losses: what could not be carried.
        error: why it failed, or broke off.
        attempts: all tries.
        decisions: why they went where they went; empty where there was only one way, and it was taken.
    """

    target: Target | None = None
    lane: Lane = "translated"
    usage: Usage | None = None
    cost: Money | None = None
    finish: FinishReason | None = None
    losses: tuple[Loss, ...] = ()
    error: InterlinguaError | None = None
    attempts: list[AttemptRecord] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


class Passage:
    """One request of a client.

    Args:
        engine: what it is answered with.
        dialect: what the client speaks.
        wire: the request as it came; headers by allow-list.
        peek: what the dialect's lens sees of it.
        route: whom to ask, best first, and what the call set about it.
        tenant: whose it is.
        key: our secret for envelopes, at least 16 bytes.
        memory: where state is remembered.
        request_id: ours, seed of invented ids.

    Attributes:
        answered: the answer as values, where `keeps` asks for it and it could be read.
    """

    keeps = False
    answered: ChatResponse | None = None

    def __init__(
        self,
        engine: Engine,
        *,
        dialect: str,
        wire: WireRequest,
        peek: Peek,
        route: Route,
        tenant: str,
        key: bytes,
        memory: Memory,
        request_id: str,
    ) -> None:
        self._engine = engine
        self._dialect_id = dialect
        self._dialect = registry.dialect(dialect)
        self._wire = wire
        self._peek = peek
        self._targets = targets = route.targets
        self._tries = Tries(engine, route)
        self._tenant = tenant
        self._memory = memory
        self._envelopes = Envelopes(dialect, key, tenant)
        self._request_id = request_id
        passes = all(may_pass(target, dialect) for target in targets)
        self._continued = stored_responses.continued(wire) if dialect == stored_responses.DIALECT else None
        self._request: ChatRequest | None = None
        self._sent: tuple[Message, ...] = ()
        self._asked_id: str | None = None
        self._unwrapped = False
        self._is_over = False
        self._renderer: StreamRenderer | None = None
        self._context: TranslationContext | None = None
        self._goes_on_with: ChatRequest | None = None
        self._relay: Relay | None = None
        self._splice = Splice() if peek.stream and self._tries.continues else None
        self.outcome = Outcome(attempts=self._tries.records, decisions=self._tries.decisions)
        if self._splice is not None or peek.has_state or "calls" in peek.needs or not passes:
            self._parse()

    @property
    def headers_down(self) -> tuple[tuple[str, str], ...]:
        """Headers of the provider that go with a stream, once its first piece came."""
        found = self._relay.headers if self._relay is not None else ()
        return tuple((name, value) for name, value in found if name == UPSTREAM_ID)

    async def whole(self) -> WireResponse:
        """The answer at once.

        Raises:
            InterlinguaError: why there is none.
        """
        await self._recall()
        accounts = partial(_accounts, self._request)
        while True:
            attempt = await self._tries.next(self._attempt, accounts)
            self._chosen(attempt)
            try:
                if isinstance(attempt, Relay):
                    answer = await attempt.whole()
                    await self._passed(attempt, attempt.message(answer), answer.body)
                    if self.keeps:
                        self.answered = attempt.response(answer)
                    return answer
                response = await attempt.whole()
            except InterlinguaError as error:
                await self._failed(attempt, error)
            except _LEFT:
                self._left(attempt)
                raise
            else:
                response = self._shaped(response)
                await self._answered(attempt, response, response.usage)
                context = self._towards_client()
                answer = self._rendered(response, context)
                self.outcome.losses = (*attempt.losses, *context.losses)
                await self._store(response, answer)
                return answer

    async def stream(self) -> AsyncGenerator[Piece]:
        """The answer piece by piece.

        Raises:
            InterlinguaError: why there is none, before the first content went out.
        """
        await self._recall()
        accounts = partial(_accounts, self._request)
        has_content = False
        while True:
            try:
                attempt = await self._tries.next(self._attempt, accounts)
            except InterlinguaError as error:
                if not has_content:
                    raise
                self.outcome.error = error
                yield Piece(self.error_event(error, self._renderer), True)
                return
            self._chosen(attempt)
            flow = attempt.pieces() if isinstance(attempt, Relay) else self._translated(attempt)
            held: list[Piece] = []
            try:
                async with aclosing(flow):
                    async for piece in flow:
                        if not has_content and not piece.content:
                            # Until content goes out another try may still take over.
                            held.append(piece)
                            continue
                        if not has_content:
                            has_content = True
                            self._tries.began()
                        if held:
                            for earlier in held:
                                yield earlier
                            held.clear()
                        yield piece
                for earlier in held:
                    yield earlier
                if isinstance(attempt, Relay):
                    await self._passed(attempt, attempt.streamed_message(), attempt.first_event)
                    if self.keeps:
                        self.answered = attempt.streamed_response()
                return
            except InterlinguaError as error:
                if has_content and self._goes_on(attempt, error):
                    if self._dialect_id in _COMMENTS:
                        yield Piece(f": {attempt.target.name} broke off; another target goes on\n\n".encode(), True)
                    continue
                if has_content:
                    self._broken(attempt, error)
                    renderer = None if isinstance(attempt, Relay) else self._renderer
                    yield Piece(self.error_event(error, renderer), True)
                    return
                await self._failed(attempt, error)
            except _LEFT:
                self._left(attempt)
                raise

    async def _translated(self, attempt: Attempt) -> AsyncGenerator[Piece]:
        splice = self._splice
        context, renderer = self._context, self._renderer
        if context is None or renderer is None or splice is None or not splice.joins:
            context = self._context = self._towards_client()
            renderer = self._renderer = self._dialect.StreamRenderer(context, self._request)
        async with aclosing(attempt.events()) as events:
            async for event in events if splice is None else splice.joined(events):
                if isinstance(event, MessageStart):
                    event = replace(event, id=self._named(event.id))
                content = not isinstance(event, MessageStart | UsageUpdate)
                for wrapped in self._envelopes.wrap_event(event):
                    data = renderer.render(wrapped)
                    if data or content:
                        yield Piece(data, content)
        response = self._shaped(attempt.accumulator.response() if splice is None else splice.response())
        await self._answered(attempt, response, attempt.usage)
        await self._store(response)
        self.outcome.losses = (*self._tries.losses, *attempt.losses, *context.losses)
        yield Piece(renderer.close(), True)

    def _attempt(self, target: Target, credential: Credential | None) -> Attempt | Relay:
        if self._request is not None:
            target = speaking(target, self._request, self._dialect_id)
            if self._splice is not None:
                # Passed on as they are, a provider's events could not be continued by another's.
                return prepare(
                    self._engine, self._goes_on_with or self._request, target, self._dialect_id, credential=credential
                )
            if not may_pass(target, self._dialect_id) or not self._is_untouched(target, credential):
                return prepare(self._engine, self._request, target, self._dialect_id, credential=credential)
        check_needs(self._peek, target)
        wire, losses = forwarded(self._wire, target, self._dialect_id)
        return Relay(self._engine, target, wire, self._peek, losses, credential)

    def _goes_on(self, attempt: Attempt | Relay, error: InterlinguaError) -> bool:
        """Whether a stream that broke off after content is continued by the next try."""
        splice, asked = self._splice, self._request
        if splice is None or asked is None or not splice.continues(error, asked):
            return False
        if not self._tries.interrupted(attempt, error, attempt.usage):
            return False
        self._goes_on_with = splice.request(asked)
        return True

    def _is_untouched(self, target: Target, credential: Credential | None) -> bool:
        """Whether the target may see the conversation just as the client sent it.

        State of unknown origin counts as untouched: it goes to the model that the client names, as without us.
        """
        assert self._request is not None
        if self._unwrapped or self._request.previous_response_id != self._asked_id:
            return False
        if self._asked_id:
            return True  # the host keeps the conversation: what is sent is its end, and pairs with what lies there
        origin = origin_of(target, self._engine.access(target.provider, credential))
        sent = view(self._sent, origin, keep_unknown=True)
        seen = view(self._request.messages, origin, tool_call_ids=tool_call_ids(target), keep_unknown=True)
        return not sent.losses and not seen.losses and anonymous(sent.messages) == anonymous(seen.messages)

    def _parse(self) -> None:
        context = TranslationContext(dialect=self._dialect_id, seed=self._request_id)
        request = self._dialect.parse_request(self._wire, context)
        self._sent = request.messages
        self._asked_id = request.previous_response_id
        messages = self._envelopes.unwrap(request.messages)
        self._unwrapped = messages != request.messages
        self._request = replace(request, messages=messages)

    async def _recall(self) -> None:
        """Puts back what the client could not carry."""
        if self._continued is not None:
            await self._continue(self._continued)
        if self._request is None:
            return
        wanted = recall.keys(self._request.messages)
        if wanted:
            found = await self._memory.get(self._tenant, wanted)
            self._request = replace(self._request, messages=recall.attach(self._request.messages, found))

    async def _continue(self, id: str) -> None:
        """Takes up the conversation that ends with an answer: where it is kept, or from our own memory.

        Raises:
            Conflict: it is in neither place, or not this tenant's.
        """
        place = await stored_responses.pinned(id, self._memory, self._tenant)
        if place is None:
            self._parse()
            assert self._request is not None
            self._request = await stored_responses.expand(self._request, self._memory, self._tenant)
            return
        kept = [target for target in self._targets if self._is_at(target, place)]
        if not kept:
            at = f"it is kept by {place.provider}, and {self._peek.model!r} is not asked there with the same account"
            raise stored_responses.gone(id, at)
        self._tries.only(kept, place.account)

    def _is_at(self, target: Target, place: stored_responses.Pin) -> bool:
        if target.provider.id != place.provider or not may_pass(target, self._dialect_id):
            return False
        accounts = {credential.account for credential in self._engine.pool(target.provider)} or {""}
        return place.account in accounts

    def _chosen(self, attempt: Attempt | Relay) -> None:
        self._relay = attempt if isinstance(attempt, Relay) else None
        self.outcome.target = attempt.target
        self.outcome.lane = attempt.lane
        self.outcome.losses = attempt.losses

    async def _failed(self, attempt: Attempt | Relay, error: InterlinguaError) -> None:
        self.outcome.error, self.outcome.usage = error, attempt.usage
        await self._tries.failed(attempt, error, attempt.usage)
        self.outcome.error = None

    def _left(self, attempt: Attempt | Relay) -> None:
        """The client left while it was being answered: what is known of the try is kept."""
        if not self._is_over:
            record = self._tries.left(attempt, attempt.usage)
            self.outcome.usage, self.outcome.cost = attempt.usage, record.cost
            self._is_over = True

    def _broken(self, attempt: Attempt | Relay, error: InterlinguaError) -> None:
        """After content went out: nothing is tried again."""
        record = self._tries.broken(attempt, error, attempt.usage)
        self._is_over = True
        self.outcome.error, self.outcome.usage, self.outcome.cost = error, attempt.usage, record.cost

    async def _passed(self, attempt: Relay, message: Message | None, named: bytes) -> None:
        """A relayed answer is whole; `named` holds its id."""
        record = self._tries.record(attempt, attempt.usage, service_tier=attempt.service_tier)
        self._is_over = True
        self.outcome.usage, self.outcome.cost, self.outcome.finish = attempt.usage, record.cost, attempt.finish
        if message is not None:
            await self._remember(message)
        if self._dialect_id == stored_responses.DIALECT:
            id = stored_responses.named(named, streamed=self._peek.stream)
            place = stored_responses.Pin(attempt.target.provider.id, attempt.account, attempt.target.model)
            if id and stored_responses.is_kept(self._wire):
                await stored_responses.pin(id, place, self._memory, self._tenant)

    async def _answered(self, attempt: Attempt, response: ChatResponse, usage: Usage | None) -> None:
        """A translated answer is whole; `usage` is what its last try consumed."""
        record = self._tries.record(attempt, usage, service_tier=response.service_tier)
        self.outcome.usage, self.outcome.cost = response.usage, record.cost
        self._is_over = True
        self.outcome.losses = attempt.losses
        if self.keeps:
            self.answered = response
        if response.choices:
            self.outcome.finish = response.finish
            await self._remember(response.message)

    async def _store(self, response: ChatResponse, answer: WireResponse | None = None) -> None:
        """Keeps the conversation for who takes it up by the answer's id."""
        if self._request is None or self._dialect_id != stored_responses.DIALECT:
            return
        if answer is None:
            answer = self._rendered(response, self._towards_client())
        await stored_responses.store(self._request, response, self._memory, self._tenant, rendered=answer.body)

    def _rendered(self, response: ChatResponse, context: TranslationContext) -> WireResponse:
        wrapped = [replace(one, message=self._envelopes.wrap(one.message)) for one in response.choices]
        return self._dialect.render_response(replace(response, choices=tuple(wrapped)), context)

    def _shaped(self, response: ChatResponse) -> ChatResponse:
        """The answer with what its rendering depends on: the path that was asked, and an id to continue it by."""
        if self._request is not None and is_marked(self._request.extra):
            own = response.extra.get("ollama", {})
            response = replace(response, extra={**response.extra, "ollama": {**own, GENERATE: True}})
        return replace(response, id=self._named(response.id))

    def _named(self, id: str) -> str:
        """What the client calls an answer. One that it may continue needs an id that no other has: hosts of other
        formats number theirs as they like, some of them with three digits."""
        if self._dialect_id != stored_responses.DIALECT or id.startswith(stored_responses.IDS):
            return id
        return TranslationContext(seed=self._request_id).new_id(stored_responses.IDS)

    async def _remember(self, message: Message) -> None:
        entries = recall.remember(message)
        if entries:
            await self._memory.put(self._tenant, entries, recall.LIFETIME)

    def _towards_client(self) -> TranslationContext:
        """Surroundings for rendering to the client: what its format cannot say is noted, never refused."""
        return TranslationContext(
            dialect=self._dialect_id,
            model=self._peek.model,
            seed=self._request_id,
            created=int(self._engine.clock.time()),
            on_loss={"setting": "warn", "content": "warn"},
        )

    def error_event(self, error: InterlinguaError, renderer: StreamRenderer | None = None) -> bytes:
        """The dialect's own error event, with nothing after it.

        Args:
            error: what happened.
            renderer: what wrote the stream so far, if anything went out.
        """
        renderer = renderer or self._dialect.StreamRenderer(self._towards_client(), self._request)
        return renderer.render(Failed.of(error))


def _accounts(request: ChatRequest | None, provider: str) -> list[str]:
    """Whose state a conversation holds. No method, because a call's tries keep it, and the call keeps those."""
    return accounts_of(request.messages, provider) if request is not None else []
