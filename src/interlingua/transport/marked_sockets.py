"""Ends connections of a library that does not: finds this process's sockets by a mark, and shuts them.

Why: pyreqwest 0.15 forgets a call that is cancelled before its head came, but its own thread goes on waiting for that
head, and neither closing nor dropping the client ends that. A provider would go on computing an answer that nobody
wants. The one thing about a socket that can be chosen per client, read back from outside, and does no harm, is the
time after which unacknowledged data breaks a connection (`TCP_USER_TIMEOUT`, Linux); so that is the mark.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
from collections.abc import Collection

_LEAST = 300_000
_STEP = 100
"""Milliseconds; a multiple of every kernel's clock tick, or older kernels would round marks together."""
MOST_MARKS = 30_000
_OPEN = "/proc/self/fd"
_SECONDS = 0.1


def can_mark() -> bool:
    """Whether this system has what it takes."""
    return sys.platform == "linux" and os.path.isdir(_OPEN)


def milliseconds(mark: int) -> int:
    """The `TCP_USER_TIMEOUT` that is a mark; from 5 to 55 minutes.

    Args:
        mark: from 0 to `MOST_MARKS` - 1.
    """
    return _LEAST + mark * _STEP


def shut(marks: Collection[int]) -> frozenset[int]:
    """Shuts all sockets that bear one of these marks; those that were found."""
    wanted = {milliseconds(mark): mark for mark in marks}
    found = set()
    for name in os.listdir(_OPEN):
        copy = _copy_of_socket(int(name))
        if copy is None:
            continue
        with socket.socket(fileno=copy) as each:
            mark = wanted.get(_read(each))
            if mark is not None:
                found.add(mark)
                _shut(each)
    return frozenset(found)


def _copy_of_socket(number: int) -> int | None:
    """A copy stays what it is, should the number be closed and given to another file meanwhile.

    A file that is no socket must never be copied and closed: closing any copy of a file gives up all locks that this
    process holds on it, and SQLite, which locks so, would write over what another process writes.
    """
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return None
        copy = os.dup(number)
    except OSError:  # closed meanwhile
        return None
    # In between it may have become a file after all; then its copy is kept rather than closed.
    return copy if stat.S_ISSOCK(os.fstat(copy).st_mode) else None


def _read(each: socket.socket) -> int:
    try:
        return each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)  # type: ignore[attr-defined,unused-ignore]  # not everywhere
    except OSError:  # no TCP
        return 0


def _shut(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:  # not connected any more
        return


class Severing:
    """Shuts what bears the marks of calls that were given up, also where their connection is only coming."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}
        self._seen: frozenset[int] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def sever(self, mark: int, seconds: float) -> None:
        """Takes care of one mark; returns at once.

        Args:
            mark: nothing else may bear it from now on.
            seconds: how long its connection may yet take to come.
        """
        loop = asyncio.get_running_loop()
        self._until[mark] = loop.time() + seconds
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())

    async def aclose(self) -> None:
        """Looks a last time, and stops."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._until:
            shut(self._until)
            self._until.clear()

    async def _work(self) -> None:
        while self._until:
            found = await asyncio.to_thread(shut, tuple(self._until))
            now = asyncio.get_running_loop().time()
            for mark, until in tuple(self._until.items()):
                # Gone since the last look, or never come. One that is shut before it stands is followed by another
                # where a host has several addresses, so that seeing it once is not enough.
                if mark not in found and (mark in self._seen or until < now):
                    del self._until[mark]
            self._seen = found
            if self._until:
                await asyncio.sleep(_SECONDS)
