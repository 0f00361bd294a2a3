"""Who is signed in to the pages: a one-time code is traded for a token, and a token is who it says (contracts §6.1).

Both are texts sealed with the administrator's token, so every worker knows them and nothing is kept on disk: a new
administrator's token ends every session. A code serves once and for two minutes; it stands in an address's fragment,
which no server sees and no log holds. A token of a virtual key lives as long as the key does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Literal

import msgspec
from msgspec import Struct

from interlingua.errors import AuthenticationFailed
from interlingua.ports.clock import Clock
from interlingua.ports.memory import Memory
from interlingua.types.secret import Secret

CODE_SECONDS = 120.0
SESSION_SECONDS = 12 * 3600.0
TOKEN_PREFIX = "ils-"  # noqa: S105  # what a token begins with is no secret
SIGN_IN = "sign-in"
"""The word before a code in an address's fragment."""
_MAC_BYTES = 32
_NOBODY = "interlingua"
"""The memory's tenant for what belongs to none; virtual keys' tenants begin with their own names."""


class Claim(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a sealed text says.

    Args:
        kind: a code to be traded, or a session.
        id: random; by it a code is used up and a session ended.
        until: seconds since 1970.
        digest: of the virtual key that signed in; empty for the administrator.
    """

    kind: Literal["code", "session"]
    id: str
    until: float
    digest: str = ""


class Sessions:
    """Makes and reads codes and tokens.

    Args:
        clock: time.
        memory: where used codes and ended sessions are remembered, shared by workers where it is.
        admin_token: what everything is sealed with.
    """

    def __init__(self, clock: Clock, memory: Memory, admin_token: Secret) -> None:
        self._clock = clock
        self._memory = memory
        self._key = hashlib.sha256(b"interlingua session " + admin_token.reveal().encode()).digest()
        self._ended: set[str] = set()

    def code(self) -> str:
        """A code for the administrator, good once and for two minutes."""
        return self._seal(Claim(kind="code", id=secrets.token_urlsafe(12), until=self._clock.time() + CODE_SECONDS))

    def token(self, digest: str = "") -> tuple[str, float]:
        """A session's token, and when it ends in seconds since 1970.

        Args:
            digest: of a virtual key; empty for the administrator.
        """
        until = self._clock.time() + SESSION_SECONDS
        claim = Claim(kind="session", id=secrets.token_urlsafe(12), until=until, digest=digest)
        return TOKEN_PREFIX + self._seal(claim), until

    async def trade(self, code: str) -> None:
        """Uses a code up.

        Raises:
            AuthenticationFailed: it is none, is too old, or was used.
        """
        claim = self._read(code)
        if claim is None or claim.kind != "code" or await self._spent(claim):
            raise AuthenticationFailed("this link was used or is too old", remedy="Make a new one with `il open`.")
        await self._spend(claim)

    def claim(self, token: str) -> Claim | None:
        """What a session's token says, or None: it is none, is too old, or was ended here."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        claim = self._read(token.removeprefix(TOKEN_PREFIX))
        return claim if claim is not None and claim.kind == "session" and claim.id not in self._ended else None

    async def check(self, token: str) -> None:
        """Lets pass what is no session's token, and sessions that no worker has ended.

        Raises:
            AuthenticationFailed: it was ended.
        """
        claim = self.claim(token)
        if claim is not None and await self._spent(claim):
            self._ended.add(claim.id)
            raise AuthenticationFailed("you were signed out", remedy="Sign in again.")

    async def end(self, token: str) -> None:
        """Ends a session; what is none is left alone."""
        claim = self.claim(token)
        if claim is not None:
            self._ended.add(claim.id)
            await self._spend(claim)

    async def _spend(self, claim: Claim) -> None:
        left = max(1.0, claim.until - self._clock.time())
        await self._memory.put(_NOBODY, {f"spent {claim.id}": b"1"}, left)

    async def _spent(self, claim: Claim) -> bool:
        key = f"spent {claim.id}"
        return key in await self._memory.get(_NOBODY, (key,))

    def _seal(self, claim: Claim) -> str:
        text = msgspec.json.encode(claim)
        return base64.urlsafe_b64encode(self._mac(text) + text).decode().rstrip("=")

    def _read(self, sealed: str) -> Claim | None:
        try:
            data = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, text = data[:_MAC_BYTES], data[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(text)):
            return None
        claim = msgspec.json.decode(text, type=Claim)
        return claim if claim.until > self._clock.time() else None

    def _mac(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha256")
