"""The events of runs where every worker and machine can read them, so that a reader may come to any of them.

A run is written by one process, its owner, and read by all. What belongs to it: its head (whose it is, and what others
ask of the owner), a stream of its events whose ids are their numbers, the tool calls that wait, and what was decided of
them. All of it ends by itself: a minute after the run did, or ten after its owner was last heard of.

An owner that was not heard of for some seconds is dead, and whoever notices first becomes the owner, to tell its end.
The owner learns from its next word that it is owner no more. While the server is away nothing is known; the owner
keeps its events and writes them later.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from interlingua.ports.runs import RunHead
from interlingua.stores.shared import Shared

LIFE_MS = 600_000
KEPT_MS = 60_000
STALE_MS = 8_000
"""After which an owner that says nothing is taken for dead."""
WATCHED_MS = 10_000
READ_AT_ONCE = 256
"""Pieces."""
_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
_BEGIN = (
    _NOW
    + """
local running = redis.call('ZCARD', KEYS[2])
if running >= tonumber(ARGV[5]) then return running end
redis.call('HSET', KEYS[1], 'head', ARGV[1], 'owner', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], now, ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
redis.call('ZADD', KEYS[3], string.format('%.0f', now), ARGV[4])
return -1
"""
)
_ADD = """
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return -1 end
if owner ~= ARGV[1] then return 0 end
if ARGV[4] ~= '' then
  redis.pcall('XADD', KEYS[2], ARGV[2] .. '-0', 'first', ARGV[3], 'piece', ARGV[4])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
for i = 6, #ARGV do
  local call = string.sub(ARGV[i], 2)
  if string.sub(ARGV[i], 1, 1) == '+' then redis.call('SADD', KEYS[3], call) else redis.call('SREM', KEYS[3], call) end
end
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return 1
"""
_RENEW = (
    _NOW
    + """
local owner = redis.call('HGET', KEYS[1], 'owner')
if not owner then return {-1} end
if owner ~= ARGV[1] then return {0} end
redis.call('ZADD', KEYS[6], string.format('%.0f', now), ARGV[2])
for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
local seen = tonumber(redis.call('HGET', KEYS[1], 'watched') or '0')
local stop = redis.call('HGET', KEYS[1], 'stop') and 1 or 0
local decided = redis.call('HGETALL', KEYS[4])
redis.call('DEL', KEYS[4])
return {1, stop, (now - seen < tonumber(ARGV[4])) and 1 or 0, decided}
"""
)
_END = """
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then redis.call('HSET', KEYS[1], 'ended', 1) end
redis.call('ZREM', KEYS[5], ARGV[2])
redis.call('ZREM', KEYS[6], ARGV[3])
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
return 1
"""
_DECIDE = """
if redis.call('SREM', KEYS[3], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[4], ARGV[3])
return 1
"""
_CLAIM = (
    _NOW
    + """
local stale = string.format('%.0f', now - tonumber(ARGV[1]))
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', stale, 'LIMIT', 0, 8)
for _, member in ipairs(found) do redis.call('ZADD', KEYS[1], string.format('%.0f', now), member) end
return found
"""
)
_INHERIT = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return redis.call('HGET', KEYS[1], 'head')
"""
_MARK = _NOW + "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], now) end return 1"


class Standing(Struct, frozen=True):
    """What an owner learns of its run.

    Args:
        owned: whether it still is; None where the server has forgotten the run.
        stop: whether somebody wants it ended.
        watched: whether it is watched through another process.
        decided: what was said of calls that waited, by id.
    """

    owned: bool | None
    stop: bool = False
    watched: bool = False
    decided: dict[str, bytes] = {}


class Read(Struct, frozen=True):
    """Some events of a run.

    Args:
        text: them, as they go over the wire.
        last: the number of the last; that which was asked for where there are none.
        over: whether that was all.
    """

    text: bytes
    last: int
    over: bool


