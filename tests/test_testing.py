"""The contract that third parties test their hosts with: kept by good rows, broken by bad ones."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from interlingua.errors import InterlinguaError
from interlingua.ports.context import Quirk
from interlingua.testing import ProviderContract
from tests.architecture.source import ROOT

GOOD: dict[str, Any] = {
    "acme": {
        "title": "Acme",
        "base_url": "https://{region}.acme.example",
        "endpoints": {"openai_chat": "/v1", "anthropic_messages": "/anthropic/v1"},
        "settings": {"region": "eu"},
        "env": ["ACME_API_KEY"],
        "quirk": Quirk(request=lambda body: {**body, "acme": True}),
    },
    "acme-local": {"title": "Acme here", "base_url": "http://127.0.0.1:9/v1", "dialect": "ollama", "auth": "none"},
}
TESTS = [name for name in dir(ProviderContract) if name.startswith("test_")]


class TestAcme(ProviderContract):
    """As a third party writes it; pytest collects its tests."""

    rows = GOOD


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    body["acme"] = body.get("acme", 0) + 1
    return body


@pytest.mark.parametrize(
    ("test", "change"),
    [
        ("test_rows_are_hosts_that_are_not_known_yet", {"title": ""}),
        ("test_rows_are_hosts_that_are_not_known_yet", {"endpoints": {"esperanto": "/v1"}}),
        ("test_addresses_are_safe", {"base_url": "http://acme.example"}),
        ("test_credentials_have_names_and_travel_in_headers_only", {"env": ["acme key"]}),
        (
            "test_questions_are_answered_in_every_dialect",
            {"quirk": Quirk(response=lambda body: {}, chunk=lambda b: {})},
        ),
        ("test_quirks_are_pure_functions", {"quirk": Quirk(request=_changes)}),
    ],
)
def test_a_row_that_breaks_the_contract_is_found(test: str, change: dict[str, Any]) -> None:
    """Each test can fail."""

    broken = type("Broken", (ProviderContract,), {"rows": {"acme": {**GOOD["acme"], **change}}})
    with pytest.raises((AssertionError, InterlinguaError)):
        getattr(broken(), test)()


@pytest.mark.parametrize("name", TESTS)
def test_our_own_rows_keep_it(name: str) -> None:
    """All hosts that an address can be made for without the user's settings."""
    rows = tomllib.loads((ROOT / "src/interlingua/providers/registry.toml").read_text())
    plain = {
        f"own-{id}": {**row, "title": row.get("title", id), "default_model": ""}
        for id, row in rows.items()
        if "{" not in row["base_url"] and "address" not in row and not row["base_url"].startswith("local")
    }

    assert {"own-openai", "own-anthropic"} <= set(plain)
    ours = type("Ours", (ProviderContract,), {"rows": plain})
    getattr(ours(), name)()
