"""The synchronous API: the asynchronous one, run on one daemon thread per process.

Works inside a running loop (Jupyter), after a fork (the child gets a thread of its own) and beside any number of
`asyncio.run`. Ctrl-C in the caller cancels the work on the thread.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack, overload

from interlingua.catalog.catalog import Model
from interlingua.client.attachments import Source
from interlingua.client.client import AsyncClient, Prompt
from interlingua.client.estimate import Estimate
from interlingua.client.reply import Reply, ReplyStream
from interlingua.client.settings import Settings
from interlingua.client.tools import ToolRun
from interlingua.config.schema import Config
from interlingua.engine.operations import Embeddings, Health
from interlingua.ports.transport import Transport
from interlingua.types.events import Event
from interlingua.types.listing import ListedModel
from interlingua.types.token_count import TokenCount
from interlingua.types.traits import Traits

T = TypeVar("T")

_CLOSING_SECONDS = 2.0
_clients: weakref.WeakSet[AsyncClient] = weakref.WeakSet()
"""Those that this process's thread closes at exit; also in a forked child, which inherits them."""


class LoopThread:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="interlingua", daemon=True)
        self._thread.start()
        atexit.register(self._close)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                return self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # Raised by one piece of work, whose caller gets it; all others still need the loop.
                continue

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end and gives its result.

        Raises:
            RuntimeError: the caller is this thread, which would wait for itself for ever, or a child of the process
                that it runs in.
        """
        if os.getpid() != self.pid:
            work.close()
            raise RuntimeError("a stream can only be read by the process that began it; ask again in this one")
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "Chat, Client and ask() cannot be used inside an asynchronous tool: await AsyncChat or AsyncClient"
                " there, or make the tool a plain function"
            )
        return _result(asyncio.run_coroutine_threadsafe(work, self.loop))

    def iterate(self, items: AsyncIterator[T], source: object = None) -> Iterator[T]:
        """Walks an asynchronous iterator; leaving early closes it, and what it draws from."""
        taken = asyncio.Lock()

        async def step() -> tuple[bool, T | None]:
            async with taken:
                try:
                    return True, await anext(items)
                except StopAsyncIteration:
                    return False, None

        async def end(close: Callable[[], Awaitable[None]]) -> None:
            async with taken:  # a step that Ctrl-C cancelled may still be cleaning up
                await close()

        try:
            while True:
                more, item = self.run(step())
                if not more:
                    return
                yield item  # type: ignore[misc]  # there is an item whenever there is more
        finally:
            for one in (items, source):
                close = getattr(one, "aclose", None)
                if close is not None and os.getpid() == self.pid and self.loop.is_running():
                    self.run(end(close))

    def _close(self) -> None:
        if os.getpid() != self.pid or not self.loop.is_running():
            return

        async def close() -> None:
            for client in tuple(_clients):
                await client.aclose()

        try:
            asyncio.run_coroutine_threadsafe(close(), self.loop).result(_CLOSING_SECONDS)
        except TimeoutError:
            return  # the process is ending; connections that do not close in time die with it
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CLOSING_SECONDS)


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except BaseException:
        # KeyboardInterrupt arrives here, in the caller's thread: the work must not go on without its caller.
        future.cancel()
        raise


class _PerProcess(Generic[T]):
    """A value made once per process, on first use; a fork makes a new one in the child."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: tuple[int, T] | None = None

    def get(self) -> T:
        made = self._made
        if made is None or made[0] != os.getpid():
            with self._lock:
                made = self._made
                if made is None or made[0] != os.getpid():
                    made = self._made = (os.getpid(), self._make())
        return made[1]

    def renew_lock(self) -> None:
        """After a fork: another thread may have held the lock."""
        self._lock = threading.Lock()


_thread = _PerProcess(LoopThread)


def loop_thread() -> LoopThread:
    """This process's thread, started on first use."""
    return _thread.get()


