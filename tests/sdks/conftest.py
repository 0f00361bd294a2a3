"""The server that the official clients talk to: one for all tests, forgetful between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdks.server import Peer, serve


@pytest.fixture(scope="session")
def running() -> Iterator[Peer]:
    with pytest.MonkeyPatch.context() as environment, serve() as peer:
        environment.setenv("NO_PROXY", "127.0.0.1")  # clients outlive a test: each makes its TLS context anew, slowly
        yield peer


@pytest.fixture
def peer(running: Peer) -> Iterator[Peer]:
    fresh = Peer(running.url)
    for name, value in vars(fresh).items():
        setattr(running, name, value)
    yield running
    assert not running.failures, running.failures
