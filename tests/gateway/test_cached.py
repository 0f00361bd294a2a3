"""An answer is given again to the same request of the same tenant: faithfully, and free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interlingua.dialects import registry
from interlingua.engine.principal import Limits
from interlingua.engine.settings import CacheSettings
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.messages import Message
from interlingua.types.parts import TextPart
from interlingua.types.response import ChatResponse, Choice, FinishReason
from tests.gateway.asgi import call, gateway
from tests.gateway.caching import (
    BEARER,
    KEYS,
    ON,
    ask,
    both,
    cached,
    keys,
    row_of,
    told,
)
from tests.gateway.upstreams import (
    DIALECTS,
    ENVIRONMENT,
    PAIRS,
    USED,
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


async def test_usage_tells_what_hits_saved_apart_from_what_was_paid_for(tmp_path: Path) -> None:
    """Of every path; before and after the rows are gone."""
    environment = {**ENVIRONMENT, **KEYS, "OPENAI_API_KEY": "sk-x"}
    settings = config(cache=ON, virtual_keys=keys())
    async with gateway(tmp_path, both("openai_chat"), environment, **settings) as app:
        body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "a"}]}
        for path in ("/v1/chat/completions", "/api/chat/complete", "/api/chat/stream"):
            assert (await call(app, "POST", path, body, headers=BEARER["ONE"])).status == 200
        for _ in range(2):
            used = (await call(app, "GET", "/api/usage?by=model", headers=BEARER["ONE"])).json
            for sums in (used["total"], used["by"]["model"][0], used["items"][0]):
                assert (sums["calls"], sums["input_tokens"], sums["output_tokens"]) == (3, 11, 7)
                assert (sums["hits"], sums["saved_input_tokens"], sums["saved_output_tokens"]) == (2, 22, 14)
                # 11 at 0.15 and 7 at 0.6 for a million.
                assert (sums["cost"], sums["saved"], sums["unknown_saved"]) == ("0.00000585", "0.0000117", 0)
            await app.state.usage.roll_up(10**18)
