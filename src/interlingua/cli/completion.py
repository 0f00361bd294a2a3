"""`il completion`: the script that teaches a shell to complete commands, models and providers."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from interlingua.cli.session import session

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="Print a completion script.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, models and providers in a shell.

    \b
    bash   eval "$(il completion bash)"     in ~/.bashrc
    zsh    eval "$(il completion zsh)"      in ~/.zshrc
    fish   il completion fish | source      in config.fish
    """
    maker = get_completion_class(shell)
    assert maker is not None, "click knows all of SHELLS"
    root = context.find_root()
    session(context).out.line(maker(root.command, {}, "il", "_IL_COMPLETE").source().strip())
