"""Keys that we issue: made, read from the configuration and the store, and checked.

A key is kept as its SHA-256 and looked up by it, so the store holds nothing that lets anybody in, and how long a look
takes says nothing about keys that exist. Unknown, expired and revoked keys get the same answer. Contracts §6.3.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from msgspec import Struct

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.principal import Limits, Principal, parse_budget
from interlingua.errors import AuthenticationFailed, ConfigError, InterlinguaError, InvalidRequest, LocalFileError
from interlingua.ports.clock import Clock
from interlingua.ports.store import KeyRow, KeyStore
from interlingua.types.secret import Secret

PREFIX = "il-"
SHORTEST = 24
"""Letters of a key that somebody else made."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LENGTH_OF_TIME = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ENVIRONMENT, _FILE = "env:", "file:"

log = logging.getLogger("interlingua.virtual_keys")


def new_key() -> Secret:
    """A key that nobody has: `il-` and 32 random bytes."""
    return Secret(PREFIX + secrets.token_urlsafe(32))


def digest(key: str) -> str:
    """How a key is kept and found: SHA-256, hexadecimal."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def key_row(key: Secret, name: str, settings: VirtualKeySettings, *, created: int) -> KeyRow:
    """How a new key is kept.

    Args:
        key: the key itself.
        name: its name: 1 to 64 letters, digits, `.`, `_`, `-`, `@`.
        settings: what it may do; their `key` is not looked at.
        created: microseconds since 1970.

    Raises:
        InvalidRequest: the name, a model pattern or the budget is not one.
    """
    for what, text in (("name", name), ("tenant", settings.tenant or name)):
        if not NAME.fullmatch(text):
            raise InvalidRequest(
                f"{text!r} cannot be the {what} of a key",
                path=what,
                remedy="Use 1 to 64 letters, digits and . _ - @, beginning with a letter or digit.",
            )
    if not settings.models or not all(settings.models):
        raise InvalidRequest("a key needs at least one model pattern", path="models", remedy="`*` allows all models.")
    if settings.budget is not None:
        parse_budget(settings.budget)
    return KeyRow(
        name=name,
        digest=digest(key.reveal()),
        tail=key.tail[-4:],
        tenant=settings.tenant or name,
        models=settings.models,
        rpm=settings.rpm,
        tpm=settings.tpm,
        concurrency=settings.concurrency,
        budget=settings.budget,
        expires=int(settings.expires.timestamp() * 1_000_000) if settings.expires else None,
        created=created,
    )


def expiry(text: str, now: float) -> datetime:
    """The time that somebody names: `90m`, `12h`, `30d`, `8w` from now, or a date, or a date and time.

    Args:
        text: as it was written; a date without a time zone is UTC.
        now: seconds since 1970.

    Raises:
        InvalidRequest: it is none of these, or has passed.
    """
    start = datetime.fromtimestamp(now, UTC)
    span = _LENGTH_OF_TIME.fullmatch(text)
    try:
        found = start + timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(
            f"{text!r} is not a time", path="expires", remedy="Write 12h, 30d, 2027-01-31 or 2027-01-31T12:00:00Z."
        ) from error
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found <= start:
        raise InvalidRequest(f"{text} has passed", path="expires", remedy="Name a time to come.")
    return found


def configured_keys(settings: Sequence[VirtualKeySettings], environment: Mapping[str, str]) -> tuple[KeyRow, ...]:
    """The keys of the configuration.

    Args:
        settings: its `[[virtual_keys]]`.
        environment: names and values.

    Raises:
        ConfigError: a key is missing, too short, in plain text or there twice.
        LocalFileError: a key's file cannot be read.
    """
    rows: dict[str, KeyRow] = {}
    for number, one in enumerate(settings):
        where = f"virtual_keys[{number}]"
        try:
            row = key_row(_configured_key(one.key, environment, where), one.name, one, created=0)
        except InvalidRequest as error:
            raise ConfigError(f"{where}.{error.path}: {error.message}", remedy=error.remedy) from error
        if one.name in rows:
            raise ConfigError(f"{where}: there are two keys named {one.name!r}")
        if any(row.digest == other.digest for other in rows.values()):
            raise ConfigError(f"{where}: {one.name!r} has the same key as another")
        rows[one.name] = row
    return tuple(rows.values())


def _configured_key(reference: str, environment: Mapping[str, str], where: str) -> Secret:
    if reference.startswith(_ENVIRONMENT):
        name = reference.removeprefix(_ENVIRONMENT)
        text, source = environment.get(name, "").strip(), name
        if not text:
            raise ConfigError(f"{where}.key: {name} is not set", remedy=f"export {name}=… or take the key out.")
    elif reference.startswith(_FILE):
        path = Path(reference.removeprefix(_FILE)).expanduser()
        text, source = _read(path), str(path)
    else:
        raise ConfigError(
            f"{where}.key must name where the key is, and must not hold the key itself",
            remedy='Write "env:NAME" or "file:/path".',
        )
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(
            f"{where}.key: what {source} holds is not a key of {SHORTEST} or more letters",
            remedy="Make one with: python -c 'import secrets; print(\"il-\" + secrets.token_urlsafe(32))'",
        )
    return Secret(text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LocalFileError(f"cannot read the key in {path}: {reason}", path=str(path)) from error


class IssuedKey(Struct, frozen=True):
    """A key that is in force, and where it comes from."""

    row: KeyRow
    source: Literal["configuration", "store"]


class VirtualKeys:
    """The keys in force. Looking one up reads memory only.

    Args:
        clock: time.
        configured: the configuration's; a key of the store with the name of one of these is not accepted.
        store: where the others are.
    """

    def __init__(self, clock: Clock, configured: Iterable[KeyRow] = (), store: KeyStore | None = None) -> None:
        self._clock = clock
        self._configured = tuple(configured)
        self._store = store
        self._version: int | None = None
        self._stored: tuple[KeyRow, ...] = ()
        self._found: dict[str, tuple[Principal, float | None]] = {}
        self.issued: tuple[IssuedKey, ...] = ()
        self._build()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.issued)

    @property
    def has_stored(self) -> bool:
        """Whether there are keys besides the configuration's."""
        return bool(self._stored)

    def configure(self, rows: Iterable[KeyRow]) -> None:
        """Takes other keys of the configuration instead of those that it had."""
        self._configured = tuple(rows)
        self._build()

    def principals(self) -> list[Principal]:
        """Whose the keys are."""
        return [principal for principal, _ in self._found.values()]

    def principal(self, key: str) -> Principal:
        """Whose a key is.

        Args:
            key: as the client sent it.

        Raises:
            AuthenticationFailed: nobody's; it says the same whatever the reason.
        """
        return self.of_digest(digest(key))

    def of_digest(self, digest: str) -> Principal:
        """The same by the key's digest.

        Raises:
            AuthenticationFailed: nobody's.
        """
        found = self._found.get(digest)
        if found is None or (found[1] is not None and found[1] <= self._clock.time()):
            raise AuthenticationFailed(
                "this key is not valid here",
                remedy="Send a key that `il keys create` printed, as `Authorization: Bearer …` or `x-api-key: …`.",
            )
        return found[0]

    async def refresh(self) -> bool:
        """Takes over what changed in the store; whether anything did.

        Raises:
            LocalFileError: it cannot be read; the keys stay as they were.
        """
        if self._store is None:
            return False
        version = await self._store.keys_version()
        if version == self._version:
            return False
        self._stored = await self._store.keys()
        self._version = version
        self._build()
        return True

    async def watch(self, seconds: float = 1.0) -> None:
        """Refreshes again and again until it is cancelled, so that a revoked key is refused that soon.

        Args:
            seconds: between two looks.
        """
        failing = False
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.refresh()
            except InterlinguaError as error:
                if not failing:
                    log.error("virtual keys cannot be read, and stay as they were: %s", error.message)
                failing = True
            else:
                failing = False

    def _build(self) -> None:
        names = {row.name for row in self._configured}
        self.issued = (
            *(IssuedKey(row, "configuration") for row in self._configured),
            *(IssuedKey(row, "store") for row in self._stored if row.name not in names),
        )
        self._found = {
            issued.row.digest: (_principal(issued.row), issued.row.expires / 1e6 if issued.row.expires else None)
            for issued in reversed(self.issued)
        }


def _principal(row: KeyRow) -> Principal:
    return Principal(
        tenant=row.tenant,
        key=row.name,
        models=row.models,
        limits=Limits(rpm=row.rpm, tpm=row.tpm, concurrency=row.concurrency),
        budget=None if row.budget is None else parse_budget(row.budget),
    )
