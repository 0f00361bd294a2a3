"""What the workers of one gateway have in common, and what they would have to and have not.

The keeper (`transport/keeper.py`) holds the local model and the memory of conversations; the key that seals reasoning
state is the same in all; ledger, budgets and keys lie in the store. Limits are counted in each process unless
`[shared]` is configured, so a gateway with limits and several workers without it would let through a multiple of them:
it does not start. What else each worker knows for itself is said at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from interlingua.engine.principal import Limits
from interlingua.errors import ConfigError
from interlingua.ports.store import KeyRow
from interlingua.transport.keeper import KeeperAddress


class Worker(Struct, frozen=True):
    """Which of several workers a process is, and what they have in common.

    Args:
        number: which worker this is, from 1.
        workers: how many there are.
        envelope_key: seals state that goes through clients' hands, so that each opens what another sealed.
        keeper: where the local model and the memory are.
    """

    number: int
    workers: int
    envelope_key: bytes
    keeper: KeeperAddress

    def __repr__(self) -> str:
        return f"Worker({self.number} of {self.workers})"


def told_of_workers(workers: int, *, shared: bool) -> str | None:
    """What each of several workers has for itself, and what is refused, in one line; None of one.

    Args:
        workers: how many there are.
        shared: whether `[shared]` is configured.
    """
    if workers == 1:
        return None
    apart = [] if shared else ["breakers and resting keys", "cached answers on their way"]
    apart += ["the queue", "latencies", "calls that are followed live"]
    refused = "" if shared else "refused: chats in the browser and limits (they need shared.url); "
    return f"{workers}; each its own: {', '.join(apart)}; {refused}all else in common"


def check_limits(workers: int, limits: Mapping[str, Limits], keys: Iterable[KeyRow]) -> None:
    """Refuses limits that each of several workers would count for itself.

    Args:
        workers: how many there are.
        limits: those of models, by pattern.
        keys: the virtual keys.

    Raises:
        ConfigError: there are such.
    """
    if workers == 1:
        return
    found = [f"limits.{pattern}" for pattern in limits]
    found += [f"the key {row.name!r}" for row in keys if row.rpm or row.tpm or row.concurrency]
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise ConfigError(
            f"server.workers = {workers}: each would count limits of its own for {', '.join(found[:3])}{more}",
            remedy="Set shared.url, so that they count together; or use one worker, or take the limits out.",
        )
