"""A memory that workers and machines share, with lifetimes, bounded for each tenant.

What a tenant holds stands in an index: when each entry ends, and how large it is. Where there is no room, what would
end next goes first. While the server is away nothing is known and nothing is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from interlingua.stores.shared import Shared

_PUT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, life = tonumber(ARGV[1]), tonumber(ARGV[2])
local ends, sizes = KEYS[1], KEYS[2]
local held = tonumber(redis.call('HGET', sizes, '') or '0')

local function forget(key)
  held = held - tonumber(redis.call('HGET', sizes, key) or '0')
  redis.call('HDEL', sizes, key)
  redis.call('ZREM', ends, key)
  redis.call('DEL', key)
end

for _, key in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)) do forget(key) end
for i = 3, #KEYS do
  local value = ARGV[i]
  local size = #KEYS[i] + #value + 200
  forget(KEYS[i])
  if size <= most then
    held = held + size
    redis.call('SET', KEYS[i], value, 'PX', life)
    redis.call('HSET', sizes, KEYS[i], size)
    redis.call('ZADD', ends, string.format('%.0f', now + life), KEYS[i])
  end
end
while held > most do
  local next = redis.call('ZRANGE', ends, 0, 0)[1]
  if not next then held = 0 break end
  forget(next)
end
redis.call('HSET', sizes, '', string.format('%.0f', held))
local last = redis.call('ZRANGE', ends, -1, -1, 'WITHSCORES')[2]
if last then
  redis.call('PEXPIREAT', ends, last)
  redis.call('PEXPIREAT', sizes, last)
end
return 0
"""
_FORGET = """
local held, count = tonumber(redis.call('HGET', KEYS[2], '') or '0'), 0
for i = 3, #KEYS do
  count = count + redis.call('DEL', KEYS[i])
  held = held - tonumber(redis.call('HGET', KEYS[2], KEYS[i]) or '0')
  redis.call('HDEL', KEYS[2], KEYS[i])
  redis.call('ZREM', KEYS[1], KEYS[i])
end
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], '', string.format('%.0f', held)) end
return count
"""


class SharedMemory:
    """Remembers at the server.

    Args:
        shared: the server.
        name: tells its keys from those of other memories there.
        most_bytes: how much a tenant may hold; None is as `[shared]` says.
    """

    def __init__(self, shared: Shared, name: str = "memory", most_bytes: int | None = None) -> None:
        self._shared = shared
        self._called = name
        self._most = shared.settings.most_bytes if most_bytes is None else most_bytes
        self._put = shared.redis.register_script(_PUT)
        self._forget = shared.redis.register_script(_FORGET)

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """What is remembered under those keys that are known."""
        if not keys:
            return {}
        named = [self._name(tenant, key) for key in keys]
        found: list[Any] | None = await self._shared.ask(lambda: self._shared.redis.mget(named))
        return {key: bytes(value) for key, value in zip(keys, found or (), strict=False) if value is not None}

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Remembers entries for so many seconds; an entry of the same key is replaced."""
        if not entries:
            return
        keys = [*self._index(tenant), *(self._name(tenant, key) for key in entries)]
        values = [self._most, max(1, int(seconds * 1000)), *entries.values()]
        await self._shared.ask(lambda: self._put(keys=keys, args=values))

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Forgets entries; how many there were."""
        if not keys:
            return 0
        named = [*self._index(tenant), *(self._name(tenant, key) for key in keys)]
        return int(await self._shared.ask(lambda: self._forget(keys=named, args=[])) or 0)

    def _index(self, tenant: str) -> tuple[str, str]:
        whose = _digest(tenant)
        return self._shared.key(f"{self._called}-ends", whose), self._shared.key(f"{self._called}-sizes", whose)

    def _name(self, tenant: str, key: str) -> str:
        # Digests: what clients send may hold anything, and a tenant's name must not run into a key's.
        return self._shared.key(self._called, _digest(tenant), _digest(key))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
