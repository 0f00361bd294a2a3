"""Who asks, and whether they may: keys, the administrator's token, and the open loopback (contracts §6.1-§6.3)."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from interlingua.credentials.secret_file import lock
from interlingua.engine.principal import LOCAL, Principal
from interlingua.errors import AuthenticationFailed, LocalFileError, NotFound, PermissionDenied
from interlingua.gateway.incoming import Incoming
from interlingua.gateway.routes import Access
from interlingua.gateway.sessions import Sessions
from interlingua.gateway.virtual_keys import VirtualKeys
from interlingua.types.secret import Secret

KEY_HEADERS = ("x-api-key", "x-goog-api-key")
SHORTEST_TOKEN = 32
"""Letters; what is shorter was not written whole, and is made anew."""
ADMIN = Principal(tenant=LOCAL.tenant, admin=True)


class Doorkeeper:
    """Lets requests in.

    Args:
        keys: the virtual keys.
        admin_token: the administrator's.
        sessions: who is signed in to the pages; None where nobody can be.
    """

    def __init__(self, keys: VirtualKeys, admin_token: Secret, sessions: Sessions | None = None) -> None:
        self._keys = keys
        self._admin = admin_token.reveal().encode()
        self._sessions = sessions

    @property
    def has_keys(self) -> bool:
        """Whether inference asks for a key."""
        return bool(self._keys)

    def known(self, secret: str) -> Principal:
        """Whose a token or key is.

        Args:
            secret: the administrator's token, a session's, or a virtual key.

        Raises:
            AuthenticationFailed: nobody's.
        """
        if hmac.compare_digest(secret.encode("utf-8", "surrogatepass"), self._admin):
            return ADMIN
        claim = self._sessions.claim(secret) if self._sessions is not None else None
        if claim is None:
            return self._keys.principal(secret)
        return self._keys.of_digest(claim.digest) if claim.digest else ADMIN

    def admit(self, incoming: Incoming, access: Access) -> Principal:
        """Who asks.

        Args:
            incoming: the request.
            access: what its route asks for.

        Raises:
            AuthenticationFailed: nobody we know.
            PermissionDenied: somebody who may not.
        """
        if access == "public":
            return LOCAL
        key = key_of(incoming)
        if key and hmac.compare_digest(key.encode("utf-8", "surrogatepass"), self._admin):
            return ADMIN
        if access == "session":
            if not key:
                raise AuthenticationFailed("you are not signed in", remedy="Run `il open`, or send a key.")
            return self.known(key)
        if access == "admin":
            if key and self.known(key).admin:
                return ADMIN
            if key:
                raise PermissionDenied("this key may not do that", remedy="Use the administrator's token.")
            raise AuthenticationFailed(
                "the administrator's token is needed here",
                remedy="Send it as `Authorization: Bearer …`; `il serve` prints where it lies.",
            )
        if key and self._sessions is not None and self._sessions.claim(key) is not None:
            return self.known(key)
        if not self._keys:
            return LOCAL
        if not key:
            raise AuthenticationFailed(
                "a key is needed here",
                remedy="Send a key that `il keys create` printed, as `Authorization: Bearer …` or `x-api-key: …`.",
            )
        return self._keys.principal(key)


def key_of(incoming: Incoming) -> str:
    """The key or token that a client sent; empty without one."""
    bearer = incoming.header("authorization")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return next((value for name in KEY_HEADERS if (value := incoming.header(name))), "")


def admin_token(path: Path) -> Secret:
    """The administrator's token: read, or made on the first start, in a file that only its owner reads.

    Of several gateways that start at once on one empty folder one makes it, and all have the same.

    Raises:
        LocalFileError: the file cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        token = path.read_text().strip() if path.exists() else ""
        if len(token) < SHORTEST_TOKEN:
            token = _agreed(path, secrets.token_urlsafe(32))
    except OSError as error:
        raise LocalFileError(
            f"cannot keep the administrator's token in {path}: {error.strerror}", path=str(path)
        ) from error
    return Secret(token)


def _agreed(path: Path, made: str) -> str:
    """Puts a token that was made into its file, or reads the one that another process put there meanwhile."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        lock(file.fileno())
        path.chmod(0o600)
        found = file.read().strip()
        if len(found) >= SHORTEST_TOKEN:
            return found
        file.seek(0)
        file.truncate()
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    return made


def hidden(what: str, id: str) -> NotFound:
    """The one answer for what does not exist and for what is somebody else's."""
    return NotFound(f"there is no {what} {id!r}", what=what)
