"""Many requests from a file, answered a few at a time: OpenAI's batch format in and out, any model behind it.

A line is checked before anything is sent. A line of the results is the whole of an answer: what is not written as a
line was not done. Failures of one request are its result; failures that would befall all of them end the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from interlingua.dialects import registry
from interlingua.engine.cost import most_cost
from interlingua.engine.engine import Engine
from interlingua.engine.estimate import RESERVED_OUTPUT, estimate_prompt
from interlingua.engine.limits import Lease, Limiter
from interlingua.engine.operations import embed
from interlingua.engine.passage import Passage
from interlingua.engine.principal import LOCAL
from interlingua.engine.route import Route
from interlingua.engine.target import Target
from interlingua.errors import (
    AuthenticationFailed,
    BudgetExceeded,
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
        answer: status and body, in the dialect of its address.
        cost: None where it is unknown.
        error: why it failed.
    """

    custom_id: str
    answer: WireResponse
    cost: Money | None = None
    error: InterlinguaError | None = None


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


async def run(
    engine: Engine, items: Iterable[BatchItem], *, memory: Memory, limiter: Limiter, concurrency: int
) -> AsyncGenerator[BatchResult]:
    """Answers as they come, in whatever order; whoever stops reading them ends all that runs.

    Args:
        engine: what answers.
        items: the requests.
        memory: for what one attempt must tell the next.
        limiter: how much may be asked of a model; requests wait for it.
        concurrency: most requests at once.

    Raises:
        InterlinguaError: of `BEFALLS_ALL`; the request is not done.
    """
    waiting = iter(items)
    running: set[asyncio.Task[BatchResult]] = set()
    try:
        while True:
            while len(running) < concurrency and (item := next(waiting, None)) is not None:
                running.add(asyncio.ensure_future(_answered(engine, item, memory, limiter)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            failure: InterlinguaError | None = None
            for task in done:
                try:
                    yield task.result()
                except BEFALLS_ALL as error:
                    failure = error
            if failure is not None:
                raise failure
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


def render_result(result: BatchResult, request_id: str) -> bytes:
    """A line of the results, its end included: OpenAI's format.

    Args:
        result: what came of a request.
        request_id: ours.
    """
    body: Any = msgspec.Raw(result.answer.body or b"null")
    response = {"status_code": result.answer.status, "request_id": request_id, "body": body}
    line = {"id": f"batch_{request_id}", "custom_id": result.custom_id, "response": response, "error": None}
    # A provider's JSON may hold line breaks between its values; a line must not.
    return msgspec.json.format(msgspec.json.encode(line), indent=-1) + b"\n"


async def _answered(engine: Engine, item: BatchItem, memory: Memory, limiter: Limiter) -> BatchResult:
    """What comes of a request. Raises what would befall all."""
    dialect = registry.dialect(DIALECTS[item.url])
    try:
        peek = _peek(item)
        route = engine.plan(item.model, dialect.ID)
        lease = await _let_in(engine, limiter, route.targets[0], estimate_prompt(item.body, peek))
        with lease:
            if item.url == EMBEDDINGS:
                return await _embedded(engine, item)
            return await _passed(engine, item, peek, route, memory, lease)
    except BEFALLS_ALL:
        raise
    except InterlinguaError as error:
        answer = dialect.render_error(error, TranslationContext(dialect=dialect.ID, model=item.model))
        return BatchResult(custom_id=item.custom_id, answer=answer, error=error)


async def _passed(
    engine: Engine, item: BatchItem, peek: Peek, route: Route, memory: Memory, lease: Lease
) -> BatchResult:
    passage = Passage(
        engine,
        dialect=DIALECTS[item.url],
        wire=_wire(item),
        peek=peek,
        route=route,
        tenant=LOCAL.tenant,
        # Nothing of a batch comes back in a later request, so nothing needs to be opened again.
        key=b"batch".ljust(32, b"-"),
        memory=memory,
        request_id=item.custom_id,
    )
    answer = await passage.whole()
    usage = passage.outcome.usage
    if usage is not None and usage.total_tokens is not None:
        lease.settle(usage.total_tokens)
    return BatchResult(custom_id=item.custom_id, answer=answer, cost=passage.outcome.cost)


async def _embedded(engine: Engine, item: BatchItem) -> BatchResult:
    codec = registry.embeddings(DIALECTS[item.url])
    assert codec is not None
    context = TranslationContext(dialect=DIALECTS[item.url], seed=item.custom_id)
    request = codec.parse_embed_request(_wire(item), context)
    found = await embed(engine, request)
    answer = codec.render_embed_response(found.response, context, request)
    return BatchResult(custom_id=item.custom_id, answer=answer, cost=found.cost)


async def _let_in(engine: Engine, limiter: Limiter, target: Target, tokens: int) -> Lease:
    """Waits until the limits allow a request.

    Raises:
        RateLimited: they never do.
    """
    while True:
        try:
            return limiter.acquire(LOCAL, target.name, tokens)
        except RateLimited as error:
            wait = wait_of(error)
            if wait is None:
                raise
            await engine.clock.sleep(wait)


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
