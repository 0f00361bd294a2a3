"""Finds and reads the configuration: file, then environment over it.

The file is the one that is named, else IL_CONFIG, else `interlingua.toml` in the working directory (which may only
set what is harmless), else the one in the user's folder. Each environment variable `IL_A__B` sets `a.b`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from interlingua.config.schema import UNTRUSTED, Config
from interlingua.errors import ConfigError, LocalFileError

FILE_NAME = "interlingua.toml"
PREFIX = "IL_"
NOT_KEYS = frozenset({"IL_CONFIG", "IL_KEYCHAIN", "IL_TRAFFIC"})
"""Variables with our prefix that set no key."""


def load_config(
    path: str | Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    working_directory: Path | None = None,
    user_folder: Path | None = None,
) -> Config:
    """The configuration in force.

    Args:
        path: a file to read instead of searching.
        environment: names and values; the process environment by default.
        working_directory, user_folder: where to search; the process's own by default.

    Raises:
        ConfigError: a key is unknown, a value of the wrong type, or the file sets what it may not.
        LocalFileError: a named file cannot be read.
    """
    environment = os.environ if environment is None else environment
    found, trusted = find_config(path, environment, working_directory, user_folder)
    table = read_file(found) if found else {}
    source = str(found) if found else "environment"
    if found and not trusted:
        _check_untrusted(table, source)
    _check_commands(table, environment, found, (user_folder or default_user_folder()) / FILE_NAME)
    return _convert(_overlaid(table, environment), source, variables(environment))


def find_config(
    path: str | Path | None,
    environment: Mapping[str, str],
    working_directory: Path | None = None,
    user_folder: Path | None = None,
) -> tuple[Path | None, bool]:
    """The file to read, and whether it may set everything."""
    named = path or environment.get("IL_CONFIG")
    if named:
        return Path(named).expanduser(), True
    here = (working_directory or Path.cwd()) / FILE_NAME
    if here.is_file():
        return here, False
    users = (user_folder or default_user_folder()) / FILE_NAME
    return (users, True) if users.is_file() else (None, True)


def default_user_folder() -> Path:
    """The platform's folder for a user's configuration of this program."""
    import platformdirs

    return platformdirs.user_config_path("interlingua", appauthor=False)


def read_file(path: Path) -> dict[str, Any]:
    """What a file says, unchecked.

    Raises:
        LocalFileError: it cannot be read.
        ConfigError: it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalFileError(f"cannot read {path}: {error.strerror or error}", path=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _check_untrusted(table: Mapping[str, Any], source: str) -> None:
    for key in table:
        if key not in UNTRUSTED and key in Config.__struct_fields__:
            raise ConfigError(
                f"{source}: a configuration in the working directory may not set {key!r}",
                remedy=f"Move it to {default_user_folder() / FILE_NAME}, or pass this file with --config or IL_CONFIG.",
            )


def _check_commands(table: Mapping[str, Any], environment: Mapping[str, str], found: Path | None, users: Path) -> None:
    """Programs that are started stand in the file of the user's folder and nowhere else (contracts §6.9)."""
    for name in environment:
        if name.upper().startswith(f"{PREFIX}MCP"):
            raise ConfigError(f"{name}: MCP servers are not set by the environment", remedy=f"Write them into {users}.")
    servers = table.get("mcp")
    own = found is not None and found.resolve() == users.resolve()
    for name, server in servers.items() if isinstance(servers, dict) and not own else ():
        if isinstance(server, dict) and "command" in server:
            raise ConfigError(
                f"{found}: mcp.{name}.command: a program to start may only stand in the file of your own folder",
                remedy=f"Move it to {users}.",
            )


def _overlaid(table: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The table with the environment's values put over it."""
    result: dict[str, Any] = _copied(table)
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in NOT_KEYS:
            continue
        *way, last = name.removeprefix(PREFIX).lower().split("__")
        first = (*way, last)[0]
        if first not in Config.__struct_fields__:
            raise ConfigError(
                f"{name}: sets {first!r}, which is no key{_suggest(first, Config.__struct_fields__)}",
                remedy=f"Unset it, or correct it: {PREFIX}A__B sets the key a.b.",
            )
        place = result
        for step in way:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{name}: {step!r} is not a table")
        place[last] = _value(text)
    return result


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that set keys, by the key."""
    names = (name for name in environment if name.startswith(PREFIX) and name not in NOT_KEYS)
    return {name.removeprefix(PREFIX).lower().replace("__", "."): name for name in names}


def _copied(value: Any) -> Any:
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value


def _value(text: str) -> Any:
    """A list or table where the text is one in JSON; else the text, which is converted by the key's type."""
    if text[:1] in "[{" and text:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def _convert(table: Mapping[str, Any], source: str, variables: Mapping[str, str]) -> Config:
    for key in table:
        if key not in Config.__struct_fields__:
            raise ConfigError(f"{source}: unknown key {key!r}{_suggest(key, Config.__struct_fields__)}")
    try:
        return msgspec.convert(table, Config, strict=False)
    except msgspec.ValidationError as error:
        message = _readable(str(error))
        said = next((name for key, name in variables.items() if message.endswith(f"`{key}`")), source)
        raise ConfigError(f"{said}: {message}") from error


def _suggest(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"


def _readable(message: str) -> str:
    """msgspec's message with the path in TOML's words."""
    return message.replace(" - at `$.", " at `").replace("Object contains unknown field", "unknown key")
