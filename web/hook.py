"""Puts the web interface into the wheel and the source archive. An editable install is built by `make web`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _builder(root: str) -> ModuleType:
    """web/build.py, which is in no package and on no path."""
    spec = importlib.util.spec_from_file_location("interlingua_web_build", Path(root) / "web" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class WebBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own hooks leave it out as well
    """Builds the interface, but not for an editable install, nor again from a source archive that holds it.

    `INTERLINGUA_WEB=off` leaves it out: the gateway then serves its APIs only.
    """

    PLUGIN_NAME = "custom"

    def _unneeded(self) -> bool:
        root = Path(self.root)
        archive = (root / "PKG-INFO").is_file() and (root / "src/interlingua/gateway/static/index.html").is_file()
        return archive or os.environ.get("INTERLINGUA_WEB") == "off"

    def dependencies(self) -> list[str]:
        """Node from PyPI, where the machine has none and one is needed."""
        # hatchling does not say what the requirements are for; the front end's call does.
        editable = any("editable" in argument for argument in sys.argv[1:])
        builder = _builder(self.root)
        return [] if editable or self._unneeded() or builder.npm() else [builder.WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds, before files are gathered."""
        if version == "editable" or self._unneeded():
            return
        builder = _builder(self.root)
        call = builder.npm()
        if call is None:
            raise RuntimeError("the web interface needs Node 20.19 or newer; INTERLINGUA_WEB=off leaves it out")
        builder.build(call)
