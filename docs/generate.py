"""Writes the reference pages from the source they describe. `make docs` runs it; a test sees that it has been run."""

from __future__ import annotations

from pathlib import Path

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
    main = click.Context(il, info_name="il", max_content_width=100, terminal_width=100)
    for name in ("", *il.list_commands(main)):
        command = il.get_command(main, name) if name else il
        assert command is not None
        context = click.Context(command, info_name=name, parent=main) if name else main
        page += f"\n## `il {name}`\n\n".replace(" `\n", "`\n") + f"```\n{command.get_help(context)}\n```\n"
    return page


PAGES = {"reference/errors.md": errors, "reference/cli.md": commands}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
