"""Which pages and hosts may speak to the gateway at all: a browser must not be made to speak for its user.

The name in `Host` must be one that we serve (against DNS rebinding), and a page of another origin is refused, reading
included (contracts §6.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from interlingua.errors import PermissionDenied
from interlingua.gateway.incoming import Incoming

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_HOST = re.compile(r"(\[[0-9a-f:.]*\]|[^\[\]:]*)(?::[0-9]*)?")
_HERE = "A browser may speak to it from its own pages only; let a server of yours ask it instead."


class Guard:
    """Checks where a request comes from.

    Args:
        hosts: names that we are called by, without ports; `*` is any.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.lower() for host in (*hosts, *LOOPBACK))

    def check(self, incoming: Incoming) -> None:
        """Lets a request pass.

        Raises:
            PermissionDenied: it must not.
        """
        host = incoming.header("host").lower()
        name = _name(host)
        if name not in self._hosts and "*" not in self._hosts:
            raise PermissionDenied(
                f"this gateway is not called {name!r}",
                remedy="Add the name to server.allowed_hosts in the gateway's configuration.",
            )
        if incoming.header("sec-fetch-site") == "cross-site":
            raise PermissionDenied("pages of other sites may not use this gateway", remedy=_HERE)
        origin = incoming.header("origin").lower()
        if origin and origin not in (f"http://{host}", f"https://{host}"):
            raise PermissionDenied("pages of other origins may not use this gateway", remedy=_HERE)


@lru_cache(maxsize=64)
def _name(host: str) -> str:
    """The name without its port; what is no name with a port is taken whole, and is nobody's."""
    found = _HOST.fullmatch(host)
    return found[1] if found is not None else host
