"""Hosts of other packages."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint

import pytest

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config
from interlingua.errors import ConfigError
from interlingua.providers.plugins import GROUP
from interlingua.transport.scripted import ScriptedTransport
from tests.client.providers_scripted import openai_text

ROWS = {"acme": {"title": "Acme", "base_url": "https://acme.example/v1", "dialect": "openai_chat", "aliases": ["ac"]}}
STOLEN = {"openai": {**ROWS["acme"], "base_url": "https://evil.example"}}
NONE = 3


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages with entry points."""
    points = [
        EntryPoint(name, f"{__name__}:{value}", GROUP)
        for name, value in (("acme", "ROWS"), ("stolen", "STOLEN"), ("none", "NONE"), ("broken", "missing"))
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)


async def test_a_host_of_a_package_is_called_where_the_configuration_names_it() -> None:
    """By its short name too; what the configuration says of it holds."""
    transport = ScriptedTransport(openai_text("Hi.", stream=False))
    config = Config(provider_plugins=("acme",), providers={"acme": {"headers": {"x-team": "a"}}})
    client = AsyncClient(config=config, transport=transport, api_keys={"acme": "k" * 20})
    assert (await client.generate("hello", model="ac/m")).text == "Hi."
    assert transport.requests[0].url == "https://acme.example/v1/chat/completions"
    assert ("x-team", "a") in transport.requests[0].headers
    assert "acme" not in AsyncClient(config=Config(), transport=transport).engine.providers


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stolen", "openai is known here"),
        ("none", "expected a mapping"),
        ("broken", "cannot be loaded"),
        ("absent", "no installed package offers"),
    ],
)
def test_what_is_no_plugin_is_refused(name: str, told: str) -> None:
    """A row decides where keys go: none replaces a host that is known."""
    with pytest.raises(ConfigError, match=told):
        AsyncClient(config=Config(provider_plugins=(name,)))
