"""The process that waits for rooms."""

from __future__ import annotations

import pytest
from livekit.agents import AgentServer

from interlingua.voice import worker
from interlingua.voice.worker import SERVERS_LIMIT, told_load

ANY = AgentServer()


@pytest.mark.parametrize(
    ("most", "measured", "takes"),
    [(0.7, 0.6, True), (0.7, 0.8, False), (0.9, 0.8, True), (0.9, 0.95, False), (0.3, 0.4, False), (1.0, 1.0, True)],
)
def test_the_server_is_told_a_load_below_its_limit_exactly_where_ours_is_not_reached(
    most: float, measured: float, takes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It offers nothing to who is above its own limit, whatever ours is: then nobody comes, and nobody hears why."""
    monkeypatch.setattr(worker, "_MEASURED", lambda _: measured)
    assert (told_load(most, ANY) < SERVERS_LIMIT) is takes


def test_the_load_is_measured() -> None:
    """By LiveKit's own means."""
    assert 0 <= told_load(0.7, ANY) <= 1
