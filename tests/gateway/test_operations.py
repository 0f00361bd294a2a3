"""What is asked beside chat in five dialects: our own paths, what is only passed on, what is answered here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.principal import Limits
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import RetrySettings
from interlingua.gateway.app import Gateway
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import DIALECTS, ENVIRONMENT, SECRET, WORDS, asks, config, model_of, script, whole

KEY = "il-a-key-of-twenty-four-letters-or-more"
BEARER = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
async def transport() -> ScriptedTransport:
    return ScriptedTransport([])


@pytest.fixture
async def app(tmp_path: Path, transport: ScriptedTransport) -> AsyncIterator[Gateway]:
    """A gateway with one plain host per dialect, and one key with a limit."""
    keys = (VirtualKeySettings(name="team", key="env:TEAM", rpm=100, tpm=1_000_000, concurrency=3),)
    async with gateway(tmp_path, transport, {**ENVIRONMENT, "TEAM": KEY}, **config(virtual_keys=keys)) as made:
        yield made


PASSED = ("completions", "images/generations", "audio/speech", "moderations", "rerank")


@pytest.mark.parametrize("path", PASSED)
async def test_an_operation_is_passed_on_with_all_that_it_holds(
    path: str, app: Gateway, transport: ScriptedTransport
) -> None:
    """Only the model's name becomes the host's, and no parameter goes on; the answer's bytes and type are its own."""
    transport.add(Script.text("\x00\x01bytes", content_type="audio/mpeg"))
    body = b'{"future": 1.0, "model": "the-openai-chat/tts-9" ,"input":"x"}'
    answer = await call(app, "POST", f"/v1/{path}?key={KEY}", body, headers={**BEARER, "cookie": "x=y"})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\x00\x01bytes", "audio/mpeg")
    (request,) = transport.requests
    assert request.url == f"https://the-openai-chat.example/v1/{path}"
    assert request.body == b'{"future":1.0,"model":"tts-9","input":"x"}'
    assert KEY not in repr(request.headers)
    assert "cookie" not in dict(request.headers)
    assert dict(request.headers)["authorization"] == f"Bearer {SECRET}-openai_chat"
    row = (await app.state.ledger.page(None)).rows[0]
    assert (row.operation, row.model, row.status, row.attempts[0].status) == (path, "the-openai-chat/tts-9", 200, 200)


async def test_a_form_is_passed_on_with_its_file(app: Gateway, transport: ScriptedTransport) -> None:
    """Byte for byte but for the model."""
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="model"\r\nContent-Type: audio/wav\r\n\r\n'
        b'RIFF\r\n\x00\xff\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--b--\r\n'
    )
    transport.add(Script.json({"text": "hello"}))
    headers = {**BEARER, "content-type": "multipart/form-data; boundary=b"}
    path = "/v1/audio/transcriptions"
    answer = await call(app, "POST", path, form % b"the-openai-chat/whisper-9", headers=headers)
    assert answer.json == {"text": "hello"}
    assert transport.requests[0].body == form % b"whisper-9"
    assert dict(transport.requests[0].headers)["content-type"] == headers["content-type"]
    twice = form.replace(b"--b--", b"--b") % b"a" + form % b"b"
    assert (await call(app, "POST", path, twice, headers=headers)).status == 400


