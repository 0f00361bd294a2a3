"""What the official clients ask beside chat: vectors, lists of models, counts of tokens."""

from __future__ import annotations

from typing import Any

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from interlingua.types.embeddings import EmbedResponse
from interlingua.types.listing import ListedModel, ModelPage
from interlingua.types.messages import user
from interlingua.types.token_count import TokenCount
from interlingua.types.usage import Usage
from tests.sdks.server import Peer

VECTORS = EmbedResponse(
    model="m-1", embeddings=((0.5, -0.25), (1.0, 0.0)), usage=Usage(input_tokens=4, output_tokens=0)
)
PAGE = ModelPage(
    models=(
        ListedModel(id="m-1", title="Model One", owner="me", created=1_700_000_000, context=9000, max_output=500),
        ListedModel(id="m-2"),
    )
)
COUNT = TokenCount(input_tokens=42, exact=True)
STRICT: dict[str, Any] = {"api_key": "k", "max_retries": 0, "_strict_response_validation": True}


def google(peer: Peer) -> genai.Client:
    return genai.Client(api_key="k", http_options=types.HttpOptions(base_url=peer.url))


@pytest.mark.parametrize("form", ["float", "base64"])
def test_openai_gets_vectors_in_either_form(peer: Peer, form: str) -> None:
    peer.answer = VECTORS
    # It asks for base64 itself and unpacks it only after its strict validation would have refused a text.
    with openai.OpenAI(base_url=f"{peer.url}/v1", api_key="k", max_retries=0) as client:
        given: dict[str, Any] = {"encoding_format": form} if form == "float" else {}
        found = client.embeddings.create(model="m-1", input=["a", "b"], dimensions=2, user="u", **given)
    assert [one.embedding for one in found.data] == [[0.5, -0.25], [1.0, 0.0]]
    assert found.usage.prompt_tokens == 4
    asked = peer.embedded[0]
    assert (asked.inputs, asked.dimensions, asked.end_user) == (("a", "b"), 2, "u")


def test_google_gets_vectors(peer: Peer) -> None:
    peer.answer = VECTORS
    with google(peer) as client:
        config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=2)
        found = client.models.embed_content(model="m-1", contents=["a", "b"], config=config)
    assert [one.values for one in found.embeddings] == [[0.5, -0.25], [1.0, 0.0]]
    asked = peer.embedded[0]
    assert (asked.inputs, asked.dimensions, asked.task) == (("a", "b"), 2, "RETRIEVAL_QUERY")


def test_ollama_gets_vectors(peer: Peer) -> None:
    peer.answer = VECTORS
    with ollama.Client(host=peer.url) as client:
        found = client.embed(model="m-1", input=["a", "b"], dimensions=2)
    assert [list(one) for one in found.embeddings] == [[0.5, -0.25], [1.0, 0.0]]
    assert found.prompt_eval_count == 4
    assert peer.embedded[0].inputs == ("a", "b")


def test_openai_gets_the_list_of_models(peer: Peer) -> None:
    peer.answer = PAGE
    with openai.OpenAI(base_url=f"{peer.url}/v1", **STRICT) as client:
        assert [one.id for one in client.models.list()] == ["m-1", "m-2"]


def test_anthropic_gets_the_list_of_models(peer: Peer) -> None:
    peer.answer = PAGE
    with anthropic.Anthropic(base_url=peer.url, **STRICT) as client:
        assert [(one.id, one.display_name) for one in client.models.list()] == [("m-1", "Model One"), ("m-2", "m-2")]


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_google_gets_the_list_of_models(peer: Peer, version: str) -> None:
    peer.answer = PAGE
    options = types.HttpOptions(base_url=peer.url, api_version=version)
    with genai.Client(api_key="k", http_options=options) as client:
        found = list(client.models.list())
    assert [one.name for one in found] == ["models/m-1", "models/m-2"]
    assert (found[0].input_token_limit, found[0].output_token_limit) == (9000, 500)


def test_ollama_gets_the_list_of_models(peer: Peer) -> None:
    peer.answer = PAGE
    with ollama.Client(host=peer.url) as client:
        assert [one.model for one in client.list().models] == ["m-1", "m-2"]


def test_anthropic_gets_a_count(peer: Peer) -> None:
    peer.answer = COUNT
    with anthropic.Anthropic(base_url=peer.url, **STRICT) as client:
        found = client.messages.count_tokens(model="m-1", messages=[{"role": "user", "content": "Hi"}])
    assert found.input_tokens == 42
    assert peer.request.messages == (user("Hi"),)


def test_google_gets_a_count(peer: Peer) -> None:
    peer.answer = COUNT
    with google(peer) as client:
        found = client.models.count_tokens(model="m-1", contents="Hi")
    assert found.total_tokens == 42
    assert peer.request.messages == (user("Hi"),)


def test_openai_gets_a_count(peer: Peer) -> None:
    peer.answer = COUNT
    with openai.OpenAI(base_url=f"{peer.url}/v1", **STRICT) as client:
        found = client.responses.input_tokens.count(model="m-1", input="Hi")
    assert found.input_tokens == 42
    assert peer.request.messages == (user("Hi"),)
