"""Credentials that were set with `il credentials`: in the keychain where there is one, else in a file of mode 0600.

A credential is called `provider/profile`; `openai` is short for `openai/default`. The index says which names lie in
the keychain, and the keychain is opened for no other: on some systems each look at it asks the person. Index and file
tell other processes by their change that something is to be read anew; whoever serves looks at them each second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal

from msgspec import Struct

from interlingua.credentials.keychain import Keychain, KeychainUnusable
from interlingua.credentials.secret_file import SecretFile
from interlingua.errors import CredentialMissing, InvalidRequest, NotFound
from interlingua.types.secret import Secret

Place = Literal["keychain", "file"]
DEFAULT = "default"
_NAME = re.compile(r"(?P<provider>[a-z0-9][a-z0-9._-]*)/(?P<profile>[A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_INDEX, _FILE = "keychain-index.json", "credentials.json"
_written = 0
"""How often this process changed what is kept, so that every vault in it reads anew."""


class Kept(Struct, frozen=True):
    """A credential that was found.

    Args:
        name: `provider/profile`.
        secret: itself.
        place: where it lies.
    """

    name: str
    secret: Secret
    place: Place


class Vault:
    """Keeps credentials.

    Args:
        folder: the user's folder for configuration.
        keychain: the system's.
    """

    def __init__(self, folder: Path, keychain: Keychain) -> None:
        self.keychain = keychain
        self._index: SecretFile[list[str]] = SecretFile(folder / _INDEX, list[str], list)
        self._file: SecretFile[dict[str, str]] = SecretFile(folder / _FILE, dict[str, str], dict)
        self._seen = -1
        self._in_keychain: frozenset[str] = frozenset()
        self._in_file: dict[str, Secret] = {}
        self._opened: dict[str, Secret] = {}
        self._stamped: tuple[object, ...] | None = None
        self.trouble = ""

    @property
    def path(self) -> Path:
        """The file for secrets where there is no keychain."""
        return self._file.path

    def was_changed(self) -> bool:
        """Whether another process changed what is kept since this was asked last; then all vaults here read anew."""
        global _written
        stamp, before = self._stamp(), self._stamped
        self._stamped = stamp
        if before is None or stamp == before:
            return False
        _written += 1
        return True

    def _stamp(self) -> tuple[object, ...]:
        """What changes with the files."""
        found: list[object] = []
        for file in (self._index, self._file):
            try:
                seen = file.path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((seen.st_mtime_ns, seen.st_size, seen.st_ino))
        return tuple(found)

    def names(self) -> dict[str, Place]:
        """All credentials that are kept, by name. Raises ConfigError, LocalFileError."""
        self._read()
        found: dict[str, Place] = dict.fromkeys(self._in_file, "file")
        found |= dict.fromkeys(self._in_keychain, "keychain")
        return dict(sorted(found.items()))

    def profiles(self, provider: str, place: Place) -> list[str]:
        """A provider's names in one place, the default first."""
        self._read()
        names = self._in_keychain if place == "keychain" else self._in_file.keys()
        found = sorted(name for name in names if name.partition("/")[0] == provider)
        return sorted(found, key=lambda name: not name.endswith(f"/{DEFAULT}"))

    def get(self, name: str, place: Place | None = None) -> Kept | None:
        """A credential, or None where it is not there or its keychain cannot be used; `trouble` says why.

        Raises:
            ConfigError: a file of ours is damaged, or may be read by others.
            LocalFileError: one cannot be read.
        """
        self._read()
        self.trouble = ""
        if place in (None, "keychain") and name in self._in_keychain:
            if name not in self._opened:
                try:
                    found = self.keychain.get(name)
                except KeychainUnusable as error:
                    self.trouble = str(error)
                    found = None
                else:
                    self.trouble = "" if found is not None else "it has lost it"
                if found is not None:
                    self._opened[name] = found
            if name in self._opened:
                return Kept(name, self._opened[name], "keychain")
        if place in (None, "file") and name in self._in_file:
            return Kept(name, self._in_file[name], "file")
        return None

    def set(self, name: str, secret: Secret) -> tuple[Place, str]:
        """Keeps a credential, in the keychain if it can be used; where, and why not in the keychain.

        Raises:
            LocalFileError: it cannot be written.
            ConfigError: a file of ours is damaged, or may be read by others.
        """
        place: Place = "keychain"
        reason = ""
        try:
            self.keychain.check()
            self.keychain.set(name, secret)
        except KeychainUnusable as error:
            place, reason = "file", str(error)
        with self._index.changing():
            names = set(self._index.read())
            secrets = self._file.read()
            if place == "keychain":
                names.add(name)
                secrets.pop(name, None)  # what lay in plain text must not stay
            else:
                names.discard(name)
                secrets[name] = secret.reveal()
            self._write(names, secrets)
        return place, reason

    def delete(self, name: str) -> Place:
        """Takes a credential away; where it was.

        Raises:
            NotFound: there is none.
            CredentialMissing: it lies in a keychain that cannot be used now.
            LocalFileError: the file cannot be written.
        """
        places = self.names()
        if name not in places:
            raise NotFound(f"no credential {name} is kept", what="credential", remedy="il credentials list")
        if places[name] == "keychain":
            try:
                self.keychain.delete(name)
            except KeychainUnusable as error:
                raise CredentialMissing(
                    f"{name} lies in the keychain, which cannot be used: {error}", remedy="Unlock it, and try again."
                ) from error
        with self._index.changing():
            names = set(self._index.read()) - {name}
            secrets = self._file.read()
            secrets.pop(name, None)
            self._write(names, secrets)
        return places[name]

    def _write(self, names: AbstractSet[str], secrets: dict[str, str]) -> None:
        global _written
        if names or self._index.read():
            self._index.write(sorted(names))  # though it be the same: other processes see that something changed
        if secrets != self._file.read():
            self._file.write(dict(sorted(secrets.items())))
        _written += 1

    def _read(self) -> None:
        if self._seen == _written:
            return
        self._in_keychain = frozenset(self._index.read())
        self._in_file = {name: Secret(value) for name, value in self._file.read().items() if value}
        self._opened.clear()
        self._seen = _written


def full_name(name: str) -> str:
    """`provider/profile`, the profile being `default` where none is named.

    Raises:
        InvalidRequest: it is no name.
    """
    whole = name if "/" in name else f"{name}/{DEFAULT}"
    if not _NAME.fullmatch(whole):
        raise InvalidRequest(
            f"{name[:80]!r} is no name of a credential",
            path="name",
            remedy="Write PROVIDER or PROVIDER/PROFILE, such as openai/team: letters, digits, . - and _.",
        )
    return whole


def open_vault(environment: Mapping[str, str], folder: Path) -> Vault:
    """The vault of this machine's user."""
    return Vault(folder, Keychain(environment))
