"""Coding agents complete a turn with a tool through the gateway, whatever format the host speaks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.agents.agents import AGENTS, Agent
from tests.agents.turn import Stage, play, stage
from tests.sdks.gateway_server import HOSTS

_MISSING = [agent.name for agent in AGENTS if not agent.program.exists()]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not there"),
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}; `make agents` installs them"),
]


@pytest.fixture(scope="module")
def on() -> Iterator[Stage]:
    """The gateway and the hosts behind it."""
    with stage() as found:
        yield found


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.title)
def test_an_agent_runs_its_tool_and_says_what_it_found(agent: Agent, host: str, on: Stage) -> None:
    """The word in the answer was in the file, in the tool's output, and at the host."""
    turn = play(agent, host, on)
    assert not turn.problems, turn.output
