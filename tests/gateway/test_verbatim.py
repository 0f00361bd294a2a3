"""The verbatim lane on the HTTP path: what a client sends and gets passes byte for byte (architecture: "Two lanes")."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from interlingua.dialects import registry
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.events import Failed
from interlingua.types.parts import tool_call
from interlingua.types.response import FinishReason
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import (
    DIALECTS,
    ENVIRONMENT,
    SECRET,
    USED,
    WORDS,
    asks,
    begun,
    config,
    host_of,
    read,
    response,
    script,
    text_of,
    whole,
)

ODD = {
    "openai_chat": ('"messages":[ {"role":"user","content":"h\\u00e9 \\/","future":1.0} ]', '"stream_options"'),
    "openai_responses": ('"input" : [{"type":"message","role":"user","content":"h\\u00e9","future":[1.50]}]', ""),
    "anthropic_messages": ('"max_tokens":5, "messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]', ""),
    "gemini": ('"contents":[{"role":"user","parts":[{"text":"h\\u00e9"}]}]', ""),
    "ollama": ('"messages":[{"role":"user","content":"h\\u00e9"}],"options":{"num_ctx":1e3}', ""),
}
UNKNOWN = '"from_the_future" : {"b":1.0,"a":[1e5, "\\u0041"]}, "zero":0, "none":null'


def top_level(body: bytes) -> dict[str, bytes]:
    return {key: bytes(memoryview(raw)) for key, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_top_level_value_goes_up_byte_for_byte_and_in_order(
    dialect: str, stream: bool, tmp_path: Path
) -> None:
    """Unknown fields, odd numbers and escapes included; only the model's name is the host's."""
    path, plain = asks(dialect, dialect, stream=stream)
    head = "" if dialect == "gemini" else f'"model":"{host_of(dialect)}/m-1","stream": {str(stream).lower()},'
    body = ("{" + head + UNKNOWN + "," + ODD[dialect][0] + "}").encode()
    assert plain
    transport = ScriptedTransport(script(dialect) if stream else whole(dialect))
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", path, body)
    assert answer.status == 200, answer.body
    sent, got = top_level(body), top_level(transport.requests[0].body)
    asked_for = got.pop("stream_options", None)
    assert (asked_for is not None) == (dialect == "openai_chat" and stream)
    if "model" in sent:
        assert got["model"] == b'"m-1"'
        got["model"] = sent["model"]
    assert list(got.items()) == list(sent.items())
    assert host_of(dialect) in transport.requests[0].url
    if dialect == "gemini":
        assert "/models/m-1:" in transport.requests[0].url


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_byte_of_a_stream_comes_down_as_it_was(dialect: str, tmp_path: Path) -> None:
    """Events of unknown types too; clients of openai_chat are spared the usage that only we asked for."""
    unknown = {
        "anthropic_messages": b'event: from_the_future\ndata: {"type": "from_the_future", "x":1.0}\n\n',
        "openai_responses": b'event: response.future\ndata: {"type":"response.future","sequence_number":99}\n\n',
        "openai_chat": b': a comment\n\ndata: {"id":"x","object":"?","choices":[],"future":[1.0]}\n\n',
        "gemini": b'data: {"future":{"a":1.0}}\n\n',
        "ollama": b'{"model":"m","future":1.0,"done":false}\n',
    }[dialect]
    plain = script(dialect)
    upstream = replace(plain, chunks=(plain.chunks[0], unknown, *plain.chunks[1:]))
    transport = ScriptedTransport(upstream.rechunked(11))
    path, body = asks(dialect, dialect)
    if dialect == "openai_chat":
        body["stream_options"] = {"include_usage": True}
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", path, body)
        assert answer.body == b"".join(upstream.chunks)
        if dialect == "openai_chat":
            del body["stream_options"]
            without = await call(app, "POST", path, body)
            events = [event + b"\n\n" for event in b"".join(upstream.chunks).split(b"\n\n")[:-1]]
            withheld = [event for event in events if b'"usage":{' in event]
            assert len(withheld) == 1
            assert without.body == b"".join(event for event in events if event not in withheld)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_byte_of_a_whole_answer_comes_down_as_it_was(dialect: str, tmp_path: Path) -> None:
    """Spaces, order and unknown fields."""
    plain = whole(dialect).chunks[0]
    odd = b'{ "future" : [1.0, "\\u0041"],' + plain[1:]
    transport = ScriptedTransport(Script(headers=(("content-type", "application/json"),), chunks=(odd,)))
    path, body = asks(dialect, dialect, stream=False)
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", path, body)
    assert answer.body == odd


@pytest.mark.parametrize("host", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_only_headers_on_the_list_go_up(client: str, host: str, tmp_path: Path) -> None:
    """A client's credentials, cookies, betas and addresses stay here; the host gets its own credential."""
    mine = "a-client-secret-of-24-letters"
    headers = {
        "authorization": f"Bearer {mine}",
        "x-api-key": mine,
        "x-goog-api-key": mine,
        "cookie": f"session={mine}",
        "x-forwarded-for": "10.0.0.1",
        "anthropic-beta": "one-2026-01-01",
        "anthropic-version": "2023-06-01",
        "x-custom": mine,
    }
    transport = ScriptedTransport(whole(host))
    path, body = asks(client, host, stream=False)
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", path, body, headers=headers)
        row = (await app.state.ledger.page(None)).rows[0]
    assert answer.status == 200, answer.body
    request = transport.requests[0]
    sent = dict(request.headers)
    assert mine not in repr((sent, request.url, request.body, row, answer.body, answer.headers))
    assert f"{SECRET}-{host}" in " ".join(sent.values())
    assert "anthropic-beta" not in sent
    assert ("anthropic-version" in sent) == (host == "anthropic_messages")
    assert not {"cookie", "x-forwarded-for", "x-custom"} & set(sent)
    if client == host:
        assert sent["accept-encoding"] == "identity"
    if client == host == "anthropic_messages":
        assert [loss.field for loss in row.losses] == ["anthropic-beta: one-2026-01-01"]
        assert answer.headers["x-interlingua-losses"] == "1"