async def test_usage_of_what_is_passed_on_is_settled(app: Gateway, transport: ScriptedTransport) -> None:
    """Where the answer tells it."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    transport.add(Script.json({"choices": [{"text": "x"}], "usage": usage}))
    await call(app, "POST", "/v1/completions", {"model": "the-openai-chat/m", "prompt": "x"}, headers=BEARER)
    row = (await app.state.ledger.page(None)).rows[0]
    assert row.attempts[0].usage is not None
    assert row.attempts[0].usage.total_tokens == 7


async def test_what_a_host_has_no_path_for_is_not_implemented(app: Gateway, transport: ScriptedTransport) -> None:
    """A typed 501."""
    for path in ("/v1/completions", "/v1/rerank"):
        answer = await call(app, "POST", path, {"model": model_of("anthropic_messages")}, headers=BEARER)
        assert (answer.status, answer.json["error"]["code"]) == (501, "unsupported_parameter")
    assert (await call(app, "POST", "/v1/responses/compact", {}, headers=BEARER)).status == 501
    upgrade = {**BEARER, "upgrade": "websocket", "connection": "upgrade"}
    answer = await call(app, "GET", "/v1/responses", headers=upgrade)
    assert (answer.status, answer.json["error"]["code"]) == (501, "unsupported_parameter")
    assert not transport.requests


async def test_an_unreachable_host_is_a_status_there_too(app: Gateway, transport: ScriptedTransport) -> None:
    """With its row."""
    transport.add(Script.refused())
    answer = await call(app, "POST", "/v1/moderations", {"model": "the-openai-chat/m", "input": "x"}, headers=BEARER)
    assert answer.status == 502 or answer.status == 503
    row = (await app.state.ledger.page(None)).rows[0]
    assert [attempt.error for attempt in row.attempts] == ["connection_failed"]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_that_only_loads_a_model_is_answered_here(path: str, stream: bool, app: Gateway) -> None:
    """Clients of Ollama warm their models up."""
    body = {"model": model_of("openai_chat"), "stream": stream}
    answer = await call(app, "POST", path, body, headers=BEARER)
    assert (answer.status, answer.json["done"], answer.json["done_reason"]) == (200, True, "load")
    assert ("response" in answer.json) == (path == "/api/generate")
    answer = await call(app, "POST", path, {**body, "keep_alive": 0}, headers=BEARER)
    assert answer.json["done_reason"] == "unload"


@pytest.mark.parametrize("host", DIALECTS)
@pytest.mark.parametrize("stream", [True, False])
async def test_generate_is_answered_in_its_own_shape(
    stream: bool, host: str, app: Gateway, transport: ScriptedTransport
) -> None:
    """Whoever answers."""
    if host == "ollama":
        transport.add(Script.ndjson({"model": "m", "response": "".join(WORDS), "done": True, "done_reason": "stop"}))
    else:
        transport.add(script(host) if stream else whole(host))
    body = {"model": model_of(host), "prompt": "Count.", "stream": stream}
    answer = await call(app, "POST", "/api/generate", body, headers=BEARER)
    lines = [msgspec.json.decode(line) for line in answer.body.splitlines()]
    assert "".join(line["response"] for line in lines).replace(" ", "") == "".join(WORDS).replace(" ", "")
    assert lines[-1]["done"] is True


async def test_a_model_is_shown_to_clients_of_ollama(app: Gateway) -> None:
    """With what it can do."""
    shown = await call(app, "POST", "/api/show", {"model": "anthropic/claude-haiku-4-5"}, headers=BEARER)
    assert {"completion", "tools", "vision"} <= set(shown.json["capabilities"])
    assert shown.json["model_info"]["remote.context_length"] > 100_000
    assert (await call(app, "POST", "/api/show", {"model": "no-such-model"}, headers=BEARER)).status == 404
    assert (await call(app, "POST", "/api/show", b"[", headers=BEARER)).status == 400


async def test_explain_says_where_a_request_would_go_and_what_would_become_of_it(
    app: Gateway, transport: ScriptedTransport
) -> None:
    """Target, dialect, lane, losses, cost, whether it can be called, and why; nothing is sent."""
    body = {"model": model_of("anthropic_messages"), "messages": [{"role": "user", "content": "x"}], "seed": 3}
    answer = await call(app, "POST", "/api/explain", body, headers=BEARER)
    (target,) = answer.json["targets"]
    assert (target["dialect"], target["lane"], target["callable"]) == ("anthropic_messages", "translated", True)
    assert "seed" in [loss["field"] for loss in target["losses"]]
    assert target["estimate"]["least_cost"] is None
    assert "translated" in target["why"]
    known = {**body, "model": "anthropic/claude-haiku-4-5", "dialect": "anthropic_messages"}
    (target,) = (await call(app, "POST", "/api/explain", known, headers=BEARER)).json["targets"]
    assert (target["lane"], target["callable"]) == ("verbatim", False)
    assert target["error"]["code"] == "credential_missing"
    assert 0 < float(target["estimate"]["least_cost"]) < float(target["estimate"]["most_cost"])
    assert (await call(app, "POST", "/api/explain", {**body, "dialect": "x"}, headers=BEARER)).status == 400
    assert not transport.requests


@pytest.mark.parametrize("path", ["/api/chat/complete", "/api/chat/stream"])
async def test_our_own_chat_is_limited_and_written_down(path: str, app: Gateway, transport: ScriptedTransport) -> None:
    """As every other."""
    streamed = path.endswith("stream")
    transport.add(script("gemini") if streamed else whole("gemini"))
    body = {"model": model_of("gemini"), "messages": [{"role": "user", "content": "x"}]}
    answer = await call(app, "POST", path, body, headers=BEARER)
    assert answer.headers["x-ratelimit-remaining-requests"] == "99"
    row = await app.state.ledger.read("team", answer.headers["x-request-id"])
    assert (row.key, row.stream, len(row.attempts)) == ("team", streamed, 1)
    assert row.conversation
    if streamed:
        assert b"event: answer" in answer.body
    else:
        assert answer.json["text"] == "".join(WORDS)
    assert (await call(app, "POST", path, b"{", headers=BEARER)).status == 400


@pytest.mark.parametrize("client", DIALECTS)
async def test_a_limit_of_ours_is_told_in_the_clients_words(client: str, tmp_path: Path) -> None:
    """A 429 with a waiting time, the limits, and a mark that it is not the provider's."""
    keys = (VirtualKeySettings(name="team", key="env:TEAM", rpm=1),)
    settings = config(virtual_keys=keys, retry=RetrySettings(attempts=1))
    async with gateway(tmp_path, ScriptedTransport(whole("gemini")), {**ENVIRONMENT, "TEAM": KEY}, **settings) as app:
        path, body = asks(client, "gemini", stream=False)
        names = ("anthropic-ratelimit-requests-remaining", "x-ratelimit-remaining-requests")
        name = names[client != "anthropic_messages"]
        first = await call(app, "POST", path, body, headers=BEARER)
        assert (first.status, first.headers[name]) == (200, "0")
        refused = await call(app, "POST", path, body, headers=BEARER)
        assert (refused.status, refused.headers["x-interlingua-fault"], refused.headers[name]) == (429, "gateway", "0")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        row = (await app.state.ledger.page(None)).rows[0]
        assert (row.status, row.error, row.attempts) == (429, "rate_limited", ())


