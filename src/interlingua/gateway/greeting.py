"""What is said at `/`: to Ollama's clients that it runs, to a browser what this is and how a client is pointed at it.

The page makes way for the web interface as soon as that is built (`static/index.html`).
"""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

from interlingua._version import __version__
from interlingua.gateway import pages
from interlingua.gateway.incoming import Incoming
from interlingua.ports.dialect import WireResponse

_HERE = Path(__file__).parent
PLAIN = WireResponse(headers=(("content-type", "text/plain"), ("vary", "accept")), body=b"Ollama is running")
_HEADERS = (
    ("content-type", "text/html; charset=utf-8"),
    ("vary", "accept"),
    ("cache-control", "no-cache"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)
_ALONE = ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")


def greeting(incoming: Incoming, livekit: str = "") -> WireResponse:
    """What a request for `/` gets; arguments as of `pages.answer`."""
    if "text/html" not in incoming.header("accept"):
        return PLAIN
    if pages.built():
        return pages.answer(incoming, livekit)
    scheme = "https" if incoming.header("x-forwarded-proto") == "https" else "http"
    address = html.escape(f"{scheme}://{incoming.header('host')}")
    page = _page().replace("{address}", address).replace("{version}", __version__)
    return WireResponse(headers=(*_HEADERS, _ALONE), body=page.encode())


@cache
def _page() -> str:
    return (_HERE / "greeting.html").read_text(encoding="utf-8")