async def test_a_row_says_which_betas_and_headers_go_on(tmp_path: Path) -> None:
    """By name, or all."""
    for betas, expected in (("*", "one,two"), (["two"], "two")):
        settings = config()
        endpoint = {"betas": betas, "forward": ["x-custom"]}
        settings["providers"]["the-anthropic-messages"] = {
            "base_url": "https://a.example",
            "endpoints": {"anthropic_messages": endpoint},
            "api_keys": ["env:ANTHROPIC_MESSAGES_KEY"],
        }
        transport = ScriptedTransport(whole("anthropic_messages"))
        path, body = asks("anthropic_messages", "anthropic_messages", stream=False)
        folder = tmp_path / expected
        folder.mkdir()
        async with gateway(folder, transport, ENVIRONMENT, **settings) as app:
            await call(app, "POST", path, body, headers={"anthropic-beta": "one, two", "x-custom": "yes"})
        sent = dict(transport.requests[0].headers)
        assert (sent["anthropic-beta"], sent["x-custom"]) == (expected, "yes")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "tail",
    [b',"model":"a"}', b',"x":"\xff"}', b',"x":' + b"[" * 201 + b"]" * 201 + b"}"],
    ids=["twice", "utf8", "deep"],
)
async def test_what_two_parsers_could_read_differently_is_refused(tail: bytes, dialect: str, tmp_path: Path) -> None:
    """Else one model would be checked and another served."""
    path, body = asks(dialect, dialect)
    if dialect == "gemini" and b"model" in tail:
        tail = b',"contents":[]}'
    data = msgspec.json.encode(body)[:-1] + tail
    transport = ScriptedTransport(script(dialect))
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", path, data)
    assert answer.status == 400
    assert not transport.requests


