"""Clients of all dialects that ask, check every answer, and at times leave in the middle."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp

from benchmarks.soak import talk
from benchmarks.soak.talk import MANNERS, Manner
from interlingua.dialects.registry import DIALECTS

WEIGHTS = {"well": 70, "cut": 6, "stall": 2, "limited": 6, "broken": 6, "malformed": 6}
"""How often the upstream answers in which manner."""
LEAVING = 0.08
"""Which part of the clients leaves before the end."""
MOST_SECONDS = 30.0
_KEPT = 20


@dataclass
class Tally:
    """What came of the calls.

    Args:
        asked: requests that were sent.
        left: of these, those whose client left.
        by_manner: checked answers, by how the upstream answered.
        wrong: what was wrong, with how often.
    """

    asked: int = 0
    left: int = 0
    by_manner: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def note(self, what: str) -> None:
        """Notes something wrong; so many kinds and no more."""
        self.wrong[what if what in self.wrong or len(self.wrong) < _KEPT else "others"] += 1


async def ask_until(end: asyncio.Event, address: str, key: str, count: int, tally: Tally) -> None:
    """So many clients, each asking one thing after the other until the event."""
    chance = random.Random(1)
    connector = aiohttp.TCPConnector(limit=0)
    watching = aiohttp.TraceConfig()
    watching.on_request_chunk_sent.append(_sent)
    async with aiohttp.ClientSession(
        address, connector=connector, trace_configs=[watching], headers={"authorization": f"Bearer {key}"}
    ) as session:

        async def client() -> None:
            while not end.is_set():
                await _call(session, chance, tally)

        await asyncio.gather(*(client() for _ in range(count)))


async def _sent(session: aiohttp.ClientSession, context: SimpleNamespace, chunk: object) -> None:
    context.trace_request_ctx.append(chunk)


async def _call(session: aiohttp.ClientSession, chance: random.Random, tally: Tally) -> None:
    name, host = chance.choice(list(DIALECTS)), chance.choice(list(DIALECTS))
    manner: Manner = chance.choices(MANNERS, [WEIGHTS[one] for one in MANNERS])[0]
    stream, leaves = chance.random() < 0.6, chance.random() < LEAVING
    tally.asked += 1
    wire = talk.request(name, f"{talk.provider(host)}/{manner}", chance.randrange(10**9), stream=stream)
    where = f"{name} → {host}, {'streamed' if stream else 'whole'}, {manner}"
    sent: list[object] = []
    try:
        async with asyncio.timeout(chance.random() * 0.15 if leaves else MOST_SECONDS):
            headers = {"content-type": "application/json", **dict(wire.headers)}
            async with session.post(wire.path, data=wire.body, headers=headers, trace_request_ctx=sent) as response:
                body = await response.read()
    except TimeoutError:
        if leaves and not sent:
            tally.asked -= 1  # it left before it had asked
        elif leaves:
            tally.left += 1
        else:
            tally.note(f"{where}: no answer within {MOST_SECONDS:g} s")
        return
    except aiohttp.ClientError as error:
        tally.note(f"{where}: {type(error).__name__}: {error}"[:200])
        return
    tally.by_manner[manner] += 1
    found = talk.wrong(name, manner, response.status, body, stream=stream)
    if found is not None:
        tally.note(f"{where}: {found}")
