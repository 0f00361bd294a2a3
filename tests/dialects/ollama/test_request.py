"""Requests on /api/chat and /api/generate, both ways."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from interlingua.dialects import ollama
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import Quirk
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import system, user
from interlingua.types.parts import BlobPart, CacheHint, TextPart
from interlingua.types.request import ChatRequest, OutputFormat
from tests.dialects.ollama.strategies import PNG, requests
from tests.dialects.ollama.wire import context, lenient, read, written

HELLO = {"role": "user", "content": "hello"}


@given(requests)
@settings(max_examples=60)
def test_what_the_format_can_express_survives_being_written_and_read(request: ChatRequest) -> None:
    surroundings = context()
    again = ollama.parse_request(ollama.render_request(request, surroundings), context())
    assert again == request
    assert not surroundings.losses


def test_streaming_is_what_happens_when_nothing_is_said() -> None:
    assert read({"model": "m", "messages": [HELLO]}).stream is True
    assert read({"model": "m", "messages": [HELLO], "stream": None}).stream is True
    assert read({"model": "m", "messages": [HELLO], "stream": False}).stream is False


@pytest.mark.parametrize("stream", [True, False])
def test_stream_is_always_written(stream: bool) -> None:
    assert written(ChatRequest(model="m", messages=(user("hello"),), stream=stream))["stream"] is stream


def test_options_are_settings_and_unknown_ones_come_back() -> None:
    options = {"temperature": 0, "num_predict": 5, "top_k": 40.0, "seed": 1, "stop": "END", "min_p": 0.1, "num_ctx": 9}
    request = read({"model": "m", "messages": [HELLO], "options": options, "keep_alive": -1, "truncate": False})
    assert (request.temperature, request.max_output_tokens, request.top_k) == (0.0, 5, 40)
    assert request.stop == ("END",)
    assert request.extra == {"ollama": {"options": {"min_p": 0.1, "num_ctx": 9}, "keep_alive": -1, "truncate": False}}
    body = written(request)
    assert body["options"] == {**options, "stop": ["END"]}
    assert (body["keep_alive"], body["truncate"]) == (-1, False)


@pytest.mark.parametrize("limit", [-1, -2])
def test_no_limit_is_not_a_limit_of_tokens(limit: int) -> None:
    request = read({"model": "m", "messages": [HELLO], "options": {"num_predict": limit}})
    assert request.max_output_tokens is None
    assert written(request)["options"] == {"num_predict": limit}


@pytest.mark.parametrize(
    ("word", "output"),
    [
        ("", None),
        ("json", OutputFormat(kind="json")),
        ({"type": "object"}, OutputFormat(kind="json_schema", schema={"type": "object"})),
    ],
)
def test_format_is_the_form_of_the_answer(word: Any, output: OutputFormat | None) -> None:
    request = read({"model": "m", "messages": [HELLO], "format": word})
    assert request.output == output
    assert written(request).get("format", "") == word


def test_a_schema_keeps_its_description_and_text_needs_no_format() -> None:
    output = OutputFormat(kind="json_schema", name="n", schema={"type": "object"}, description="d", strict=True)
    assert written(ChatRequest(model="m", output=output))["format"] == {"description": "d", "type": "object"}
    assert "format" not in written(ChatRequest(model="m", output=OutputFormat(kind="text")))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content"),
        ({"messages": [HELLO], "format": "yaml"}, "format"),
        ({"messages": [HELLO], "think": "enormous"}, "think"),
        ({"messages": [HELLO], "options": {"temperature": "warm"}}, "options.temperature"),
        ({"messages": [HELLO], "tools": [{"type": "function"}]}, "tools[0].function"),
        ({"messages": {"role": "user"}}, "messages"),
    ],
)
def test_a_malformed_request_is_refused_by_field(body: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({"model": "m", **body})
    assert caught.value.path == path


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        ollama.parse_request(WireRequest(path="/api/chat", body=b"{"), context())


def test_what_the_format_does_not_know_is_a_recorded_loss() -> None:
    surroundings = context()
    request = ChatRequest(
        model="m",
        messages=(user("hello"),),
        n=2,
        logit_bias={"1": 1.0},
        metadata={"a": "b"},
        end_user="u",
        cache_key="k",
        cache=CacheHint(),
        service_tier="flex",
        verbosity="low",
        store=True,
        extra={"gemini": {"x": 1}},
    )
    assert set(written(request, surroundings)) == {"model", "messages", "stream"}
    expected = {*("n", "logit_bias", "metadata", "end_user", "cache_key", "cache"), "service_tier", "verbosity"}
    assert {loss.field for loss in surroundings.losses} == {*expected, "store", "extra.gemini"}
    assert {loss.dialect for loss in surroundings.losses} == {"ollama"}


def test_what_is_the_same_as_saying_nothing_is_no_loss() -> None:
    surroundings = context()
    quiet = ChatRequest(
        model="m", n=1, store=False, service_tier="auto", modalities=("text",), parallel_tool_calls=True, verbosity=None
    )
    written(quiet, surroundings)
    assert surroundings.losses == []


@pytest.mark.parametrize(
    "request_", [ChatRequest(model="m", previous_response_id="r"), ChatRequest(model="m", modalities=("audio",))]
)
def test_what_changes_the_meaning_is_refused(request_: ChatRequest) -> None:
    with pytest.raises(Unsupported):
        written(request_)


def test_a_host_and_its_quirk_have_their_say() -> None:
    surroundings = context(quirk=Quirk(request=lambda body: {**body, "added": True}), model="theirs")
    surroundings.host = type(surroundings.host)(refuses=("seed",))
    body = written(ChatRequest(model="ours", seed=1, top_k=2), surroundings)
    assert body["added"] is True and body["model"] == "theirs" and body["options"] == {"top_k": 2}
    assert [loss.field for loss in surroundings.losses] == ["seed"]


def test_generate_is_a_chat_of_one_turn() -> None:
    body = {
        "model": "m",
        "prompt": "what is this?",
        "system": "be brief",
        "images": [PNG],
        "template": "t",
        "raw": True,
        "think": False,
        "options": {"num_ctx": 9},
    }
    request = read(body, path="/api/generate")
    assert request.messages == (
        system("be brief"),
        user("what is this?", BlobPart(modality="image", mime_type="image/png", content=PNG)),
    )
    assert request.extra["ollama"]["generate"] is True and request.stream
    wire = ollama.render_request(request, context())
    assert wire.path == "/api/generate"
    assert read(body | {"stream": True}, path="/v/api/generate?x=1") == ollama.parse_request(wire, context())


def test_a_chat_that_grew_from_a_prompt_is_a_chat() -> None:
    request = read({"model": "m", "prompt": "hello", "suffix": "end"}, path="/api/generate")
    grown = ChatRequest(model="m", messages=(*request.messages, system("x"), user("y")), extra=request.extra)
    surroundings = context()
    wire = ollama.render_request(grown, surroundings)
    assert wire.path == "/api/chat" and b"generate" not in wire.body and b"suffix" not in wire.body
    assert [loss.field for loss in surroundings.losses] == ["extra.suffix"]


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_a_request_that_only_loads_the_model_is_read_and_written(path: str) -> None:
    request = read({"model": "m", "keep_alive": "5m"}, path=path)
    wire = ollama.render_request(request, context())
    assert request.messages == () and wire.path == path
    assert ollama.parse_request(wire, context()) == request


def test_a_tool_of_nobody_is_no_reason_to_fail() -> None:
    request = ChatRequest(model="m", messages=(user("x", TextPart(text="y")),))
    assert written(request, lenient())["messages"] == [{"role": "user", "content": "x\ny"}]


def test_both_ways_to_ask_are_paths_of_the_format() -> None:
    assert {"/api/chat", "/api/generate"} <= set(ollama.CHAT_PATHS)