@pytest.mark.parametrize("host", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
async def test_a_key_that_a_provider_repeats_in_its_errors_is_seen_nowhere(
    client: str, host: str, tmp_path: Path
) -> None:
    """In no answer, header, row or log: as a status, and inside a stream."""
    key = f"{SECRET}-{host}"
    refusal = Script.json({"error": {"message": f"bad key {key}", "type": key, "code": key}}, 401)
    plain = script(host)
    inside = replace(plain, chunks=begun(host)).failing(
        {"type": "error", "error": {"type": "api_error", "message": f"no {key}"}}, after=len(begun(host))
    )
    for number, fault in enumerate((refusal, inside)):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, body = asks(client, host)
        async with gateway(folder, ScriptedTransport(fault), ENVIRONMENT, **config()) as app:
            answer = await call(app, "POST", path, body)
            row = (await app.state.ledger.page(None)).rows[0]
        assert row.error is not None
        assert SECRET not in repr((answer.status, answer.headers, answer.body, row))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_host_that_answers_a_stream_request_at_once_is_streamed_to_the_client(
    dialect: str, tmp_path: Path
) -> None:
    """Its answer is whole JSON; what the client gets is a complete stream of its dialect, and the row has the usage."""
    async with gateway(tmp_path, ScriptedTransport(whole(dialect)), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asks(dialect, dialect))
        row = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    assert answer.status == 200
    assert answer.headers["content-type"] == registry.dialect(dialect).STREAM_CONTENT_TYPE
    found = read(dialect, answer.body)
    assert text_of(found) == "".join(WORDS)
    assert not any(isinstance(event, Failed) for event in found)
    usage = row.json["attempts"][0]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (USED.input_tokens, USED.output_tokens)


async def test_usage_that_nobody_asked_for_is_not_in_such_a_stream(tmp_path: Path) -> None:
    """As in any other."""
    async with gateway(tmp_path, ScriptedTransport(whole("openai_chat")), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asks("openai_chat", "openai_chat"))
    assert b'"usage"' not in answer.body


async def test_an_error_with_a_good_status_is_one(tmp_path: Path) -> None:
    """Not an empty stream."""
    failing = Script(headers=(("content-type", "application/json"),), chunks=(b'{"error":{"message":"no"}}',))
    async with gateway(tmp_path, ScriptedTransport(failing), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asks("openai_chat", "openai_chat"))
    assert answer.status >= 400
    assert "error" in answer.json


async def test_lines_under_the_name_of_json_are_relayed_as_they_come(tmp_path: Path) -> None:
    """Byte for byte."""
    kind = (("content-type", "application/json"),)
    named = replace(script("ollama"), headers=kind)
    async with gateway(tmp_path, ScriptedTransport(named), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asks("ollama", "ollama"))
    assert answer.body == b"".join(named.chunks)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("called", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_row_of_a_relayed_answer_says_why_it_ended(
    dialect: str, called: bool, stream: bool, tmp_path: Path
) -> None:
    """Calls of tools too, where the format's own word is a plain stop."""
    said = response()
    if called:
        message = replace(said.message, parts=(tool_call("call_1", "look", '{"finish_reason":"no"}'),))
        said = replace(
            said, choices=(replace(said.choices[0], message=message, finish=FinishReason("tool_call", "x")),)
        )
    host = script(dialect, said) if stream else whole(dialect, said)
    async with gateway(tmp_path, ScriptedTransport(host), ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", *asks(dialect, dialect, stream=stream))
        row = await call(app, "GET", f"/api/requests/{answer.headers['x-request-id']}")
    assert answer.status == 200
    assert row.json["attempts"][0]["lane"] == "verbatim"
    assert row.json["attempts"][0]["finish"] == ("tool_call" if called else "stop")


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_of_an_address_only_parameters_of_its_dialect_go_up(dialect: str, tmp_path: Path) -> None:
    """A client's key among the others does not, and that something was left out is told (contracts §6.5)."""
    path, body = asks(dialect, dialect, stream=False)
    own = {"anthropic_messages": "beta=true", "gemini": "fields=candidates"}.get(dialect, "")
    said = "&".join(("key=il-client", "%6bey=il-client", "Access_Token=il-client", *([own] if own else ())))
    transport = ScriptedTransport(whole(dialect))
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        answer = await call(app, "POST", f"{path}?{said}", body)
        plain = await call(app, "POST", f"{path}?{own}", body)
    assert (answer.status, plain.status) == (200, 200)
    assert [request.url.partition("?")[2] for request in transport.requests] == [own, own]
    assert (answer.headers["x-interlingua-losses"], plain.headers.get("x-interlingua-losses")) == ("1", None)


@pytest.mark.parametrize("model", ["../../files", "m/../../../v1/files", ".", "a/./b"])
async def test_no_name_of_a_model_leads_to_another_path_of_its_host(model: str, tmp_path: Path) -> None:
    """The host would take it with our credential, whatever it is that is asked there."""
    named = f"{host_of('gemini')}/{model}"
    transport = ScriptedTransport(whole("gemini"))
    async with gateway(tmp_path, transport, ENVIRONMENT, **config()) as app:
        _, body = asks("gemini", "gemini", stream=False)
        inside = await call(app, "POST", f"/v1beta/models/{named}:generateContent", body)
        _, body = asks("openai_chat", "openai_chat", stream=False)
        across = await call(app, "POST", "/v1/chat/completions", {**body, "model": named})
        count = await call(
            app, "POST", f"/v1beta/models/{named}:countTokens", {"contents": [{"parts": [{"text": "x"}]}]}
        )
    assert [inside.status, across.status, count.status] == [400, 400, 400], (inside.body, across.body, count.body)
    assert not transport.requests
