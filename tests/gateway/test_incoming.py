"""What the gateway knows of a client's connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from interlingua.gateway.incoming import LINE, Incoming, Line


def incoming(line: Line | None, *messages: dict[str, Any]) -> Incoming:
    scope: dict[str, Any] = {
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"accept", b"one"), (b"accept", b"two")],
    }
    if line is not None:
        scope[LINE] = line
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    return Incoming(scope, receive, "req_1")


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("tells", [True, False], ids=["a server that tells", "plain ASGI"])
async def test_a_client_that_leaves_cancels_what_is_done_for_it(tells: bool) -> None:
    line = Line() if tells else None
    request = incoming(line, {"type": "http.disconnect"})
    work = asyncio.create_task(forever())
    request.watch(work)
    if line is not None:
        line.end()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert request.gone


async def test_a_client_that_left_before_anybody_watched_is_missed_at_once() -> None:
    line = Line()
    line.end()
    request = incoming(line)
    work = asyncio.create_task(forever())
    request.watch(work)
    assert request.gone and work.cancelling()
    await asyncio.wait({work})


async def test_a_watch_that_is_over_cancels_nothing() -> None:
    line = Line()
    request = incoming(line)
    work = asyncio.create_task(forever())
    request.watch(work).cancel()
    line.end()
    assert not request.gone and not work.cancelling()
    work.cancel()
    await asyncio.wait({work})


def test_of_a_header_that_stands_twice_the_first_counts() -> None:
    assert incoming(None).header("accept") == "one"


def test_what_was_written_encoded_in_a_path_stays_part_of_it() -> None:
    """A mark within a model's name would end it, and the default model would be asked instead."""
    scope = {"method": "POST", "path": "/v1beta/models/a?1%2f:do", "query_string": b"alt=sse", "headers": []}
    assert Incoming(scope, forever, "req_1").wire(b"").path == "/v1beta/models/a%3F1%252f:do?alt=sse"  # type: ignore[arg-type]  # nobody receives
