"""GGUF models loaded into this process, and the threads that they answer on.

Strategy: xllamacpp blocks the calling thread and calls back per token, so each answer runs on a thread of its own and
crosses to the event loop piece by piece (`Job`). As many threads run as the model has slots; more requests wait in
line. The threads are daemons, because llama.cpp must not keep a finished program alive, but at exit they are stopped
and joined: a thread that comes back from C++ after the interpreter has gone aborts the process.

A forked child cannot use its parent's models, because their threads stayed behind; it loads its own. Once a parent
has loaded one, llama.cpp can no longer be taken down in the child: destroying a model there hangs, so its memory is
kept until the child ends, and only `os._exit` (which multiprocessing uses) ends it without an abort.

xllamacpp cannot do without its HTTP listener. It is put on a Unix socket in a private folder, behind a random key,
and the socket is unlinked once the model's template was asked about; where there are no Unix sockets it stays on
loopback behind the key.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import secrets
import socket
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from interlingua.errors import ConfigError, ConnectionFailed, InterlinguaError, LocalFileError
from interlingua.types.opaque import Json

Chunk: TypeAlias = dict[str, Json]
"""One streamed object of an answer."""

WAITING_CHUNKS = 256
"""How many pieces may wait for a slow reader before the answer pauses."""

BATCH_TOKENS = 256
"""Tokens of a prompt that are read in one go: between two of them a cancelled request lets go."""

PROMPT_CACHE_MIB = 256
"""Memory for the states of earlier conversations; llama.cpp's default is 8 GiB."""

_EXIT_SECONDS = 5.0


class LocalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How models are loaded into this process.

    Args:
        context: tokens of prompt and answer together, for each slot.
        threads: CPU threads per model; more than one is slower wherever the cores are busy.
        slots: answers of one model at once; further requests wait in line.
        chat_template: a Jinja template in place of the model's own; empty keeps it.
    """

    context: int = 8192
    threads: int = 1
    slots: int = 1
    chat_template: str = ""


class Refused(Exception):
    """llama.cpp's own error; `error` holds code, message, type and what else it says."""

    def __init__(self, error: dict[str, Json]) -> None:
        super().__init__(str(error.get("message", "")))
        self.error = error


_FAILURES: tuple[type[Exception], ...] = (
    *(InterlinguaError, Refused, RuntimeError, OSError, MemoryError),
    *(ValueError, TypeError, LookupError, AttributeError),
)
"""What can go wrong on a model's thread; it is raised where the answer is read."""


class Job:
    """One answer on its way from a model's thread to the event loop that asked for it.

    Args:
        work: runs on the thread; gets the loaded model and hands chunks to `put`, which says whether to stop.
    """

    def __init__(self, work: Callable[[Loaded, Callable[[Chunk | None], bool]], None]) -> None:
        self.cancelled = False
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[Chunk] = deque()
        self._room = threading.Condition()
        self._news = asyncio.Event()
        self._failure: Exception | None = None
        self._done = False

    async def next(self) -> Chunk | None:
        """The next chunk; None after the last.

        Raises:
            ConnectionFailed: somebody stopped it meanwhile; and whatever the thread raised.
        """
        while True:
            with self._room:
                if self._chunks:
                    chunk = self._chunks.popleft()
                    self._room.notify()
                    return chunk
                if self._failure is not None:
                    raise self._failure
                if self.cancelled:
                    raise ConnectionFailed("the local model was stopped amid its answer")
                if self._done:
                    return None
                self._news.clear()
            await self._news.wait()

    def cancel(self) -> None:
        """Stops it at the next token, batch of the prompt, or turn in the line; may be called twice, anywhere."""
        with self._room:
            self.cancelled = True
            self._chunks.clear()
            self._room.notify_all()
        self._tell()

    def put(self, chunk: Chunk | None) -> bool:
        """Hands a chunk over, waiting while too many are unread; None only asks. True: stop."""
        with self._room:
            while chunk is not None and len(self._chunks) >= WAITING_CHUNKS and not self.cancelled:
                self._room.wait(0.5)
                if self._loop.is_closed():
                    self.cancelled = True
            if self.cancelled or chunk is None:
                return self.cancelled
            self._chunks.append(chunk)
        return not self._tell()

    def run(self, load: Callable[[], Loaded]) -> None:
        """Does the work; what goes wrong is kept for the reader."""
        try:
            if not self.cancelled:
                self._work(load(), self.put)
        except _FAILURES as error:
            self._failure = error
        finally:
            with self._room:
                self._done = True
            self._tell()

    def _tell(self) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # the loop is closed: nobody reads any more
            self.cancelled = True
        return not self.cancelled


