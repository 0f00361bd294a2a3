"""A llama.cpp model in this process, answering as an OpenAI-like server would.

Addresses are `local:///chat/completions` and `local:///models` (a `/v1` before them is allowed). Whatever the request
says, llama.cpp streams inside, because only a stream can be cancelled; an answer wanted whole is put together here.
What goes wrong inside the model becomes a status and OpenAI's error envelope; what is wrong with this machine (no
such file, no llama.cpp) is raised. Facts about llama.cpp: xllamacpp 2026.10.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from interlingua.errors import InvalidRequest, TimedOut
from interlingua.ports.transport import HttpRequest, HttpResponse
from interlingua.transport.local_model import Chunk, Job, Loaded, LocalSettings, Models, Refused
from interlingua.types.opaque import Json

if TYPE_CHECKING:
    from interlingua.transport.local_tools import Reader

_JSON = (("content-type", "application/json"),)
_SSE = (("content-type", "text/event-stream"), ("cache-control", "no-store"))
_DONE = b"data: [DONE]\n\n"

_TAKEN = frozenset(
    {"messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "max_tokens", "stop", "seed", "n"}
    | {"max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "typical_p", "frequency_penalty"}
    | {"presence_penalty", "repeat_penalty", "repeat_last_n", "logit_bias", "logprobs", "top_logprobs"}
    | {"cache_prompt", "ignore_eos", "chat_template_kwargs", "reasoning_format"}
)
"""Fields that llama.cpp gets to see; others mean nothing to it, or reach further than a request should."""

_REFUSED = {
    "grammar": "say what you want with response_format",
    "json_schema": "put it into response_format",
}

MOST_LOGPROBS = 20


class LocalTransport:
    """Answers chat requests with models loaded into this process.

    Args:
        find: the GGUF file of a model name; raises LocalFileError or ModelNotFound. Called once per name, on a thread.
        names: the models that `/models` lists.
        settings: how models are loaded.
    """

    def __init__(
        self,
        find: Callable[[str], Path],
        *,
        names: Callable[[], Iterable[str]] = tuple,
        settings: LocalSettings | None = None,
    ) -> None:
        self._find = find
        self._names = names
        self._models = Models(settings or LocalSettings())
        self._paths: dict[str, Path] = {}

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer's head: at the first token of a stream, else with the whole answer.

        Raises:
            ConfigError: xllamacpp is not installed.
            LocalFileError: the file is missing, damaged, or no model.
            TimedOut: phase `first_byte`; waiting in line and loading count.
        """
        path = urlsplit(request.url).path.removeprefix("/v1")
        if path == "/chat/completions":
            try:
                return await self._chat(request)
            except InvalidRequest as error:
                return _failed(400, error.message, "invalid_request_error", param=error.path or None)
            except Refused as refused:
                return _refusal(refused.error)
            except (ValueError, TypeError) as error:
                return _failed(400, str(error), "invalid_request_error")
            except (RuntimeError, MemoryError, LookupError, AttributeError) as error:
                return _raised(error)
        if path == "/models":
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in self._names()]
            return _Whole(200, msgspec.json.encode({"object": "list", "data": listed}))
        if path == "/embeddings":
            return _failed(501, "local models are loaded for chat only", "not_supported_error", "not_supported")
        return _failed(404, f"there is nothing at {path}", "not_found_error", "not_found")

    async def aclose(self) -> None:
        """Nothing here belongs to an event loop; models stay loaded for the others. `unload` frees them."""

    def unload(self) -> None:
        """Stops every answer and frees the models' memory; the next request loads anew. May block for seconds."""
        self._models.close()

    async def _chat(self, request: HttpRequest) -> HttpResponse:
        body = _decoded(request.body)
        name = body["model"]
        if name not in self._paths:
            self._paths[name] = await asyncio.to_thread(self._find, name)
        stream = body.get("stream") is True
        job = Job(_Work(body))
        limit = request.timeouts.first_byte if stream else request.timeouts.first_byte_whole
        handed_over = False
        try:
            async with asyncio.timeout(limit):
                self._models.get(self._paths[name]).submit(job)
                first = await job.next()
                if not stream:
                    return _Whole(200, msgspec.json.encode(await _gathered(job, first)))
            handed_over = True
            return _Stream(job, first)
        except TimeoutError as error:
            raise TimedOut("the local model did not begin to answer in time", phase="first_byte") from error
        finally:
            if not handed_over:
                job.cancel()


class _Work:
    """What a request is to the thread that answers it: a body for llama.cpp, and chunks as OpenAI would send them."""

    def __init__(self, body: dict[str, Json]) -> None:
        options = body.get("stream_options")
        self.name = body["model"]
        self.usage = not body.get("stream") or (isinstance(options, dict) and options.get("include_usage") is True)
        self.body = {key: value for key, value in body.items() if key in _TAKEN and value is not None}

    def __call__(self, loaded: Loaded, put: Callable[[Chunk | None], bool]) -> None:
        from interlingua.transport.local_tools import plan_tools  # only a call needs it

        body, reader = plan_tools(self.body, loaded.native_tools)
        body["stream_options"] = {"include_usage": True}

        def receive(chunk: Chunk | None) -> bool:
            if chunk is None:
                return put(None)
            return any(put(shaped) for shaped in self._shaped(chunk, reader))

        loaded.stream(body, receive)

    def _shaped(self, chunk: Chunk, reader: Reader) -> list[Chunk]:
        chunk["model"] = self.name
        if not chunk.get("choices"):
            return [chunk] if self.usage else []
        choice = chunk["choices"][0]
        delta = choice["delta"]
        if "role" in delta and delta.get("content", "") is None:
            delta["content"] = ""
        deltas: list[dict[str, Json]] = [delta]
        text = delta.get("content")
        if text:
            deltas = reader.feed(text)
        if choice.get("finish_reason"):
            deltas = [*reader.close(), delta]
            if reader.called and choice["finish_reason"] == "stop":
                choice["finish_reason"] = "tool_calls"
        elif not deltas:
            return []
        # Everything but the delta (logprobs, finish_reason) belongs to the last piece.
        early = [{"index": choice.get("index", 0), "finish_reason": None, "delta": each} for each in deltas[:-1]]
        return [{**chunk, "choices": [each]} for each in (*early, {**choice, "delta": deltas[-1]})]


