"""The system's keychain: only one that keeps secrets safe, and never one that makes people wait."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from interlingua.credentials import keychain
from interlingua.credentials.keychain import Keychain, KeychainUnusable, class_name, safe_backend
from interlingua.types.secret import Secret

KEY = Secret("sk-one-two-three-four")


class Memory:
    """A backend that works."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """What is kept."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keeps it."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Takes it away."""
        del self.kept[service, username]


class Forgetful(Memory):
    """A backend that throws away what it gets, as keyring's `null` does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Nothing."""


class Waiting(Memory):
    """A backend that waits for a password that nobody types."""

    def get_password(self, service: str, username: str) -> str | None:
        """Never."""
        threading.Event().wait()
        return None


class Failing(Memory):
    """A backend whose error holds what it was given."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Fails."""
        raise RuntimeError(f"cannot keep {password}")


def of(backend: Any, seconds: float = 5.0) -> Keychain:
    """A keychain with a backend."""
    return Keychain({}, find=lambda: backend, seconds=seconds)


def test_what_is_kept_is_given_back_and_can_be_taken_away() -> None:
    """The least."""
    chain = of(Memory())
    chain.check()
    chain.set("openai/default", KEY)
    assert chain.get("openai/default") == KEY
    chain.delete("openai/default")
    chain.delete("openai/default")
    assert chain.get("openai/default") is None


def test_a_backend_that_throws_away_what_it_gets_is_found_out() -> None:
    """A write counts once it was read back."""
    with pytest.raises(KeychainUnusable, match="does not give back"):
        of(Forgetful()).check()


def test_a_locked_keychain_is_given_up_and_not_asked_again() -> None:
    """Each look would cost the same time once more."""
    chain = of(Waiting(), seconds=0.05)
    with pytest.raises(KeychainUnusable, match="may be locked"):
        chain.get("openai/default")
    before = threading.active_count()
    with pytest.raises(KeychainUnusable, match="may be locked"):
        chain.get("openai/default")
    assert threading.active_count() == before


def test_an_error_of_a_backend_is_told_by_its_class_alone() -> None:
    """Its message may hold the secret."""
    with pytest.raises(KeychainUnusable) as caught:
        of(Failing()).set("openai/default", KEY)
    assert KEY.reveal() not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "RuntimeError" in str(caught.value)


@pytest.mark.parametrize("value", ["off", "OFF", "0", "false", "no"])
def test_it_can_be_turned_off(value: str) -> None:
    """Without a look at any backend."""
    chain = Keychain({"IL_KEYCHAIN": value}, find=lambda: pytest.fail("it was opened"))
    with pytest.raises(KeychainUnusable, match="turned off"):
        chain.get("openai/default")


def test_backends_are_taken_by_their_class() -> None:
    """What is not known to be safe is refused: keyring's null, its fail, and a plain-text one of another package."""
    from keyring.backends import fail, null

    thrown_away: Any = null.Keyring
    none: Any = fail.Keyring
    with pytest.raises(KeychainUnusable, match="not known to keep secrets safe"):
        safe_backend(thrown_away())
    with pytest.raises(KeychainUnusable, match="this machine has none"):
        safe_backend(none())

    class PlaintextKeyring(Memory):
        priority = 99

    with pytest.raises(KeychainUnusable, match="PlaintextKeyring"):
        safe_backend(PlaintextKeyring())


def test_of_a_chain_only_its_safe_link_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain hides a plain-text backend behind a good name."""

    class PlaintextKeyring(Memory):
        pass

    class Chain(Memory):
        backends = (PlaintextKeyring(), Memory())

    monkeypatch.setattr(keychain, "_SAFE", frozenset({class_name(Memory())}))
    assert type(safe_backend(Chain())) is Memory


def test_no_subclass_passes_for_a_safe_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may do anything."""
    monkeypatch.setattr(keychain, "_SAFE", frozenset({class_name(Memory())}))
    with pytest.raises(KeychainUnusable):
        safe_backend(Forgetful())
