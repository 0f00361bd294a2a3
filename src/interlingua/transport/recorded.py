"""Records exchanges into a folder, and answers from it later: one JSON file each, without credentials.

Before anything touches the disk, headers pass an allow-list, address and bodies go through `wire/redact.py`, and
whatever stood in a header that carries credentials is masked everywhere else. Requests match by method, address
and canonical body, all of them scrubbed. A stream keeps the pieces in which it came, unless a credential was
masked across two of them: then it becomes one piece.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import threading
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from interlingua.errors import BY_CODE, InterlinguaError, LocalFileError, NotFound
from interlingua.ports.transport import HttpRequest, HttpResponse, Transport
from interlingua.types.opaque import Json
from interlingua.types.secret import Secret
from interlingua.types.serde import canonical
from interlingua.wire.redact import MASK, redact, redact_headers, redact_json, redact_url

_REQUEST_HEADERS = re.compile(r"accept|content-type|[a-z-]+-(?:version|beta)")
_RESPONSE_HEADERS = re.compile(r"content-type|retry-after(?:-ms)?|(?:x-)?request-id|[a-z-]*ratelimit[a-z-]*")

_naming = threading.Lock()  # two recordings of one request must not take the same number


class _Asked(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A scrubbed request; `json` where the body is JSON, else `body`."""

    method: str
    url: str
    headers: dict[str, str] = {}
    json: Json = None
    body: str = ""

    @property
    def key(self) -> bytes:
        return canonical([self.method, self.url, self.json, self.body])