async def test_a_limit_of_a_model_holds_for_embeddings_and_counts(tmp_path: Path) -> None:
    """Not for chat alone."""
    vector = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 5}}
    settings = config(limits={"the-openai-chat/*": Limits(rpm=1)})
    async with gateway(tmp_path, ScriptedTransport(Script.json(vector)), ENVIRONMENT, **settings) as app:
        body = {"model": "the-openai-chat/e-1", "input": "x"}
        assert (await call(app, "POST", "/v1/embeddings", body)).status == 200
        row = (await app.state.ledger.page(None)).rows[0]
        assert (row.operation, row.attempts[0].target) == ("embeddings", "the-openai-chat/e-1")
        refused = await call(app, "POST", "/v1/embeddings", body)
        assert (refused.status, refused.headers["x-interlingua-fault"]) == (429, "gateway")


async def test_the_ledger_says_by_which_price_a_cost_was_reckoned(tmp_path: Path) -> None:
    """So that it can be reckoned again."""
    environment = {"ANTHROPIC_API_KEY": SECRET}
    transport = ScriptedTransport(whole("anthropic_messages"))
    body = {"model": "anthropic/claude-haiku-4-5", "messages": [{"role": "user", "content": "x"}]}
    async with gateway(tmp_path, transport, environment) as app:
        answer = await call(app, "POST", "/v1/chat/completions", body, headers={"x-interlingua-conversation": "c"})
        row = (await app.state.ledger.page(None)).rows[0]
        other = await call(app, "POST", "/v1/chat/completions", body, headers={"x-interlingua-conversation": "d"})
        rows = (await app.state.ledger.page(None)).rows
    assert float(answer.headers["x-interlingua-cost"]) > 0
    assert row.attempts[0].price_source
    assert row.attempts[0].lane == "translated"
    assert other.status == 200
    assert rows[0].conversation != rows[1].conversation


