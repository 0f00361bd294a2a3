"""Where the tools of this run come from, with the person's own secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.cli.session import Session

if TYPE_CHECKING:
    from interlingua.client.tool_sources import ToolSources
    from interlingua.credentials.vault import Vault


def tool_sources(current: Session) -> ToolSources:
    """The tools of the configuration, of installed packages, and those that come with this one."""
    from interlingua.client.tool_sources import ToolSources, confirmed_path, revealing

    return ToolSources(
        current.config,
        current.engine.network,
        folder=Path.cwd(),
        confirmed=confirmed_path(),
        reveal=revealing(os.environ, _vault),
    )


def _vault() -> Vault:
    from interlingua.config.load import default_user_folder
    from interlingua.credentials.vault import open_vault

    return open_vault(os.environ, default_user_folder())
