"""What a run tells, and that its end is told whatever happened before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interlingua.gateway import run_log
from interlingua.gateway.run_log import RunLog
from interlingua.transport.scripted import ScriptedTransport
from tests.gateway.pages_client import events_of, pages
from tests.gateway.test_runs import SAID, names, stream, text_of


async def read(log: RunLog, after: int = 0) -> bytes:
    return b"".join([piece or b"" async for piece in log.watch(after, 60)])


async def test_events_are_numbered_and_read_from_wherever_one_left_off() -> None:
    log = RunLog()
    log.tell("event", {"at": -1})
    reading = [asyncio.ensure_future(read(log, after)) for after in (0, 1, 9)]
    await asyncio.sleep(0)
    for at in range(3):
        log.tell("event", {"at": at})
        await asyncio.sleep(0)
    log.end()
    whole, late, beyond = [events_of(await one) for one in reading]
    assert [number for number, _, _ in whole] == [1, 2, 3, 4]
    assert [data["at"] for _, _, data in late] == [0, 1, 2]
    assert beyond == late  # a number that is not there yet is no reason to keep anything back


async def test_silence_is_told() -> None:
    log = RunLog()
    watching = log.watch(0, 0.01)
    assert await anext(watching) is None
    log.end()
    assert [piece async for piece in watching if piece] == []


async def test_a_full_log_tells_no_more_pieces_and_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "MOST_BYTES", 10)
    log = RunLog()
    for name in ("run_start", "event", "event", "tool_state", "cost", "error", "run_end"):
        log.tell(name, {"some": "thing"})
    log.end()
    assert [name for _, name, _ in events_of(await read(log))] == [
        "run_start",
        "tool_state",
        "cost",
        "error",
        "run_end",
    ]


async def test_the_end_of_a_run_is_told_with_the_whole_answer_where_its_log_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "MOST_BYTES", 400)
    async with pages(tmp_path, ScriptedTransport(stream())) as page:
        events = await page.events(await page.run(*await page.chat()))
        assert names(events) == ["run_start", "event", "cost", "run_end"]
        pieces = "".join(data.get("text", "") for _, name, data in events if name == "event").replace(" ", "")
        assert pieces != SAID
        assert text_of(events[-1][2]["message"]) == SAID
