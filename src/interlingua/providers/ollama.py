"""Ollama's forms of address: OLLAMA_HOST may be a host, `host:port`, `:port` or an URL, and serves as what the
server listens on as well."""

from __future__ import annotations

from collections.abc import Mapping

_PORT = 11434
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  # read, not bound


def address(base_url: str, settings: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Base address and query.

    Args:
        base_url: any of the forms; a scheme alone has its own port, else 11434. An address to listen on everywhere
            becomes the loopback address.
        settings: not used.
    """
    scheme, mark, rest = base_url.strip().rpartition("://")
    if rest.rstrip("/") == "ollama.com":
        scheme, mark = "https", "://"
    place, slash, path = rest.partition("/")
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not colon and not host:
        host, port = place, ""
    host = _ANYWHERE.get(host, host) or "127.0.0.1"
    if not port and not mark:
        port = str(_PORT)
    return f"{scheme or 'http'}://{host}{':' + port if port else ''}{slash}{path}".rstrip("/"), {}
