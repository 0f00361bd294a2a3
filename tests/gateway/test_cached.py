"""An answer is given again to the same request of the same tenant: faithfully, free, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.dialects import registry
from interlingua.engine.principal import Limits
from interlingua.engine.relay import Piece
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import CacheSettings
from interlingua.errors import Overloaded, PermissionDenied
from interlingua.gateway.app import Gateway
from interlingua.gateway.cached import ahead
from interlingua.gateway.hooks import CallView, Hooks
from interlingua.ports.store import LedgerRow
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import Message
from interlingua.types.parts import TextPart
from interlingua.types.response import ChatResponse, Choice, FinishReason
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.test_sockets import body_of, listening, until
from tests.gateway.upstreams import (
    DIALECTS,
    ENVIRONMENT,
    PAIRS,
    USED,
    asks,
    begun,
    config,
    failure,
    in_band,
    model_of,
    parsed,
    read,
    response,
    script,
    text_of,
    whole,
)
from tests.transport.servers import Exchange

ON = CacheSettings(ttl=60)
KEYS = {name: f"il-the-key-of-{name.lower()}-and-more" for name in ("ONE", "ALSO", "TWO")}
BEARER = {name: {"authorization": f"Bearer {key}"} for name, key in KEYS.items()}
COUNT = "Count to three."


def cached(folder: Path, transport: Any, settings: CacheSettings = ON, **more: Any) -> Any:
    """A gateway that remembers, for two keys of one tenant and one of another, where they are asked for."""
    return gateway(folder, transport, {**ENVIRONMENT, **KEYS}, **config(cache=settings, **more))


def keys(**of_also: Any) -> tuple[VirtualKeySettings, ...]:
    """ONE and ALSO are of one tenant, TWO of another."""
    return (
        VirtualKeySettings(name="one", key="env:ONE", tenant="t"),
        VirtualKeySettings(name="also", key="env:ALSO", tenant="t", **of_also),
        VirtualKeySettings(name="two", key="env:TWO", tenant="u"),
    )


def question(client: str, host: str, *, stream: bool, **more: Any) -> tuple[str, dict[str, Any]]:
    """The same request in every dialect: Anthropic's must name the most tokens, so all do."""
    path, body = asks(client, host, stream=stream)
    fields: dict[str, dict[str, Any]] = {
        "openai_chat": {"max_completion_tokens": 100},
        "openai_responses": {"max_output_tokens": 100},
        "anthropic_messages": {"max_tokens": 100},
        "gemini": {"generationConfig": {"maxOutputTokens": 100}},
        "ollama": {"options": {"num_predict": 100}},
    }
    return path, {**body, **fields[client], **more}


async def ask(app: Gateway, client: str, host: str, *, stream: bool = False, key: str = "", **more: Any) -> Answer:
    headers = {**(BEARER[key] if key else {}), **more.pop("headers", {})}
    path, body = question(client, host, stream=stream, **more)
    return await call(app, "POST", path, body, headers=headers)


def told(client: str, answer: Answer, *, stream: bool) -> ChatResponse:
    """The answer as its client reads it; a stream by its grammar."""
    assert answer.status == 200, answer.body
    if not stream:
        return parsed(client, answer.body)
    from interlingua.types.accumulate import Accumulator

    grown = Accumulator()
    for event in read(client, answer.body):
        grown.add(event)
    assert grown.complete
    return grown.response()


def both(host: str, answer: ChatResponse | None = None) -> Any:
    """A host that answers as it is asked, whole or as a stream."""

    def choose(request: HttpRequest) -> Script:
        return script(host, answer) if request.stream else whole(host, answer)

    return ScriptedTransport(choose)


async def row_of(app: Gateway, answer: Answer, key: str = "") -> dict[str, Any]:
    path = f"/api/requests/{answer.headers['x-request-id']}"
    return dict((await call(app, "GET", path, headers=BEARER[key] if key else None)).json)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("first", "host"), PAIRS)
