"""The way to what workers and machines share, in Redis or Valkey; importing this imports redis.

Rules: a server that is away costs nobody more than one time limit: the first who finds out says so in the log, and
until it answers again everybody is told at once that there is nothing, but for one each second who looks. What is only
to be told, not asked, is queued and sent in order by one task. Scripts are sent once and called by their digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from interlingua.errors import ConfigError
from interlingua.stores.place import resolved, secret, shown
from interlingua.stores.settings import SharedSettings

T = TypeVar("T")
Command = Callable[[Any], object]
"""What is put on a pipeline."""

BETWEEN_LOOKS = 1.0
"""Seconds after which somebody looks whether a server that was away is back."""
MOST_CONNECTIONS = 32
MOST_QUEUED = 50_000
"""Commands that wait to be sent; what is beyond is given up, as leases end by themselves."""
_MOST_SENT = 1_000
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

log = logging.getLogger("interlingua.shared")


def running(script: str, key: str, *values: str | float) -> Command:
    """A command that runs a script on one key."""
    return lambda pipeline: pipeline.eval(script, 1, key, *values)


class Shared:
    """A connection to the server. Belongs to the event loop that it is first used on.

    Args:
        settings: where it is.
        environment: names and values.
        now: seconds of a clock that never goes back.

    Raises:
        ConfigError: the address is none.
        LocalFileError: the password's file cannot be read.
    """

    def __init__(
        self, settings: SharedSettings, environment: Mapping[str, str], now: Callable[[], float] = time.monotonic
    ) -> None:
        assert settings.url is not None
        url = resolved("shared.url", settings.url, environment)
        password = secret("shared.password", settings.password, environment)
        given = {} if password is None else {"password": password.reveal()}
        self.settings = settings
        self.shown = shown(url)
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                **given,
                max_connections=MOST_CONNECTIONS,
                timeout=settings.timeout,
                socket_timeout=settings.timeout,
                socket_connect_timeout=settings.timeout,
                # A connection that the server closed while it was idle says nothing of the server.
                retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
                protocol=2,
            )
        except ValueError as error:
            raise ConfigError(
                f"shared.url: {self.shown} is not an address of Redis",
                remedy="Write redis://host:6379/0, rediss://… or unix:///path.",
            ) from error
        self.redis: Any = Redis.from_pool(pool)
        self._now = now
        self._away = False
        self._look_at = 0.0
        self._queue: deque[Command] = deque(maxlen=MOST_QUEUED)
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._sender: asyncio.Task[None] | None = None

    def key(self, *words: str) -> str:
        """The name of a key; all are in one slot of a cluster, because scripts take several."""
        return "{" + self.settings.prefix + "}:" + ":".join(words)

    @property
    def away(self) -> bool:
        """Whether the server did not answer when it was asked last."""
        return self._away

    async def ask(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """What the server says, or None where it is away; raises nothing."""
        if self._away:
            if self._now() < self._look_at:
                return None
            self._look_at = self._now() + BETWEEN_LOOKS
        try:
            found = await work()
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        self._found()
        return found

    def tell(self, command: Command) -> None:
        """Sends a command soon, after those before it; nobody waits."""
        self._queue.append(command)
        self._wake.set()
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send(), name="shared")

    async def flush(self) -> bool:
        """Sends what waits, or is being sent by another; whether it went. What did not, waits on."""
        async with self._sending:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_SENT))]

                async def work(batch: list[Command] = batch) -> bool:
                    async with self.redis.pipeline(transaction=False) as pipeline:
                        for command in batch:
                            command(pipeline)
                        # One that the server refuses must not keep the others from it.
                        await pipeline.execute(raise_on_error=False)
                    return True

                sent = None
                try:
                    sent = await self.ask(work)
                finally:
                    if not sent:
                        self._queue.extendleft(reversed(batch))
                if not sent:
                    return False
        return True

    async def aclose(self) -> None:
        """Sends what waits and closes the connection. May be called twice."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait({self._sender})
            self._sender = None
        await self.flush()
        await self.redis.aclose()

    @contextlib.asynccontextmanager
    async def only_one(self, name: str, seconds: float) -> AsyncIterator[bool]:
        """Whether the lock of that name is ours while the context lasts, or for so many seconds."""
        key, token = self.key("lock", name), secrets.token_hex(16)

        async def take() -> bool:
            return bool(await self.redis.set(key, token, nx=True, px=max(1, int(seconds * 1000))))

        taken = await self.ask(take)
        try:
            yield taken is not False
        finally:
            if taken:
                self.tell(running(_UNLOCK, key, token))

    async def secret(self, name: str, made: bytes) -> bytes:
        """A secret that all have in common: the first one's; our own where the server is away.

        Args:
            name: which.
            made: ours, if nobody has made one.
        """
        key = self.key("secret", name)

        async def agree() -> bytes:
            await self.redis.set(key, made, nx=True)
            found: bytes = await self.redis.get(key)
            return found

        return await self.ask(agree) or made

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    def _lost(self, error: Exception) -> None:
        self._look_at = self._now() + BETWEEN_LOOKS
        if self._away:
            return
        self._away = True
        what = "each process counts for itself" if self.settings.on_loss == "open" else "calls with a limit are refused"
        log.error("%s does not answer (%s): until it does, %s", self.shown, type(error).__name__, what)

    def _found(self) -> None:
        if self._away:
            self._away = False
            log.warning("%s answers again", self.shown)
