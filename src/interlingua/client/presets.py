"""Presets: a name for a model, instructions, tools, sampling, an output schema and a template of the first message.

The terminal, the Python API and the web share them: they lie in the store's overlay, one value `presets.NAME` for
each, under a tenant of its own for each tenant, since the empty one's settings are the gateway's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct

from interlingua.client.settings import Settings
from interlingua.engine.principal import LOCAL_TENANT
from interlingua.errors import InvalidRequest, NotFound
from interlingua.ports.store import OverlayStore
from interlingua.types.opaque import Json
from interlingua.types.request import OutputFormat

PREFIX = "presets."
MOST_LETTERS = 80
QUESTION = "input"
"""The variable that stands for what is asked beside the template."""
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")


class ChatSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one chat; what is None is left to the model.

    Args:
        model: whom to ask; None is the default.
        system: what every answer should heed.
        temperature, top_p, max_output_tokens, reasoning_effort: as in `ChatRequest`.
        json_schema: of every answer.
        tools: names of tools that may be called.
        preset: what these settings were taken from.
    """

    model: str | None = None
    system: str | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    reasoning_effort: str | None = None
    json_schema: dict[str, Json] | None = None
    tools: tuple[str, ...] = ()
    preset: str | None = None


class Preset(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a name stands for.

    Args:
        model: whom to ask.
        system: what every answer should heed.
        template: of the first message; `{{name}}` stands for a variable, `{{input}}` for what is asked.
        variables: their names.
        settings: of the chat.
    """

    model: str | None = None
    system: str | None = None
    template: str | None = None
    variables: tuple[str, ...] = ()
    settings: ChatSettings = ChatSettings()

    def call_settings(self) -> Settings:
        """What a call is told of it, beside model, instructions and tools."""
        chat = self.settings
        found: Settings = {}
        if chat.temperature is not None:
            found["temperature"] = chat.temperature
        if chat.top_p is not None:
            found["top_p"] = chat.top_p
        if chat.max_output_tokens is not None:
            found["max_output_tokens"] = chat.max_output_tokens
        if chat.reasoning_effort:
            found["reasoning"] = chat.reasoning_effort
        if chat.json_schema is not None:
            found["output_format"] = OutputFormat(kind="json_schema", name="answer", schema=chat.json_schema)
        return found


class Presets:
    """The presets of one tenant.

    Args:
        overlay: where they are kept.
        tenant: whose.
    """

    def __init__(self, overlay: OverlayStore, tenant: str = LOCAL_TENANT) -> None:
        self._overlay = overlay
        self._tenant = f"tenant {tenant}"

    async def all(self) -> dict[str, Preset]:
        """Them by name, in the order of their names; one that cannot be read is left out. Raises LocalFileError."""
        found = await self._overlay.read(self._tenant)
        named = {name.removeprefix(PREFIX): value for name, value in found.values.items() if name.startswith(PREFIX)}
        return {name: made for name, value in sorted(named.items()) if (made := _preset(value)) is not None}

    async def get(self, name: str) -> Preset:
        """One of them. Raises NotFound, LocalFileError."""
        found = await self.all()
        if name in found:
            return found[name]
        known = ", ".join(found)
        raise NotFound(
            f"there is no preset {name[:MOST_LETTERS]!r}",
            what="preset",
            remedy=f"There are {known}." if known else "Make one: il preset set NAME …",
        )

    async def keep(self, name: str, preset: Preset, who: str) -> None:
        """Makes or changes one.

        Args:
            name: 1 to 80 letters.
            preset: what it stands for.
            who: who does it.

        Raises:
            InvalidRequest: the name is too long or empty.
            LocalFileError: it cannot be kept.
        """
        checked = preset_name(name)
        await self._overlay.change({PREFIX + checked: msgspec.to_builtins(preset)}, who, tenant=self._tenant)

    async def remove(self, name: str, who: str) -> None:
        """Takes one away. Raises NotFound, LocalFileError."""
        await self.get(name)
        await self._overlay.change({PREFIX + name: UNSET}, who, tenant=self._tenant)


async def load_preset(name: str, where: str | Path | None = None) -> Preset:
    """A preset that was made in the terminal or the web.

    Args:
        name: which.
        where: the store's file; the usual one by default.

    Raises:
        NotFound: there is none.
        ConfigError: the store's packages are not installed.
        LocalFileError: it cannot be read.
    """
    from interlingua.stores.opening import open_store

    store = await open_store(where)
    try:
        return await Presets(store.overlay).get(name)
    finally:
        await store.aclose()


def preset_name(name: str) -> str:
    """A name that a preset may have. Raises InvalidRequest."""
    checked = name.strip()
    if not checked or len(checked) > MOST_LETTERS or not checked.isprintable():
        raise InvalidRequest(f"a preset's name has 1 to {MOST_LETTERS} letters", path="name")
    return checked


def variables_of(template: str) -> tuple[str, ...]:
    """The names of a template's variables, in order, each once."""
    return tuple(dict.fromkeys(_VARIABLE.findall(template)))


def filled(template: str, values: Mapping[str, str], question: str = "") -> str:
    """The message that a template becomes; what values hold is not looked at again.

    Args:
        template: with `{{name}}` for its variables.
        values: by name.
        question: stands in `{{input}}`; where there is none, in the one variable that has no value; else below.

    Raises:
        InvalidRequest: a variable has no value, or a value no variable.
    """
    names = variables_of(template)
    unknown = [name for name in values if name not in names]
    if unknown:
        known = ", ".join(names) or "none"
        raise InvalidRequest(f"the template has no variable {unknown[0]!r}", path=unknown[0], remedy=f"It has {known}.")
    given = dict(values)
    missing = [name for name in names if name not in given]
    place = QUESTION if QUESTION in missing else missing[0] if len(missing) == 1 else ""
    if question and place:
        given[place], question = question, ""
    missing = [name for name in names if name not in given]
    if missing:
        raise InvalidRequest(
            f"the template's variable {missing[0]!r} has no value",
            path=missing[0],
            remedy=" ".join(f"-v {name}=…" for name in missing if name != QUESTION) or "Say what is asked.",
        )
    text = _VARIABLE.sub(lambda found: given[found[1]], template)
    return f"{text.rstrip()}\n\n{question}" if question else text


def _preset(value: Any) -> Preset | None:
    try:
        return msgspec.convert(value, Preset)
    except msgspec.ValidationError:
        return None  # of a newer version; whoever made it can read it
