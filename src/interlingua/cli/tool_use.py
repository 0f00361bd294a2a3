"""Tools within one answer of `il ask`: which, under which rules, and a line for each call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from interlingua.cli.session import Session
from interlingua.cli.tool_sources import tool_sources
from interlingua.errors import NotFound

if TYPE_CHECKING:
    from interlingua.client.guard import GuardedToolbox
    from interlingua.client.tools import ToolRun
    from interlingua.types.parts import ToolCallPart

_SHOWN = 100


async def open_toolbox(current: Session, names: Iterable[str], closing: AsyncExitStack) -> GuardedToolbox:
    """The tools of these names; on a terminal the person is asked where that is the rule, else it is no.

    Raises:
        NotFound: there is none of a name; what could not be had is told in the remedy.
    """
    from interlingua.client.guard import GuardedToolbox

    sources = tool_sources(current)
    closing.push_async_callback(sources.aclose)
    asks = current.err.is_terminal

    async def approve(call: ToolCallPart) -> bool:
        line = f"call {_called(call)}?"
        return asks and await asyncio.to_thread(click.confirm, current.err.safe(line), default=False, err=True)

    box = GuardedToolbox(approval={"*": "ask"}, approve=approve)
    offered = await sources.offered()
    for name in dict.fromkeys(names):
        if name not in offered:
            problems = "; ".join(problem.message for problem in sources.problems)
            remedy = f"There are {', '.join(offered)}. {problems}".strip()
            raise NotFound(f"there is no tool {name[:60]!r}", what="tool", remedy=remedy)
        box.add(offered[name].tool)
        box.approval[name] = offered[name].approval
    return box


def show_run(current: Session, run: ToolRun) -> None:
    """A line on standard error that tells of a call."""
    from interlingua.wire.clean import one_line

    err = current.err
    if err.is_terminal:
        mark = "failed: " if run.response.is_error else ""
        said = one_line(run.response.text, _SHOWN)
        err.line(err.paint(err.safe(f"⚙ {_called(run.call)} → {mark}{said} · {run.seconds:.1f} s"), "dim"))


def _called(call: ToolCallPart) -> str:
    from interlingua.wire.clean import one_line

    return f"{call.name} {one_line(call.raw, _SHOWN)}".strip()