class _Answered(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A scrubbed response; a chunk is text, or base64 in a list of one where it is no UTF-8 by itself.

    `broke` holds code and message of what ended the body too early.
    """

    status: int
    headers: list[tuple[str, str]] = []
    chunks: list[str | tuple[str]] = []
    broke: tuple[str, str] | None = None


class _Exchange(Struct, frozen=True, kw_only=True):
    request: _Asked
    response: _Answered


class RecordingTransport:
    """Passes requests on and writes down what was asked and answered.

    An exchange is written when its response was read to the end, broke off or was closed.

    Args:
        inner: the way to the network.
        folder: where the files go; made if need be.
        secrets: exact strings to mask, besides everything that looks like a credential.
    """

    def __init__(self, inner: Transport, folder: str | Path, secrets: Iterable[str | Secret] = ()) -> None:
        self._inner = inner
        self._folder = Path(folder)
        self._secrets = tuple(secrets)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The response's head; see `Transport.send`."""
        response = await self._inner.send(request)
        secrets = (*self._secrets, *_secrets_of(request))
        return _RecordingResponse(response, _scrub_request(request, secrets), secrets, self._folder)

    async def aclose(self) -> None:
        """Closes the inner transport."""
        await self._inner.aclose()


class _RecordingResponse:
    def __init__(self, inner: HttpResponse, asked: _Asked, secrets: tuple[str | Secret, ...], folder: Path) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._inner = inner
        self._asked = asked
        self._secrets = secrets
        self._folder = folder
        self._chunks: list[bytes] = []
        self._written = False

    async def read(self) -> bytes:
        """The whole body; see `HttpResponse.read`."""
        try:
            body = await self._inner.read()
        except InterlinguaError as error:
            await self._write(broke=(error.code, error.message))
            raise
        self._chunks = [body] if body else []
        await self._write()
        return body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes; see `HttpResponse.stream`."""
        try:
            async for piece in self._inner.stream():
                self._chunks.append(piece)
                yield piece
        except InterlinguaError as error:
            await self._write(broke=(error.code, error.message))
            raise
        await self._write()

    async def aclose(self) -> None:
        """Gives up the response; what came so far is recorded as broken off."""
        await self._inner.aclose()
        await self._write(broke=("connection_failed", "the recording ends here: its reader went away"))

    async def _write(self, broke: tuple[str, str] | None = None) -> None:
        if self._written:
            return
        self._written = True
        headers = [header for header in self.headers if _RESPONSE_HEADERS.fullmatch(header[0])]
        answered = _Answered(
            status=self.status,
            headers=list(redact_headers(headers, self._secrets)),
            chunks=_scrub_chunks(self._chunks, self._secrets),
            broke=broke and (broke[0], redact(broke[1], self._secrets)),
        )
        await asyncio.to_thread(_save, _Exchange(request=self._asked, response=answered), self._folder)


class ReplayTransport:
    """Answers from a folder that `RecordingTransport` filled; never goes to the network.

    The same request recorded several times gets its answers in order, and the last one from then on.

    Args:
        folder: where the files are; read at the first request.
        secrets: as the recording had them, so that requests which hold them are found again.
    """

    def __init__(self, folder: str | Path, secrets: Iterable[str | Secret] = ()) -> None:
        self._folder = Path(folder)
        self._secrets = tuple(secrets)
        self._recorded: dict[bytes, list[_Exchange]] | None = None
        self._served: Counter[bytes] = Counter()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The recorded response's head.

        Raises:
            NotFound: there is no such recording; the message names what was asked and what there is.
            LocalFileError: the folder or one of its files cannot be read.
        """
        if self._recorded is None:
            self._recorded = await asyncio.to_thread(_load, self._folder)
        asked = _scrub_request(request, (*self._secrets, *_secrets_of(request)))
        found = self._recorded.get(asked.key)
        if not found:
            raise self._missing(asked, [turns[0].request for turns in self._recorded.values()])
        turn = min(self._served[asked.key], len(found) - 1)
        self._served[asked.key] += 1
        return _ReplayedResponse(found[turn].response)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _missing(self, asked: _Asked, recorded: list[_Asked]) -> NotFound:
        near = [other for other in recorded if (other.method, other.url) == (asked.method, asked.url)]
        if near:
            places = sorted(
                {_difference(asked.json, other.json) or "the body" for other in near},
                key=lambda place: (-len(place), place),
            )
            known = f"recorded with another body, which differs at {places[0]}"
        elif recorded:
            shown = sorted({f"{other.method} {other.url}" for other in recorded})
            known = "recorded are " + ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
        else:
            known = "nothing is recorded"
        return NotFound(
            f"no recorded answer to {asked.method} {asked.url} in {self._folder}: {known}",
            what="recording",
            remedy="Record it with RecordingTransport.",
        )


class _ReplayedResponse:
    def __init__(self, answered: _Answered) -> None:
        self.status = answered.status
        self.headers = tuple(answered.headers)
        self._answered = answered

    async def read(self) -> bytes:
        """The whole body; see `HttpResponse.read`."""
        return b"".join([piece async for piece in self.stream()])

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it came; see `HttpResponse.stream`."""
        for chunk in self._answered.chunks:
            await asyncio.sleep(0)
            yield chunk.encode() if isinstance(chunk, str) else b64decode(chunk[0])
        if self._answered.broke:
            code, message = self._answered.broke
            raise BY_CODE.get(code, InterlinguaError)(message)

    async def aclose(self) -> None:
        """Nothing to close."""


def _secrets_of(request: HttpRequest) -> tuple[str, ...]:
    """What stands in headers that carry credentials, with and without its scheme."""
    masked = redact_headers(request.headers)
    values = [old for (_, old), (_, new) in zip(request.headers, masked, strict=True) if new == MASK]
    return tuple({part for value in values for part in (value, value.rpartition(" ")[2]) if len(part) >= 8})


def _scrub_request(request: HttpRequest, secrets: tuple[str | Secret, ...]) -> _Asked:
    kept = redact_headers([h for h in request.headers if _REQUEST_HEADERS.fullmatch(h[0])], secrets)
    url = redact_url(request.url, secrets)
    try:
        value = redact_json(msgspec.json.decode(request.body), secrets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = redact(request.body.decode("utf-8", "backslashreplace"), secrets)
        return _Asked(method=request.method, url=url, headers=dict(kept), body=text)
    return _Asked(method=request.method, url=url, headers=dict(kept), json=value)


def _scrub_chunks(chunks: list[bytes], secrets: tuple[str | Secret, ...]) -> list[str | tuple[str]]:
    whole = _redact_bytes(b"".join(chunks), secrets)
    if whole != b"".join(chunks):
        one_by_one = [_redact_bytes(chunk, secrets) for chunk in chunks]
        chunks = one_by_one if b"".join(one_by_one) == whole else [whole]
    written: list[str | tuple[str]] = []
    for chunk in chunks:
        try:
            written.append(chunk.decode())
        except UnicodeDecodeError:
            written.append((b64encode(chunk).decode(),))
    return written


def _redact_bytes(data: bytes, secrets: tuple[str | Secret, ...]) -> bytes:
    return redact(data.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")


def _save(exchange: _Exchange, folder: Path) -> None:
    """Writes a file that is there whole or not at all."""
    asked = exchange.request
    path = re.sub(r"[^A-Za-z0-9]+", "-", urlsplit(asked.url).path).strip("-")[-60:]
    stem = f"{asked.method.lower()}-{path or 'root'}-{hashlib.sha256(asked.key).hexdigest()[:12]}"
    text = msgspec.json.format(msgspec.json.encode(exchange), indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text + b"\n")
            with _naming:
                turn = next(n for n in count(1) if not (folder / f"{stem}-{n:03}.json").exists())
                os.replace(temporary, folder / f"{stem}-{turn:03}.json")
        except OSError:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise LocalFileError(f"the recording cannot be written: {error.strerror}", path=str(folder)) from error


def _load(folder: Path) -> dict[bytes, list[_Exchange]]:
    recorded: dict[bytes, list[_Exchange]] = {}
    path = folder
    try:
        if not folder.is_dir():
            raise LocalFileError(f"there is no folder {folder}", path=str(folder), remedy="Record something first.")
        for path in sorted(folder.glob("*.json")):
            exchange = msgspec.json.decode(path.read_bytes(), type=_Exchange)
            recorded.setdefault(exchange.request.key, []).append(exchange)
    except OSError as error:
        raise LocalFileError(f"{path} cannot be read: {error.strerror}", path=str(path)) from error
    except msgspec.DecodeError as error:
        raise LocalFileError(f"{path} is not a recording: {error}", path=str(path)) from error
    return recorded


def _difference(one: Json, other: Json, path: str = "") -> str:
    """Where two JSON values first differ; empty where they do not, or at the root."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            place = f"{path}.{key}" if path else key
            if key not in one or key not in other:
                return place
            if one[key] != other[key]:
                return _difference(one[key], other[key], place)
    elif isinstance(one, list) and isinstance(other, list):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
            if mine != theirs:
                return _difference(mine, theirs, f"{path}[{index}]")
        if len(one) != len(other):
            return f"{path}[{min(len(one), len(other))}]"
    return path
