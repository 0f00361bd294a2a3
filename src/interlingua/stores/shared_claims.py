"""Which of several processes asks for what all of them are asked, kept at the server.

A claim is a key that ends by itself after some seconds and is renewed while its process lives; whose it is, its value
says. While the server is away every name is nobody's.
"""

from __future__ import annotations

import asyncio
import secrets

from interlingua.ports.claims import Claim
from interlingua.stores.shared import Shared, running

SECONDS = 10.0
"""After so long a claim ends whose process did."""
ALONE_SECONDS = 2.0
"""For so long a name is nobody's: longer than anybody waits between two looks."""
_TAKE = """
local found = redis.call('GET', KEYS[1])
if not found then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 'ours'
end
if found == '' then return 'nobodys' end
return 'theirs'
"""
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_GIVE_UP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], '', 'PX', ARGV[2])
return 1
"""


class SharedClaims:
    """Claims names at the server.

    Args:
        shared: the server.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._take = shared.redis.register_script(_TAKE)
        self._ours: dict[str, str] = {}

    async def take(self, name: str) -> Claim:
        """Claims a name."""
        key, token = self._shared.key("claim", name), secrets.token_hex(16)
        self._ours[name] = token
        try:
            found = await self._shared.ask(lambda: self._take(keys=[key], args=[token, int(SECONDS * 1000)]))
        except asyncio.CancelledError:
            self.give_up(name, alone=False)  # it may have been granted already
            raise
        if found == b"ours":
            return "ours"
        if found is None:
            self.give_up(name, alone=False)
        else:
            del self._ours[name]
        return "theirs" if found == b"theirs" else "nobodys"

    def give_up(self, name: str, *, alone: bool) -> None:
        """Ends a claim of ours, soon; returns at once."""
        token = self._ours.pop(name, None)
        if token is not None:
            pause = int(ALONE_SECONDS * 1000) if alone else 0
            self._shared.tell(running(_GIVE_UP, self._shared.key("claim", name), token, pause))

    async def watch(self) -> None:
        """Renews our claims until it is cancelled."""
        while True:
            await asyncio.sleep(SECONDS / 3)
            self.renew()
            await self._shared.flush()

    def renew(self) -> None:
        """Renews our claims, once."""
        for name, token in self._ours.items():
            self._shared.tell(running(_RENEW, self._shared.key("claim", name), token, int(SECONDS * 1000)))
