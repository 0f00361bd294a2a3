"""A LiveKit `LLM` that is any model: LiveKit keeps the conversation and runs the tools, our engine asks.

Tool calls are handed over once the answer is whole, because a call from an answer that broke off is no call. Nothing is
asked again once something was handed over; before that LiveKit may, on top of what the engine tried, unless its
`max_retry` says otherwise.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, Unpack, cast

from livekit.agents import (
    NOT_GIVEN,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    NotGivenOr,
    llm,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.utils import is_given, shortuuid

from interlingua.client.client import AsyncClient
from interlingua.client.settings import ChatSettings, Settings
from interlingua.client.sync import default_client
from interlingua.engine.answer import Answer
from interlingua.engine.target import Target
from interlingua.errors import ConnectionFailed, InterlinguaError, StreamInterrupted, TimedOut
from interlingua.types.events import Event, MessageStart, PartDelta, PartStart, UsageUpdate
from interlingua.types.parts import RefusalPart, TextPart, ToolCallPart
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool, ToolChoice
from interlingua.types.usage import Usage
from interlingua.voice.context import parse_context, record

_NOT_REACHED = (ConnectionFailed, StreamInterrupted)


class LLM(llm.LLM[Any]):
    """A model for LiveKit's `AgentSession` and `Agent`.

    Args:
        model: a model name or alias; the client's, then the configuration's default otherwise.
        client: what asks; the process's shared one by default. It stays open when this is closed.
        settings: for every answer, see `ChatSettings`.

    Raises:
        ModelNotFound: no such model.
        InvalidRequest: a setting is unknown or of the wrong type.
    """

    def __init__(
        self, model: str | None = None, *, client: AsyncClient | None = None, **settings: Unpack[ChatSettings]
    ) -> None:
        super().__init__()
        self.client = client or default_client().asynchronous
        self.name = model or self.client.model or ""
        self.settings = settings
        self.client.request((), model=self.name, **settings)
        self._target: Target = self.client.engine.route(self.name)[0]

    @property
    def model(self) -> str:
        """The model that answered last; before that, the one that is asked first."""
        return self._target.model

    @property
    def provider(self) -> str:
        """Its provider's id."""
        return self._target.provider.id

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        """An answer as it comes.

        Args:
            chat_ctx: the conversation.
            tools: what may be called; LiveKit runs it.
            conn_options: `timeout` holds until the first piece of the answer.
            parallel_tool_calls, tool_choice: how to call.
            extra_kwargs: settings for this answer, see `ChatSettings`; they win over those of this object.
        """
        settings: dict[str, Any] = {**self.settings}
        if is_given(parallel_tool_calls):
            settings["parallel_tool_calls"] = parallel_tool_calls
        if is_given(tool_choice) and tools:
            settings["tool_choice"] = parse_tool_choice(tool_choice)
        if is_given(extra_kwargs):
            settings.update(extra_kwargs)
        return LLMStream(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options, settings=cast(Settings, settings)
        )

    def answered(self, target: Target) -> None:
        """Notes who answered, for what is measured."""
        self._target = target


