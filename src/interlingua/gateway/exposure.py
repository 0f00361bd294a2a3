"""Whether a gateway may be listened on at an address: never open to others (contracts §6.1)."""

from __future__ import annotations

from interlingua.errors import ConfigError
from interlingua.gateway.guard import LOOPBACK


def check_exposure(host: str, *, has_keys: bool) -> None:
    """Lets an address pass that only this machine reaches, and any where there are virtual keys.

    Args:
        host: where it is listened.
        has_keys: whether there are virtual keys.

    Raises:
        ConfigError: everybody could use it.
    """
    if not has_keys and not is_loopback(host):
        raise ConfigError(
            f"server.host: {host} can be reached by others, and there are no virtual keys",
            remedy="Make a key with `il keys create NAME`, or listen on 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in LOOPBACK or host == "::1" or host.startswith("127.")