async def test_seed_14_a_hit_is_right_in_every_dialect_and_mode_whoever_was_answered_first(
    first: str, host: str, stream: bool, tmp_path: Path
) -> None:
    """In both lanes. Usage is as it was; a hit says that it is one, and that it is free."""
    transport = both(host)
    async with cached(tmp_path, transport) as app:
        miss = await ask(app, first, host, stream=stream)
        assert miss.headers["x-interlingua-cache"] == "miss"
        said = told(first, miss, stream=stream)
        for client in DIALECTS:
            for mode in (True, False):
                hit = await ask(app, client, host, stream=mode)
                assert (hit.headers["x-interlingua-cache"], hit.headers["x-interlingua-cost"]) == ("hit", "0"), client
                again = told(client, hit, stream=mode)
                assert (again.text, again.finish.kind) == (said.text, "stop")
                if not (client == "openai_chat" and mode):  # which tells usage in a stream only where it is asked to
                    assert again.usage is not None
                    assert (again.usage.input_tokens, again.usage.output_tokens) == (11, 7)
                if (client, mode) == (first, stream) and client != "openai_responses":
                    assert hit.body == miss.body
    assert len(transport.requests) == 1


async def test_a_hit_is_free_in_the_ledger_and_takes_no_tokens(tmp_path: Path) -> None:
    """It takes one request off its key's limits, as every call does."""
    limits = {model_of("gemini"): Limits(tpm=200, rpm=10)}
    async with cached(tmp_path, both("gemini"), limits=limits) as app:
        left = [await ask(app, "openai_chat", "gemini") for _ in range(9)]
        # At 18 tokens each they would have run out before the last.
        assert [one.status for one in left] == [200] * 9
        assert left[-1].headers["x-ratelimit-remaining-requests"] == "1"
        row = await row_of(app, left[-1])
        (attempt,) = row["attempts"]
        assert (attempt["lane"], attempt["cost"], attempt["target"]) == ("cache", 0, model_of("gemini"))
        assert attempt["usage"]["output_tokens"] == 7
        assert row["status"] == 200


async def test_seed_14_two_tenants_with_the_same_prompt_get_answers_of_their_own(tmp_path: Path) -> None:
    """Its keys share them."""
    transport = both("gemini")
    async with cached(tmp_path, transport, virtual_keys=keys()) as app:
        found = [
            (await ask(app, "openai_chat", "gemini", key=key)).headers["x-interlingua-cache"]
            for key in ("ONE", "TWO", "ALSO", "TWO", "ONE")
        ]
    assert found == ["miss", "miss", "hit", "hit", "hit"]
    assert len(transport.requests) == 2


async def test_seed_14_a_key_that_may_not_ask_whom_another_asked_does_not_get_that_ones_answer(tmp_path: Path) -> None:
    """Both say `fast`, and it stands for less where less may be used."""
    transport = both("gemini")
    models = {"fast": ModelAlias(targets=(model_of("gemini"), "the-gemini/m-2"))}
    may = {"models": ("the-gemini/m-2",)}
    async with cached(tmp_path, transport, virtual_keys=keys(**may), models=models) as app:
        for key in ("ONE", "ALSO"):
            body = {"model": "fast", "messages": [{"role": "user", "content": COUNT}]}
            answer = await call(app, "POST", "/v1/chat/completions", body, headers=BEARER[key])
            assert answer.headers["x-interlingua-cache"] == "miss"
    assert [request.url.partition("models/")[2][:3] for request in transport.requests] == ["m-1", "m-2"]


async def test_seed_14_another_credential_does_not_get_what_the_former_got(tmp_path: Path) -> None:
    """State in an answer may be bound to the account that asked for it."""
    transport = both("gemini")
    async with cached(tmp_path, transport) as app:
        await ask(app, "openai_chat", "gemini")
        settings = config()
        settings["providers"]["the-gemini"]["api_keys"] = ["env:OPENAI_CHAT_KEY"]
        from interlingua.config.build import build_engine
        from interlingua.config.schema import Config

        app.state.engine = build_engine(Config(**settings), transport=transport, environment=ENVIRONMENT)
        assert (await ask(app, "openai_chat", "gemini")).headers["x-interlingua-cache"] == "miss"


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
OTHER_TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "title": "x"}}}


