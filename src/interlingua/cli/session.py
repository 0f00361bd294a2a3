"""What one run of `il` knows: the options before the command, and what is built from them when it is needed."""

from __future__ import annotations

import io
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from interlingua.cli.terminal import Colour, Screen

if TYPE_CHECKING:
    from interlingua.client.client import AsyncClient
    from interlingua.config.schema import Config
    from interlingua.engine.engine import Engine
    from interlingua.engine.target import Target
    from interlingua.ports.transport import Transport


class Session:
    """One run. Nothing is read or built before it is asked for.

    Args:
        config_path: a configuration file to use instead of searching for one.
        debug: whether errors show where in the source they arose.
        transport: stands in for the network and the local model, for tests.
    """

    def __init__(
        self, config_path: str | None = None, *, debug: bool = False, transport: Transport | None = None
    ) -> None:
        self.config_path = config_path
        self.debug = debug
        self.transport = transport
        self.alternative: str | None = None

    @cached_property
    def config(self) -> Config:
        """The configuration in force. Raises ConfigError, LocalFileError."""
        from interlingua.config.load import load_config

        return load_config(self.config_path)

    @cached_property
    def client(self) -> AsyncClient:
        """What asks models. Raises ConfigError, LocalFileError."""
        from interlingua.client.client import AsyncClient

        return AsyncClient(config=self.config, transport=self.transport)

    @property
    def engine(self) -> Engine:
        """What knows providers, models and credentials. Raises ConfigError, LocalFileError."""
        return self.client.engine

    def target(self, model: str | None) -> Target:
        """Who is asked first. Raises ModelNotFound; notes what works instead, for the errors that may follow."""
        target = self.engine.route(model or "")[0]
        keyless = self.engine.keyless()
        self.alternative = keyless if keyless != target.name else None
        return target

    @property
    def out(self) -> Screen:
        """Standard output: the answer, and nothing else. Where it is closed, what is written is gone."""
        return Screen(sys.stdout or io.StringIO(), self._colour)

    @property
    def err(self) -> Screen:
        """Standard error: all else."""
        return Screen(sys.stderr or io.StringIO(), self._colour)

    @property
    def _colour(self) -> Colour:
        # A configuration that cannot be read must not get in the way of saying so.
        return self.config.display.colour if "config" in self.__dict__ else "auto"


def session(context: click.Context) -> Session:
    """The session of a command's context."""
    found = context.find_root().obj
    if not isinstance(found, Session):
        found = context.find_root().obj = Session()
    return found
