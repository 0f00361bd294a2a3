"""Which proxy leads to a host, as the environment says: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote, urlsplit, urlunsplit

from interlingua.transport import failures

Proxy = tuple[str | None, tuple[tuple[str, str], ...]]
"""A proxy's address without its credentials, and the header that carries those."""


class Proxies:
    """The proxies as the environment names them when this is made.

    Args:
        given: an http(s) address that wins over the environment's; NO_PROXY still holds.
        none: nothing leads through a proxy.
    """

    def __init__(self, given: str | None, *, none: bool = False) -> None:
        import urllib.request

        self._bypass = urllib.request.proxy_bypass
        self._proxies = {"http": given, "https": given} if given else dict(urllib.request.getproxies())
        if none:
            self._proxies.clear()
        self._chosen: dict[tuple[str, str], Proxy] = {}

    def leading_to(self, url: str) -> Proxy:
        """The proxy for an address; None where there is none.

        Raises:
            ConnectionFailed: the proxy is of a kind that is not supported.
        """
        parts = urlsplit(url)
        place = (parts.scheme, parts.netloc.rpartition("@")[2])
        if place not in self._chosen:
            found = self._proxies.get(parts.scheme) or self._proxies.get("all")
            self._chosen[place] = _split(found) if found and not self._bypass(place[1]) else (None, ())
        return self._chosen[place]


def _split(address: str) -> Proxy:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    credentials, _, place = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https"):
        raise failures.proxy_unknown(place, parts.scheme)
    bare = urlunsplit((parts.scheme, place, "", "", ""))
    if not credentials:
        return bare, ()
    token = b64encode(unquote(credentials).encode()).decode()
    return bare, (("proxy-authorization", f"Basic {token}"),)
