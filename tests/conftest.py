"""What all tests stand on: no key and no configuration of the person who runs them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import services

_OURS = re.compile(
    r"IL_(?!TRAFFIC$)|.*_(API_KEY|AUTH_TOKEN|AD_TOKEN)$|HF_TOKEN$|(OPENAI|ANTHROPIC|AZURE|GOOGLE|GEMINI)_"
)

# The same cases each time, however busy the machine is: a change is judged by itself. New cases are `make fuzz`'s.
_SPEED = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=_SPEED)
hypothesis.settings.load_profile("suite")

# What a shell runs in the background is born deaf to Ctrl-C, and so are its children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves the browser's tests out where they are not named: Playwright keeps an event loop running in its process,
    in which no other asynchronous test can run. `make test` runs them by themselves."""
    if collection_path.match("tests/e2e/browser") and not any("browser" in str(one) for one in config.args):
        return True
    return None


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment without credentials, with empty folders for configuration and state; the model cache stays."""
    for name in list(os.environ):
        if _OURS.match(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("IL_KEYCHAIN", "off")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return dict(os.environ)


@pytest.fixture(scope="session")
def postgres() -> Iterator[services.Postgres]:
    """A PostgreSQL for this process of tests."""
    with services.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[services.Redis]:
    """A Redis for this process of tests; whoever uses it empties it first."""
    with services.redis() as server:
        yield server
