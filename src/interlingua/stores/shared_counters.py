"""Limits that workers and machines have in common: one script looks and takes, by the server's clock.

A rate is a bucket that holds a minute's worth and refills evenly, as in `engine/limits.py`; here its level is a float,
exact to a millionth of what a bucket holds. A slot is a member of a sorted set that ends by itself unless its worker
renews it, so that a worker that dies keeps none.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Sequence
from operator import methodcaller

from interlingua.ports.counters import Demand, Standing, Taken
from interlingua.stores.shared import Shared, running

_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lease, seconds, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local admitted, found = true, {}

local function level(key, name, limit)
  local saved = redis.call('HMGET', key, name, name .. ':limit', name .. ':at')
  if not saved[1] then return limit end
  local before = tonumber(saved[2])
  local there = math.min(before, tonumber(saved[1]) + math.max(0, now - tonumber(saved[3])) * before / 60000000)
  -- Another limit: what was taken stays taken.
  return math.min(limit, there + limit - before)
end

for i = 1, #KEYS, 2 do
  local place = 3 + (i - 1) / 2 * 3
  local limits = { tonumber(ARGV[place + 1]), tonumber(ARGV[place + 2]), tonumber(ARGV[place + 3]) }
  local one = { levels = {}, limits = limits, waits = { 0, 0 }, used = 0 }
  for kind, amount in ipairs({ 1, tokens }) do
    local limit = limits[kind]
    if limit > 0 then
      local there = level(KEYS[i], kind, limit)
      one.levels[kind] = there
      if amount > limit then
        one.waits[kind] = -1
      elseif there < amount then
        one.waits[kind] = math.ceil((amount - there) * 60000000 / limit)
      end
      if one.waits[kind] ~= 0 then admitted = false end
    end
  end
  if limits[3] > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[i + 1], '-inf', now)
    one.used = redis.call('ZCARD', KEYS[i + 1])
    if one.used >= limits[3] then admitted = false end
  end
  found[#found + 1] = one
end

local said = { admitted and 1 or 0 }
for n, one in ipairs(found) do
  local bucket, slots = KEYS[n * 2 - 1], KEYS[n * 2]
  for kind, amount in ipairs({ 1, tokens }) do
    local limit, there = one.limits[kind], one.levels[kind]
    if limit > 0 then
      if admitted then
        there = there - amount
        redis.call('HSET', bucket, kind, string.format('%.17g', there), kind .. ':limit', limit, kind .. ':at',
          string.format('%.0f', now))
      end
      said[#said + 1] = math.max(0, math.floor(there))
      said[#said + 1] = math.ceil((limit - there) * 60000000 / limit)
    else
      said[#said + 1] = 0
      said[#said + 1] = 0
    end
    said[#said + 1] = one.waits[kind]
  end
  said[#said + 1] = one.used
  if admitted then
    redis.call('EXPIRE', bucket, 3600)
    if one.limits[3] > 0 then
      redis.call('ZADD', slots, string.format('%.0f', now + seconds * 1000000), lease)
      redis.call('EXPIRE', slots, math.ceil(seconds) + 60)
    end
  end
end
return said
"""
_SETTLE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, difference = tonumber(ARGV[1]), tonumber(ARGV[2])
local saved = redis.call('HMGET', KEYS[1], '2', '2:limit', '2:at')
local there = limit
if saved[1] then
  local before = tonumber(saved[2])
  there = math.min(before, tonumber(saved[1]) + math.max(0, now - tonumber(saved[3])) * before / 60000000)
  limit = before
end
there = math.min(limit, there - difference)
redis.call('HSET', KEYS[1], '2', string.format('%.17g', there), '2:limit', string.format('%.0f', limit), '2:at',
  string.format('%.0f', now))
redis.call('EXPIRE', KEYS[1], math.max(3600, math.ceil((limit - there) * 60 / limit) + 60))
return 0
"""
_RENEW = """
local time = redis.call('TIME')
local ends = string.format('%.0f', time[1] * 1000000 + time[2] + tonumber(ARGV[1]) * 1000000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[i]) end
redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[1])) + 60)
return 0
"""
_MOST_RENEWED = 500
"""Leases that one call of the script renews."""
_FIELDS = 7


class SharedCounters:
    """Lets calls in.

    Args:
        shared: the server.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._take = shared.redis.register_script(_TAKE)
        self._me = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._held: dict[str, tuple[str, ...]] = {}

    async def take(self, demands: Sequence[Demand], tokens: int) -> Taken | None:
        """Takes one request and some tokens off all limits, or off none; None where the server is away."""
        lease = f"{self._me}-{next(self._numbers)}"
        keys = [key for demand in demands for key in self._keys(demand)]
        limits = [limit or 0 for demand in demands for limit in (demand.rpm, demand.tpm, demand.concurrency)]
        values = [lease, self._shared.settings.lease, tokens, *limits]
        try:
            said = await self._shared.ask(lambda: self._take(keys=keys, args=values))
        except asyncio.CancelledError:
            # It may have been let in already.
            self._give_back(self._slots(demands), lease)
            raise
        if said is None:
            return None
        standings = tuple(_standing(said[place : place + _FIELDS]) for place in range(1, len(said), _FIELDS))
        if not said[0]:
            return Taken("", standings)
        slots = self._slots(demands)
        if slots:
            self._held[lease] = slots
        return Taken(lease, standings)

    def settle(self, demands: Sequence[Demand], difference: int) -> None:
        """Takes tokens that the estimate missed, or gives back what was too much; returns at once."""
        for demand in demands:
            if demand.tpm is not None:
                self._shared.tell(running(_SETTLE, self._keys(demand)[0], demand.tpm, difference))

    def release(self, demands: Sequence[Demand], lease: str) -> None:
        """Gives a call's slots back; returns at once."""
        slots = self._held.pop(lease, ())
        self._give_back(slots, lease)

    async def watch(self) -> None:
        """Renews the slots of calls that run until it is cancelled."""
        while True:
            await asyncio.sleep(self._shared.settings.lease / 3)
            self.renew()
            await self._shared.flush()

    def renew(self) -> None:
        """Renews the slots of calls that run, once; those of a server that forgot them are theirs again."""
        leases: dict[str, list[str]] = {}
        for lease, slots in self._held.items():
            for slot in slots:
                leases.setdefault(slot, []).append(lease)
        seconds = self._shared.settings.lease
        for slot, held in leases.items():
            for place in range(0, len(held), _MOST_RENEWED):
                self._shared.tell(running(_RENEW, slot, seconds, *held[place : place + _MOST_RENEWED]))

    def _give_back(self, slots: Iterable[str], lease: str) -> None:
        for slot in slots:
            self._shared.tell(methodcaller("zrem", slot, lease))

    def _keys(self, demand: Demand) -> tuple[str, str]:
        return self._shared.key("limit", demand.name), self._shared.key("slots", demand.name)

    def _slots(self, demands: Sequence[Demand]) -> tuple[str, ...]:
        return tuple(self._keys(demand)[1] for demand in demands if demand.concurrency is not None)


def _standing(values: Sequence[int]) -> Standing:
    requests, requests_full, requests_wait, tokens, tokens_full, tokens_wait, used = values
    return Standing(
        requests=requests,
        requests_full=requests_full,
        requests_wait=None if requests_wait < 0 else requests_wait,
        tokens=tokens,
        tokens_full=tokens_full,
        tokens_wait=None if tokens_wait < 0 else tokens_wait,
        used=used,
    )
