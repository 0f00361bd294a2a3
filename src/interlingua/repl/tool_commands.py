"""Commands on tools: what there is, where it comes from, and what models may call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from interlingua.client.guard import GuardedToolbox
from interlingua.errors import NotFound
from interlingua.repl.commands import Command, Option, words_of
from interlingua.repl.desk import Desk
from interlingua.wire.clean import one_line


async def tools(desk: Desk, text: str) -> None:
    """`/tools`: lists what models may call, and switches tools on and off."""
    words = words_of(text)
    await find_tools(desk)
    if not words:
        _list(desk)
        return
    off = words[0] == "off"
    names = words[1:] if words[0] in ("on", "off") else words
    for name in _meant(desk, names):
        switch_off(desk, name) if off else switch_on(desk, name)
    box = desk.talk.chat.tools
    desk.note(f"  tools that may be called: {', '.join(tool.name for tool in box) or 'none'}")
    if len(box) and desk.talk.target.traits.tools is False:
        desk.warn(f"  note: {desk.talk.target.name} has no tools of its own; they are put into words for it")


async def find_tools(desk: Desk) -> None:
    """Looks for all tools, the first time; servers that must be confirmed are asked for, what fails is told."""
    if desk.offered:
        return
    sources = desk.sources

    async def confirm(name: str, command: tuple[str, ...]) -> bool:
        desk.text(f"The MCP server {name} of your configuration is a program that is started here:")
        desk.text("  " + " ".join(command), "bold")
        return await desk.line.confirm("Start it, now and from now on?")

    sources.confirm = confirm
    desk.offered = await sources.offered()
    for problem in sources.problems:
        desk.warn(f"  note: {problem.message} — {problem.remedy}")


def switch_on(desk: Desk, name: str) -> None:
    """Lets models call a tool. Raises NotFound."""
    box = desk.talk.chat.tools
    if name not in desk.offered:
        raise _unknown(desk, name)
    if name not in box:
        one = desk.offered[name]
        box.add(one.tool)
        if isinstance(box, GuardedToolbox):
            box.approval.setdefault(name, one.approval)


def switch_off(desk: Desk, name: str) -> None:
    """Takes a tool away."""
    box = desk.talk.chat.tools
    if name in box:
        box.remove(name)


def _list(desk: Desk) -> None:
    box = desk.talk.chat.tools
    theme = desk.pen.theme
    source = ""
    width = min(30, max((len(name) for name in desk.offered), default=0))
    for name, one in desk.offered.items():
        if one.source != source:
            source = one.source
            desk.note(f"  {source}")
        mark = desk.pen.paint("on ", theme.good) if name in box else "off"
        rule = {"ask": "asks you", "allow": "", "deny": "denied"}[one.approval]
        room = max(10, desk.pen.columns() - width - 22)
        does = one_line(one.tool.description or "", room)
        desk.say(f"  {mark} {name.ljust(width)}  {rule.ljust(8)}  {desk.pen.paint(does, theme.quiet)}".rstrip())
    desk.note("  /tools on NAME… and /tools off NAME…; the beginning of names is enough, without names: all")


def _meant(desk: Desk, names: Sequence[str]) -> list[str]:
    """The tools that names stand for: themselves, or all that begin so. Raises NotFound."""
    if not names:
        return list(desk.offered)
    found: list[str] = []
    for name in names:
        fitting = [name] if name in desk.offered else [one for one in desk.offered if one.startswith(name)]
        if not fitting:
            raise _unknown(desk, name)
        found += fitting
    return found


def _unknown(desk: Desk, name: str) -> NotFound:
    known = ", ".join(desk.offered)
    return NotFound(f"there is no tool {name[:60]!r}", what="tool", remedy=f"There are {known}.")


def tool_options(desk: Desk, words: Sequence[str]) -> Iterable[Option]:
    """on, off, then names."""
    if not words:
        return (Option("on"), Option("off"))
    return (Option(name, one.tool.description or "") for name, one in desk.offered.items() if name not in words)


COMMANDS = (
    Command(
        name="tools",
        takes="[on|off NAME…]",
        does="list tools, switch them on and off",
        run=tools,
        options=tool_options,
        more="Those that come with the package, of installed packages, and of the APIs and MCP servers of your "
        "configuration. A model without tools is given them in words.\n\n  /tools on time_now calculate\n  /tools off",
    ),
)
