"""Backups of the store, and back. A file is copied by SQLite's own way, which a gateway that runs need not notice; a
PostgreSQL database by its own programs, which know its types.

Rules: a backup is written beside its place and put there when it is whole and checked. Nothing is overwritten that was
not meant to be: restoring keeps what was there as a backup of its own. A backup of an older version is brought to the
present schema when it is restored; of a newer one it is refused. No password stands on a command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from interlingua.errors import ConfigError, LocalFileError
from interlingua.stores.failures import failure
from interlingua.stores.migrate import STEPS, prepare, prepare_server
from interlingua.stores.place import Place


def back_up(place: Place, target: Path) -> int:
    """Writes a backup; how many bytes it takes. Blocks meanwhile.

    Args:
        place: the store.
        target: a file that does not exist yet.

    Raises:
        ConfigError: `pg_dump` is needed and not here; the remedy is the line to run where it is.
        LocalFileError: there is nothing to back up, the file exists, or it cannot be written.
    """
    if target.exists():
        raise LocalFileError(f"{target} exists", path=str(target), remedy="Name a file that does not exist yet.")
    if place.is_file and not place.path.exists():
        raise LocalFileError(f"{place}: there is no store yet", path=str(place), remedy="There is nothing to back up.")
    (_copy_file if place.is_file else _dump)(place, target)
    return target.stat().st_size


def restore(place: Place, source: Path) -> Path | None:
    """Replaces all that is in the store by what is in a backup; gateways that use it must be stopped.
    Blocks meanwhile, and must not be called where an event loop runs.

    Args:
        place: the store.
        source: what `back_up` wrote.

    Returns:
        Where an SQLite file's former contents are; None where it had none, or for PostgreSQL, whose restoring is one
        transaction.

    Raises:
        ConfigError: the backup is of a newer version, or `pg_restore` is not here.
        LocalFileError: the backup is none or is damaged; the store is as it was.
    """
    if not source.is_file():
        raise LocalFileError(f"there is no backup {source}", path=str(source))
    if place.is_file:
        return _restore_file(place, source)
    _restore_server(place, source)
    asyncio.run(prepare_server(place))
    return None


def _copy_file(place: Place, target: Path) -> None:
    with _made(target) as fresh:
        _copy(place.path, fresh, place)


def _restore_file(place: Place, source: Path) -> Path | None:
    _check(source)
    path = place.path
    former = _free(path) if path.exists() else None
    if former is not None:
        _copy_file(place, former)
    else:
        prepare(path)
    _copy(source, path, place)
    prepare(path)
    return former


def _free(path: Path) -> Path:
    """A name beside a file that nothing has."""
    names = (path.with_name(f"{path.name}.before-restore-{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _copy(source: Path, target: Path, place: Place) -> None:
    """All of one file into another, by pages, under the locks of both."""
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=60)) as old,
            contextlib.closing(sqlite3.connect(target, timeout=60)) as new,
        ):
            old.backup(new)
            found = new.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise failure(error, place) from error
    if found != "ok":
        raise LocalFileError(f"{source} is damaged: {found}", path=str(source))


def _check(source: Path) -> None:
    """Sees that a file is a backup of ours that this version can read."""
    place = Place(source)
    try:
        with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            ours = "alembic_version" in tables
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] if ours else None
    except sqlite3.Error as error:
        raise failure(error, place) from error
    if found != "ok":
        raise LocalFileError(f"{source} is damaged: {found}", path=str(source))
    if version is None:
        raise LocalFileError(f"{source} is no backup of Interlingua", path=str(source))
    _check_version(source, version)


def _dump(place: Place, target: Path) -> None:
    url, environment = _access(place)
    line = f"pg_dump --format=custom --no-owner --file={target} --dbname='{place}'"
    program = _program("pg_dump", line)
    with _made(target) as fresh:
        command = [program, "--format=custom", "--no-owner", f"--file={fresh}", f"--dbname={url}"]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise _refused("pg_dump", done.stderr, place, target)


def _restore_server(place: Place, source: Path) -> None:
    """Drops what is there and puts in what the dump says, in one transaction of `psql`."""
    url, environment = _access(place)
    line = f"pg_restore --clean --if-exists --no-owner --single-transaction --dbname='{place}' {source}"
    reader, writer = _program("pg_restore", line), _program("psql", line)
    _check_dump(reader, source)
    reading = [reader, "--no-owner", "--file=-", str(source)]
    writing = [writer, "-X", "-q", "--single-transaction", "-v", "ON_ERROR_STOP=1", "--file=-", f"--dbname={url}"]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(reading, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as dump,
        subprocess.Popen(
            writing, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as database,
    ):
        assert dump.stdout is not None
        assert database.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended before, and says why
            database.stdin.write(_DROP.encode())
            shutil.copyfileobj(dump.stdout, database.stdin)
            database.stdin.flush()
        dump.stdout.close()
        if dump.wait() and database.poll() is None:
            database.kill()  # at the end of what it reads, it would commit the half of it
        with contextlib.suppress(BrokenPipeError):
            database.stdin.close()
        if database.wait() or dump.returncode:
            said.seek(0)
            raise _refused("pg_restore", said.read().decode(errors="replace"), place, source)


_DROP = """
DO $$
DECLARE one record;
BEGIN
  IF EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())
    AND NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version')
  THEN RAISE EXCEPTION 'it is the database of another program'; END IF;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
  LOOP EXECUTE format('DROP TABLE %I CASCADE', one.tablename); END LOOP;