class SharedRuns:
    """Runs at the server.

    Args:
        shared: the server.
        owner: a name for this process that no other has.
    """

    def __init__(self, shared: Shared, owner: str) -> None:
        self.owner = owner
        self._shared = shared
        redis = shared.redis
        self._begin, self._add, self._renew = map(redis.register_script, (_BEGIN, _ADD, _RENEW))
        self._end, self._decide, self._claim = map(redis.register_script, (_END, _DECIDE, _CLAIM))
        self._inherit, self._mark = map(redis.register_script, (_INHERIT, _MARK))
        self._trusted_at = 0.0

    async def begin(self, head: RunHead, most: int) -> int | None:
        """Tells of a new run: -1, or how many the tenant has where that is too many; None where the server is away."""
        keys = self._keys(head.tenant, head.id)
        of_run = [keys[0], keys[4], keys[5]]
        args = [msgspec.json.encode(head), self.owner, head.id, self._member(head.tenant, head.id), most, LIFE_MS]
        return await self._shared.ask(lambda: self._begin(keys=of_run, args=args))

    async def add(
        self, head: RunHead, first: int, last: int, piece: bytes, waits: frozenset[str], waits_no_more: frozenset[str]
    ) -> int | None:
        """Writes events: 1, or 0 where this process is not the owner, -1 where the run is unknown, None if it is away.

        Args:
            head: whose.
            first, last: the numbers of the events.
            piece: them, as they go over the wire.
            waits, waits_no_more: tool calls that have begun to wait for approval, or ceased to.
        """
        changes = [*(f"+{call}" for call in waits), *(f"-{call}" for call in waits_no_more)]
        args = [self.owner, last, first, piece, LIFE_MS, *changes]
        return await self._shared.ask(lambda: self._add(keys=self._keys(head.tenant, head.id)[:3], args=args))

    async def renew(self, head: RunHead) -> Standing | None:
        """Says that the owner lives, and learns what others want; None where the server is away."""
        args = [self.owner, self._member(head.tenant, head.id), LIFE_MS, WATCHED_MS]
        found = await self._shared.ask(lambda: self._renew(keys=self._keys(head.tenant, head.id), args=args))
        if found is None:
            return None
        if found[0] != 1:
            return Standing(None if found[0] == -1 else False)
        words = found[3]
        decided = {bytes(words[at]).decode(): bytes(words[at + 1]) for at in range(0, len(words), 2)}
        return Standing(True, bool(found[1]), bool(found[2]), decided)

    async def end(self, head: RunHead) -> bool:
        """All is told; whether the server knows it."""
        args = [self.owner, head.id, self._member(head.tenant, head.id), KEPT_MS]
        return bool(await self._shared.ask(lambda: self._end(keys=self._keys(head.tenant, head.id), args=args)))

    async def head(self, tenant: str, id: str) -> RunHead | None:
        """Whose a run is; None where there is none, or the server is away."""
        found = await self._shared.ask(lambda: self._shared.redis.hget(self._keys(tenant, id)[0], "head"))
        return None if found is None else msgspec.json.decode(found, type=RunHead)

    async def of(self, tenant: str) -> list[RunHead]:
        """The runs of a tenant that go on, the oldest first."""
        key = self._keys(tenant, "")[4]
        ids: list[bytes] = await self._shared.ask(lambda: self._shared.redis.zrange(key, 0, -1)) or []
        found = [await self.head(tenant, id.decode()) for id in ids]
        return [head for head in found if head is not None]

    async def read(self, tenant: str, id: str, after: int) -> Read | None:
        """Events behind a number; None where the server is away."""
        keys = self._keys(tenant, id)

        async def work() -> Any:
            async with self._shared.redis.pipeline(transaction=True) as pipeline:
                pipeline.hmget(keys[0], "head", "ended")
                pipeline.xrange(keys[1], min=f"({after}-0", max="+", count=READ_AT_ONCE)
                return await pipeline.execute()

        found = await self._shared.ask(work)
        if found is None:
            return None
        (head, ended), pieces = found
        text = b"".join(_behind(after, int(piece[b"first"]), piece[b"piece"]) for _, piece in pieces)
        last = int(pieces[-1][0].partition(b"-")[0]) if pieces else after
        return Read(text, last, (head is None or ended is not None) and len(pieces) < READ_AT_ONCE)

    async def mark(self, tenant: str, id: str, what: str) -> None:
        """Notes at a run that it is `watched` now, or is to `stop`."""
        await self._shared.ask(lambda: self._mark(keys=self._keys(tenant, id)[:1], args=[what]))

    async def decide(self, tenant: str, id: str, call: str, decision: bytes) -> bool | None:
        """Says what is to become of a tool call; whether it waited; None where the server is away."""
        args = [call, decision, LIFE_MS]
        found = await self._shared.ask(lambda: self._decide(keys=self._keys(tenant, id), args=args))
        return None if found is None else bool(found)

    async def inherit(self) -> list[RunHead]:
        """Takes over runs whose owners are dead; the heads of those that are ours to end now."""
        alive, now = self._keys("", "")[5], asyncio.get_running_loop().time()
        if now < self._trusted_at:
            return []
        members: list[bytes] | None = await self._shared.ask(lambda: self._claim(keys=[alive], args=[STALE_MS]))
        if members is None:
            # When it is back, owners need a moment to say that they live.
            self._trusted_at = now + STALE_MS / 1000
            return []
        found = [await self._inherited(alive, member) for member in members]
        return [head for head in found if head is not None]

    async def _inherited(self, alive: str, member: bytes) -> RunHead | None:
        head = self._shared.key("run-head", member.decode())
        words = await self._shared.ask(lambda: self._inherit(keys=[head], args=[self.owner]))
        if words is not None:
            return msgspec.json.decode(words, type=RunHead)
        if not self._shared.away:
            await self._shared.ask(lambda: self._shared.redis.zrem(alive, member))
        return None

    def _member(self, tenant: str, id: str) -> str:
        return f"{_digest(tenant)}:{id}"

    def _keys(self, tenant: str, id: str) -> list[str]:
        member, key = self._member(tenant, id), self._shared.key
        of_run = [key(f"run-{what}", member) for what in ("head", "events", "waiting", "decided")]
        return [*of_run, key("runs", _digest(tenant)), key("runs-alive")]


def _behind(after: int, first: int, piece: bytes) -> bytes:
    """The events of a piece behind a number."""
    if first > after:
        return piece
    return b"".join(event + b"\n\n" for event in piece.split(b"\n\n")[after - first + 1 :] if event)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
