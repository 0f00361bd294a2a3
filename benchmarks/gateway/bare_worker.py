"""Our gateway without what it cannot be configured to do without: `bare_worker.py CONFIG` serves with a ledger that
keeps nothing. For the benchmark alone: it shows what accounting costs."""

from __future__ import annotations

import sys

from interlingua.config.load import load_config
from interlingua.config.schema import Config
from interlingua.engine.ledger import Ledger
from interlingua.gateway import process, server
from interlingua.gateway.app import Gateway
from interlingua.gateway.build import build_gateway
from interlingua.ports.budgets import BudgetCharge
from interlingua.ports.store import LedgerRow


class NoLedger(Ledger):
    """Forgets every row."""

    def add(self, row: LedgerRow, charges: tuple[BudgetCharge, ...] = ()) -> bool:
        """Nothing."""
        return True

    async def record(self, row: LedgerRow, charges: tuple[BudgetCharge, ...] = ()) -> None:
        """Nothing."""


async def build(config: Config, **_: object) -> Gateway:
    """The gateway, its ledger taken out."""
    gateway = await build_gateway(config, owns_exit=True)
    gateway.state.ledger.__class__ = NoLedger
    return gateway


if __name__ == "__main__":
    process.build_gateway = build  # type: ignore[attr-defined]  # taken apart on purpose
    server.run(load_config(sys.argv[1]), lambda address: print(address, flush=True))
