"""What hosts are asked beside chat."""

from __future__ import annotations

import pytest

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import NotFound, Unsupported
from interlingua.transport.scripted import Script, ScriptedTransport

KEYS = {"openai": "k1", "anthropic": "k2", "google": "k3", "chutes": "k4"}
MODELS = {"object": "list", "data": [{"id": "m1", "object": "model", "created": 1, "owned_by": "x"}]}


def client(*scripts: Script, keys: dict[str, str] = KEYS) -> tuple[AsyncClient, ScriptedTransport]:
    transport = ScriptedTransport(list(scripts))
    config = Config(retry=RetrySettings(attempts=2, base=0))
    return AsyncClient(config=config, api_keys=keys, transport=transport), transport


async def test_texts_become_vectors_in_their_order() -> None:
    """Also where the host gives them in another."""
    data = [{"index": 1, "embedding": [3.0, 4.0]}, {"index": 0, "embedding": [1.0, 2.0]}]
    answer = Script.json(
        {"object": "list", "model": "e", "data": data, "usage": {"prompt_tokens": 2, "total_tokens": 2}}
    )
    ours, transport = client(answer)
    found = await ours.embed(["a", "b"], "openai/text-embedding-3-small", dimensions=2)
    assert found.response.embeddings == ((1.0, 2.0), (3.0, 4.0))
    assert found.target.name == "openai/text-embedding-3-small"
    assert transport.requests[0].url == "https://api.openai.com/v1/embeddings"
    assert transport.bodies[0]["dimensions"] == 2


async def test_a_host_without_embeddings_says_so_before_anything_is_sent() -> None:
    """Typed, naming the feature."""
    ours, transport = client()
    with pytest.raises(Unsupported, match="anthropic offers no embeddings"):
        await ours.embed("a", "anthropic/claude-haiku-5-5")
    assert transport.requests == []


async def test_a_live_list_is_read_page_by_page() -> None:
    """To its end."""
    page = {"models": [{"name": "models/a", "inputTokenLimit": 5}], "nextPageToken": "t"}
    ours, transport = client(Script.json(page), Script.json({"models": [{"name": "models/b"}]}))
    found = await ours.live_models("ge")
    assert [model.id for model in found] == ["a", "b"]
    assert found[0].context == 5
    assert [request.method for request in transport.requests] == ["GET", "GET"]
    assert "pageToken=t" in transport.requests[1].url
    assert "k3" not in transport.requests[1].url


@pytest.mark.parametrize(
    ("scripts", "state"),
    [
        ([Script.json(MODELS)], "valid"),
        ([Script.json({"error": {"message": "bad key"}}, status=401)], "invalid"),
        ([Script.json({"error": {"message": "slow"}}, status=429)] * 2, "rate-limited"),
        ([Script.refused()] * 2, "unreachable"),
    ],
)
async def test_the_health_of_a_provider_tells_a_bad_key_from_a_bad_host(scripts: list[Script], state: str) -> None:
    """Contracts §5."""
    ours, _ = client(*scripts)
    found = await ours.health("openai")
    assert (found.provider, found.state) == ("openai", state)
    assert (found.models == 1) == (state == "valid")
    assert (found.error is None) == (state == "valid")


async def test_a_missing_key_is_a_state_and_not_an_error() -> None:
    """Nothing is sent."""
    ours, transport = client(keys={})
    assert (await ours.health("openai")).state == "missing"
    assert transport.requests == []
    with pytest.raises(NotFound, match="opnai"):
        await ours.health("opnai")


async def test_tokens_are_counted_by_the_provider_that_counts() -> None:
    """And estimated elsewhere, marked as such."""
    ours, transport = client(Script.json({"input_tokens": 14}))
    counted = await ours.count_tokens("hello", model="anthropic/claude-haiku-5-5", system="Be brief.")
    assert (counted.input_tokens, counted.exact) == (14, True)
    assert transport.requests[0].url.endswith("/v1/messages/count_tokens")
    assert "max_tokens" not in transport.bodies[0]
    guessed = await ours.count_tokens("hello", model="chutes/x")
    assert not guessed.exact
    assert len(transport.requests) == 1


async def test_an_estimate_sends_nothing_unless_told_to() -> None:
    """Prices times tokens."""
    ours, transport = client(Script.json({"input_tokens": 1_000_000}))
    guess = await ours.estimate("hello", model="anthropic/claude-haiku-4-5", max_output_tokens=1000)
    assert transport.requests == []
    assert guess.prompt_cost is not None
    assert guess.most_cost is not None
    assert guess.most_cost.pico - guess.prompt_cost.pico == 1000 * 5_000_000
    counted = await ours.estimate("hello", model="anthropic/claude-haiku-4-5", ask_provider=True)
    assert counted.tokens.exact
    assert str(counted.prompt_cost) == "$1.00"
