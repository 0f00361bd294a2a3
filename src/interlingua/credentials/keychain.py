"""The system's keychain: macOS Keychain, Windows Credential Locker, Secret Service, KWallet, through keyring.

The rules: backends are taken by their class, never by what they say of themselves, because some keep secrets in plain
text and one throws them away; every operation runs in a thread that is given up after five seconds, because a keychain
may wait for a password that nobody types; a write counts once the same value was read back. keyring cannot list, so
what is kept there stands in an index (`vault.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from interlingua.types.secret import Secret

T = TypeVar("T")
SERVICE = "interlingua"
SECONDS = 5.0
SWITCH = "IL_KEYCHAIN"
_SAFE = frozenset(
    {
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.libsecret.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
    }
)
"""Classes that encrypt what they keep, under the user's login."""
_PROBE = "pre-flight"


class KeychainUnusable(Exception):
    """The keychain cannot be used, and why: one clause for people."""


class Backend(Protocol):
    """What is used of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class Keychain:
    """Secrets by name.

    Args:
        environment: `IL_KEYCHAIN=off` turns it off.
        find: gives the backend; keyring's choice by default.
        seconds: how long an operation may take.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        find: Callable[[], Backend] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._off = environment.get(SWITCH, "").strip().lower() in ("off", "0", "false", "no")
        self._find = find or find_backend
        self._seconds = seconds
        self._backend: Backend | None = None
        self._unusable = ""

    def get(self, name: str) -> Secret | None:
        """A secret, or None where the keychain has none of that name. Raises KeychainUnusable."""
        found = self._do(lambda backend: backend.get_password(SERVICE, name))
        return Secret(found) if found else None

    def set(self, name: str, secret: Secret) -> None:
        """Keeps a secret, and reads it back. Raises KeychainUnusable."""

        def write(backend: Backend) -> str | None:
            backend.set_password(SERVICE, name, secret.reveal())
            return backend.get_password(SERVICE, name)

        if self._do(write) != secret.reveal():
            raise self._give_up("it does not give back what it was given")

    def delete(self, name: str) -> None:
        """Takes a secret out; one that is not there is no error. Raises KeychainUnusable."""

        def remove(backend: Backend) -> None:
            if backend.get_password(SERVICE, name) is not None:
                backend.delete_password(SERVICE, name)

        self._do(remove)

    def check(self) -> None:
        """Sees that it keeps what it is given, with a value that means nothing. Raises KeychainUnusable."""
        self.set(_PROBE, Secret("nothing secret"))
        self.delete(_PROBE)

    def _do(self, work: Callable[[Backend], T]) -> T:
        """Does something in a thread of its own; what failed once is not tried again by this process."""
        if self._off:
            raise KeychainUnusable(f"it is turned off ({SWITCH})")
        if self._unusable:
            raise KeychainUnusable(self._unusable)
        results: list[T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                if self._backend is None:
                    self._backend = self._find()
                results.append(work(self._backend))
            except Exception as error:  # noqa: BLE001 - backends raise what they like; it is told below, by its class
                errors.append(error)

        thread = threading.Thread(target=run, name="interlingua keychain", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if results:
            return results[0]
        if errors:
            raise self._give_up(_reason(errors[0])) from None
        raise self._give_up(f"it did not answer within {self._seconds:g} s; it may be locked")

    def _give_up(self, reason: str) -> KeychainUnusable:
        self._unusable = reason
        return KeychainUnusable(reason)


def find_backend() -> Backend:
    """The safe backend that keyring would use, or the first safe one of a chain.

    Raises:
        KeychainUnusable: there is none.
    """
    try:
        import keyring
    except ImportError as error:
        raise KeychainUnusable("the package keyring is not installed (pip install 'interlingua[keychain]')") from error
    return safe_backend(keyring.get_keyring())


def safe_backend(chosen: Any) -> Backend:
    """`chosen` itself if it is safe, or the first safe one that it chains. Raises KeychainUnusable."""
    for one in (chosen, *(getattr(chosen, "backends", None) or ())):
        if class_name(one) in _SAFE:
            found: Backend = one
            return found
    name = class_name(chosen)
    if name.startswith("keyring.backends.fail."):
        raise KeychainUnusable("this machine has none")
    raise KeychainUnusable(f"its backend {name} is not known to keep secrets safe")


def class_name(backend: object) -> str:
    """The full name of a backend's class; a subclass is another class."""
    kind = type(backend)
    return f"{kind.__module__}.{kind.__qualname__}"


def _reason(error: Exception) -> str:
    """Why an operation failed, without what a backend may have put into its message."""
    if isinstance(error, KeychainUnusable):
        return str(error)
    kind = type(error).__name__
    return {"KeyringLocked": "it is locked", "InitError": "it cannot be reached"}.get(kind, f"it failed ({kind})")
