"""`il config`: whether the configuration can be used, and which value comes from where."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import click

from interlingua.cli.session import session
from interlingua.config.build import build_engine
from interlingua.config.check import unready, unusable
from interlingua.config.load import find_config, load_config
from interlingua.config.schema import Config
from interlingua.config.sources import Explained, Setting, Way, explain_config
from interlingua.engine.engine import Engine
from interlingua.errors import ConfigError
from interlingua.types.opaque import Json

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_COMMENT_AT = 44
"""The column at which sources stand, where values leave room."""


@click.group("config", short_help="Check or show the configuration.")
def command() -> None:
    """Check the configuration, or show it.

    \b
    il config check
    il config show
    """


@command.command("check", short_help="Say whether a configuration can be used.")
@click.argument("file", required=False, type=click.Path())
@click.pass_context
def check(context: click.Context, file: str | None) -> None:
    """Say whether FILE, or else the configuration in force, can be used. The environment counts as it is here.

    The exit code is 0 where it can, even with warnings, else 78. No network is used.
    """
    current = session(context)
    path = file or current.config_path
    config = load_config(path)
    engine = build_engine(config, transport=current.transport)
    _check_keys(config)
    problems = list(unusable(config, engine))
    if problems:
        raise ConfigError("\n".join(problems), remedy="Correct the names, or take them out.")
    for warning in unready(config, engine):
        current.err.line(current.err.paint("warning:", "yellow") + f" {warning}")
    found, trusted = find_config(path, os.environ)
    name = "the configuration without a file" if found is None else str(found)
    current.out.line(f"{name} can be used: {_summary(config, engine)}")
    if not trusted:
        current.err.line("note: a file of the working directory may set aliases, the default model and display only")


@command.command("show", short_help="Show every value and where it comes from.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def show(context: click.Context, as_json: bool) -> None:
    """Show every value that is in force and where it comes from: the file, a variable, or the default.

    What is shown is TOML. Secrets are masked.
    """
    current = session(context)
    explained = explain_config(current.config_path)
    if as_json:
        values = [
            {"key": _key(one.way), "value": one.value, "source": one.kind, "from": one.source or None}
            for one in explained.settings
        ]
        found = {"file": explained.file, "limited": explained.limited, "values": values}
        current.out.line(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in _toml(explained):
        current.out.line(current.out.safe(line))


def _check_keys(config: Config) -> None:
    from interlingua.gateway.virtual_keys import configured_keys  # a gateway's part, of use only where there are keys

    configured_keys(config.virtual_keys, os.environ)


def _summary(config: Config, engine: Engine) -> str:
    ready = sum(engine.has_credential(provider) for provider in engine.providers.values())
    counts = [
        (ready, "provider that can be called", "providers that can be called"),
        (len(config.models), "alias", "aliases"),
        (len(config.virtual_keys), "virtual key", "virtual keys"),
    ]
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)


def _toml(explained: Explained) -> Iterator[str]:
    limited = " (of the working directory: aliases, default model and display only)" if explained.limited else ""
    yield f"# {explained.file or 'no file; built-in defaults and the environment'}{limited}"
    table: Way = ()
    # Values of a table stand before the tables within it.
    for setting in sorted(explained.settings, key=lambda one: _order(one, explained.settings)):
        if setting.way[:-1] != table:
            table = setting.way[:-1]
            head = _key(tuple(step for step in table if isinstance(step, str)))
            yield ""
            yield f"[[{head}]]" if isinstance(table[-1], int) else f"[{head}]"
        yield _line(setting)


def _order(setting: Setting, settings: tuple[Setting, ...]) -> tuple[int, int]:
    """By table, in the order in which tables come up; what stands in none comes first."""
    table = setting.way[:-1]
    first = next(place for place, one in enumerate(settings) if one.way[:-1] == table)
    return (first if table else -1, 0)


def _line(setting: Setting) -> str:
    source = setting.source if setting.kind != "default" else "default"
    name = _key(setting.way[-1:])
    if setting.value is None:
        return f"# {name} is not set"
    said = f"{name} = {_value(setting.value)}"
    return f"{said:<{_COMMENT_AT}}# {source}" if len(said) < _COMMENT_AT else f"{said}  # {source}"


def _value(value: Json) -> str:
    """A value in TOML, which writes all but tables as JSON does."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{_key((key,))} = {_value(item)}" for key, item in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(way: Way) -> str:
    """`a.b[0]."c*"`."""
    text = ""
    for step in way:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            bare = step if _BARE.fullmatch(step) else json.dumps(step, ensure_ascii=False)
            text += f".{bare}" if text else bare
    return text
