"""`il desktop`: the pages in a window of their own."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from interlingua.cli.serve import MOUNTS
from interlingua.cli.session import Session, session
from interlingua.config.load import find_config, load_config
from interlingua.errors import ConfigError, InvalidRequest, Unsupported

KINDS = ("gtk", "qt", "cocoa", "chromium", "browser")


@click.command("desktop", short_help="Open the web interface in a window of its own.")
@click.option("--browser", is_flag=True, help="Open a tab of the default browser instead of a window.")
@click.option("--window", type=click.Choice(KINDS), help="The only kind of window to try; the best by default.")
@click.option("--no-keychain", is_flag=True, help="Leave the system's keychain alone, as IL_KEYCHAIN=off does.")
@click.option("--quit", is_flag=True, help="End the window that is open.")
@click.option("--install", is_flag=True, help="Put an entry into the desktop's menu, with an icon.")
@click.option("--uninstall", is_flag=True, help="Take that entry away.")
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> None:
    """Open the web interface in a window of its own, with a gateway that lives as long as the window does.

    A second `il desktop` brings the first to the front.

    \b
    il desktop
    il desktop --install
    """
    current = session(context)
    acts = [name for name in ("quit", "install", "uninstall") if flags[name]]
    if len(acts) > 1 or (flags["browser"] and flags["window"]):
        clash = acts if len(acts) > 1 else ["browser", "window"]
        raise InvalidRequest(f"--{clash[0]} and --{clash[1]} do not go together", path=clash[1])
    if os.name != "posix":
        raise Unsupported(
            "the window needs Linux or macOS", feature="desktop", remedy="Use the gateway of another one."
        )
    if flags["no_keychain"]:
        os.environ["IL_KEYCHAIN"] = "off"
    try:
        from interlingua.desktop import app, entry
    except ImportError as error:
        raise ConfigError(
            f"the window needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[desktop]'",
        ) from error
    if flags["install"]:
        for path in entry.install([entry.program(), *_options(current), "desktop"], os.environ):
            current.out.line(str(path))
    elif flags["uninstall"]:
        for path in entry.uninstall(os.environ):
            current.out.line(str(path))
    elif flags["quit"]:
        app.quit(current.config, current.err.line)
    else:
        _open(current, "browser" if flags["browser"] else flags["window"])


def _open(current: Session, kind: Any) -> None:
    from interlingua.desktop import app
    from interlingua.desktop.served import Setup
    from interlingua.telemetry.logs import open_logs

    telemetry = current.config.telemetry
    # Who looks at a window reads no line for each call; what goes wrong is told.
    level = telemetry.log_level if telemetry.log_level in ("debug", "error") else "warning"
    setup = Setup(
        locate=partial(_locate, current.config_path),
        load=partial(load_config, current.config_path),
        logs=open_logs(telemetry.log_format, level),
        mounts=MOUNTS,
    )
    app.run(current.config, setup, current.err.line, kind)


def _locate(path: str | None) -> Path | None:
    return find_config(path, os.environ)[0]


def _options(current: Session) -> list[str]:
    """What the entry must say again."""
    return ["--config", str(Path(current.config_path).absolute())] if current.config_path else []
