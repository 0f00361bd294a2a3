"""The keyboard between two prompts: what is typed waits unseen for the next line, and Ctrl-C stops what is running."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def quiet_keys(*, quiet: bool = True) -> Iterator[None]:
    """While it lasts, what is typed is neither shown nor changed; it waits for whoever reads next.

    Ctrl-C stays a signal. Where there is no terminal nothing is done.

    Args:
        quiet: false is the contrary, for programs that read lines on their own.
    """
    try:
        import termios
    except ImportError:  # Windows
        yield
        return
    try:
        file = sys.stdin.fileno()
        before = termios.tcgetattr(file)
    except (OSError, ValueError, termios.error):  # no terminal
        yield
        return
    changed = termios.tcgetattr(file)
    local, enter = termios.ECHO | termios.ICANON, termios.ICRNL
    # Enter must stay what it is: the line editor tells it from Ctrl-J.
    changed[0] = changed[0] & ~enter if quiet else changed[0] | enter
    changed[3] = changed[3] & ~local if quiet else changed[3] | local
    termios.tcsetattr(file, termios.TCSANOW, changed)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(file, termios.TCSANOW, before)


async def stoppable(work: Coroutine[Any, Any, None]) -> bool:
    """Runs something that Ctrl-C cancels, once: what it does to end is not disturbed by a second one.

    Returns:
        Whether it came to its end.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            task.cancel()

    try:
        loop.add_signal_handler(signal.SIGINT, stop)
        handled = True
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        handled = False
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise  # not Ctrl-C, but the end of everything
        return False
    finally:
        if handled:
            loop.remove_signal_handler(signal.SIGINT)
    return True
