"""The task agent: gives a task to a model that works on it with tools, step by step, until it is done.

Provider and model are two things, as people name them, and may change between and within tasks; history and tools
stay. What was done before a failure, a stop or an answer that broke off is kept, and `resume` goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from interlingua.client.chat import AsyncChat
from interlingua.client.client import AsyncClient
from interlingua.client.guard import LONGEST_RESULT, TIMEOUT, Approval, Approve, GuardedToolbox
from interlingua.client.reply import Reply, ReplyStream
from interlingua.client.settings import ChatSettings, Settings
from interlingua.client.sync import Client, SyncStream, default_client
from interlingua.client.tools import Tool
from interlingua.errors import ConfigError, InvalidRequest, NotFound
from interlingua.providers.provider import Provider, find
from interlingua.types.messages import Message

MAX_STEPS = 24


class AsyncTaskAgent:
    """Works on tasks.

    Args:
        provider: a provider's id or short name; None is the one that the registry marks for task agents.
        model: one of its models; None is its default.
        tools: functions or Tools that it may call.
        system: instructions.
        approval: `allow`, `ask` or `deny` by tool name; `*` is for those that are not named, and `allow` otherwise.
        approve: is asked where it says `ask`.
        timeout, timeouts: seconds for each call, and the same by tool name; None is no limit.
        longest_result: letters of a tool's answer that the model gets.
        max_steps: how often one task may call the model; the last time it may call no tool.
        messages: a history to go on with.
        client: what asks; the process's shared one by default.
        settings: for every call, see `ChatSettings`.

    Raises:
        NotFound: there is no such provider.
        InvalidRequest: the provider has no default model, and none is named; or a tool is none.
    """

    def __init__(
        self,
        provider: str | None = None,
        model: str | None = None,
        tools: Iterable[Callable[..., Any] | Tool] = (),
        *,
        system: str | None = None,
        approval: Mapping[str, Approval] | None = None,
        approve: Approve | None = None,
        timeout: float | None = TIMEOUT,
        timeouts: Mapping[str, float | None] | None = None,
        longest_result: int = LONGEST_RESULT,
        max_steps: int = MAX_STEPS,
        messages: Iterable[Message] = (),
        client: AsyncClient | None = None,
        **settings: Unpack[ChatSettings],
    ) -> None:
        self._client = client or default_client().asynchronous
        self._provider = self._named(provider)
        self._model = self._model_of(self._provider, model)
        self.tools = GuardedToolbox(
            tools, approval=approval, approve=approve, timeout=timeout, timeouts=timeouts, longest=longest_result
        )
        self._chat = AsyncChat(
            self.name, system=system, messages=messages, client=self._client, max_steps=max_steps, **settings
        )
        self._chat.tools = self.tools

    @property
    def name(self) -> str:
        """Who works, as `provider/model`."""
        return f"{self._provider.id}/{self._model}"

    @property
    def provider(self) -> str:
        """The provider's id; setting it goes on with its default model."""
        return self._provider.id

    @provider.setter
    def provider(self, name: str) -> None:
        self.use(name)

    @property
    def model(self) -> str:
        """The model; setting it stays with the provider."""
        return self._model

    @model.setter
    def model(self, name: str) -> None:
        self.use(self._provider.id, name)

    @property
    def messages(self) -> list[Message]:
        """The history; may be read and edited between tasks."""
        return self._chat.messages

    def use(self, provider: str | None = None, model: str | None = None) -> None:
        """Goes on with another provider and model; history and tools stay. Arguments and errors as when made."""
        found = self._named(provider)
        chosen = self._model_of(found, model)
        self._provider, self._model = found, chosen
        self._chat.use(self.name)

    async def run(self, task: str | Message, **settings: Unpack[Settings]) -> Reply[Any]:
        """Works on a task until it is done; the final answer, with all steps and tool runs.

        Args:
            task: what is to be done.
            settings: for this task; see `Settings`.

        Raises:
            InterlinguaError: of any kind; what was done until then is kept, and `resume` goes on.
        """
        return await self.stream(task, **settings).read()

    def stream(self, task: str | Message, **settings: Unpack[Settings]) -> ReplyStream[Any]:
        """The same piece by piece: events of the model, and a `ToolRun` for each tool that was run."""
        return self._chat.stream(task, **settings)

    async def resume(self, **settings: Unpack[Settings]) -> Reply[Any]:
        """Goes on with a task that failed or was stopped; tool calls that were not answered count as interrupted.

        Raises:
            InvalidRequest: there is nothing to go on with.
            InterlinguaError: of any other kind.
        """
        return await self.resuming(**settings).read()

    def resuming(self, **settings: Unpack[Settings]) -> ReplyStream[Any]:
        """The same piece by piece. Raises InvalidRequest."""
        if not self.messages:
            raise InvalidRequest("there is no task to go on with", remedy="Give one: run(task).")
        last = self.messages[-1]
        unfinished = last.role != "assistant" or any(part.__struct_config__.tag == "tool_call" for part in last.parts)
        return self._chat.stream(None if unfinished else "Go on.", **settings)

    def _named(self, name: str | None) -> Provider:
        providers = self._client.engine.providers
        if name is None:
            marked = next((one for one in providers.values() if one.task_agent), None)
            if marked is None:
                raise ConfigError("no provider is marked for task agents", remedy="Name one: TaskAgent(provider=…).")
            return marked
        found = find(name, providers)
        if found is None:
            raise NotFound(
                f"there is no provider called {name!r}",
                what="provider",
                remedy="Known are " + ", ".join(providers) + ".",
            )
        return found

    @staticmethod
    def _model_of(provider: Provider, model: str | None) -> str:
        if model or provider.default_model:
            return model or provider.default_model
        raise InvalidRequest(
            f"{provider.id} has no default model",
            path="model",
            remedy=f"Name one: model=…, or providers.{provider.id}.default_model.",
        )