class LLMStream(llm.LLMStream):
    """One answer; made by `LLM.chat`.

    Args:
        model: whose.
        chat_ctx, tools, conn_options: as given to `LLM.chat`.
        settings: those of the answer.
    """

    def __init__(
        self,
        model: LLM,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
        settings: Settings,
    ) -> None:
        super().__init__(model, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._model = model
        self._settings = settings
        self._id = shortuuid("answer_")
        self._sent = False
        self._aloud: set[int] = set()

    async def _run(self) -> None:
        self._sent = False
        self._aloud.clear()
        limit = asyncio.timeout(self._conn_options.timeout)
        try:
            request = self._request()
            async with limit, aclosing(self._model.client.engine.stream(request)) as items:
                async for item in items:
                    limit.reschedule(None)
                    self._hand_over(item)
        except InterlinguaError as error:
            raise api_error(error, sent=self._sent) from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise APITimeoutError(f"no answer within {self._conn_options.timeout:g} s") from error

    def _request(self) -> ChatRequest:
        settings: Settings = {**self._settings, "tools": parse_tools(self._tools)}
        return self._model.client.request(parse_context(self._chat_ctx), model=self._model.name, **settings)

    def _hand_over(self, item: Event | Answer) -> None:
        if isinstance(item, Answer):
            self._finish(item)
        elif isinstance(item, MessageStart):
            self._id = item.id or self._id
        elif isinstance(item, PartStart | PartDelta) and item.choice == 0:
            if isinstance(item, PartDelta):
                self._say(item.text if item.index in self._aloud else "")
            elif isinstance(item.part, TextPart | RefusalPart):
                self._aloud.add(item.index)
                self._say(item.part.text)
        elif isinstance(item, UsageUpdate):
            self._count(item.usage)

    def _say(self, text: str) -> None:
        if text:
            self._send(llm.ChatChunk(id=self._id, delta=llm.ChoiceDelta(role="assistant", content=text)))

    def _count(self, usage: Usage | None) -> None:
        counted = render_usage(usage)
        if counted is not None:
            self._event_ch.send_nowait(llm.ChatChunk(id=self._id, usage=counted))

    def _send(self, chunk: llm.ChatChunk) -> None:
        self._sent = True
        self._event_ch.send_nowait(chunk)

    def _finish(self, answer: Answer) -> None:
        self._model.answered(answer.target)
        message = answer.response.message
        kept = record(message)
        calls = [
            llm.FunctionToolCall(name=part.name, arguments=part.raw or "{}", call_id=part.id)
            for part in message.parts
            if isinstance(part, ToolCallPart)
        ]
        if calls:
            calls[0].extra = kept or None  # an answer without words becomes no message, only calls
        if calls or kept:
            delta = llm.ChoiceDelta(role="assistant", tool_calls=calls, extra=kept or None)
            self._send(llm.ChatChunk(id=self._id, delta=delta))
        self._count(answer.response.usage)


def parse_tools(tools: list[llm.Tool]) -> tuple[FunctionTool, ...]:
    """The definitions of LiveKit's tools; those that run at a provider are not ours to describe and are left out."""
    found = []
    for tool in llm.ToolContext(tools).function_tools.values():
        schema: dict[str, Any] = (
            tool.info.raw_schema
            if isinstance(tool, llm.RawFunctionTool)
            else llm.utils.build_legacy_openai_schema(tool, internally_tagged=True)
        )
        found.append(
            FunctionTool(
                name=schema["name"],
                description=schema.get("description") or None,
                parameters=schema.get("parameters"),
            )
        )
    return tuple(found)


def parse_tool_choice(choice: llm.ToolChoice) -> ToolChoice:
    """How LiveKit wants the model to choose."""
    if isinstance(choice, str):
        return ToolChoice(choice)
    return ToolChoice("required", (choice["function"]["name"],))


def render_usage(usage: Usage | None) -> llm.CompletionUsage | None:
    """Tokens as LiveKit counts them; None where prompt or answer are unknown, because it has no word for that."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return llm.CompletionUsage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        prompt_cached_tokens=usage.cache_read or 0,
        cache_read_tokens=usage.cache_read or 0,
        cache_creation_tokens=usage.cache_creation or 0,
        reasoning_tokens=usage.reasoning or 0,
    )


def api_error(error: InterlinguaError, *, sent: bool) -> APIError:
    """An error as LiveKit knows it.

    Args:
        error: ours.
        sent: whether a piece of the answer was handed over; then it must not be asked again.
    """
    retryable = error.retryable and not sent
    said = f"{error.message} {error.remedy}"
    if isinstance(error, TimedOut):
        return APITimeoutError(said, retryable=retryable)
    if isinstance(error, _NOT_REACHED):
        return APIConnectionError(said, retryable=retryable)
    return APIStatusError(
        said, status_code=error.status, request_id=error.request_id, body={"code": error.code}, retryable=retryable
    )