class SyncStream(Generic[T]):
    """An answer as it comes, for synchronous code: iterate over events, then ask for `reply`.

    Leaving the iteration early stops the answer.
    """

    def __init__(self, stream: ReplyStream[T]) -> None:
        self._stream = stream
        self._thread = loop_thread()

    def __iter__(self) -> Iterator[Event | ToolRun]:
        return self._thread.iterate(self._stream)

    def texts(self) -> Iterator[str]:
        """Only the text of the answer, piece by piece; leaving early stops the answer."""
        return self._thread.iterate(self._stream.texts(), self._stream)

    def read(self) -> Reply[T]:
        """Waits for the rest; the finished reply."""
        return self._thread.run(self._stream.read())

    @property
    def reply(self) -> Reply[T]:
        """The finished reply, once the stream has been read to its end."""
        return self._stream.reply

    def close(self) -> None:
        """Stops the answer."""
        self._thread.run(self._stream.aclose())


class Client:
    """Asks any model, from synchronous code; see `AsyncClient`.

    Args:
        model, config, api_keys, transport: as for `AsyncClient`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        config: Config | str | Path | None = None,
        api_keys: Mapping[str, str] | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.asynchronous = AsyncClient(model, config=config, api_keys=api_keys, transport=transport)
        _clients.add(self.asynchronous)

    @overload
    def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: type[T],
        **settings: Unpack[Settings],
    ) -> Reply[T]: ...

    @overload
    def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]: ...

    def generate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> Reply[Any]:
        """The answer at once; see `AsyncClient.generate`."""
        return loop_thread().run(
            self.asynchronous.generate(prompt, model=model, attach=attach, output=output, **settings)
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
    ) -> SyncStream[T]: ...

    @overload
    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> SyncStream[Any]: ...

    def stream(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        output: object = None,
        **settings: Unpack[Settings],
    ) -> SyncStream[Any]:
        """The answer piece by piece; see `AsyncClient.stream`."""
        return SyncStream(self.asynchronous.stream(prompt, model=model, attach=attach, output=output, **settings))

    def models(self, query: str = "") -> list[Model]:
        """Models of the catalog whose name matches `query`; all of them for an empty one."""
        return self.asynchronous.models(query)

    def live_models(self, provider: str) -> tuple[ListedModel, ...]:
        """What a provider serves now; see `AsyncClient.live_models`."""
        return loop_thread().run(self.asynchronous.live_models(provider))

    def health(self, provider: str) -> Health:
        """Whether a provider can be called; see `AsyncClient.health`."""
        return loop_thread().run(self.asynchronous.health(provider))

    def embed(
        self, inputs: str | Sequence[str], model: str, *, dimensions: int | None = None, task: str | None = None
    ) -> Embeddings:
        """Vectors of texts; see `AsyncClient.embed`."""
        return loop_thread().run(self.asynchronous.embed(inputs, model, dimensions=dimensions, task=task))

    def count_tokens(self, prompt: Prompt, *, model: str | None = None, **settings: Unpack[Settings]) -> TokenCount:
        """How many tokens a prompt holds; see `AsyncClient.count_tokens`."""
        return loop_thread().run(self.asynchronous.count_tokens(prompt, model=model, **settings))

    def estimate(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        attach: Iterable[Source] = (),
        ask_provider: bool = False,
        **settings: Unpack[Settings],
    ) -> Estimate:
        """What a call would take and cost; see `AsyncClient.estimate`."""
        return loop_thread().run(
            self.asynchronous.estimate(prompt, model=model, attach=attach, ask_provider=ask_provider, **settings)
        )

    def capabilities(self, model: str) -> Traits:
        """What a model can do; see `AsyncClient.capabilities`."""
        return self.asynchronous.capabilities(model)

    def close(self) -> None:
        """Closes the connections."""
        loop_thread().run(self.asynchronous.aclose())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self.close()


_default = _PerProcess(Client)


def default_client() -> Client:
    """The process's shared client, made on first use from the configuration as found."""
    return _default.get()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_thread.renew_lock)
    os.register_at_fork(after_in_child=_default.renew_lock)
