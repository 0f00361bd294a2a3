"""Who asks, and whether they may: keys, the administrator's token, and the open loopback (contracts §6.1-§6.3)."""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

from interlingua.engine.principal import LOCAL, Principal
from interlingua.errors import AuthenticationFailed, LocalFileError, NotFound, PermissionDenied
from interlingua.gateway.incoming import Incoming
from interlingua.gateway.routes import Access
from interlingua.gateway.virtual_keys import VirtualKeys
from interlingua.types.secret import Secret

KEY_HEADERS = ("x-api-key", "x-goog-api-key")
ADMIN = Principal(tenant=LOCAL.tenant, admin=True)


class Doorkeeper:
    """Lets requests in.

    Args:
        keys: the virtual keys.
        admin_token: the administrator's.
    """

    def __init__(self, keys: VirtualKeys, admin_token: Secret) -> None:
        self._keys = keys
        self._admin = admin_token.reveal().encode()

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
        key = _key(incoming)
        if key and hmac.compare_digest(key.encode(), self._admin):
            return ADMIN
        if access == "admin":
            if self._keys and key:
                self._keys.principal(key)
                raise PermissionDenied("this key may not do that", remedy="Use the administrator's token.")
            raise AuthenticationFailed(
                "the administrator's token is needed here",
                remedy="Send it as `Authorization: Bearer …`; `il serve` prints where it lies.",
            )
        if not self._keys:
            return LOCAL
        if not key:
            raise AuthenticationFailed(
                "a key is needed here",
                remedy="Send a key that `il keys create` printed, as `Authorization: Bearer …` or `x-api-key: …`.",
            )
        return self._keys.principal(key)


def _key(incoming: Incoming) -> str:
    bearer = incoming.header("authorization")
    if bearer[:7].lower() == "bearer ":
        return bearer[7:].strip()
    return next((value for name in KEY_HEADERS if (value := incoming.header(name))), "")


def admin_token(path: Path) -> Secret:
    """The administrator's token: read, or made on the first start, in a file that only its owner reads.

    Raises:
        LocalFileError: the file cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            token = path.read_text().strip()
            if len(token) >= 32:
                return Secret(token)
        token = secrets.token_urlsafe(32)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(token + "\n")
    except OSError as error:
        raise LocalFileError(
            f"cannot keep the administrator's token in {path}: {error.strerror}", path=str(path)
        ) from error
    return Secret(token)


def hidden(what: str, id: str) -> NotFound:
    """The one answer for what does not exist and for what is somebody else's."""
    return NotFound(f"there is no {what} {id!r}", what=what)
