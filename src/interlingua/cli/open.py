"""`il open`: the browser, signed in."""

from __future__ import annotations

import webbrowser

import click

from interlingua.cli.session import session
from interlingua.errors import ConfigError, ConnectionFailed

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # compared, not bound


@click.command("open", short_help="Open the web interface, signed in.")
@click.option("--url", metavar="ADDRESS", help="Where the gateway is; by default where the configuration says.")
@click.option("--print", "only_print", is_flag=True, help="Print the link; open nothing.")
@click.pass_context
def command(context: click.Context, /, url: str | None, only_print: bool) -> None:
    """Open the web interface of a gateway that runs on this machine, signed in as its administrator.

    The link serves once, and for two minutes.

    \b
    il open
    il open --print
    """
    current = session(context)
    try:
        from interlingua.gateway.sign_in import is_serving, link
    except ImportError as error:
        raise ConfigError(
            f"the gateway needs a package that is not installed: {error.name}",
            remedy="pip install 'interlingua[server]'",
        ) from error
    server = current.config.server
    host = "127.0.0.1" if server.host in EVERYWHERE else server.host
    address = (url or f"http://{host}:{server.port}").rstrip("/")
    if not is_serving(address):
        raise ConnectionFailed(f"no gateway answers at {address}", remedy="Start it with `il serve`.")
    found = link(current.config, address)
    if only_print or not webbrowser.open(found):
        current.out.line(found)
    else:
        current.err.line(f"opened {address}")
