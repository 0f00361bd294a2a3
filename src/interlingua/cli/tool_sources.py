"""Where the tools of this run come from, with the person's own secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.cli.session import Session

if TYPE_CHECKING:
    from interlingua.client.tool_sources import ToolSources


def tool_sources(current: Session) -> ToolSources:
    """The tools of the configuration, of installed packages, and those that come with this one."""
    from interlingua.client.tool_sources import ToolSources

    return ToolSources(
        current.config,
        current.engine.network,
        folder=Path.cwd(),
        confirmed=confirmed_path(),
        reveal=_reveal,
    )


def confirmed_path() -> Path:
    """The file in which commands are noted that the person said yes to."""
    import platformdirs

    return platformdirs.user_state_path("interlingua", appauthor=False) / "mcp-confirmed.json"


def _reveal(reference: str) -> str | None:
    from interlingua.config.load import default_user_folder
    from interlingua.credentials.vault import open_vault

    kind, _, name = reference.partition(":")
    if kind == "env":
        return os.environ.get(name, "").strip() or None
    found = open_vault(os.environ, default_user_folder()).get(name)
    return None if found is None else found.secret.reveal()
