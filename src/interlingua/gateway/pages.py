"""The web interface as files: what `make web` built, with the headers that keep it to itself.

The policy allows no script but ours, no frame, and no connection but to this gateway and, where calls by voice are
offered, to their LiveKit server; styles may stand in elements,
because components place themselves so. A source tree without a build says how to make one.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from interlingua.errors import NotFound
from interlingua.gateway.incoming import Incoming
from interlingua.gateway.outgoing import Headers
from interlingua.ports.dialect import WireResponse

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(self)"),
    ("cross-origin-opener-policy", "same-origin"),
    ("vary", "accept-encoding"),
)
_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2"}
_FOREVER = "public, max-age=31536000, immutable"
_LEAST_TO_PACK = 1024
_LIVEKIT = re.compile(r"(ws|wss)://((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)(?:/[^\s;,]*)?")


class File(Struct, frozen=True):
    """A file as it is sent: its bytes, those packed (empty where that saves nothing), its type and its tag."""

    body: bytes
    packed: bytes
    kind: str
    tag: str


def built() -> bool:
    """Whether there is a web interface to serve."""
    return (STATIC / "index.html").is_file()


@lru_cache(maxsize=8)
def policy(livekit: str) -> str:
    """What a page may do.

    Args:
        livekit: the server that it may also connect to, as `wss://host`: its signals travel by WebSocket, and why one
            failed is asked by HTTP. What is no such address allows nothing.
    """
    found = _LIVEKIT.fullmatch(livekit)
    if found is None:
        return POLICY
    scheme, host = found[1], found[2]
    origins = f"{scheme}://{host} {scheme.replace('ws', 'http')}://{host}"
    return POLICY.replace("connect-src 'self'", f"connect-src 'self' {origins}")


def answer(incoming: Incoming, livekit: str = "") -> WireResponse:
    """A page or a file of the interface; every address of the page is the same page, which finds its own way.

    Args:
        incoming: the request; its path is one of the table's.
        livekit: the LiveKit server of calls by voice; empty where they are not offered.

    Raises:
        NotFound: there is no such file, or no build.
    """
    path = incoming.path
    is_file = path.startswith("/assets/") or "." in path.rpartition("/")[2]
    name = path.removeprefix("/") if is_file else "index.html"
    if not built():
        raise NotFound("the web interface is not built here", what="page", remedy="Run `make web`, then start again.")
    file = _file(STATIC, name, _stamp(STATIC, name))
    if file is None:
        raise NotFound(f"there is nothing at {path}", what="path")
    kept = _FOREVER if path.startswith("/assets/") else "no-cache"
    headers: Headers = (
        ("content-security-policy", policy(livekit)),
        *_HEADERS,
        ("etag", file.tag),
        ("cache-control", kept),
    )
    if incoming.header("if-none-match") == file.tag:
        return WireResponse(status=304, headers=headers)
    headers = (("content-type", file.kind), *headers)
    if file.packed and "gzip" in incoming.header("accept-encoding"):
        return WireResponse(headers=(("content-encoding", "gzip"), *headers), body=file.packed)
    return WireResponse(headers=headers, body=file.body)


def _stamp(folder: Path, name: str) -> int:
    """What changes when the file does; 0 where there is none, or where the name leads out of the folder."""
    place = folder / name
    if place.parent not in (folder, folder / "assets") or not place.is_file():
        return 0
    return place.stat().st_mtime_ns


@lru_cache(maxsize=256)
def _file(folder: Path, name: str, stamp: int) -> File | None:
    if not stamp:
        return None
    body = (folder / name).read_bytes()
    ending = Path(name).suffix
    kind = _TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(body, 6, mtime=0) if len(body) >= _LEAST_TO_PACK else b""
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return File(body, packed if len(packed) < len(body) * 0.95 else b"", kind, tag)