class TaskAgent:
    """Works on tasks, for synchronous code; see `AsyncTaskAgent`.

    Args:
        provider: a provider's id or short name; None is the one that the registry marks for task agents.
        model: one of its models; None is its default.
        tools: functions or Tools that it may call.
        client: what asks; the process's shared one by default.
        options: all others of `AsyncTaskAgent`.
    """

    def __init__(
        self,
        provider: str | None = None,
        model: str | None = None,
        tools: Iterable[Callable[..., Any] | Tool] = (),
        *,
        client: Client | None = None,
        **options: Any,
    ) -> None:
        asks = (client or default_client()).asynchronous
        self._agent = AsyncTaskAgent(provider, model, tools, client=asks, **options)

    @property
    def name(self) -> str:
        """Who works, as `provider/model`."""
        return self._agent.name

    @property
    def provider(self) -> str:
        """The provider's id."""
        return self._agent.provider

    @property
    def model(self) -> str:
        """The model."""
        return self._agent.model

    @property
    def messages(self) -> list[Message]:
        """The history; may be read and edited between tasks."""
        return self._agent.messages

    @property
    def tools(self) -> GuardedToolbox:
        """What it may call, and under which rules."""
        return self._agent.tools

    def use(self, provider: str | None = None, model: str | None = None) -> None:
        """Goes on with another provider and model; see `AsyncTaskAgent.use`."""
        self._agent.use(provider, model)

    def run(self, task: str | Message, **settings: Unpack[Settings]) -> Reply[Any]:
        """Works on a task until it is done; see `AsyncTaskAgent.run`."""
        return SyncStream(self._agent.stream(task, **settings)).read()

    def resume(self, **settings: Unpack[Settings]) -> Reply[Any]:
        """Goes on with a task that failed or was stopped; see `AsyncTaskAgent.resume`."""
        return SyncStream(self._agent.resuming(**settings)).read()
