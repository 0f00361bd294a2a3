"""Recorded embeddings, model lists and token counts: what was really written is understood, and survives us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from interlingua.dialects.anthropic_messages import count_tokens as anthropic_count
from interlingua.dialects.anthropic_messages import models as anthropic_models
from interlingua.dialects.gemini import count_tokens as gemini_count
from interlingua.dialects.gemini import embeddings as gemini_embeddings
from interlingua.dialects.gemini import models as gemini_models
from interlingua.dialects.ollama import embeddings as ollama_embeddings
from interlingua.dialects.ollama import models as ollama_models
from interlingua.dialects.openai_chat import embeddings as openai_embeddings
from interlingua.dialects.openai_chat import models as openai_models
from interlingua.dialects.openai_responses import count_tokens as responses_count
from interlingua.dialects.registry import dialect
from interlingua.errors import (
    AuthenticationFailed,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    PermissionDenied,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import CountTokens, Embeddings, Models, WireRequest, WireResponse
from interlingua.types.embeddings import EmbedResponse
from interlingua.types.listing import ListedModel
from interlingua.types.opaque import Json
from tests.replay.traffic import exchanges, response_of

EMBEDDINGS: list[tuple[str, str, Embeddings]] = [
    ("openai-embeddings", "openai_chat", openai_embeddings),
    ("gemini-embed", "gemini", gemini_embeddings),
    ("ollama-embed", "ollama", ollama_embeddings),
]
MODELS: list[tuple[str, str, Models]] = [
    ("openai-models", "openai_chat", openai_models),
    ("anthropic-models", "anthropic_messages", anthropic_models),
    ("gemini-models", "gemini", gemini_models),
    ("ollama-models", "ollama", ollama_models),
]
COUNTS: list[tuple[str, str, CountTokens]] = [
    ("openai-input-tokens", "openai_responses", responses_count),
    ("anthropic-count-tokens", "anthropic_messages", anthropic_count),
    ("gemini-count-tokens", "gemini", gemini_count),
]
OTHER_PATHS = ("/organization/usage/", "/api/show")
"""Recordings of other things that lie in the same files."""
REFUSED_BY_US_TOO = {"openai/envoy-embeddings-bad-request-d7014": "encoding_format"}
"""Requests that the provider refused as malformed, and the field that we name."""

ERRORS: dict[str, type[InterlinguaError]] = {
    "invalid subscription key": AuthenticationFailed,
    "Incorrect API key": AuthenticationFailed,
    "API key not valid": AuthenticationFailed,
    "API key is invalid": AuthenticationFailed,
    "Invalid API Key": AuthenticationFailed,
    "does not exist": ModelNotFound,
    "is not found for API version": ModelNotFound,
    "Specified model not found": ModelNotFound,
    "model: claude-does-not-exist": ModelNotFound,
    "You are not allowed": PermissionDenied,
    "less than the minimum": InvalidRequest,
    "Invalid request": InvalidRequest,
    "Test error": InvalidRequest,
    "is not supported. Supported models": InvalidRequest,
}
"""What a message says, and the class that it must become."""


def context(name: str, model: str = "") -> TranslationContext:
    return TranslationContext(dialect=name, model=model, seed="replay", on_loss={"setting": "reject"} | CONTENT)


CONTENT: dict[Any, Any] = {"content": "reject"}
"""Nothing may be lost between two speakers of one dialect."""


def recorded(file: str, *, ok: bool) -> Iterator[dict[str, Any]]:
    for exchange in exchanges(file):
        url = (exchange["request"] or {"url": ""})["url"]
        if not any(path in url for path in OTHER_PATHS) and (exchange["response"]["status"] == 200) is ok:
            yield exchange


def request_of(exchange: dict[str, Any]) -> WireRequest:
    sent = exchange["request"]
    return WireRequest(path=urlsplit(sent["url"]).path, body=msgspec.json.encode(sent["body"]))


def said(value: Json) -> Json:
    """A JSON value without its nulls."""
    if isinstance(value, dict):
        return {key: said(inner) for key, inner in value.items() if inner is not None}
    return [said(inner) for inner in value] if isinstance(value, list) else value


def holds(whole: Json, part: Json) -> bool:
    """Whether all that `part` says stands in `whole` too."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        same = isinstance(whole, list) and len(whole) == len(part)
        return same and all(holds(one, two) for one, two in zip(whole, part, strict=True))
    return bool(whole == part)


def test_what_holds_and_what_does_not() -> None:
    assert holds({"a": [1, {"b": 2, "c": 3}]}, {"a": [1, {"b": 2}]})
    assert not holds({"a": [1, {"c": 3}]}, {"a": [1, {"b": 2}]})
    assert not holds({"a": [1, 2]}, {"a": [1]})


@pytest.mark.parametrize(("file", "name", "module"), EMBEDDINGS)
def test_every_recorded_embedding_request_is_the_same_after_being_written(
    file: str, name: str, module: Embeddings
) -> None:
    seen = 0
    for ok in (True, False):
        for exchange in recorded(file, ok=ok):
            wire = request_of(exchange)
            if exchange["id"] in REFUSED_BY_US_TOO:
                with pytest.raises(InvalidRequest) as caught:
                    module.parse_embed_request(wire, context(name))
                assert caught.value.path == REFUSED_BY_US_TOO[exchange["id"]]
                continue
            asked = module.parse_embed_request(wire, context(name))
            assert asked.model
            assert asked.inputs
            again = module.render_embed_request(asked, context(name))
            assert module.parse_embed_request(again, context(name)) == asked, exchange["id"]
            seen += 1
    assert seen


