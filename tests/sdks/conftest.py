"""What the official clients talk to: a server of ours, forgetful between tests; and the gateway, one a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdks.gateway_server import Service, Upstream, gateway
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


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with gateway() as service:
        yield service


@pytest.fixture(scope="module")
def keyed() -> Iterator[Service]:
    with gateway(keyed=True) as service:
        yield service


@pytest.fixture
def upstream(service: Service) -> Iterator[Upstream]:
    service.upstream.clear()
    yield service.upstream
    assert not service.upstream.failures, service.upstream.failures
