"""LiteLLM's side of `bench_translate`: reads the inputs as JSON from stdin, prints microseconds as JSON.

Runs in an environment of its own (`.venv-bench`), in which Interlingua is not installed. Each case begins with a JSON
text and ends with one, as ours do. LiteLLM's format in the middle is OpenAI chat, so its transformations are those from
and to it; what surrounds them in a call (routing, logging, its stream wrapper) is left out there, in its favour, and
measured apart as calls through its SDK against an upstream that answers from memory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import litellm
from litellm.completion_extras.litellm_responses_transformation.transformation import (
    LiteLLMResponsesTransformationHandler,
    OpenAiResponsesToChatCompletionStreamIterator,
)
from litellm.google_genai.adapters.transformation import GoogleGenAIAdapter, GoogleGenAIStreamWrapper
from litellm.llms.anthropic.chat.handler import ModelResponseIterator as AnthropicIterator
from litellm.llms.anthropic.chat.transformation import AnthropicConfig
from litellm.llms.anthropic.messages.adapters.streaming_iterator import AnthropicStreamWrapper
from litellm.llms.anthropic.messages.adapters.transformation import LiteLLMAnthropicMessagesAdapter
from litellm.llms.custom_httpx.http_handler import HTTPHandler
from litellm.llms.gemini.chat.transformation import GoogleAIStudioGeminiConfig
from litellm.llms.ollama.chat.transformation import OllamaChatCompletionResponseIterator, OllamaChatConfig
from litellm.llms.vertex_ai.gemini.transformation import transform_request_body
from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import ModelResponseIterator as GeminiIterator
from litellm.responses.litellm_completion_transformation.transformation import LiteLLMCompletionResponsesConfig
from litellm.types.llms.openai import ResponsesAPIResponse
from litellm.types.utils import ModelResponse, ModelResponseStream

CHAT = "openai_chat"
MODELS = {
    "anthropic_messages": "claude-opus-4-5",
    "gemini": "gemini-2.5-pro",
    "ollama": "llama3.1",
    "openai_responses": "gpt-5",
}
"""Models that its tables know, so that it does not take slower ways for unknown ones."""


class Logging:
    """Stands in for its logger: takes everything and does nothing."""

    def __init__(self) -> None:
        self.optional_params: dict[str, Any] = {}
        self.litellm_params: dict[str, Any] = {}
        self.model_call_details: dict[str, Any] = {}

    def post_call(self, *_: Any, **__: Any) -> None:
        """Nothing."""


LOG: Any = Logging()


def microseconds(work: Callable[[], object], times: int) -> float:
    """CPU microseconds per run, the best of five rounds."""
    work()
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - start) / times)
    return best * 1e6


def _asked(target: str, body: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Model, messages and parameters of a chat request, in the target's words."""
    request = json.loads(body)
    model, messages = MODELS[target], request.pop("messages")
    request.pop("model")
    configs: dict[str, Any] = {"anthropic_messages": AnthropicConfig, "gemini": GoogleAIStudioGeminiConfig}
    config = (configs | {"ollama": OllamaChatConfig})[target]()
    kept = {key: value for key, value in request.items() if key in config.get_supported_openai_params(model)}
    return model, messages, config.map_openai_params(kept, {}, model, drop_params=True)


def request_to_anthropic(body: str) -> str:
    model, messages, params = _asked("anthropic_messages", body)
    return json.dumps(AnthropicConfig().transform_request(model, messages, params, {}, {}))


def request_to_gemini(body: str) -> str:
    model, messages, params = _asked("gemini", body)
    return json.dumps(transform_request_body(messages, model, params, "gemini", {}, None))


def request_to_ollama(body: str) -> str:
    model, messages, params = _asked("ollama", body)
    return json.dumps(OllamaChatConfig().transform_request(model, messages, params, {}, {}))


def request_to_responses(body: str) -> str:
    request = json.loads(body)
    messages = request.pop("messages")
    handler, model = LiteLLMResponsesTransformationHandler(), MODELS["openai_responses"]
    return json.dumps(handler.transform_request(model, messages, request, {}, {}, LOG), default=str)


def request_from_anthropic(body: str) -> str:
    adapter = LiteLLMAnthropicMessagesAdapter()
    found = adapter.translate_anthropic_to_openai(json.loads(body))
    return json.dumps(found[0] if isinstance(found, tuple) else found)


def request_from_gemini(body: str) -> str:
    request = json.loads(body)
    contents, config = request.pop("contents"), request.pop("generationConfig", None)
    found = GoogleGenAIAdapter().translate_generate_content_to_completion("gpt-5", contents, config, None, **request)
    return json.dumps(found)


def request_from_responses(body: str) -> str:
    request = json.loads(body)
    asked = request.pop("input")
    config = LiteLLMCompletionResponsesConfig
    return json.dumps(config.transform_responses_api_request_to_chat_completion_request("gpt-5", asked, request))


def _answer(target: str, raw: httpx.Response) -> str:
    configs: dict[str, Any] = {"anthropic_messages": AnthropicConfig, "gemini": GoogleAIStudioGeminiConfig}
    config = (configs | {"ollama": OllamaChatConfig})[target]()
    answer = config.transform_response(MODELS[target], raw, ModelResponse(), LOG, {}, [], {}, {}, None)
    return str(answer.model_dump_json())


def answer_from_responses(body: str) -> str:
    raw, handler = ResponsesAPIResponse(**json.loads(body)), LiteLLMResponsesTransformationHandler()
    answer = handler.transform_response("gpt-5", raw, ModelResponse(), LOG, {}, [], {}, {}, None)
    return str(answer.model_dump_json())