END $$;
"""


def _check_dump(program: str, source: Path) -> None:
    """Sees that a file is a dump of ours that this version can read."""
    command = [program, "--data-only", "--table=alembic_version", "--file=-", str(source)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    begin = next((number for number, line in enumerate(lines) if line.startswith("COPY ")), None)
    if done.returncode or begin is None:
        raise LocalFileError(f"{source} is no backup of Interlingua", path=str(source))
    _check_version(source, lines[begin + 1])


def _check_version(source: Path, version: str) -> None:
    if version not in STEPS:
        raise ConfigError(
            f"{source} was written by a newer version of Interlingua (schema {version}; this one knows {STEPS[-1]})",
            remedy="Install that version, and restore it there.",
        )


def _program(name: str, line: str) -> str:
    """Where a program of PostgreSQL's is. Raises ConfigError with the line to run elsewhere."""
    found = shutil.which(name)
    if found is None:
        raise ConfigError(f"{name} is not installed here", remedy=f"Where PostgreSQL's programs are, run: {line}")
    return found


def _refused(program: str, said: str, place: Place, file: Path) -> LocalFileError:
    lines = [line for line in said.splitlines() if "rror:" in line] or said.splitlines() or ["it did not say why"]
    why = lines[0].rpartition("rror:")[2].strip()
    return LocalFileError(f"{place}: {program} failed: {why}", path=str(file), remedy="The store is as it was.")


def _access(place: Place) -> tuple[str, dict[str, str]]:
    """An address for a command line, and the environment that holds its password."""
    url, password = _without_password(place)
    return url, os.environ | ({"PGPASSWORD": password} if password is not None else {})


def _without_password(place: Place) -> tuple[str, str | None]:
    """An address for a command line, and the password that it held, or that was given beside it."""
    assert place.url is not None
    parts = urlsplit(place.url.reveal())
    query = parse_qsl(parts.query, keep_blank_values=True)
    held = next((value for name, value in query if name == "password"), parts.password)
    user, at, host = parts.netloc.rpartition("@")
    kept = urlencode([(name, value) for name, value in query if name != "password"])
    url = urlunsplit((parts.scheme, user.partition(":")[0] + at + host, parts.path, kept, ""))
    return url, place.password.reveal() if place.password is not None else held


@contextlib.contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A file of its owner's beside another, which becomes that other when all went well."""
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield fresh
        os.link(fresh, target)
    except OSError as error:
        raise LocalFileError(f"cannot write {target}: {error.strerror or error}", path=str(target)) from error
    finally:
        for left in (fresh, fresh.with_name(fresh.name + "-wal"), fresh.with_name(fresh.name + "-shm")):
            left.unlink(missing_ok=True)