async def _gathered(job: Job, chunk: Chunk | None) -> Chunk:
    """One `chat.completion` out of all chunks."""
    message: dict[str, Json] = {"role": "assistant", "content": ""}
    choice: dict[str, Json] = {"index": 0, "message": message, "finish_reason": None}
    whole: dict[str, Json] = {"object": "chat.completion", "choices": [choice]}
    while chunk is not None:
        for key in ("id", "created", "model", "system_fingerprint", "usage", "timings"):
            if key in chunk:
                whole[key] = chunk[key]
        for piece in chunk["choices"]:
            choice["finish_reason"] = piece.get("finish_reason") or choice["finish_reason"]
            _add(message, piece["delta"])
            if isinstance(piece.get("logprobs"), dict):
                found = choice.setdefault("logprobs", {"content": []})
                found["content"] += piece["logprobs"].get("content") or []
        chunk = await job.next()
    if choice["finish_reason"] is None:
        raise RuntimeError("llama.cpp broke off the answer")
    message["content"] = message["content"] or (None if "tool_calls" in message else "")
    return whole


def _add(message: dict[str, Json], delta: dict[str, Json]) -> None:
    for key in ("content", "reasoning_content"):
        if delta.get(key):
            message[key] = message.get(key, "") + delta[key]
    for piece in delta.get("tool_calls") or ():
        calls = message.setdefault("tool_calls", [])
        if piece["index"] >= len(calls):
            function = {"name": "", "arguments": "", **piece["function"]}
            calls.append({"id": piece.get("id", ""), "type": "function", "function": function})
        else:
            calls[piece["index"]]["function"]["arguments"] += piece["function"].get("arguments", "")


class _Whole:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: tuple[tuple[str, str], ...] = _JSON
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def stream(self) -> AsyncIterator[bytes]:
        yield self._body

    async def aclose(self) -> None:
        return None


class _Stream:
    def __init__(self, job: Job, first: Chunk | None) -> None:
        self.status = 200
        self.headers: tuple[tuple[str, str], ...] = _SSE
        self._job = job
        self._first = first

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.stream()])

    async def stream(self) -> AsyncIterator[bytes]:
        chunk = self._first
        try:
            while chunk is not None:
                yield b"data: " + msgspec.json.encode(chunk) + b"\n\n"
                chunk = await self._job.next()
            yield _DONE
        except Refused as refused:
            yield b"data: " + msgspec.json.encode({"error": refused.error}) + b"\n\n"
        except (ValueError, TypeError, RuntimeError, MemoryError, LookupError, AttributeError) as error:
            yield b"data: " + msgspec.json.encode({"error": _envelope(str(error), "server_error")}) + b"\n\n"
        finally:
            self._job.cancel()

    async def aclose(self) -> None:
        self._job.cancel()

    def __del__(self) -> None:
        self._job.cancel()


def _decoded(source: bytes) -> dict[str, Json]:
    try:
        body = msgspec.json.decode(source)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be an object")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise InvalidRequest("model: required", path="model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("messages: must be a list with messages in it", path="messages")
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise InvalidRequest(f"messages[{i}].role: required", path=f"messages[{i}].role")
    logprobs = body.get("top_logprobs")
    if logprobs is not None and not (isinstance(logprobs, int) and 0 <= logprobs <= MOST_LOGPROBS):
        raise InvalidRequest(f"top_logprobs: must be from 0 to {MOST_LOGPROBS}", path="top_logprobs")
    for key, instead in _REFUSED.items():
        if body.get(key) is not None:
            raise InvalidRequest(f"{key}: not taken here; {instead}", path=key)
    return body


def _envelope(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Json]:
    return {"message": message, "type": kind, "param": param, "code": code}


def _failed(status: int, message: str, kind: str, code: str | None = None, param: str | None = None) -> HttpResponse:
    return _Whole(status, msgspec.json.encode({"error": _envelope(message, kind, code, param)}))


def _refusal(error: dict[str, Json]) -> HttpResponse:
    """llama.cpp's own error in OpenAI's words."""
    status, kind = error.get("code"), str(error.get("type", "server_error"))
    message = str(error.get("message", "llama.cpp refused the request"))
    if kind == "exceed_context_size_error":
        message = (
            f"This model's maximum context length is {error.get('n_ctx')} tokens; "
            f"the messages hold {error.get('n_prompt_tokens')} tokens."
        )
        status, kind, code = 400, "invalid_request_error", "context_length_exceeded"
    else:
        code = None
    return _failed(status if isinstance(status, int) and 400 <= status <= 599 else 500, message, kind, code)


def _raised(error: Exception) -> HttpResponse:
    """llama.cpp raises RuntimeError for input that the model cannot take, and for failures of its own."""
    if "not supported" in str(error):
        return _failed(400, str(error), "invalid_request_error", "unsupported")
    return _failed(500, str(error), "server_error")