def answer_to_anthropic(body: str) -> str:
    return json.dumps(LiteLLMAnthropicMessagesAdapter().translate_openai_response_to_anthropic(_model(body)))


def answer_to_gemini(body: str) -> str:
    return json.dumps(GoogleGenAIAdapter().translate_completion_to_generate_content(_model(body)))


def answer_to_responses(body: str) -> str:
    config = LiteLLMCompletionResponsesConfig
    answer = config.transform_chat_completion_response_to_responses_api_response("", {}, _model(body))
    return str(answer.model_dump_json())


def _model(body: str) -> ModelResponse:
    return ModelResponse(**json.loads(body))


def stream_from(parser: Callable[[], Any], chunks: list[str]) -> None:
    """A provider's events, each to one of OpenAI chat."""
    iterator = parser()
    for chunk in chunks:
        found = iterator.chunk_parser(json.loads(chunk))
        if found is not None:
            found.model_dump_json()


def _chunks(chunks: list[str]) -> Iterator[ModelResponseStream]:
    return (ModelResponseStream(**json.loads(chunk)) for chunk in chunks)


def stream_to_anthropic(chunks: list[str]) -> None:
    for event in AnthropicStreamWrapper(_chunks(chunks), model="m"):
        json.dumps(event)


def stream_to_gemini(chunks: list[str]) -> None:
    for event in GoogleGenAIStreamWrapper(_chunks(chunks)):
        json.dumps(event)


NAMES = {"anthropic_messages": "anthropic/", "gemini": "gemini/", "ollama": "ollama_chat/"}
"""How its SDK calls the providers of these dialects."""


def sdk(name: str, body: str, given: dict[str, Any], *, stream: bool) -> Callable[[], None]:
    """A call through its SDK, from the keyword arguments to the JSON text of what comes."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body.encode()))
    client = HTTPHandler(client=httpx.Client(transport=transport))
    asked = {key: given[key] for key in ("messages", "tools")}
    model = NAMES[name] + MODELS[name]

    def call() -> None:
        answer = litellm.completion(model=model, stream=stream, api_key="x", client=client, **asked)
        for piece in answer if stream else [answer]:
            piece.model_dump_json()

    return call


REQUESTS: dict[tuple[str, str], Callable[[str], str]] = {
    (CHAT, "anthropic_messages"): request_to_anthropic,
    (CHAT, "gemini"): request_to_gemini,
    (CHAT, "ollama"): request_to_ollama,
    (CHAT, "openai_responses"): request_to_responses,
    ("anthropic_messages", CHAT): request_from_anthropic,
    ("gemini", CHAT): request_from_gemini,
    ("openai_responses", CHAT): request_from_responses,
}
ANSWERS: dict[tuple[str, str], Callable[[str], str]] = {
    ("openai_responses", CHAT): answer_from_responses,
    (CHAT, "anthropic_messages"): answer_to_anthropic,
    (CHAT, "gemini"): answer_to_gemini,
    (CHAT, "openai_responses"): answer_to_responses,
}
STREAMS: dict[tuple[str, str], Callable[[list[str]], None]] = {
    ("anthropic_messages", CHAT): lambda chunks: stream_from(lambda: AnthropicIterator(None, True), chunks),
    ("gemini", CHAT): lambda chunks: stream_from(lambda: GeminiIterator(None, True, LOG), chunks),
    ("ollama", CHAT): lambda chunks: stream_from(lambda: OllamaChatCompletionResponseIterator(None, True), chunks),
    ("openai_responses", CHAT): lambda chunks: stream_from(
        lambda: OpenAiResponsesToChatCompletionStreamIterator(None, True), chunks
    ),
    (CHAT, "anthropic_messages"): stream_to_anthropic,
    (CHAT, "gemini"): stream_to_gemini,
}


def _events(name: str, stream: str) -> list[str]:
    if name == "ollama":
        return stream.split("\n")[:-1]
    return [line[6:] for line in stream.split("\n") if line.startswith("data: {")]


def main() -> None:
    """Measures every case that its version has; what fails is told on stderr and left out."""
    litellm.suppress_debug_info = True
    given = json.load(sys.stdin)
    found: dict[str, dict[str, float]] = {}

    def measure(kind: str, case: str, work: Callable[[], object], times: int, per: int = 1) -> None:
        try:
            found.setdefault(kind, {})[case] = microseconds(work, times) / per
        except Exception as error:  # noqa: BLE001 - a foreign library, of which one transformation may not work
            print(f"{kind} {case}: {type(error).__name__}: {error}", file=sys.stderr)

    for (source, target), ask in REQUESTS.items():
        for kind, bodies in given["asked"].items():
            measure(kind, f"{source}>{target}", partial(ask, bodies[source]), 20)
    for source in NAMES:
        raw = httpx.Response(200, content=given["responses"][source].encode())
        measure("response", f"{source}>{CHAT}", partial(_answer, source, raw), 50)
    for (source, target), tell in ANSWERS.items():
        measure("response", f"{source}>{target}", partial(tell, given["responses"][source]), 50)
    for (source, target), relay in STREAMS.items():
        events = _events(source, given["streams"][source])
        measure("event", f"{source}>{target}", partial(relay, events), 2, given["deltas"])
    asked = json.loads(given["asked"]["request"][CHAT])
    for name in NAMES:
        measure("sdk_call", name, sdk(name, given["responses"][name], asked, stream=False), 10)
        measure("sdk_event", name, sdk(name, given["streams"][name], asked, stream=True), 1, given["deltas"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
