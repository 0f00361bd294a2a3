"""Many requests from a file, answered a few at a time: OpenAI's batch format in and out, any model behind it.

A line is checked before anything is sent. A line of the results is the whole of an answer: what is not written as a
line was not done. Failures of one request are its result; failures that would befall all of them end the run. Requests
wait for limits, and for budgets as long as others that run hold what they need.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.engine.budgets import Budgets, Hold
from interlingua.engine.cost import most_cost
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import RESERVED_OUTPUT, estimate_prompt
from interlingua.engine.limits import Lease, Limiter
from interlingua.engine.operations import embed
from interlingua.engine.passage import Outcome, Passage
from interlingua.engine.principal import LOCAL
from interlingua.engine.route import Route
from interlingua.engine.target import Target
from interlingua.engine.tries import Tries
from interlingua.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    Cancelled,
    ConfigError,
    CredentialMissing,
    InterlinguaError,
    InvalidRequest,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    wait_of,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Peek
from interlingua.ports.memory import Memory
from interlingua.types.money import Money

EMBEDDINGS = "/v1/embeddings"
DIALECTS = {
    "/v1/chat/completions": "openai_chat",
    "/v1/responses": "openai_responses",
    "/v1/messages": "anthropic_messages",
    EMBEDDINGS: "openai_chat",
}
"""What each address of a line speaks."""
BEFALLS_ALL = (AuthenticationFailed, BudgetExceeded, ConfigError, CredentialMissing, PermissionDenied, QuotaExceeded)
"""Errors after which the other requests would fail too, or must not be sent."""


class BatchItem(Struct, frozen=True, kw_only=True):
    """One request.

    Args:
        custom_id: its name, unlike any other's.
        url: one of `DIALECTS`.
        body: as it goes out, in that dialect.
        model: who is asked.
        line: where it stands, from 1.
    """

    custom_id: str
    url: str
    body: bytes
    model: str
    line: int


class BatchResult(Struct, frozen=True, kw_only=True):
    """What came of a request.

    Args:
        custom_id: its name.
        request_id: ours, under which the ledger has it.
        answer: status and body, in the dialect of its address; None where it has no result and is to be asked again.
        dialect, operation, peek: what was asked.
        outcome: what came of it, every try included.
        started, ended: seconds since 1970.
        hold: what is reserved for it in budgets, to be settled once.
    """

    custom_id: str
    request_id: str
    answer: WireResponse | None = None
    dialect: str
    operation: str
    peek: Peek
    outcome: Outcome
    started: float
    ended: float
    hold: Hold | None = None

    @property
    def cost(self) -> Money | None:
        """What it cost; None where that is unknown."""
        return self.outcome.cost

    @property
    def error(self) -> InterlinguaError | None:
        """Why it failed."""
        return self.outcome.error


class BatchEstimate(Struct, frozen=True, kw_only=True):
    """What a batch may take.

    Args:
        prompt_tokens: of all prompts, about.
        prompt_cost, most_cost: pico-dollars of the prompts alone and with the longest answers, of known prices.
        unpriced: requests whose price is unknown.
        models: who is asked, each once.
    """

    prompt_tokens: int
    prompt_cost: int
    most_cost: int
    unpriced: int
    models: tuple[str, ...]


def parse_items(lines: Iterable[bytes], model: str | None = None) -> list[BatchItem]:
    """The requests of a file in OpenAI's batch format.

    Args:
        lines: of the file.
        model: who is asked instead of whom the bodies name.

    Raises:
        InvalidRequest: a line is none; the message says which and why.
    """
    items: list[BatchItem] = []
    seen: dict[str, int] = {}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        item = _item(text, number, model)
        if item.custom_id in seen:
            raise _bad(number, f"custom_id {item.custom_id!r} stands on line {seen[item.custom_id]} too", "custom_id")
        seen[item.custom_id] = number
        items.append(item)
    return items


def estimate(engine: Engine, items: Sequence[BatchItem]) -> BatchEstimate:
    """What requests may take, by the size of their bodies; nothing is sent.

    Raises:
        ModelNotFound: a request names a model that there is not.
    """
    now = engine.clock.time()
    tokens = prompts = most = unpriced = 0
    models: dict[str, Target] = {}
    for item in items:
        target = models.get(item.model) or models.setdefault(item.model, engine.route(item.model)[0])
        peek = _peek(item)
        prompt = estimate_prompt(item.body, peek)
        caps = (peek.most_output, target.traits.max_output, RESERVED_OUTPUT)
        output = 0 if item.url == EMBEDDINGS else min(cap for cap in caps if cap is not None)
        least, longest = most_cost(target.row, prompt, 0, now), most_cost(target.row, prompt, output, now)
        tokens += prompt
        if least is None or longest is None:
            unpriced += 1
        else:
            prompts, most = prompts + least, most + longest
    names = tuple(sorted({target.name for target in models.values()}))
    return BatchEstimate(prompt_tokens=tokens, prompt_cost=prompts, most_cost=most, unpriced=unpriced, models=names)


class Batch:
    """Answers requests, a few at a time.

    Args:
        engine: what answers.
        memory: for what one attempt must tell the next.
        limiter: how much may be asked of a model; requests wait for it.
        budgets: what they may cost; requests wait for those that run, where it is held for these.
        concurrency: most requests at once.
        new_id: makes ids of requests.

    Attributes:
        left: what nobody was given: it was cancelled or ended the run though somebody was asked, or was answered just
            when the run was ended.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        memory: Memory,
        limiter: Limiter,
        budgets: Budgets,
        concurrency: int,
        new_id: Callable[[], str],
    ) -> None:
        self.left: list[BatchResult] = []
        self._engine = engine
        self._memory = memory
        self._limiter = limiter
        self._budgets = budgets
        self._concurrency = concurrency
        self._new_id = new_id
        self._waiting: set[asyncio.Task[BatchResult]] = set()
        self._holding = 0
        self._freed = asyncio.Event()

    async def results(self, items: Iterable[BatchItem]) -> AsyncGenerator[BatchResult]:
        """Answers as they come, in whatever order; whoever stops reading them ends all that runs.

        Where a failure would befall all, what was asked already is still answered, and nothing else is asked.

        Raises:
            InterlinguaError: of `BEFALLS_ALL`; the request is not done.
        """
        waiting = iter(items)
        running: set[asyncio.Task[BatchResult]] = set()
        done: set[asyncio.Task[BatchResult]] = set()
        failure: InterlinguaError | None = None
        try:
            while True:
                while failure is None and len(running) < self._concurrency and (item := next(waiting, None)):
                    task = asyncio.ensure_future(self._answered(item))
                    self._waiting.add(task)
                    running.add(task)
                if not running:
                    break
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                while done:
                    task = done.pop()
                    self._waiting.discard(task)
                    if task.cancelled():
                        continue
                    try:
                        result = task.result()
                    except BEFALLS_ALL as error:
                        failure = failure or error
                        for other in self._waiting:
                            other.cancel()
                        continue
                    yield result
                    self._settled(result)
            if failure is not None:
                raise failure
        finally:
            for task in running:
                task.cancel()
            if rest := running | done:
                await asyncio.wait(rest)
            self.left += [task.result() for task in rest if not task.cancelled() and task.exception() is None]

    def _settled(self, result: BatchResult) -> None:
        """A result was taken over, and what was reserved for it is free: others may be let in."""
        if result.hold is not None:
            self._holding -= 1
        self._freed.set()
        self._freed = asyncio.Event()

    async def _answered(self, item: BatchItem) -> BatchResult:
        """What comes of a request. Raises what would befall all."""
        call = _Call(item, self._new_id(), self._engine.clock.time())
        try:
            peek = call.peek = _peek(item)
            route = self._engine.plan(item.model, call.dialect)
            prompt = estimate_prompt(item.body, peek)
            lease = await self._let_in(route.targets[0], prompt)
            with lease:
                route = await self._afford(call, route, prompt)
                self._waiting.discard(asyncio.current_task())
                answer = await (self._embedded if item.url == EMBEDDINGS else self._passed)(call, route)
                usage = call.outcome.usage
                if usage is not None and usage.total_tokens is not None:
                    lease.settle(usage.total_tokens)
                return self._ended(call, answer)
        except BEFALLS_ALL as error:
            self._leave(call, error)
            raise
        except asyncio.CancelledError:
            self._leave(call, Cancelled("the batch was stopped"))
            raise
        except InterlinguaError as error:
            call.outcome.error = error
            context = TranslationContext(dialect=call.dialect, model=item.model)
            return self._ended(call, registry.dialect(call.dialect).render_error(error, context))

    def _leave(self, call: _Call, error: InterlinguaError) -> None:
        call.outcome.error = error
        if call.outcome.attempts or call.hold is not None:
            self.left.append(self._ended(call, None))

    def _ended(self, call: _Call, answer: WireResponse | None) -> BatchResult:
        return BatchResult(
            custom_id=call.item.custom_id,
            request_id=call.id,
            answer=answer,
            dialect=call.dialect,
            operation="embeddings" if call.item.url == EMBEDDINGS else "chat",
            peek=call.peek,
            outcome=call.outcome,
            started=call.started,
            ended=self._engine.clock.time(),
            hold=call.hold,
        )

    async def _passed(self, call: _Call, route: Route) -> WireResponse:
        passage = Passage(
            self._engine,
            dialect=call.dialect,
            wire=_wire(call.item),
            peek=call.peek,
            route=route,
            tenant=LOCAL.tenant,
            # Nothing of a batch comes back in a later request, so nothing needs to be opened again.
            key=b"batch".ljust(32, b"-"),
            memory=self._memory,
            request_id=call.item.custom_id,
        )
        call.outcome = passage.outcome
        return await passage.whole()

    async def _embedded(self, call: _Call, route: Route) -> WireResponse:
        codec = registry.embeddings(call.dialect)
        assert codec is not None
        context = TranslationContext(dialect=call.dialect, seed=call.item.custom_id)
        request = codec.parse_embed_request(_wire(call.item), context)
        tries, outcome = Tries(self._engine, route), call.outcome
        outcome.attempts, outcome.decisions, outcome.target = tries.records, tries.decisions, route.targets[0]
        found = await embed(self._engine, request, tries)
        outcome.target, outcome.cost, outcome.losses = found.target, found.cost, found.losses
        outcome.usage = found.response.usage
        return codec.render_embed_response(found.response, context, request)

    async def _let_in(self, target: Target, tokens: int) -> Lease:
        """Waits until the limits allow a request.

        Raises:
            RateLimited: they never do.
        """
        while True:
            try:
                return self._limiter.acquire(LOCAL, target.name, tokens)
            except RateLimited as error:
                wait = wait_of(error)
                if wait is None:
                    raise
                await self._engine.clock.sleep(wait)

    async def _afford(self, call: _Call, route: Route, prompt: int) -> Route:
        """Waits until the budgets hold a request beside those that run; what they leave of its way.

        Raises:
            BudgetExceeded: they do not, and nothing that runs here can change that.
        """
        budgets, now = self._budgets, self._engine.clock.time()
        targets = budgets.usable(LOCAL, list(route.targets), now)
        output = 0 if call.item.url == EMBEDDINGS else call.peek.most_output
        is_last = False
        while True:
            freed = self._freed
            try:
                call.hold = await budgets.reserve(LOCAL, targets, prompt, output, now, call.peek.choices)
            except BudgetExceeded as error:
                if not error.retryable or is_last:
                    raise
                if self._holding:
                    await freed.wait()
                else:
                    is_last = True  # another process holds it, or we did a moment ago
                    await self._engine.clock.sleep(error.retry_after or 1.0)
            else:
                self._holding += call.hold is not None
                return route if len(targets) == len(route.targets) else replace(route, targets=tuple(targets))


