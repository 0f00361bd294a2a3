"""What commands need that look into the store, and how they write sums of money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from interlingua.cli.session import Session
from interlingua.stores.opening import open_store
from interlingua.types.money import Money

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore

T = TypeVar("T")


def run(current: Session, act: Callable[[SqlStore], Awaitable[T]]) -> T:
    """Does something with the store. Raises ConfigError, LocalFileError."""

    async def work() -> T:
        store = await open_store(current.config.store)
        try:
            return await act(store)
        finally:
            await store.aclose()

    return asyncio.run(work())


def dollars(pico: int) -> str:
    """A sum for people."""
    return str(Money(pico)) if pico else "$0.00"
