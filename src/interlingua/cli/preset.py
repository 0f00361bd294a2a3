"""`il preset`: names for a model, instructions, tools, sampling, an output schema and a template."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click
import msgspec

from interlingua.cli.json_schema import read_schema
from interlingua.cli.names import complete_files, complete_models
from interlingua.cli.preset_use import opened_presets, read_template
from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table

if TYPE_CHECKING:
    from interlingua.client.presets import Preset

WHO = "il preset"
_OPTIONS = {
    "max_tokens": "max_output_tokens",
    "reasoning": "reasoning_effort",
    "schema": "json_schema",
    "tool": "tools",
}
"""Options whose fields are called otherwise."""
_COLUMNS = (
    Column("preset"),
    Column("model", keep=4),
    Column("tools", keep=2),
    Column("settings", keep=1),
    Column("instructions and template", keep=3),
)


@click.group("preset", short_help="Name a model with all that belongs to it.", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Name a model with instructions, tools, sampling, an output schema and a template. The web shows the same.

    \b
    il preset set terse -s "One sentence."
    il preset set into -t "Say in {{language}}: {{input}}"
    il ask -p terse "What is a monad?"
    il ask -p into -v language=French "Good morning"
    """
    if context.invoked_subcommand is None:
        _show_all(session(context), as_json=as_json)


@command.command("set", short_help="Make one, or change what is named of it.")
@click.argument("name")
@click.option("-m", "--model", metavar="MODEL", shell_complete=complete_models, help="Who answers.")
@click.option("-s", "--system", metavar="TEXT", help="Instructions.")
@click.option("-t", "--template", metavar="TEXT|@FILE", help="Of the first message: {{name}} is a variable.")
@click.option("--tool", "tools", metavar="NAME", multiple=True, help="A tool that may be called; see `il tools`.")
@click.option("--temperature", type=click.FloatRange(0, 2), metavar="NUMBER")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), metavar="NUMBER")
@click.option("--max-tokens", "max_output_tokens", type=click.IntRange(min=1), metavar="NUMBER")
@click.option("--reasoning", "reasoning_effort", metavar="EFFORT")
@click.option("--schema", metavar="FILE", shell_complete=complete_files, help="A JSON Schema of every answer.")
@click.option("--unset", metavar="FIELD", multiple=True, help="Leave this to the model again.")
@click.pass_context
def set_(
    context: click.Context, /, name: str, template: str | None, schema: str | None, unset: tuple[str, ...], **given: Any
) -> None:
    """Make a preset, or change what is named of it; the rest stays.

    \b
    il preset set terse --unset temperature
    """
    current = session(context)
    if given["model"]:
        current.target(given["model"])

    async def keep() -> None:
        from interlingua.client.presets import Preset

        async with opened_presets(current) as presets:
            before = (await presets.all()).get(name.strip(), Preset())
            changed = _changed(before, given, _text(current, template), read_schema(schema) if schema else None, unset)
            await presets.keep(name, changed, WHO)

    asyncio.run(keep())
    current.err.line(f"kept; il ask -p {json.dumps(name) if ' ' in name else name} uses it")


@command.command("show", short_help="Show one.")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Show what a preset stands for."""
    current = session(context)

    async def read() -> Preset:
        async with opened_presets(current) as presets:
            return await presets.get(name)

    found = asyncio.run(read())
    if as_json:
        current.out.line(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))
        return
    pairs = fields_of(found)
    width = max((len(label) for label, _ in pairs), default=0) + 2
    for label, value in pairs:
        first, *rest = current.out.safe(value).split("\n")
        for line in (label.ljust(width) + first, *(" " * width + one for one in rest)):
            current.out.line(line.rstrip())


@command.command("delete", short_help="Delete one.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete(context: click.Context, name: str, yes: bool) -> None:
    """Delete a preset."""
    current = session(context)

    async def remove(*, really: bool) -> None:
        async with opened_presets(current) as presets:
            await (presets.remove(name, WHO) if really else presets.get(name))

    asyncio.run(remove(really=False))
    if not yes:
        click.confirm(f"Delete the preset {name}?", abort=True, err=True)
    asyncio.run(remove(really=True))


def fields_of(preset: Preset) -> list[tuple[str, str]]:
    """What a preset says, for people."""
    chat = preset.settings
    pairs = [
        ("model", preset.model or chat.model),
        ("instructions", preset.system or chat.system),
        ("template", preset.template),
        ("tools", " ".join(chat.tools)),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("max_output_tokens", chat.max_output_tokens),
        ("reasoning", chat.reasoning_effort),
        ("schema", json.dumps(chat.json_schema, ensure_ascii=False) if chat.json_schema is not None else None),
    ]
    return [(label, str(value)) for label, value in pairs if value not in (None, "")]


def _show_all(current: Session, *, as_json: bool) -> None:
    async def read() -> dict[str, Preset]:
        async with opened_presets(current) as presets:
            return await presets.all()

    found = asyncio.run(read())
    if as_json:
        rows = [{"name": name, **msgspec.to_builtins(one)} for name, one in found.items()]
        current.out.line(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not found:
        current.err.line('no presets yet; il preset set terse -s "One sentence." makes one')
    else:
        for line in table(current.out, _COLUMNS, [_row(name, one) for name, one in found.items()]):
            current.out.line(line)


def _row(name: str, preset: Preset) -> tuple[str, ...]:
    from interlingua.wire.clean import one_line

    fields = dict(fields_of(preset))
    words = [fields.pop(label, "") for label in ("model", "tools")]
    said = one_line(" · ".join(fields.pop(label, "") for label in ("instructions", "template")).strip(" ·"), 60)
    fields = {label: "yes" if label == "schema" else value for label, value in fields.items()}
    return name, *words, " ".join(f"{label}={value}" for label, value in fields.items()), said


def _text(current: Session, template: str | None) -> str | None:
    if template is None or not template.startswith("@"):
        return template
    from interlingua.client.presets import Preset

    return read_template(current, template, Preset())


def _changed(
    before: Preset, given: dict[str, Any], template: str | None, schema: dict[str, Any] | None, unset: tuple[str, ...]
) -> Preset:
    """The preset with what is given in place of what was. Raises UsageError."""
    from msgspec.structs import replace

    from interlingua.client.presets import variables_of

    own = {field: given[field] for field in ("model", "system") if given[field] is not None}
    if template is not None:
        own |= {"template": template, "variables": variables_of(template)}
    names = ("temperature", "top_p", "max_output_tokens", "reasoning_effort")
    chat = {field: given[field] for field in names if given[field] is not None}
    if given["tools"]:
        chat["tools"] = given["tools"]
    if schema is not None:
        chat["json_schema"] = schema
    for field in unset:
        plain = field.replace("-", "_")
        name = _OPTIONS.get(plain, plain)
        if name in ("model", "system", "template"):
            own |= {name: None} | ({"variables": ()} if name == "template" else {})
        elif name in (*names, "json_schema", "tools"):
            chat[name] = () if name == "tools" else None
        else:
            raise click.UsageError(f"a preset has no field {field!r}")
    return replace(before, **own, settings=replace(before.settings, **chat))
