"""Presets and templates within a call: `il ask -p NAME -t TEMPLATE -v name=value`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interlingua.cli.session import Session
from interlingua.errors import InvalidRequest, LocalFileError

if TYPE_CHECKING:
    from interlingua.client.presets import Preset, Presets


@asynccontextmanager
async def opened_presets(current: Session) -> AsyncIterator[Presets]:
    """The presets of this machine. Raises ConfigError, LocalFileError."""
    from interlingua.client.presets import Presets
    from interlingua.stores.opening import open_store

    store = await open_store(current.config.store)
    try:
        yield Presets(store.overlay)
    finally:
        await store.aclose()


def read_preset(current: Session, name: str | None) -> Preset:
    """The preset of that name; an empty one for None. Raises NotFound, ConfigError, LocalFileError."""
    from interlingua.client.presets import Preset

    if name is None:
        return Preset()

    async def read() -> Preset:
        async with opened_presets(current) as presets:
            return await presets.get(name)

    return asyncio.run(read())


def read_template(current: Session, text: str | None, preset: Preset) -> str | None:
    """A template: `@path` is a file's, a text with `{{…}}` is one, anything else is a preset's of that name.

    Raises:
        NotFound: there is no such preset.
        InvalidRequest: it has no template.
        LocalFileError: the file cannot be read.
    """
    if text is None:
        return preset.template
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LocalFileError(f"{path} cannot be read: {error}", path=str(path)) from error
    if "{{" in text:
        return text
    found = read_preset(current, text).template
    if found is None:
        raise InvalidRequest(f"the preset {text!r} has no template", path="template")
    return found


def with_template(template: str | None, values: Iterable[str], question: str) -> str:
    """What is asked, by the template where there is one. Raises InvalidRequest, UsageError."""
    from interlingua.client.presets import filled

    given: dict[str, str] = {}
    for one in values:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"{one!r} gives no value: write -v NAME=VALUE")
        given[name.strip()] = value
    if template is None:
        if given:
            raise click.UsageError("-v gives values to a template's variables, and there is no template: -t or -p")
        return question
    return filled(template, given, question)