class LlamaServer(Protocol):
    """The part of `xllamacpp.Server` that we use."""

    def handle_chat_completions(self, body: Chunk, callback: Callable[[Chunk], bool]) -> object: ...


class Loaded:
    """A model in memory.

    Args:
        engine: the server object that runs it.
        native_tools: whether its chat template knows tools.
    """

    def __init__(self, engine: LlamaServer, native_tools: bool) -> None:
        self.native_tools = native_tools
        self._engine = engine

    def stream(self, body: Chunk, put: Callable[[Chunk | None], bool]) -> None:
        """Hands each streamed chunk to `put` until that says stop.

        Raises:
            Refused: llama.cpp answered with an error.
            ValueError, RuntimeError: llama.cpp's other way of saying so; and whatever `put` raised.
        """
        failures: list[Exception] = []

        def receive(chunk: Chunk) -> bool:
            # llama.cpp swallows what is raised in here and ends as if all were well, so it is kept and raised below.
            try:
                error = chunk.get("error")
                if error is not None:
                    raise Refused(error if isinstance(error, dict) else {"message": str(error)})
                return put(None if "prompt_progress" in chunk else chunk)
            except (
                InterlinguaError,
                Refused,
                LookupError,
                ValueError,
                TypeError,
                RuntimeError,
                MemoryError,
            ) as failure:
                failures.append(failure)
                return True

        self._engine.handle_chat_completions({**body, "stream": True, "return_progress": True}, receive)
        if failures:
            raise failures[0]

    def abandon(self) -> None:
        """Keeps it from ever being destroyed, at exit too; for forked children."""
        import ctypes  # a child alone needs it

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._engine))


class Model:
    """One GGUF file: loaded when first needed, answering on up to `slots` threads, first come, first served.

    Args:
        path: the file.
        settings: how it is loaded.
        loading: held while a model is loaded; shared by all models.
    """

    def __init__(self, path: Path, settings: LocalSettings, loading: threading.Lock) -> None:
        self.path = path
        self._settings = settings
        self._loading = loading
        self._loaded: Loaded | None = None
        self._lock = threading.Lock()
        self._line: deque[Job] = deque()
        self._running: set[Job] = set()
        self._threads: set[threading.Thread] = set()

    def submit(self, job: Job) -> None:
        """Puts a job in the line."""
        with self._lock:
            while self._line and self._line[0].cancelled:
                self._line.popleft()
            self._line.append(job)
            if len(self._threads) < self._settings.slots:
                thread = threading.Thread(target=self._drain, name=f"il-local-{self.path.name}", daemon=True)
                self._threads.add(thread)
                thread.start()

    def close(self) -> None:
        """Stops all jobs, waits for the threads a few seconds, and gives the memory back."""
        with self._lock:
            for job in (*self._line, *self._running):
                job.cancel()
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(_EXIT_SECONDS)
        if _inherited:
            self.abandon()
        self._loaded = None

    def abandon(self) -> None:
        """See `Loaded.abandon`."""
        if self._loaded is not None:
            self._loaded.abandon()

    def _drain(self) -> None:
        while True:
            with self._lock:
                if not self._line:
                    self._threads.discard(threading.current_thread())
                    return
                job = self._line.popleft()
                self._running.add(job)
            try:
                job.run(self._load)
            finally:
                with self._lock:
                    self._running.discard(job)

    def _load(self) -> Loaded:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.path, self._settings)
            return self._loaded


