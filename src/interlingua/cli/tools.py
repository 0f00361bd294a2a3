"""`il tools`: what models may be given to call, and the programs that are started for it."""

from __future__ import annotations

import asyncio
import json

import click

from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.cli.tool_sources import tool_sources
from interlingua.errors import NotFound

_COLUMNS = (Column("tool"), Column("source", keep=2), Column("calls", keep=3), Column("does", keep=1))
_RULES = {"ask": "ask you", "allow": "allowed", "deny": "denied"}


@click.group("tools", short_help="List tools, and confirm the programs that give some.", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List tools: those that come with the package, of installed packages, OpenAPI files and MCP servers.

    \b
    il tools
    il tools confirm files
    il ask --tool calculate "What is 17 * 23?"
    """
    if context.invoked_subcommand is None:
        asyncio.run(_list(session(context), as_json=as_json))


async def _list(current: Session, *, as_json: bool) -> None:
    from interlingua.wire.clean import one_line

    async with current.client:
        sources = tool_sources(current)
        try:
            offered = await sources.offered()
            if as_json:
                rows = [
                    {
                        "name": name,
                        "source": one.source,
                        "approval": one.approval,
                        "description": one.tool.description,
                        "parameters": getattr(one.tool.definition, "parameters", None),
                    }
                    for name, one in offered.items()
                ]
                current.out.line(json.dumps(rows, indent=2, ensure_ascii=False))
            else:
                body = [
                    (name, one.source, _RULES[one.approval], one_line(one.tool.description or "", 60))
                    for name, one in offered.items()
                ]
                for line in table(current.out, _COLUMNS, body):
                    current.out.line(line)
            for problem in sources.problems:
                current.err.line(current.err.paint("note:", "yellow") + " " + current.err.safe(problem.message))
                current.err.line("  fix: " + current.err.safe(problem.remedy))
        finally:
            await sources.aclose()


@command.command("confirm")
@click.argument("server")
@click.pass_context
def confirm(context: click.Context, server: str) -> None:
    """Let the program of an MCP server be started, after you have seen its command."""
    from interlingua.client.tool_sources import confirmed_path, is_confirmed, note_confirmed

    current = session(context)
    settings = current.config.mcp.get(server)
    if settings is None or not settings.command:
        known = [name for name, one in current.config.mcp.items() if one.command]
        remedy = "There are " + ", ".join(known) + "." if known else "None is configured: [mcp.NAME] command = [...]"
        raise NotFound(f"there is no MCP server {server!r} with a command", what="server", remedy=remedy)
    path = confirmed_path()
    if is_confirmed(path, server, settings):
        current.err.line(f"{server} is confirmed already")
        return
    current.err.line(f"The MCP server {server} is a program that is started here:")
    current.err.line("  " + current.err.safe(" ".join(settings.command)))
    if settings.folder:
        current.err.line("  in " + current.err.safe(settings.folder))
    click.confirm("Start it when its tools are used, from now on?", abort=True, err=True)
    note_confirmed(path, server, settings)