async def test_seed_14_what_differs_at_all_is_another_request(tmp_path: Path) -> None:
    """Nearly the same words, another tool list, a sampling setting, a field that nobody knows, a label."""
    transport = both("openai_chat")
    variants: list[dict[str, Any]] = [
        {},
        {"messages": [{"role": "user", "content": COUNT + " "}]},
        {"tools": [TOOL]},
        {"tools": [OTHER_TOOL]},
        {"temperature": 0},
        {"temperature": 0.1},
        {"of_tomorrow": 1},
        {"user": "someone"},
    ]
    async with cached(tmp_path, transport) as app:
        for found in ("miss", "hit"):
            for more in variants:
                assert (await ask(app, "openai_chat", "openai_chat", **more)).headers["x-interlingua-cache"] == found
    assert len(transport.requests) == len(variants)


def ended(kind: Any) -> ChatResponse:
    message = Message(role="assistant", parts=(TextPart(text="One two"),))
    finish = FinishReason(kind, kind)
    return ChatResponse(id="a", model="m-1", choices=(Choice(message=message, finish=finish),), usage=USED)


@pytest.mark.parametrize("kind", ["length", "content_filter"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", ["openai_chat", "gemini"])
async def test_an_answer_that_was_cut_off_is_not_given_again(
    client: str, stream: bool, kind: str, tmp_path: Path
) -> None:
    """In both lanes."""
    transport = both("openai_chat", ended(kind))
    async with cached(tmp_path, transport) as app:
        for _ in range(2):
            assert (await ask(app, client, "openai_chat", stream=stream)).headers["x-interlingua-cache"] == "miss"
    assert len(transport.requests) == 2


@pytest.mark.parametrize("client", DIALECTS)
async def test_failures_are_not_given_again(client: str, tmp_path: Path) -> None:
    """A refusal, an error inside a 200, a stream that breaks off after content, one without its end."""
    host = "openai_chat"
    kind = script(host).headers
    failures = [
        Script.json({"error": {"message": "full"}}, 503),
        Script(headers=kind, chunks=(in_band(host),)),
        Script(headers=kind, chunks=(*begun(host), in_band(host))),
        Script(headers=kind, chunks=tuple(begun(host))),
        script(host),
    ]
    transport = ScriptedTransport(failures)
    async with cached(tmp_path, transport) as app:
        found = [await ask(app, client, host, stream=True) for _ in range(6)]
    assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] * 5 + ["hit"]
    assert [one.status < 400 for one in found] == [False, False, True, True, True, True]
    assert all(failure(client, one.body).code in ("overloaded", "stream_interrupted") for one in found[2:4])
    assert text_of(read(client, found[5].body)) == text_of(read(client, found[4].body)) == "Onetwothree."


SERVER_TOOLS: dict[str, dict[str, Any]] = {
    "openai_chat": {"web_search_options": {}},
    "openai_responses": {"tools": [{"type": "web_search"}]},
    "anthropic_messages": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "gemini": {"tools": [{"googleSearch": {}}]},
}
TIED: list[tuple[str, dict[str, Any]]] = [
    *SERVER_TOOLS.items(),
    ("openai_chat", {"store": True}),
    ("openai_responses", {"store": True}),
    ("openai_responses", {"background": True}),
    ("openai_responses", {"conversation": "conv_1"}),
    ("anthropic_messages", {"container": "container_1"}),
    ("gemini", {"cachedContent": "cachedContents/1"}),
]


@pytest.mark.parametrize(("client", "more"), TIED)
async def test_what_is_tied_to_something_at_the_provider_is_neither_looked_up_nor_remembered(
    client: str, more: dict[str, Any], tmp_path: Path
) -> None:
    """Searches, stored answers, conversations, containers."""
    transport = both(client)
    async with cached(tmp_path, transport) as app:
        for _ in range(2):
            answer = await ask(app, client, client, **more)
            assert answer.status == 200, answer.body
            assert "x-interlingua-cache" not in answer.headers
    assert len(transport.requests) == 2


@pytest.mark.parametrize("host", ["openai_responses", "gemini"])
async def test_each_hit_of_the_responses_format_can_be_continued_and_forgotten_by_itself(
    host: str, tmp_path: Path
) -> None:
    """It has an id of its own, of which its tenant alone knows."""
    transport = both(host)
    async with cached(tmp_path, transport, virtual_keys=keys()) as app:
        found = [await ask(app, "openai_responses", host, key="ONE") for _ in range(3)]
        _, one, other = (answer.json["id"] for answer in found)
        assert len({answer.json["id"] for answer in found}) == 3
        for id, key, status in ((one, "TWO", 409), (one, "ONE", 200)):
            more = {"previous_response_id": id, "input": "And then?"}
            answer = await ask(app, "openai_responses", host, key=key, **more)
            assert (answer.status, "x-interlingua-cache" in answer.headers) == (status, False)
        assert b"Count to three." in transport.requests[-1].body
        assert (await call(app, "DELETE", f"/v1/responses/{one}", headers=BEARER["ONE"])).status == 200
        assert (await call(app, "GET", f"/v1/responses/{one}", headers=BEARER["ONE"])).status == 404
        assert (await call(app, "GET", f"/v1/responses/{other}", headers=BEARER["ONE"])).json["id"] == other


async def test_a_client_says_whether_it_wants_an_old_answer(tmp_path: Path) -> None:
    """`no` neither looks nor leaves anything; `refresh` puts a new answer in the old one's place."""
    answers = [whole("openai_chat", response(word)) for word in ("a", "b", "c", "d")]
    transport = ScriptedTransport(answers)
    async with cached(tmp_path, transport) as app:
        found = []
        for wish in ("no", "", "", "refresh", "", "no"):
            answer = await ask(app, "openai_chat", "openai_chat", headers={"x-interlingua-cache": wish} if wish else {})
            found.append((parsed("openai_chat", answer.body).text, answer.headers.get("x-interlingua-cache")))
        wrong = await ask(app, "openai_chat", "openai_chat", headers={"x-interlingua-cache": "never"})
    assert found == [("a", None), ("b", "miss"), ("b", "hit"), ("c", "miss"), ("c", "hit"), ("d", None)]
    assert wrong.status == 400
    assert b"x-interlingua-cache: is one of yes, no, refresh" in wrong.body


async def test_models_that_are_not_named_are_remembered_where_the_client_asks_for_it(tmp_path: Path) -> None:
    """Patterns are of names as asked for, or as `provider/model`."""
    for patterns, wish, last in (
        (("the-gemini/*",), "", "hit"),
        (("other/*",), "", None),
        (("other/*",), "yes", "hit"),
        ((), "yes", "hit"),
    ):
        settings = CacheSettings(ttl=60, models=patterns)
        folder = tmp_path / f"{len(patterns)}{wish}{last}"
        folder.mkdir()
        async with cached(folder, both("gemini"), settings) as app:
            headers = {"x-interlingua-cache": wish} if wish else {}
            for _ in range(2):
                answer = await ask(app, "openai_chat", "gemini", headers=headers)
            assert answer.headers.get("x-interlingua-cache") == last


async def test_without_a_lifetime_nothing_is_remembered_or_read(tmp_path: Path) -> None:
    """The header included."""
    transport = both("gemini")
    async with cached(tmp_path, transport, CacheSettings()) as app:
        for _ in range(2):
            answer = await ask(app, "openai_chat", "gemini", headers={"x-interlingua-cache": "yes"})
            assert "x-interlingua-cache" not in answer.headers
    assert len(transport.requests) == 2


class Guardrail:
    """A hook that changes its mind, and sees what goes out."""

    def __init__(self) -> None:
        self.refuses = False
        self.seen: list[bytes] = []
        self.lanes: list[str] = []

    def before_request(self, view: CallView) -> None:
        if self.refuses:
            raise PermissionDenied("not any more")

    def on_event(self, view: CallView, data: bytes) -> None:
        self.seen.append(data)

    def after_response(self, row: LedgerRow) -> None:
        self.lanes += [attempt.lane for attempt in row.attempts]


async def test_seed_14_a_guardrail_holds_for_hits_as_for_every_call(tmp_path: Path) -> None:
    """It is asked before, sees the pieces and hears of the end."""
    guardrail = Guardrail()
    async with cached(tmp_path, both("gemini")) as app:
        app.state.hooks = app.state.seeing.hooks = Hooks([("guard", guardrail)])
        first = await ask(app, "openai_chat", "gemini", stream=True)
        pieces, guardrail.seen = guardrail.seen, []
        again = await ask(app, "openai_chat", "gemini", stream=True)
        assert (guardrail.seen, again.body) == (pieces, first.body)
        assert guardrail.lanes == ["translated", "cache"]
        guardrail.refuses = True
        assert (await ask(app, "openai_chat", "gemini", stream=True)).status == 403


class Gate:
    """A host that answers when it is let."""

    def __init__(self, inner: ScriptedTransport) -> None:
        self.inner = inner
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.given_up = 0

    @property
    def requests(self) -> list[HttpRequest]:
        return self.inner.requests

    async def send(self, request: HttpRequest) -> HttpResponse:
        answer = await self.inner.send(request)
        self.asked.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


async def waiting(app: Gateway, count: int) -> None:
    """Until so many wait for another's answer."""
    for _ in range(1000):
        if sum(flight._waiting for flight in app.state.cache._flights.values()) == count:
            return
        await asyncio.sleep(0)
    raise AssertionError("they do not wait")


@pytest.mark.parametrize("stream", [True, False])
async def test_of_the_same_requests_at_once_one_goes_on_its_way(stream: bool, tmp_path: Path) -> None:
    """All get the answer, each in its dialect; one is charged."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, "openai_chat", "gemini", stream=stream))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client, "gemini", stream=stream)) for client in DIALECTS * 4]
        await waiting(app, 20)
        gate.open.set()
        found = [await one for one in (first, *others)]
        for client, answer in zip(("openai_chat", *DIALECTS * 4), found, strict=True):
            assert told(client, answer, stream=stream).text.replace(" ", "") == "Onetwothree."
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] + ["hit"] * 20
        assert not app.state.cache._flights
        assert not app.state.running
    assert len(gate.requests) == 1


async def test_a_failure_goes_to_all_that_wait(tmp_path: Path) -> None:
    """Each in its dialect, none of them tries again; the next call does."""
    refusal = Script.json({"error": {"message": "slowly", "status": "RESOURCE_EXHAUSTED"}}, 429)
    gate = Gate(ScriptedTransport([refusal, whole("gemini")]))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, "openai_chat", "gemini"))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client, "gemini")) for client in DIALECTS]
        await waiting(app, 5)
        gate.open.set()
        found = [await one for one in (first, *others)]
        assert {one.status for one in found} == {429}
        assert all(b"slowly" in one.body for one in found)
        assert len(gate.requests) == 1
        assert (await ask(app, "openai_chat", "gemini")).status == 200


async def leaving(
    app: Gateway,
    gone: asyncio.Event,
    *,
    stream: bool = False,
    client: str = "openai_chat",
    stuck: asyncio.Event | None = None,
    go_on: asyncio.Event | None = None,
) -> None:
    """Asks, and leaves when it is told to; with `stuck`, takes the first piece only when it may go on."""
    import msgspec

    path, body = question(client, "gemini", stream=stream)
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": msgspec.json.encode(body), "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        # As a server does whose client has left, or does not read.
        if stuck is not None and go_on is not None and message.get("body"):
            stuck.set()
            await go_on.wait()

    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode()}
    await app({**scope, "headers": [(b"host", b"127.0.0.1:8100")]}, receive, send)


@pytest.mark.parametrize("stream", [True, False])
async def test_one_that_leaves_does_not_cancel_the_others(stream: bool, tmp_path: Path) -> None:
    """Nor does one that waits and leaves; what was asked for is paid once."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        gone, also = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(leaving(app, gone, stream=stream))
        await gate.asked.wait()
        leaver = asyncio.create_task(leaving(app, also, stream=stream, client="ollama"))
        stays = asyncio.create_task(ask(app, "anthropic_messages", "gemini", stream=stream))
        await waiting(app, 2)
        gone.set()
        also.set()
        await waiting(app, 1)
        gate.open.set()
        answer = await stays
        assert told("anthropic_messages", answer, stream=stream).text.replace(" ", "") == "Onetwothree."
        await asyncio.gather(first, leaver)
        rows = (await app.state.ledger.page(None)).rows
        lanes = sorted(attempt.lane for row in rows for attempt in row.attempts)
        assert lanes == ["cache", "translated"]
        assert sorted(row.status for row in rows) == [200, 200, 499]
    assert (len(gate.requests), gate.given_up) == (1, 0)


async def test_when_all_have_left_nobody_is_asked_any_more(tmp_path: Path) -> None:
    """Whoever leaves last."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        ends = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(leaving(app, ends[0]))]
        await gate.asked.wait()
        tasks += [asyncio.create_task(leaving(app, end, client="ollama")) for end in ends[1:]]
        await waiting(app, 2)
        for end in ends:
            assert gate.given_up == 0
            end.set()
            await asyncio.wait(tasks, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*tasks)
        assert gate.given_up == 1
        assert not app.state.running
        assert not app.state.cache._flights


async def flow(pieces: list[bytes], closed: list[bool], fails: bool = False) -> AsyncGenerator[Piece]:
    try:
        for data in pieces:
            await asyncio.sleep(0)
            closed[0] = False
            closed.append(True)
            yield Piece(data, True)
        if fails:
            raise Overloaded("full")
    finally:
        closed[0] = True


async def test_a_stream_is_read_ahead_for_those_who_wait_and_else_only_a_little() -> None:
    """However slowly its client takes it; what it raises comes after all of it, and leaving closes it."""
    data = [bytes([65 + number % 26]) * 1000 for number in range(500)]
    hurry, seen = asyncio.Event(), [False]
    reading = ahead(flow(data, seen, fails=True), hurry)
    found = [(await anext(reading)).data]
    for _ in range(2000):
        await asyncio.sleep(0)
    assert len(seen) - 1 == 67  # the one that was taken, and as many as it takes to be more than a little
    hurry.set()
    for _ in range(2000):
        await asyncio.sleep(0)
    assert len(seen) - 1 == 500
    with pytest.raises(Overloaded):
        async for piece in reading:
            found += [piece.data]
    assert found == data
    seen = [False]
    reading = ahead(flow(data, seen), asyncio.Event())
    await anext(reading)
    await reading.aclose()
    assert seen[0]


async def test_one_that_reads_slowly_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """Its client took the head and nothing since."""
    gate = Gate(both("gemini"))
    stuck, go_on = asyncio.Event(), asyncio.Event()
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(leaving(app, asyncio.Event(), stream=True, stuck=stuck, go_on=go_on))
        await gate.asked.wait()
        other = asyncio.create_task(ask(app, "openai_chat", "gemini"))
        await waiting(app, 1)
        gate.open.set()
        await stuck.wait()
        assert parsed("openai_chat", (await other).body).text.replace(" ", "") == "Onetwothree."
        assert not first.done()
        go_on.set()
        await first


async def test_two_tenants_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Even at once."""
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate, virtual_keys=keys()) as app:
        tasks = [asyncio.create_task(ask(app, "openai_chat", "gemini", key=key)) for key in ("ONE", "TWO")]
        for _ in range(1000):
            if len(gate.requests) == 2:
                break
            await asyncio.sleep(0)
        gate.open.set()
        assert [(await task).headers["x-interlingua-cache"] for task in tasks] == ["miss", "miss"]
    assert len(gate.requests) == 2