class _Call:
    """A request on its way."""

    def __init__(self, item: BatchItem, id: str, started: float) -> None:
        self.item = item
        self.id = id
        self.started = started
        self.dialect = DIALECTS[item.url]
        self.peek = Peek(model=item.model)
        self.outcome = Outcome()
        self.hold: Hold | None = None


def render_result(result: BatchResult) -> bytes:
    """A line of the results, its end included: OpenAI's format.

    Args:
        result: what came of a request, with its answer.
    """
    assert result.answer is not None, "it has no result"
    body: Any = msgspec.Raw(result.answer.body or b"null")
    response = {"status_code": result.answer.status, "request_id": result.request_id, "body": body}
    line = {"id": f"batch_{result.request_id}", "custom_id": result.custom_id, "response": response, "error": None}
    # A provider's JSON may hold line breaks between its values; a line must not.
    return msgspec.json.format(msgspec.json.encode(line), indent=-1) + b"\n"


def _peek(item: BatchItem) -> Peek:
    if item.url == EMBEDDINGS:
        return Peek(model=item.model)
    return registry.lens(DIALECTS[item.url]).peek(_wire(item))


def _wire(item: BatchItem) -> WireRequest:
    return WireRequest(path=item.url, body=item.body, headers=(("content-type", "application/json"),))