async def test_a_remedy_is_said_once(tmp_path: Path) -> None:
    """In the message, where the envelope has no place for it."""
    async with gateway(tmp_path, ScriptedTransport([]), {}) as app:
        for client in DIALECTS:
            path, body = asks(client, "openai_chat", stream=False)
            text = (
                await call(
                    app,
                    "POST",
                    path.replace("the-openai-chat", "openai"),
                    msgspec.json.encode(body).replace(b"the-openai-chat", b"openai"),
                )
            ).body
            said = msgspec.json.decode(text)["error"]
            message = said if isinstance(said, str) else said["message"]
            assert message.count("export OPENAI_API_KEY") == 1, message


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/api/tags", "/api/chat/models"])
async def test_a_provider_that_is_silent_does_not_delay_the_list_of_models(path: str, tmp_path: Path) -> None:
    """Nobody is asked."""
    transport = ScriptedTransport(Script.silent())
    environment = {"ANTHROPIC_API_KEY": SECRET, "OPENAI_API_KEY": SECRET}
    async with gateway(tmp_path, transport, environment) as app:
        answer = await call(app, "GET", path)
    assert b"anthropic/claude-haiku-4-5" in answer.body
    assert b"openai/gpt-" in answer.body
    assert not transport.requests


@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/api/tags", "/api/chat/models", "/api/models"])
async def test_an_alias_that_leads_nowhere_does_not_take_the_list_of_models_away(path: str, tmp_path: Path) -> None:
    """As one from the pages does, once its provider was taken out of the file."""
    aliases = {
        "gone": ModelAlias(targets=("nobody/m",)),
        "a": ModelAlias(targets=("b",)),
        "b": ModelAlias(targets=("a",)),
        "good": ModelAlias(targets=("openai/gpt-6-luna",)),
    }
    async with gateway(tmp_path, ScriptedTransport([]), {"OPENAI_API_KEY": SECRET}, models=aliases) as app:
        answer = await call(app, "GET", path)
    assert answer.status == 200, answer.body
    assert b'"good"' in answer.body or b"models/good" in answer.body
    assert b"gone" not in answer.body


BAD_NAMES = ["m\n", "m\x1b[2J", "m\x00", "m\u202e", "m" * 1000]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
@pytest.mark.parametrize("client", [*DIALECTS, "embeddings", "passed", "form"])
async def test_what_cannot_be_the_name_of_a_model_is_refused_and_written_down_nowhere(
    client: str, name: str, tmp_path: Path
) -> None:
    """It would go into headers and log lines, and onto the terminals of those who read them."""
    transport = ScriptedTransport([])
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        headers: dict[str, str] = {}
        body: Any
        if client == "gemini":
            path, body = f"/v1beta/models/the-gemini/{name}:generateContent", asks(client, client, stream=False)[1]
        elif client == "form":
            path = "/v1/audio/transcriptions"
            headers = {"content-type": "multipart/form-data; boundary=B"}
            body = f'--B\r\ncontent-disposition: form-data; name="model"\r\n\r\n{name}\r\n--B--\r\n'.encode()
        elif client in DIALECTS:
            path, body = asks(client, "openai_chat", stream=False)
            body |= {"model": f"the-openai-chat/{name}"}
        else:
            path = {"embeddings": "/v1/embeddings", "passed": "/v1/completions"}[client]
            body = {"model": f"the-openai-chat/{name}", "input": "x"}
        answer = await call(app, "POST", path, body, headers=headers)
        rows = (await app.state.ledger.page(None)).rows
    assert (answer.status, [row.model for row in rows]) == (400, [""]), answer.body
    assert not transport.requests
