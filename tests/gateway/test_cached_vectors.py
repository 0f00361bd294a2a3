"""Vectors are given again as answers are: to the same texts of the same tenant, free, and to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from interlingua.engine.principal import Limits
from interlingua.engine.settings import CacheSettings
from interlingua.gateway.app import Gateway
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.caching import BEARER, KEYS, Gate, cached, keys, row_of, waiting
from tests.gateway.upstreams import ENVIRONMENT, config

HOST = "the-openai-chat"
MODEL = f"{HOST}/v-1"
TEXTS = ["one", "two"]


def asked(client: str, texts: list[str] | None = None, **more: Any) -> tuple[str, dict[str, Any]]:
    """The same texts in each dialect that has vectors."""
    texts = TEXTS if texts is None else texts
    if client == "gemini":
        parts = [{"model": f"models/{MODEL}", "content": {"parts": [{"text": text}]}, **more} for text in texts]
        return f"/v1beta/models/{MODEL}:batchEmbedContents", {"requests": parts}
    path = "/v1/embeddings" if client == "openai_chat" else "/api/embed"
    return path, {"model": MODEL, "input": texts, **more}


def vectors(client: str, answer: Answer) -> list[list[float]]:
    assert answer.status == 200, answer.body
    said = answer.json
    if client == "openai_chat":
        return [one["embedding"] for one in said["data"]]
    return [one["values"] for one in said["embeddings"]] if client == "gemini" else said["embeddings"]


def host() -> ScriptedTransport:
    """Makes vectors of the number of its answers, and says how many tokens it took."""
    made = 0

    def answer(request: HttpRequest) -> Script:
        nonlocal made
        made += 1
        data = [{"object": "embedding", "index": i, "embedding": [float(made), i / 2]} for i in range(2)]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return Script.json({"object": "list", "model": "v-1", "data": data, "usage": usage})

    return ScriptedTransport(answer)


async def ask(app: Gateway, client: str, key: str = "", wish: str = "", **more: Any) -> Answer:
    headers = {**(BEARER[key] if key else {}), **({"x-interlingua-cache": wish} if wish else {})}
    path, body = asked(client, **more)
    return await call(app, "POST", path, body, headers=headers)


CLIENTS = ("openai_chat", "gemini", "ollama")


@pytest.mark.parametrize("first", CLIENTS)
async def test_vectors_are_given_again_in_every_dialect_and_are_free(first: str, tmp_path: Path) -> None:
    """Usage stands in the ledger as it was told, and no tokens are taken off the limits."""
    transport = host()
    async with cached(tmp_path, transport, limits={MODEL: Limits(tpm=50)}) as app:
        for number, client in enumerate((first, *CLIENTS * 3)):
            answer = await ask(app, client)
            assert vectors(client, answer) == [[1.0, 0.0], [1.0, 0.5]]
            assert answer.headers["x-interlingua-cache"] == ("hit" if number else "miss")
        assert answer.headers["x-interlingua-cost"] == "0"
        row = await row_of(app, answer)
        (attempt,) = row["attempts"]
        assert (attempt["lane"], attempt["cost"], attempt["target"]) == ("cache", 0, MODEL)
        assert attempt["usage"]["input_tokens"] == 5
        assert row["operation"] == "embeddings"
    assert len(transport.requests) == 1


async def test_how_vectors_are_written_makes_no_other_request(tmp_path: Path) -> None:
    """Base64 and numbers are of the same vectors; other texts, their order and their length are not."""
    transport = host()
    async with cached(tmp_path, transport) as app:
        await ask(app, "openai_chat")
        again = await ask(app, "openai_chat", encoding_format="base64")
        assert again.headers["x-interlingua-cache"] == "hit"
        assert isinstance(again.json["data"][0]["embedding"], str)
        for more in ({"texts": ["two", "one"]}, {"texts": ["one", "two "]}, {"dimensions": 2}, {"user": "u"}):
            assert (await ask(app, "openai_chat", **more)).headers["x-interlingua-cache"] == "miss"
    assert len(transport.requests) == 5


async def test_seed_14_two_tenants_with_the_same_texts_get_vectors_of_their_own(tmp_path: Path) -> None:
    """Keys of one tenant share them; a chat's answer is nobody's vectors."""
    transport = host()
    async with cached(tmp_path, transport, virtual_keys=keys()) as app:
        found = [(await ask(app, "openai_chat", key)) for key in ("ONE", "TWO", "ALSO", "TWO")]
    assert [one.headers["x-interlingua-cache"] for one in found] == ["miss", "miss", "hit", "hit"]
    assert [vectors("openai_chat", one)[0][0] for one in found] == [1.0, 2.0, 1.0, 2.0]


async def test_a_client_says_whether_it_wants_old_vectors(tmp_path: Path) -> None:
    """As for chat."""
    async with cached(tmp_path, host(), CacheSettings(ttl=60, models=())) as app:
        found = []
        for wish in ("", "yes", "yes", "refresh", "yes", "no"):
            answer = await ask(app, "openai_chat", wish=wish)
            found.append((vectors("openai_chat", answer)[0][0], answer.headers.get("x-interlingua-cache")))
        wrong = await ask(app, "openai_chat", wish="never")
    assert found == [(1.0, None), (2.0, "miss"), (2.0, "hit"), (3.0, "miss"), (3.0, "hit"), (4.0, None)]
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "x-interlingua-cache")


async def test_of_the_same_texts_at_once_one_request_goes_on_its_way(tmp_path: Path) -> None:
    """All get its vectors, and one is charged; a failure goes to all."""
    gate = Gate(host())
    async with cached(tmp_path, gate) as app:
        first = asyncio.create_task(ask(app, "openai_chat"))
        await gate.asked.wait()
        others = [asyncio.create_task(ask(app, client)) for client in CLIENTS * 3]
        await waiting(app, 9)
        gate.open.set()
        found = [await one for one in (first, *others)]
        assert [one.headers["x-interlingua-cache"] for one in found] == ["miss"] + ["hit"] * 9
        assert not app.state.cache._flights
    assert len(gate.requests) == 1


async def test_a_key_without_budget_gets_the_vectors_that_are_there(tmp_path: Path) -> None:
    """Hits are free; what is not there is refused, and who waits for it asks for itself."""
    settings = config(cache=CacheSettings(ttl=60), virtual_keys=keys(budget="0.000000001 USD / day"))
    environment = {**ENVIRONMENT, **KEYS, "OPENAI_API_KEY": "sk-x"}
    async with gateway(tmp_path, host(), environment, **settings) as app:
        found = []
        for key, text in (("ONE", "a"), ("ALSO", "a"), ("ALSO", "b")):
            body = {"model": "openai/gpt-4o-mini", "input": [text, text]}
            answer = await call(app, "POST", "/v1/embeddings", body, headers=BEARER[key])
            found.append((answer.status, answer.headers["x-interlingua-cache"]))
    assert found == [(200, "miss"), (200, "hit"), (429, "miss")]
