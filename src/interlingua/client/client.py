"""The asynchronous Python API: one client for every model."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, Unpack, overload

from msgspec.structs import replace

from interlingua.catalog.catalog import Model
from interlingua.client.attachments import Source, attach_all
from interlingua.client.estimate import Estimate, estimate
from interlingua.client.output import Output
from interlingua.client.reply import Reply, ReplyStream
from interlingua.client.settings import Settings, as_request
from interlingua.client.timing import Stopwatch
from interlingua.config.build import build_engine
from interlingua.config.load import load_config
from interlingua.config.schema import Config
from interlingua.engine.answer import Answer
from interlingua.engine.engine import Engine
from interlingua.engine.operations import Embeddings, Health, count_tokens, embed, health, list_models
from interlingua.errors import NotFound
from interlingua.ports.transport import Transport
from interlingua.providers.provider import Provider, find
from interlingua.types.embeddings import EmbedRequest
from interlingua.types.events import Event
from interlingua.types.listing import ListedModel
from interlingua.types.messages import Message
from interlingua.types.request import ChatRequest
from interlingua.types.secret import Secret
from interlingua.types.token_count import TokenCount
from interlingua.types.traits import Traits

T = TypeVar("T")
Prompt = str | Message | Sequence[Message] | ChatRequest
"""What may be asked: a text, a message, a conversation, or a whole request."""


class AsyncClient:
    """Asks any model, on any number of event loops.

    Args:
        model: what to use where a call names none; the configuration's default otherwise.
        config: a configuration, or the path of a file; found as usual by default.
        api_keys: keys by provider id, or alias; they win over every other source.
        transport: replaces every way to the network and to the local model, for tests.

    Raises:
        ConfigError: the configuration cannot be used.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        config: Config | str | Path | None = None,
        api_keys: Mapping[str, str] | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.model = model
        self.config = config if isinstance(config, Config) else load_config(config)
        self.engine: Engine = build_engine(
            self.config,
            given={provider: Secret(key) for provider, key in (api_keys or {}).items()},
            transport=transport,
        )

    @overload
    async def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> Reply[T]: ...

    @overload
    async def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]: ...

    async def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]:
        """The answer at once.

        Args:
            prompt: a text, a message, a conversation, or a whole request.
            model: a model name or alias.
            attach: files, addresses or bytes to show with the last message.
            output: the type that the answer shall have: dataclass, msgspec Struct, Pydantic model, TypedDict, or a
                JSON Schema; the result is in `reply.output`.
            settings: see `Settings`.

        Raises:
            InterlinguaError: of any kind.
        """
        wanted = Output(output) if output is not None else None
        request = self.request(prompt, model=model, attach=attach, output=wanted, **settings)
        stopwatch = Stopwatch(time.monotonic)
        answer = await self.engine.generate(request)
        usage = answer.response.usage
        return Reply(
            steps=(answer,),
            timing=stopwatch.timing(output_tokens=usage.output_tokens if usage else None),
            output=wanted.read(answer.response) if wanted else None,
        )

    @overload
    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> ReplyStream[T]: ...

    @overload
    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> ReplyStream[Any]: ...

    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> ReplyStream[Any]:
        """The answer piece by piece: iterate over its events, then read `.reply`. Arguments as `generate`."""
        wanted = Output(output) if output is not None else None
        request = self.request(prompt, model=model, attach=attach, output=wanted, **settings)
        return ReplyStream(self._items(request), Stopwatch(time.monotonic), wanted.read if wanted else None)

    async def _items(self, request: ChatRequest) -> AsyncGenerator[Event | Answer]:
        async with aclosing(self.engine.stream(request)) as items:
            async for item in items:
                yield item

    def request(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: Output[Any] | None = None,
        **settings: Unpack[Settings],
    ) -> ChatRequest:
        """The canonical request that a call with these arguments sends."""
        request = as_request(prompt, model, settings)
        parts = attach_all(attach)
        if parts:
            *before, last = request.messages or (Message(role="user"),)
            request = replace(request, messages=(*before, replace(last, parts=last.parts + parts)))
        if output is not None:
            request = replace(request, output=output.format)
        if not request.model and self.model:
            request = replace(request, model=self.model)
        return request

    def models(self, query: str = "") -> list[Model]:
        """Models of the catalog whose name matches `query`; all of them for an empty one."""
        return self.engine.catalog.search(query)

    async def live_models(self, provider: str) -> tuple[ListedModel, ...]:
        """What a provider serves now, asked of it.

        Raises:
            NotFound: no such provider.
            InterlinguaError: of any other kind.
        """
        return await list_models(self.engine, self._provider(provider))

    async def health(self, provider: str) -> Health:
        """Whether a provider can be called: tried with its list of models.

        Raises:
            NotFound: no such provider.
        """
        return await health(self.engine, self._provider(provider))

    async def embed(
        self,
        inputs: str | Sequence[str],
        model: str,
        *,
        dimensions: int | None = None,
        task: str | None = None,
    ) -> Embeddings:
        """Vectors of texts.

        Args:
            inputs: a text, or several.
            model: a model name or alias.
            dimensions: length of the vectors, where the model can shorten them.
            task: what they are for, as the provider writes it.

        Raises:
            InterlinguaError: of any kind.
        """
        texts = (inputs,) if isinstance(inputs, str) else tuple(inputs)
        return await embed(self.engine, EmbedRequest(model=model, inputs=texts, dimensions=dimensions, task=task))

    async def count_tokens(
        self, prompt: Prompt, *, model: str | None = None, **settings: Unpack[Settings]
    ) -> TokenCount:
        """How many tokens a prompt holds: counted by the provider where it counts, else estimated and marked so."""
        return await count_tokens(self.engine, self.request(prompt, model=model, **settings))

    async def estimate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        ask_provider: bool = False,
        **settings: Unpack[Settings],
    ) -> Estimate:
        """What a call would take and cost, without making it.

        Args:
            prompt, model, attach, settings: as for `generate`.
            ask_provider: have the provider count the prompt, where it does.
        """
        request = self.request(prompt, model=model, attach=attach, **settings)
        return await estimate(self.engine, request, ask_provider=ask_provider)

    def _provider(self, name: str) -> Provider:
        found = find(name, self.engine.providers)
        if found is None:
            raise NotFound(
                f"there is no provider called {name!r}",
                what="provider",
                remedy="Known are " + ", ".join(self.engine.providers) + ".",
            )
        return found

    def capabilities(self, model: str) -> Traits:
        """What a model can do; unknown traits are None.

        Raises:
            ModelNotFound: no such model.
        """
        return self.engine.route(model)[0].traits

    async def aclose(self) -> None:
        """Closes the connections of the running event loop."""
        await self.engine.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
