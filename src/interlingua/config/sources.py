"""Which value of the configuration comes from where. Secrets are masked: what is made here is for people to see."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from interlingua.config.load import find_config, load_config, read_file, variables
from interlingua.types.opaque import Json
from interlingua.wire.redact import MASK, redact_headers, redact_json

Kind = Literal["file", "environment", "default"]
Way = tuple[str | int, ...]

_REFERENCES = ("env:", "file:", "keychain:")
"""How a reference to a secret begins; what stands in its place without one may be the secret itself."""
_SECRET_OPTION = re.compile(
    r"--?(?:[\w-]*[_-])?(?:api-?key|key|token|secret|password|auth|credential)s?", re.IGNORECASE
)
"""Names of options, as programs have them, whose value nobody should see."""


class Setting(Struct, frozen=True):
    """One value.

    Args:
        way: the keys that lead to it; a number is a place in a list.
        value: as it is in force, secrets masked.
        kind: what set it.
        source: the file or the variable; empty for defaults.
    """

    way: Way
    value: Json
    kind: Kind
    source: str = ""


class Explained(Struct, frozen=True):
    """The configuration in force.

    Args:
        file: what was read, or None.
        limited: whether it is one of the working directory, which may not set everything.
        settings: all values, in the order of the schema.
    """

    file: str | None
    limited: bool
    settings: tuple[Setting, ...]


def explain_config(path: str | Path | None = None, environment: Mapping[str, str] | None = None) -> Explained:
    """The configuration in force, with the source of each value.

    Args:
        path: a file to read instead of searching.
        environment: names and values; the process environment by default.

    Raises:
        ConfigError, LocalFileError: as `load_config`.
    """
    environment = os.environ if environment is None else environment
    config = load_config(path, environment=environment)
    file, trusted = find_config(path, environment)
    table = read_file(file) if file is not None else {}
    named = {tuple(key.split(".")): name for key, name in variables(environment).items()}
    settings = []
    for way, value in _leaves(msgspec.to_builtins(config), ()):
        kind, source = _source(way, named, table, str(file))
        settings.append(Setting(way, _masked(way, value), kind, source))
    return Explained(str(file) if file is not None else None, not trusted, tuple(settings))


def _leaves(value: Any, way: Way) -> Iterator[tuple[Way, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*way, key))
    elif isinstance(value, list | tuple) and value and all(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield from _leaves(item, (*way, place))
    else:
        yield way, value


def _source(way: Way, named: Mapping[tuple[str, ...], str], table: Mapping[str, Any], file: str) -> tuple[Kind, str]:
    for length in range(len(way), 0, -1):
        name = named.get(tuple(str(step) for step in way[:length]))
        if name is not None:
            return "environment", name
    place: Any = table
    for step in way:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return "default", ""
    return "file", file


def _masked(way: Way, value: Any) -> Json:
    name = str(way[-1])
    is_key = name in ("api_keys", "key", "password") or (name == "ref" and "api_keys" in way)
    if is_key and value is not None:
        one = [value] if isinstance(value, str) else value
        masked: list[Json] = [_masked_key(item) for item in one or ()]
        return masked[0] if isinstance(value, str) else masked
    if way[0] in ("mcp", "tools") and way[-2:-1] in (("env",), ("headers",)) and isinstance(value, str):
        return value if value.rpartition(" ")[2].startswith(_REFERENCES) else MASK
    if way[0] == "mcp" and name == "command":
        value = _masked_command(value)
    if way[0] == "providers" and isinstance(value, str):
        # Headers and query parameters of a host's own may hold what only their names tell of.
        ((_, value),) = redact_headers([(name, value)])
    masked_by_name = redact_json({name: value})
    return masked_by_name[name] if isinstance(masked_by_name, dict) else None


def _masked_command(words: Iterable[str]) -> list[Json]:
    """A program and its arguments, those masked that an option takes whose name tells that they are secret."""
    masked: list[Json] = []
    is_secret = False
    for word in words:
        name, equals, _ = word.partition("=")
        if is_secret:
            masked.append(MASK)
            is_secret = False
        elif _SECRET_OPTION.fullmatch(name):
            masked.append(f"{name}={MASK}" if equals else word)
            is_secret = not equals
        else:
            masked.append(word)
    return masked


def _masked_key(item: Json) -> Json:
    """A reference as it is; of a table, every text that is none is masked but the account's name."""
    if isinstance(item, dict):
        return {key: item[key] if key in ("weight", "account") else _masked_key(item[key]) for key in item}
    return item if str(item).startswith(_REFERENCES) else MASK
