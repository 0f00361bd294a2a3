"""Where a gateway may be listened on."""

from __future__ import annotations

import pytest

from interlingua.errors import ConfigError
from interlingua.gateway.exposure import check_exposure, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_this_machine_alone_needs_no_keys(host: str) -> None:
    check_exposure(host, has_keys=False)
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104  # read, not bound
def test_elsewhere_there_must_be_keys(host: str) -> None:
    with pytest.raises(ConfigError, match="can be reached by others"):
        check_exposure(host, has_keys=False)
    check_exposure(host, has_keys=True)
    assert not is_loopback(host)
