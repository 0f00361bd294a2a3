"""Which pages and hosts may speak to the gateway at all: a browser must not be made to speak for its user.

The name in `Host` must be one that we serve (against DNS rebinding), and a page of another origin is refused, reading
included (contracts §6.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from interlingua.errors import PermissionDenied
from interlingua.gateway.incoming import Incoming

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


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
            raise PermissionDenied("pages of other sites may not use this gateway")
        origin = incoming.header("origin").lower()
        if origin and (origin == "null" or urlsplit(origin).netloc != host):
            raise PermissionDenied("pages of other origins may not use this gateway")


def _name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
