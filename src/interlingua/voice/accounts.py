"""On whose account calls by voice are made: they fall under the budgets of a tenant, and stand in its ledger.

Each call by voice is a process, and opens the configured store for itself, as the gateway's workers do.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.engine.accounted import Account, AccountedEngine
from interlingua.engine.budgets import Budgets
from interlingua.engine.ledger import Ledger
from interlingua.engine.principal import Principal
from interlingua.stores.opening import open_store

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore

TAG = "voice"
"""What usage is summed up by where calls by voice are asked for alone."""


class Accounts:
    """The account of one call by voice; made by `open_accounts`.

    Args:
        store: where all is kept.
        budgets, ledger: of this process.
    """

    def __init__(self, store: SqlStore, budgets: Budgets, ledger: Ledger) -> None:
        self._store, self._budgets, self._ledger = store, budgets, ledger
        self._watch = asyncio.get_running_loop().create_task(budgets.watch(), name="budgets")

    async def aclose(self) -> None:
        """Writes what waits, gives back what was not spent, closes the store.

        Raises:
            LocalFileError: a row could not be written, and is lost.
        """
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch
        async with contextlib.AsyncExitStack() as ending:
            ending.push_async_callback(self._store.aclose)
            ending.push_async_callback(self._budgets.aclose)
            ending.push_async_callback(self._ledger.aclose)


async def open_accounts(
    config: Config, client: AsyncClient, room: str, environment: Mapping[str, str] | None = None
) -> Accounts:
    """Has all that a client asks from here on written down; close it, on the same event loop, before the client.

    Args:
        config: the store, the budgets, the ledger, and whose account it is: `voice.tenant`.
        client: what asks.
        room: where the call takes place: all that is asked in it is one conversation.
        environment: names and values; the process environment by default.

    Raises:
        ConfigError: the store's packages are not installed, or the configuration of it is mistaken.
        LocalFileError: the store fails.
    """
    store = await open_store(config.store, environment)
    budgets = Budgets(client.engine.clock, store.budgets, config.budgets, secrets.token_hex(8))
    ledger = Ledger(store, config.ledger, settled=budgets.settled)
    who = Principal(tenant=config.voice.tenant)
    account = Account(principal=who, budgets=budgets, ledger=ledger, conversation=room, tags=(TAG,))
    client.engine = AccountedEngine(client.engine, account)
    return Accounts(store, budgets, ledger)
