"""`il open`, against a gateway that is a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.runs import run
from tests.cli.serving import Gateway

NO_WAY = "http://127.0.0.1:9"


def test_the_link_signs_its_visitor_in_once(tmp_path: Path) -> None:
    """A proxy of the environment is not asked: it leads to other machines."""
    gateway = Gateway(tmp_path)
    try:
        config = ("--config", str(gateway.file))
        found = run(*config, "open", "--print", "--url", gateway.address, env={"http_proxy": NO_WAY, "no_proxy": None})
        assert found.exit_code == 0, found.stderr
        address, _, code = found.stdout.strip().partition("/#sign-in=")
        assert address == gateway.address
        status, body = gateway.ask("/api/session", {"code": code})
        token = json.loads(body)["token"]
        assert status == 201
        assert json.loads(gateway.ask("/api/session", token=token)[1])["admin"]
        assert gateway.ask("/api/session", {"code": code})[0] == 401
    finally:
        gateway.end()


def test_a_gateway_that_does_not_run_is_told_with_what_to_do(tmp_path: Path) -> None:
    found = run("open", "--print", "--url", NO_WAY)
    assert found.exit_code != 0
    assert f"no gateway answers at {NO_WAY}" in found.stderr
    assert "il serve" in found.stderr