def _item(text: bytes, number: int, model: str | None) -> BatchItem:
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(number, f"is not JSON: {error}", "") from error
    if not isinstance(values, dict):
        raise _bad(number, "is not a JSON object", "")
    name, url, body = values.get("custom_id"), values.get("url"), values.get("body")
    if not isinstance(name, str) or not name:
        raise _bad(number, "custom_id: a text is needed", "custom_id")
    if values.get("method", "POST") != "POST":
        raise _bad(number, "method: only POST is known", "method")
    if not isinstance(url, str) or url not in DIALECTS:
        raise _bad(number, f"url: {url!r} is not one of {', '.join(DIALECTS)}", "url")
    if not isinstance(body, dict):
        raise _bad(number, "body: an object is needed", "body")
    if body.get("stream"):
        raise _bad(number, "body.stream: a batch has no streams", "body.stream")
    asked = model or body.get("model")
    if not isinstance(asked, str) or not asked:
        raise _bad(number, "body.model: a text is needed", "body.model")
    encoded = msgspec.json.encode({**body, "model": asked})
    return BatchItem(custom_id=name, url=url, body=encoded, model=asked, line=number)


def _bad(number: int, why: str, path: str) -> InvalidRequest:
    return InvalidRequest(
        f"line {number}: {why}",
        path=path,
        remedy='Write lines such as {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {…}}.',
    )