@pytest.mark.parametrize(("file", "name", "module"), EMBEDDINGS)
def test_every_recorded_answer_with_vectors_is_the_same_after_being_written(
    file: str, name: str, module: Embeddings
) -> None:
    seen = 0
    for exchange in recorded(file, ok=True):
        asked = module.parse_embed_request(request_of(exchange), context(name))
        found = module.parse_embed_response(response_of(exchange), context(name, asked.model))
        assert len(found.embeddings) == len(asked.inputs), exchange["id"]
        assert len({len(vector) for vector in found.embeddings}) == 1
        assert len(found.embeddings[0]) == asked.dimensions or asked.dimensions is None, exchange["id"]
        assert all(any(vector) for vector in found.embeddings)
        assert found.usage is not None
        assert found.usage.input_tokens, exchange["id"]
        wire = module.render_embed_response(found, context(name), asked)
        assert counted(module.parse_embed_response(wire, context(name, asked.model))) == counted(found), exchange["id"]
        written, body = msgspec.json.decode(wire.body), exchange["response"]["body"]
        if "int8" not in exchange["id"]:
            assert holds(written, said(body)), exchange["id"]
        seen += 1
    assert seen


def counted(response: EmbedResponse) -> EmbedResponse:
    """An answer without the usage object as the host wrote it, which we complete."""
    assert response.usage is not None
    return msgspec.structs.replace(response, usage=msgspec.structs.replace(response.usage, raw=None))


def test_the_recorded_int8_vectors_are_read_as_such() -> None:
    found = [
        openai_embeddings.parse_embed_response(response_of(exchange), context("openai_chat"))
        for exchange in recorded("openai-embeddings", ok=True)
        if "int8" in exchange["id"]
    ]
    assert [len(answer.embeddings[0]) for answer in found] == [256, 1024]
    assert all(value == int(value) and -128 <= value < 128 for answer in found for value in answer.embeddings[0])


@pytest.mark.parametrize(("file", "name", "module"), MODELS)
def test_every_recorded_model_list_is_the_same_after_being_written(file: str, name: str, module: Models) -> None:
    seen = 0
    for exchange in recorded(file, ok=True):
        page = module.parse_models_response(response_of(exchange), context(name))
        body = exchange["response"]["body"]
        entries = body.get("data") or body.get("models") or [body]
        assert len(page.models) == len(entries), exchange["id"]
        wire = module.render_models_response(page, context(name))
        assert module.parse_models_response(wire, context(name)) == page, exchange["id"]
        written = msgspec.json.decode(wire.body)
        for one, entry in zip(written.get("data") or written["models"], entries, strict=True):
            entry = {key: value for key, value in entry.items() if (key, value) != ("name", entry.get("id"))}
            assert holds(one, {key: value for key, value in entry.items() if value is not None}), exchange["id"]
        seen += len(entries)
    assert seen


@pytest.mark.parametrize(
    ("file", "host", "limits"),
    [
        ("openai-models", "openrouter", (400000, 128000)),
        ("openai-models", "groq", (448, 448)),
        ("openai-models", "mistral", (131072, None)),
        ("openai-models", "venice", (1000000, 65536)),
        ("openai-models", "llamacpp", (4096, None)),
        ("openai-models", "deepseek", (None, None)),
        ("gemini-models", "google", (480, 8192)),
    ],
)
def test_the_limits_of_a_hosts_first_model_are_found(
    file: str, host: str, limits: tuple[int | None, int | None]
) -> None:
    name, module = next((name, module) for known, name, module in MODELS if known == file)
    exchange = next(one for one in recorded(file, ok=True) if one["provider"] == host)
    first: ListedModel = module.parse_models_response(response_of(exchange), context(name)).models[0]
    assert (first.context, first.max_output) == limits


@pytest.mark.parametrize(("file", "name", "module"), COUNTS)
def test_every_recorded_count_is_the_same_after_being_written(file: str, name: str, module: CountTokens) -> None:
    seen = 0
    for ok in (True, False):
        for exchange in recorded(file, ok=ok):
            asked = module.parse_count_request(request_of(exchange), lenient(name))
            assert asked.messages, exchange["id"]
            again = module.render_count_request(asked, lenient(name))
            assert module.parse_count_request(again, lenient(name)) == asked, exchange["id"]
            if not ok:
                continue
            count = module.parse_count_response(response_of(exchange), context(name))
            assert count.exact
            assert count.input_tokens > 0
            wire = module.render_count_response(count, context(name))
            assert msgspec.json.decode(wire.body) == exchange["response"]["body"], exchange["id"]
            seen += 1
    assert seen


def lenient(name: str) -> TranslationContext:
    """For requests, whose rendering is the chat's and tested there."""
    return TranslationContext(dialect=name, seed="replay", on_loss={"setting": "warn", "content": "warn"})


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for table in (EMBEDDINGS, MODELS, COUNTS) for file, name, _ in table]
)
def test_every_recorded_error_becomes_the_class_that_its_words_say(file: str, name: str) -> None:
    parse_error: Callable[[WireResponse, TranslationContext], InterlinguaError] = dialect(name).parse_error
    for exchange in recorded(file, ok=False):
        error = parse_error(response_of(exchange), context(name))
        wanted = next((kind for words, kind in ERRORS.items() if words in error.message), None)
        assert wanted is not None, error.message
        assert type(error) is wanted, (exchange["id"], error.message)