async def test_a_key_without_budget_gets_what_is_remembered(tmp_path: Path) -> None:
    """Hits are free; what is not there is refused."""
    model = "openai/gpt-4o-mini"
    transport = both("openai_chat")
    environment = {**ENVIRONMENT, **KEYS, "OPENAI_API_KEY": "sk-x"}
    settings = config(cache=ON, virtual_keys=keys(budget="0.0000001 USD / day"))
    async with gateway(tmp_path, transport, environment, **settings) as app:
        found = []
        for key, text in (("ONE", "a"), ("ALSO", "a"), ("ALSO", "b")):
            body = {"model": model, "messages": [{"role": "user", "content": text}]}
            answer = await call(app, "POST", "/v1/chat/completions", body, headers=BEARER[key])
            found.append((answer.status, answer.headers["x-interlingua-cache"]))
    assert found == [(200, "miss"), (200, "hit"), (429, "miss")]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("client", ["openai_chat", "gemini"])
async def test_an_answer_that_is_too_large_is_neither_shared_nor_given_again(
    client: str, stream: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for it asks at once, all beside each other."""
    monkeypatch.setattr("interlingua.gateway.cached.MOST_OF_ONE", 50)
    gate = Gate(both("gemini"))
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, client, "gemini", stream=stream))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client, "gemini", stream=stream)) for _ in range(3)]
        await waiting(app, 3)
        gate.open.set()
        found = [await one for one in (first, *others)]
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] * 4
        assert {told(client, one, stream=stream).text.replace(" ", "") for one in found} == {"Onetwothree."}
        assert not app.state.cache._flights
    assert len(gate.requests) == 4


async def test_an_answer_is_forgotten_when_its_time_is_over_or_its_room_is_needed(tmp_path: Path) -> None:
    """The lifetime is the memory's; here the room is."""
    long = response("x" * 40_000)
    transport = both("gemini", long)
    async with cached(tmp_path, transport, CacheSettings(ttl=60, max_bytes=150_000)) as app:
        for text, found in (("a", "miss"), ("b", "miss"), ("a", "miss"), ("a", "hit")):
            more: dict[str, Any] = {"messages": [{"role": "user", "content": text}]}
            answer = await ask(app, "openai_chat", "gemini", **more)
            assert answer.headers["x-interlingua-cache"] == found
        app.state.cache.settings = CacheSettings(ttl=1e-9)
        more = {"messages": [{"role": "user", "content": "c"}]}
        for _ in range(2):
            assert (await ask(app, "openai_chat", "gemini", **more)).headers["x-interlingua-cache"] == "miss"


def test_the_dialects_say_which_fields_are_tied() -> None:
    """Of their own."""
    assert all(isinstance(registry.lens(dialect).ELSEWHERE, frozenset) for dialect in DIALECTS)


async def test_over_sockets_one_that_leaves_does_not_cancel_the_others_and_the_next_gets_the_same(
    tmp_path: Path,
) -> None:
    """A real server, a real upstream; the leaver closes its connection in the middle of the stream."""
    host, go_on, begun_ = "openai_chat", asyncio.Event(), asyncio.Event()

    async def slowly(exchange: Exchange) -> None:
        await exchange.begin_chunks("content-type: text/event-stream\r\n")
        for piece in script(host).chunks:
            await exchange.chunk(piece)
            begun_.set()
            await go_on.wait()
        await exchange.send(b"0\r\n\r\n")

    async with listening(tmp_path, host, slowly) as served:
        served.app.state.cache.settings = ON
        _, leaver = await served.ask("openai_chat", host)
        await begun_.wait()
        reader, writer = await served.ask("openai_chat", host)
        (flight,) = served.app.state.cache._flights.values()
        await until(lambda: flight._waiting == 1)
        leaver.close()
        await until(lambda: flight._forsaken is not None)
        go_on.set()
        head, body = await body_of(reader)
        writer.close()
        reader, writer = await served.ask("openai_chat", host)
        again = await body_of(reader)
        writer.close()
        assert "x-interlingua-cache: hit" in head
        assert text_of(read("openai_chat", body)) == "Onetwothree."
        assert again[1] == body
        assert len(served.upstream.exchanges) == 1
