"""Code of others around each call, found by the entry points `interlingua.hooks` of installed packages.

An entry point names an object, or a class that is made without arguments, with any of these:

    before_request(call: CallView) -> bytes | None       may also be a coroutine; bytes replace the request's body
    on_event(call: CallView, data: bytes) -> None        each piece of a streamed answer, just before it goes out
    after_response(row: LedgerRow) -> None               a call that is over, however it ended

`before_request` may raise an error of `interlingua.errors`, which the client gets; whatever else it raises refuses the
call too, because a check that fails to run has not passed. What the others raise is logged, and changes nothing. They
run where calls are answered, so what takes time must not be done there. Where there are no hooks, there is no `Hooks`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, MutableMapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from interlingua.errors import ConfigError, InterlinguaError
from interlingua.gateway.incoming import Send
from interlingua.ports.store import LedgerRow

GROUP = "interlingua.hooks"
NAMES = ("before_request", "on_event", "after_response")

log = logging.getLogger("interlingua.hooks")


class CallView(Struct, frozen=True, kw_only=True):
    """A call as hooks see it.

    Args:
        request_id: ours.
        tenant, key: who asks; `key` is the virtual key's name.
        dialect: what they speak.
        operation: what they ask for: `chat`, `embeddings`, …
        model: as they named it; empty where that is not known before the request is read, which is all but `chat` in
            a dialect.
        stream: whether the answer is wanted piece by piece, where that is known.
        body: the request as it came.
    """

    request_id: str
    tenant: str
    key: str
    dialect: str
    operation: str
    model: str
    stream: bool
    body: bytes


class Hooks:
    """What is to be called.

    Args:
        hooks: objects by name, each with any of `NAMES`.

    Raises:
        ConfigError: one has none of them.
    """

    def __init__(self, hooks: Iterable[tuple[str, object]]) -> None:
        self._before: list[tuple[str, Callable[[CallView], Any]]] = []
        self._event: list[tuple[str, Callable[[CallView, bytes], None]]] = []
        self._after: list[tuple[str, Callable[[LedgerRow], None]]] = []
        for name, hook in hooks:
            found = {one: method for one in NAMES if callable(method := getattr(hook, one, None))}
            if not found:
                raise ConfigError(
                    f"the hook {name!r} has none of {', '.join(NAMES)}", remedy="Correct or uninstall it."
                )
            if NAMES[0] in found:
                self._before.append((name, found[NAMES[0]]))
            if NAMES[1] in found:
                self._event.append((name, found[NAMES[1]]))
            if NAMES[2] in found:
                self._after.append((name, found[NAMES[2]]))

    async def before(self, call: CallView) -> bytes:
        """The body that is to be answered.

        Raises:
            InterlinguaError: the call is refused.
        """
        body = call.body
        for name, hook in self._before:
            try:
                changed = hook(call)
                if inspect.isawaitable(changed):
                    changed = await changed
            except InterlinguaError:
                raise
            except Exception as error:  # code of others, which raises what it likes
                _told(name, NAMES[0], error)
                raise InterlinguaError(
                    f"the hook {name!r} of this gateway failed", remedy="Tell who runs this gateway: its log says why."
                ) from error
            if changed is not None:
                body = bytes(changed)
                call = replace(call, body=body)
        return body

    def event(self, call: CallView, data: bytes) -> None:
        """A piece goes out."""
        for name, hook in self._event:
            try:
                hook(call, data)
            except Exception as error:  # noqa: BLE001  # as above
                _told(name, NAMES[1], error)

    def watching(self, call: CallView, send: Send) -> Send:
        """`send` that tells of each piece before it goes out; itself where nobody wants to know."""
        if not self._event:
            return send

        async def told(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body" and message.get("more_body") and message.get("body"):
                self.event(call, message["body"])
            await send(message)

        return told

    def after(self, row: LedgerRow) -> None:
        """A call is over."""
        for name, hook in self._after:
            try:
                hook(row)
            except Exception as error:  # noqa: BLE001  # as above
                _told(name, NAMES[2], error)


def load_hooks(found: Iterable[EntryPoint] | None = None) -> Hooks | None:
    """The hooks of the installed packages; None where there are none.

    Args:
        found: entry points instead of theirs.

    Raises:
        ConfigError: one cannot be loaded.
    """
    hooks: list[tuple[str, object]] = []
    for entry in entry_points(group=GROUP) if found is None else found:
        try:
            hook = entry.load()
            hooks.append((entry.name, hook() if isinstance(hook, type) else hook))
        except Exception as error:  # code of others, which raises what it likes
            raise ConfigError(
                f"the hook {entry.name!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {error}",
                remedy="Correct or uninstall the package that brings it.",
            ) from error
    return Hooks(hooks) if hooks else None


def _told(hook: str, what: str, error: Exception) -> None:
    log.error("%s of the hook %r failed: %s: %s", what, hook, type(error).__name__, error)
