"""A call is gone from memory when it is over: nothing of it waits for the collector of cycles, which seldom comes."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from interlingua.engine.settings import RetrySettings
from interlingua.ports.transport import Timeouts
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway
from tests.gateway.upstreams import ENVIRONMENT, asks, config, script, whole

SHORT = Timeouts(idle=0.05, idle_before_content=0.05, first_byte_whole=0.05)
Ending = Callable[[str], tuple[Script, Script]]
HOSTS = ("openai_chat", "gemini")
"""One that is relayed to a client of the first, one that is translated."""


def answered(host: str) -> tuple[Script, Script]:
    """As a stream and at once."""
    return script(host), whole(host)


def refused(host: str) -> tuple[Script, Script]:
    """By the host."""
    return Script.text("no", 503), Script.text("no", 503)


def limited(host: str) -> tuple[Script, Script]:
    """The same, for having been asked too often."""
    return Script.text("no", 429), Script.text("no", 429)


def cut(host: str) -> tuple[Script, Script]:
    """Broken off."""
    return script(host).cut(after=2), whole(host).cut(after=0)


def stalled(host: str) -> tuple[Script, Script]:
    """Silent in the middle."""
    return script(host).stalled(after=2), whole(host).stalled(after=0)


def malformed(host: str) -> tuple[Script, Script]:
    """No answer of any dialect."""
    return Script.text('data: {"what": [}\n\n'), Script.text("{")


@pytest.mark.parametrize("ending", [answered, refused, limited, cut, stalled, malformed])
async def test_a_call_leaves_nothing_behind_however_it_ends(tmp_path: Path, ending: Ending) -> None:
    """Streamed and not, in both lanes; also while somebody rests, because then more is kept of who may be asked."""
    scripts = [each for host in HOSTS for _ in range(2) for each in ending(host)]
    settings = config(retry=RetrySettings(attempts=1, base=0.0, longest_wait=0.0))
    async with gateway(tmp_path, ScriptedTransport(scripts), ENVIRONMENT, timeouts=SHORT, **settings) as app:
        with garbage() as left:
            for host in HOSTS:
                for stream in (True, False, True, False):
                    await call(app, "POST", *asks("openai_chat", host, stream=stream))
            await asyncio.sleep(0)
    assert not left


async def test_a_call_leaves_nothing_behind_that_was_answered_at_the_second_try(tmp_path: Path) -> None:
    """Why the first failed is kept until then."""
    scripts = [each for host in HOSTS for each in (Script.text("no", 503), script(host))]
    settings = config(retry=RetrySettings(attempts=2, base=0.0))
    async with gateway(tmp_path, ScriptedTransport(scripts), ENVIRONMENT, **settings) as app:
        with garbage() as left:
            for host in HOSTS:
                assert (await call(app, "POST", *asks("openai_chat", host))).status == 200
            await asyncio.sleep(0)
    assert not left


async def test_a_call_leaves_nothing_behind_whose_client_leaves(tmp_path: Path) -> None:
    """In the middle of its stream; the second while the host's failure is still remembered."""
    scripts = [
        each
        for host in HOSTS
        for each in (script(host).stalled(after=2), Script.text("no", 503), script(host).stalled(after=2))
    ]
    async with gateway(tmp_path, ScriptedTransport(scripts), ENVIRONMENT, **config()) as app:
        with garbage() as left:
            for host in HOSTS:
                for leave_after in (1, None, 1):
                    await call(app, "POST", *asks("openai_chat", host), leave_after=leave_after)
            await asyncio.sleep(0)
    assert not left


async def test_a_failed_call_of_another_kind_leaves_nothing_behind(tmp_path: Path) -> None:
    """What no handler of chat catches: embeddings, a count, a path that is not there."""
    async with gateway(tmp_path, ScriptedTransport([Script.text("no", 503)]), ENVIRONMENT, **config()) as app:
        with garbage() as left:
            for path, body in (
                ("/v1/embeddings", {"model": "the-openai-chat/m-1", "input": "word"}),
                ("/v1/messages/count_tokens", {"model": "nobody/at-all", "messages": []}),
                ("/v1/nothing", {}),
            ):
                assert (await call(app, "POST", path, body)).status >= 400
            await asyncio.sleep(0)
    assert not left


@contextmanager
def garbage() -> Iterator[Counter[str]]:
    """Counts values and frames of ours that only the collector of cycles finds of what is done meanwhile."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(name for name in map(_ours, gc.garbage) if name)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()  # what is frozen stays so: tests/conftest.py has frozen most of it for good


def _ours(value: object) -> str:
    if isinstance(value, FrameType):
        return value.f_code.co_qualname if "interlingua" in value.f_globals["__name__"] else ""
    kind = type(value)
    return kind.__qualname__ if kind.__module__.startswith("interlingua.") else ""
