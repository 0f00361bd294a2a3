"""What all tests stand on: no key and no configuration of the person who runs them."""

from __future__ import annotations

import functools
import gc
import importlib.metadata
import itertools
import os
import re
import signal
from collections.abc import Generator, Iterator
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

# What is installed stays the same meanwhile; every gateway of a test would read it all anew.
pytest.MonkeyPatch().setattr(importlib.metadata, "entry_points", functools.cache(importlib.metadata.entry_points))

# What a shell runs in the background is born deaf to Ctrl-C, and so are its children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves the browser's tests out where they are not named: Playwright keeps an event loop running in its process,
    in which no other asynchronous test can run. `make test` runs them by themselves."""
    if collection_path.match("tests/e2e/browser") and not any("browser" in str(one) for one in config.args):
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spares the collector of cycles what lives as long as this process: eleven thousand tests and all they import."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def nobodys_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Path]]:
    """The environment of what outlives a test: without credentials, with empty folders for configuration and state; the
    model cache stays. Gives a folder for each test, none of which is there yet."""
    folder = tmp_path_factory.mktemp("nobody")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if _OURS.match(name):
                patch.delenv(name)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("IL_KEYCHAIN", "off")
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        yield (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, nobodys_folders: Iterator[Path]
) -> dict[str, str]:
    """The same with folders of this test's own, in `tmp_path` where it has one: most need none, and making eleven
    thousand takes long."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else next(nobodys_folders)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
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
