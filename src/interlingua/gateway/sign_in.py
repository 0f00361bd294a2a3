"""The one-time link into the pages, made on this machine by who may read the administrator's token."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from interlingua.config.build import SystemClock
from interlingua.config.schema import Config
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.gateway.sessions import SIGN_IN, Sessions

SECONDS = 3.0


class _Nothing:
    """A memory for who only makes links."""

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Nothing."""
        return {}

    async def put(self, tenant: str, entries: Mapping[str, bytes], seconds: float) -> None:
        """Forgets at once."""

    async def forget(self, tenant: str, keys: Sequence[str]) -> int:
        """Nothing was there."""
        return 0


def link(config: Config, address: str) -> str:
    """An address that signs its visitor in, once, within two minutes.

    Args:
        config: says where the administrator's token lies.
        address: of the gateway.

    Raises:
        LocalFileError: the token cannot be read.
    """
    sessions = Sessions(SystemClock(), _Nothing(), admin_token(token_path(config)))
    return f"{address}/#{SIGN_IN}={sessions.code()}"


def is_serving(address: str, seconds: float = SECONDS) -> bool:
    """Whether a gateway answers at an address.

    Args:
        address: `http://host:port`.
        seconds: how long it is waited for.
    """
    request = urllib.request.Request(f"{address}/healthz")  # an address that the machine's user names
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is this machine's: no proxy leads there
    try:
        with direct.open(request, timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