def _load(path: Path, settings: LocalSettings) -> Loaded:
    try:
        import xllamacpp
    except ImportError as error:
        raise ConfigError(
            f"the local model needs xllamacpp, which cannot be imported: {error}",
            remedy="Install it with: pip install 'interlingua[local]'",
        ) from error
    import shutil
    import tempfile  # these two take their time, and only who loads a model needs them

    _read_ahead(path)
    try:
        folder = Path(tempfile.mkdtemp(prefix="il-"))
    except OSError as error:
        raise LocalFileError(f"no temporary folder: {error}", path=str(error.filename or "")) from error
    key = secrets.token_urlsafe(32)
    params = _parameters(xllamacpp, path, settings, key)
    at = str(folder / "s.sock")  # llama.cpp knows a Unix socket by this ending
    if hasattr(socket, "AF_UNIX") and os.name == "posix" and len(os.fsencode(at)) < 100:
        params.hostnames = [at]
    try:
        engine = xllamacpp.Server(params)
        if params.hostnames == [at]:
            os.chmod(at, 0o600)
        return Loaded(engine, _knows_tools(engine.listening_address, key))
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).replace(str(path), path.name)  # where it lies is nothing to who asks from elsewhere
        raise LocalFileError(
            f"llama.cpp cannot load {path.name}: {reason}",
            path=str(path),
            remedy="It may be damaged, or of a kind that this llama.cpp does not know: get it anew with `il pull`.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parameters(xllamacpp: Any, path: Path, settings: LocalSettings, key: str) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.n_ctx = settings.context * settings.slots
    params.n_parallel = settings.slots
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.threads
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.verbosity = -1
    params.ui = params.warmup = params.fit_params = params.endpoint_slots = False
    params.offline = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    if settings.chat_template:
        params.chat_template = settings.chat_template
    return params


def _read_ahead(path: Path) -> None:
    """Brings the file into the page cache: loading holds the interpreter's lock, so it had better be short."""
    piece = bytearray(1 << 20)
    with contextlib.suppress(OSError), open(path, "rb", buffering=0) as file:
        while file.readinto(piece):
            pass


def _knows_tools(address: str, key: str) -> bool:
    """Whether the chat template knows tools: `/props` of the listener is the one place that says so."""
    import http.client  # as above

    scheme, _, rest = address.partition("://")
    connection = http.client.HTTPConnection("localhost" if scheme == "unix" else rest, timeout=10)
    try:
        if scheme == "unix":
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(connection.timeout)
            connection.sock.connect(rest)
        connection.request("GET", "/props", headers={"authorization": f"Bearer {key}", "host": "localhost"})
        props = msgspec.json.decode(connection.getresponse().read())
        return bool(props["chat_template_caps"]["supports_tools"])
    except (OSError, http.client.HTTPException, msgspec.DecodeError, LookupError, TypeError):
        return False  # the tools are then put into words, which works with any template
    finally:
        connection.close()


class Models:
    """The models of one transport, by file."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._loading = threading.Lock()
        self._models: dict[Path, Model] = {}
        _alive.add(self)

    def get(self, path: Path) -> Model:
        """The model of a file, loaded or yet to be."""
        model = self._models.get(path)
        if model is None:
            model = self._models.setdefault(path, Model(path, self._settings, self._loading))
        return model

    def close(self) -> None:
        """Stops every answer and frees all memory; the next request loads anew."""
        while self._models:
            self._models.popitem()[1].close()

    def abandon(self) -> None:
        """Starts over in a forked child."""
        for model in self._models.values():
            model.abandon()
        self._loading = threading.Lock()
        self._models = {}


_alive: weakref.WeakSet[Models] = weakref.WeakSet()
_inherited = False
"""Whether this is a forked child of a process that had loaded llama.cpp."""


def _close_all() -> None:
    for models in tuple(_alive):
        models.close()


def _abandon_all() -> None:
    global _inherited
    _inherited = _inherited or "xllamacpp" in sys.modules
    for models in tuple(_alive):
        models.abandon()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
