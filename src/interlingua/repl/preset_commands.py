"""`/preset`: a name for the model, instructions, tools and settings of a chat; the web shows the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from interlingua.client.settings import Settings
from interlingua.errors import InvalidRequest
from interlingua.repl.commands import Command, Option
from interlingua.repl.desk import Desk
from interlingua.repl.model_commands import switch
from interlingua.repl.tool_commands import find_tools, switch_off, switch_on
from interlingua.wire.clean import one_line

if TYPE_CHECKING:
    from interlingua.client.presets import Preset

_WHO = "il chat"
_SAVE, _DELETE = "save", "delete"


async def preset(desk: Desk, text: str) -> None:
    """`/preset`: lists presets, uses one, keeps what is set now as one, deletes one."""
    word, _, name = text.partition(" ")
    async with desk.mounted.presets() as presets:
        if word == _SAVE and name.strip():
            before = (await presets.all()).get(name.strip())
            await presets.keep(name, _current(desk, before), _WHO)
            desk.note(f"  kept as {name.strip()}; /preset {name.strip()} uses it, as does il ask -p")
            return
        if word == _DELETE and name.strip():
            await presets.remove(name.strip(), _WHO)
            desk.note(f"  {name.strip()} is deleted")
            return
        found = await presets.all()
        chosen = await presets.get(text) if text else None
    if chosen is not None:
        await use_preset(desk, text, chosen)
    elif not found:
        desk.note("  no presets yet; /preset save NAME keeps model, instructions, tools and settings as they are now")
    else:
        desk.facts([(f"  {name}", _told(one)) for name, one in found.items()])
        desk.note("  /preset NAME uses one, /preset save NAME keeps what is set now")
    desk.preset_names = tuple(found)


async def use_preset(desk: Desk, name: str, chosen: Preset) -> None:
    """Goes on with what a preset stands for: model, instructions, tools and settings; the history stays."""
    chat = desk.talk.chat
    model = chosen.model or chosen.settings.model
    if model and model != chat.model:
        await switch(desk, model)
    chat.system = chosen.system or chosen.settings.system or None
    desk.settings = chosen.call_settings()
    wanted = chosen.settings.tools
    if wanted or len(chat.tools):
        await find_tools(desk)
        for one in [tool.name for tool in chat.tools]:
            switch_off(desk, one)
        for one in wanted:
            switch_on(desk, one)
    if chosen.template:
        desk.draft = chosen.template
    await desk.talk.remember()
    desk.note(f"  preset {name}: {_told(chosen)}")


def _current(desk: Desk, before: Preset | None) -> Preset:
    """What is set now; what the chat does not know of the preset of that name, such as its template, stays.

    Raises:
        InvalidRequest: something is set that a preset cannot hold.
    """
    from interlingua.client.presets import Preset

    given: dict[str, Any] = dict(desk.settings)
    output = given.pop("output_format", None)
    fields = {name: given.pop(name, None) for name in ("temperature", "top_p", "max_output_tokens")}
    fields["reasoning_effort"] = given.pop("reasoning", None)
    if given:
        raise InvalidRequest(f"a preset holds no {next(iter(given))}", remedy=f"/set {next(iter(given))} off")
    made = before or Preset()
    chat = replace(
        made.settings,
        **fields,
        json_schema=output.schema if output is not None else None,
        tools=tuple(tool.name for tool in desk.talk.chat.tools),
    )
    model = desk.talk.chat.model or desk.talk.target.name
    return replace(made, model=model, system=desk.talk.chat.system, settings=chat)


def _told(chosen: Preset) -> str:
    settings: Settings = chosen.call_settings()
    pieces = [chosen.model or "", one_line(chosen.system or "", 60)]
    pieces += [f"{name} {value}" for name, value in settings.items() if name != "output_format"]
    pieces += ["a schema"] if "output_format" in settings else []
    pieces += [f"tools {' '.join(chosen.settings.tools)}"] if chosen.settings.tools else []
    pieces += [f"template “{one_line(chosen.template, 40)}”"] if chosen.template else []
    return " · ".join(piece for piece in pieces if piece) or "nothing set"


def _options(desk: Desk, words: Sequence[str]) -> Iterable[Option]:
    names = [Option(name) for name in desk.preset_names]
    if not words:
        return [*names, Option(_SAVE, "keep what is set now"), Option(_DELETE, "delete one")]
    return names if words in (["save"], ["delete"]) else ()


COMMANDS = (
    Command(
        name="preset",
        takes="[NAME|save NAME|delete NAME]",
        does="use or keep model, instructions, tools and settings by a name",
        run=preset,
        options=_options,
        more="The web shows the same presets, and `il ask -p NAME` uses them. One with a template puts it into the "
        "line, for its {{variables}} to be written over.\n\n  /preset save terse\n  /preset terse",
    ),
)
