"""Writes the reference pages from the source they describe. `make docs` runs it; a test sees that it has been run."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from interlingua.cli.main import il
from interlingua.errors import BY_CODE

DOCS = Path(__file__).parent

ERRORS = """# Errors and exit codes

Everything that Interlingua raises is an `InterlinguaError` with a message, a remedy, whose fault it is, and whether \
another try may succeed. No provider's or library's exception leaks; no traceback reaches a user without `--debug`.

| class | code | exit code | HTTP status | fault | retryable | what it means |
|---|---|---|---|---|---|---|
"""

COMMANDS = """# Command line

stdout is the answer; everything else (reasoning, progress, usage, notices, errors) is stderr. Colour only on a \
terminal, and never with `NO_COLOR` or `TERM=dumb`. `il` exits with 0 when all went well, with 2 when it was called \
wrongly, and otherwise as told in [errors](errors.md).
"""


def errors() -> str:
    """The page of the error tree."""
    rows = [
        f"| `{kind.__name__}` | `{kind.code}` | {kind.exit_code} | {kind.status_hint} | {kind.fault} "
        f"| {'yes' if kind.retryable else 'no'} | {(kind.__doc__ or '').strip().splitlines()[0]} |\n"
        for kind in BY_CODE.values()
    ]
    return ERRORS + "".join(rows)


def commands() -> str:
    """The page of the commands: their own help texts."""
    page = COMMANDS
    main = click.Context(il, info_name="il", max_content_width=100, terminal_width=100, **il.context_settings)
    for name in ("", *il.list_commands(main)):
        command = il.get_command(main, name) if name else il
        assert command is not None
        context = click.Context(command, info_name=name, parent=main) if name else main
        page += _section(command, context, "##")
        if name and isinstance(command, click.Group):
            for inner, one in command.commands.items():
                page += _section(one, click.Context(one, info_name=inner, parent=context), "###")
    return page


def _section(command: click.Command, context: click.Context, head: str) -> str:
    return f"\n{head} `{context.command_path}`\n\n```\n{command.get_help(context)}\n```\n"


LOSSES: dict[str, Any] = tomllib.loads((DOCS / "dialects" / "losses.toml").read_text(encoding="utf-8"))

OVERVIEW = """# What survives a translation

Whatever a client says in one dialect is read into neutral values and said again in the dialect of the model's host, \
and the answer goes the same way back. So what a pair of dialects loses follows from the dialect that it ends in: five \
tables tell all 25 pairs. They and the figures below come from `losses.toml`; the tests in `tests/contract` and \
`tests/matrix` translate every case through every pair and fail when anything else is lost, or less.

Figures: cases carried **whole** · by other means or in another form · left out with a warning · refused, of those \
that the dialect on the left can say at all. How losses are treated is [configured](../concepts/losses.md).
"""

KINDS = {
    "setting": "left out, with a warning",
    "content": "refused",
    "emulated": "carried by other means",
    "quiet": "in another form",
    "error": "becomes an error",
}
WORST_FIRST = ("error", "content", "setting", "emulated", "quiet")

DIALECT = """# {title}

What this dialect does not carry as it is, measured at the host that made it. *Left out* and *refused* are the \
defaults and [configured](../concepts/losses.md); what is *left out*, *refused* or *carried by other means* is noted \
with each call, what is *in another form* is told here only. [All pairs](index.md).
"""


def overview() -> str:
    """The page of all pairs."""
    page = OVERVIEW
    names = list(LOSSES["dialects"])
    for section, heading in (("request", "Requests: from a client to a model"), ("response", "Answers: the way back")):
        page += f"\n## {heading}\n\n| from ↓ to → | " + " | ".join(f"[{name}]({name}.md)" for name in names) + " |\n"
        page += "|---" * (len(names) + 1) + "|\n"
        for source in names:
            figures = (_figures(section, source, target) for target in names)
            page += f"| {source} | " + " | ".join(figures) + " |\n"
    return page


def _figures(section: str, source: str, target: str) -> str:
    """How the cases that `source` says whole fare in `target`."""
    rows = [row for row in LOSSES[section].values() if source not in row]
    fates = [_fate(row.get(target, [])) for row in rows]
    refused = fates.count("content") + fates.count("error")
    otherwise = fates.count("emulated") + fates.count("quiet")
    return f"**{fates.count('')}** · {otherwise} · {fates.count('setting')} · {refused}"


def _fate(entries: list[list[str]]) -> str:
    found = {kind for _, kind, _ in entries}
    return next((kind for kind in WORST_FIRST if kind in found), "")


def losses(name: str) -> str:
    """The page of one dialect."""
    page = DIALECT.format(title=LOSSES["dialects"][name]["title"])
    for section, heading in (("request", "Requests"), ("response", "Answers, whole and streamed")):
        whole = [row["title"] for row in LOSSES[section].values() if name not in row]
        page += f"\n## {heading}\n\n| what | where | what happens | why |\n|---|---|---|---|\n"
        for row in LOSSES[section].values():
            page += _rows(row["title"], row.get(name, []))
        page += f"\nCarried whole: {'; '.join(whole)}.\n"
    streams = {case: row[name] for case, row in LOSSES["stream"].items() if name in row}
    if streams:
        page += "\n## Streams, where they differ from whole answers\n\n"
        page += "| what | where | what happens | why |\n|---|---|---|---|\n"
        for case, entries in streams.items():
            title = LOSSES["response"][case]["title"]
            page += _rows(title, entries) or f"| {title} | | carried whole | |\n"
    return page + _filled(name) + _errors(name)


def _rows(title: str, entries: list[list[str]]) -> str:
    return "".join(
        f"| {'' if i else title} | `{field}` | {KINDS[kind]} | {reason} |\n"
        for i, (field, kind, reason) in enumerate(entries)
    )


def _filled(name: str) -> str:
    fills = LOSSES["added"].get(name, {})
    if not fills:
        return ""
    rows = "".join(f"| `{field}` | {reason} |\n" for field, reason in fills.items())
    return f"\n## Filled where nothing was said\n\n| where | why |\n|---|---|\n{rows}"


def _errors(name: str) -> str:
    page = "\n## Errors, in answers and inside streams\n\n"
    changed = ""
    for code, row in LOSSES["error"].items():
        streamed = row.get("in_stream", {}).get(name, row.get(name))
        if name in row or streamed:
            changed += f"| {row['title']} | `{code}` | `{row.get(name, code)}` | `{streamed or code}` |\n"
    if not changed:
        return page + "Every error is told so that a client can tell it from all others.\n"
    head = "| what | ours | read as | inside a stream as |\n|---|---|---|---|\n"
    return f"{page}{head}{changed}\nAll others stay what they are.\n"


PAGES: dict[str, Callable[[], str]] = {
    "reference/errors.md": errors,
    "reference/cli.md": commands,
    "dialects/index.md": overview,
    **{f"dialects/{name}.md": partial(losses, name) for name in LOSSES["dialects"]},
}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
