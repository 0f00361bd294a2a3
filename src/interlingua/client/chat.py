"""A conversation that can change its model in the middle: history, tools and ids survive."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar, Unpack, overload

from msgspec.structs import replace

from interlingua.client.attachments import Source, attach_all
from interlingua.client.client import AsyncClient
from interlingua.client.output import Output
from interlingua.client.reply import Reply, ReplyStream, total_cost, total_usage
from interlingua.client.settings import ChatSettings, Settings, as_messages
from interlingua.client.sync import Client, SyncStream, default_client
from interlingua.client.timing import Stopwatch
from interlingua.client.tools import Tool, Toolbox, ToolRun
from interlingua.engine.answer import Answer
from interlingua.errors import InvalidRequest, StreamInterrupted
from interlingua.types.events import Event
from interlingua.types.messages import Message, user
from interlingua.types.money import Money
from interlingua.types.parts import Part, TextPart, ToolCallPart
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.tools import ToolChoice
from interlingua.types.usage import Usage

T = TypeVar("T")
MAX_STEPS = 16


class AsyncChat:
    """A conversation with one model at a time.

    Args:
        model: a model name or alias; the default model otherwise.
        system: instructions that precede the conversation.
        tools: typed Python functions, or `Tool`s, that the model may call.
        messages: a conversation to go on with.
        client: what asks; the process's shared one by default.
        max_steps: how often one question may call the model; the last time it may call no tool.
        settings: defaults for every question, see `ChatSettings`.

    Attributes:
        messages: the history, a list that may be read and edited between questions.
        tools: the toolbox.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        system: str | None = None,
        tools: Iterable[Callable[..., Any] | Tool] = (),
        messages: Iterable[Message] = (),
        client: AsyncClient | None = None,
        max_steps: int = MAX_STEPS,
        **settings: Unpack[ChatSettings],
    ) -> None:
        if max_steps < 1:
            raise InvalidRequest(f"max_steps is {max_steps}, and an answer takes one step at least", path="max_steps")
        self.client = client or default_client().asynchronous
        self.system = system
        self.messages: list[Message] = list(messages)
        self.tools = Toolbox(tools)
        self.max_steps = max_steps
        self.settings = settings
        self.steps: list[Answer] = []
        self._broken_off = False  # an answer that began and never ended took what nobody told
        self.model = ""
        self.use(model or self.client.model or "")

    def use(self, model: str) -> None:
        """Goes on with another model; history and tools stay. Keys are looked for when it is asked.

        Raises:
            ModelNotFound: no such model.
        """
        self.client.engine.route(model)
        self.model = model

    @property
    def usage(self) -> Usage | None:
        """Tokens of the whole conversation; None where a part is unknown, as of an answer that broke off."""
        return None if self._broken_off else total_usage(step.response.usage for step in self.steps)

    @property
    def cost(self) -> Money | None:
        """What the whole conversation cost; None where a part is unknown, as of an answer that broke off."""
        return None if self._broken_off else total_cost(step.cost for step in self.steps)

    @overload
    async def ask(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> Reply[T]: ...

    @overload
    async def ask(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]: ...

    async def ask(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]:
        """Asks, runs the tools that the model calls, and gives the final answer.

        Args:
            prompt: what to say; None goes on with the history as it stands.
            attach: files, addresses, bytes or parts to show with it.
            output: the type that the answer shall have; see `AsyncClient.generate`.
            settings: for this question; see `Settings`.

        Raises:
            InterlinguaError: of any kind; the history keeps what was finished.
        """
        return await self.stream(prompt, attach=attach, output=output, **settings).read()

    @overload
    def stream(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> ReplyStream[T]: ...

    @overload
    def stream(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> ReplyStream[Any]: ...

    def stream(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> ReplyStream[Any]:
        """The same piece by piece: events of the model, and a `ToolRun` for each tool that was run."""
        wanted = Output(output) if output is not None else None
        turn = self._turn(prompt, attach_all(attach))
        merged: Settings = {**self.settings, **settings}
        request = self.client.request((), model=self.model, output=wanted, **merged)
        return ReplyStream(self._items(turn, request), Stopwatch(time.monotonic), wanted.read if wanted else None)

    def _turn(self, prompt: str | Message | None, parts: Sequence[Part]) -> Message | None:
        if prompt is None and not parts:
            return None
        if prompt is not None and not isinstance(prompt, str | Message):
            raise InvalidRequest(
                f"a question is a text or a Message, and no {type(prompt).__name__}",
                path="prompt",
                remedy="What was said before goes into Chat(messages=...).",
            )
        message = prompt if isinstance(prompt, Message) else user(prompt) if prompt else Message(role="user")
        return replace(message, parts=(*message.parts, *parts)) if parts else message

    async def _items(self, turn: Message | None, settings: ChatRequest) -> AsyncGenerator[Event | ToolRun | Answer]:
        # What is new joins the history in one go, once it is answered: a question that nobody waits for any more, or
        # a stream that is closed long after another question was asked, leaves no trace in it.
        new = [turn] if turn is not None else []
        try:
            for step in range(1, self.max_steps + 1):
                answer, begun = None, False
                try:
                    async with aclosing(self.client.engine.stream(self._request(settings, new, step))) as items:
                        async for item in items:
                            begun = True
                            if isinstance(item, Answer):
                                answer = item
                            else:
                                yield item
                finally:
                    self._broken_off |= begun and answer is None
                assert answer is not None, "a stream that ends without raising ends with its answer"
                self.steps.append(answer)
                new.append(answer.response.message)
                calls = self._calls(answer.response)
                done: dict[int, ToolRun] = {}
                try:
                    if calls:
                        await self.tools.run_all(calls, finished=done)
                finally:
                    # Also where the rest was stopped: what a tool has done it must not be asked to do again.
                    runs = [done[place] for place in sorted(done)]
                    if runs:
                        new.append(Message(role="tool", parts=tuple(run.response for run in runs)))
                    self.messages += new
                    new.clear()
                yield answer
                for run in runs:
                    yield run
                if not calls and answer.response.finish.kind != "pause":
                    return
        except StreamInterrupted as error:
            if error.partial is not None and error.partial.text:
                self.messages += [*new, Message(role="assistant", parts=(TextPart(text=error.partial.text),))]
            raise

    def _request(self, settings: ChatRequest, new: list[Message], step: int) -> ChatRequest:
        messages = (*as_messages(self.messages), *new)
        if self.system:
            messages = (Message(role="system", parts=(TextPart(text=self.system),)), *messages)
        request = replace(
            settings,
            messages=(*settings.messages, *messages),
            tools=(*self.tools.definitions(), *settings.tools),
        )
        if step == self.max_steps and request.tools and step > 1:
            return replace(request, tool_choice=ToolChoice("none"))
        if step > 1 and request.tool_choice is not None and request.tool_choice.mode == "required":
            # The caller forced a call; forcing the next one too would never end.
            return replace(request, tool_choice=None)
        return request

    def _calls(self, response: ChatResponse) -> list[ToolCallPart]:
        """The calls to run: all of them, or none where the caller brings definitions that we cannot run."""
        calls = [part for part in response.message.parts if isinstance(part, ToolCallPart)]
        return calls if len(self.tools) else []


class Chat:
    """A conversation that can change its model in the middle, for synchronous code; see `AsyncChat`.

    Args:
        model: a model name or alias; the default model otherwise.
        system: instructions that precede the conversation.
        tools: typed Python functions, or `Tool`s, that the model may call.
        messages: a conversation to go on with.
        client: what asks; the process's shared one by default.
        max_steps: how often one question may call the model.
        settings: defaults for every question, see `ChatSettings`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        system: str | None = None,
        tools: Iterable[Callable[..., Any] | Tool] = (),
        messages: Iterable[Message] = (),
        client: Client | None = None,
        max_steps: int = MAX_STEPS,
        **settings: Unpack[ChatSettings],
    ) -> None:
        self._chat = AsyncChat(
            model,
            system=system,
            tools=tools,
            messages=messages,
            client=(client or default_client()).asynchronous,
            max_steps=max_steps,
            **settings,
        )

    @property
    def messages(self) -> list[Message]:
        """The history; may be read, edited and replaced between questions."""
        return self._chat.messages

    @messages.setter
    def messages(self, messages: Iterable[Message]) -> None:
        self._chat.messages = list(messages)

    @property
    def system(self) -> str | None:
        """Instructions that precede the conversation; may be changed between questions."""
        return self._chat.system

    @system.setter
    def system(self, system: str | None) -> None:
        self._chat.system = system

    @property
    def tools(self) -> Toolbox:
        """What the model may call."""
        return self._chat.tools

    @property
    def model(self) -> str:
        """The model name in use, as it was given."""
        return self._chat.model

    @property
    def usage(self) -> Usage | None:
        """Tokens of the whole conversation; None where a part is unknown."""
        return self._chat.usage

    @property
    def cost(self) -> Money | None:
        """What the whole conversation cost; None where a part is unknown."""
        return self._chat.cost

    def use(self, model: str) -> None:
        """Goes on with another model; see `AsyncChat.use`."""
        self._chat.use(model)

    @overload
    def ask(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> Reply[T]: ...

    @overload
    def ask(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]: ...

    def ask(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]:
        """Asks, runs the tools that the model calls, and gives the final answer; see `AsyncChat.ask`."""
        return self.stream(prompt, attach=attach, output=output, **settings).read()

    @overload
    def stream(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> SyncStream[T]: ...

    @overload
    def stream(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> SyncStream[Any]: ...

    def stream(
        self,
        prompt: str | Message | None = None,
        *,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> SyncStream[Any]:
        """The same piece by piece; see `AsyncChat.stream`."""
        return SyncStream(self._chat.stream(prompt, attach=attach, output=output, **settings))
