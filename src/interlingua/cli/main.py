"""`il`: the options before the command, the commands, and what every one of them does when it fails.

Importing this imports click and nothing else of weight: a command's module is imported when the command runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NoReturn

import click

from interlingua._version import __version__
from interlingua.cli.failure import show_error, show_unexpected, show_usage_error
from interlingua.cli.session import Session, session
from interlingua.errors import InterlinguaError

INTERRUPTED = 130

COMMANDS: dict[str, str] = {
    "chat": "Talk with any model in the terminal.",
    "ask": "Ask a model; the answer is all that goes to standard output.",
    "compare": "Ask several models the same, side by side.",
    "bench": "Measure how fast models answer, how often they fail, what it costs.",
    "models": "List models: what they can do, and what they cost.",
    "providers": "List providers, and where their credentials come from.",
    "credentials": "Keep keys of providers in the system's keychain.",
    "preset": "Name a model with instructions, tools, sampling and a template.",
    "tools": "List tools that models may call, and confirm MCP servers.",
    "serve": "Serve every API to every client.",
    "open": "Open the web interface, signed in.",
    "desktop": "Open the web interface in a window of its own.",
    "voice": "Talk with a model in a LiveKit room.",
    "keys": "Make, list and end the keys of gateway clients.",
    "store": "Look at what is kept, prune it, back it up, restore it.",
    "usage": "Show what calls used and cost, or reckon it again.",
    "logs": "Show calls with their attempts, losses and cost.",
    "batch": "Ask many questions from a file, and write the answers to another.",
    "catalog": "Show what is known of a model, or fetch newer prices.",
    "config": "Check the configuration, or show it with the source of each value.",
    "pull": "Fetch a model that answers on this machine.",
    "translate": "Translate requests and answers between wire formats.",
    "doctor": "Say what is configured, what works and what to do next.",
    "completion": "Print the script that completes commands in a shell.",
}
"""Every command with its line in `il --help`; it is `command` in the module of its name."""


class Program(click.Group):
    """Commands that are imported when they are used, and one way to fail."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, with the options that may stand before or after it."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"interlingua.cli.{cmd_name}").command
        for one in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            if not any(parameter.name == "debug" for parameter in one.params):
                one.params += _anywhere(hidden=True)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; every end but a usage error becomes an exit code here."""
        current = session(ctx)
        try:
            return super().invoke(ctx)
        except InterlinguaError as error:
            if isinstance(error.__cause__, OSError):
                _forget_output()  # it may be the output that failed, and the interpreter would try it once more
            show_error(current, error)
            raise click.exceptions.Exit(error.exit_code) from error
        except (KeyboardInterrupt, click.Abort):
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Who reads has what he wanted, as with `il models | head`.
            _forget_output()
            raise click.exceptions.Exit(0) from None

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Runs the program and ends the process."""
        kwargs["standalone_mode"] = False
        current = kwargs.setdefault("obj", Session())
        try:
            status = super().main(*args, **kwargs)
            current.out.write("")
        except click.Abort:
            status = INTERRUPTED
        except BrokenPipeError:
            _forget_output()
            status = 0
        except click.ClickException as error:
            show_usage_error(current, error)
            status = error.exit_code
        sys.exit(status if isinstance(status, int) else 0)


def _forget_output() -> None:
    """Points standard output to nowhere, so that the interpreter's last flush does not complain."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return  # no descriptor behind it, so there is nothing that the interpreter could flush into


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        session(context).debug = True


def _set_config(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        session(context).config_path = value


def _anywhere(*, hidden: bool) -> list[click.Parameter]:
    """The options that may stand before or after a command."""
    return [
        click.Option(
            ["--config"],
            metavar="PATH",
            type=click.Path(),
            help="Use this configuration file.",
            callback=_set_config,
            expose_value=False,
            hidden=hidden,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            help="Show where in the source an error arose.",
            callback=_set_debug,
            expose_value=False,
            hidden=hidden,
        ),
    ]


il = Program(
    name="il",
    help="""Talk to any language model.

    The answer goes to standard output; reasoning, notes, usage and errors go to standard error.
    Without a key and without a network, `il pull smollm2` fetches a model that answers on this machine.

    \b
    il ask "What is the capital of France?"
    git diff | il ask "Review this." > review.md
    """,
    params=_anywhere(hidden=False),
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
click.version_option(__version__, "--version", message="Interlingua %(version)s")(il)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program `il`.

    Args:
        arguments: what stands after the program's name; those of the process by default.
    """
    current = Session()

    def last_resort(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if current.debug:
            sys.__excepthook__(kind, error, trace)
        elif not issubclass(kind, KeyboardInterrupt):
            show_unexpected(current, error)

    sys.excepthook = last_resort
    il.main(args=list(arguments) if arguments is not None else None, prog_name="il", obj=current)
