"""Credentials that are kept: where, under which name, and how they are taken away."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from interlingua.credentials.keychain import Keychain
from interlingua.credentials.secret_file import SecretFile
from interlingua.credentials.sources import CredentialSources
from interlingua.credentials.vault import Vault, full_name
from interlingua.errors import ConfigError, CredentialMissing, InvalidRequest, NotFound
from interlingua.types.secret import Secret
from tests.credentials.test_keychain import Memory, Waiting

KEY, OTHER = Secret("sk-one-two-three-four"), Secret("sk-five-six-seven-8")
NAMES = ("OPENAI_API_KEY",)


def with_keychain(folder: Path, backend: Memory | None = None) -> Vault:
    """A vault on a machine that has a keychain."""
    found = backend or Memory()
    return Vault(folder, Keychain({}, find=lambda: found, seconds=0.05 if isinstance(found, Waiting) else 5.0))


def headless(folder: Path) -> Vault:
    """A vault on a machine that has none."""
    return Vault(folder, Keychain({"IL_KEYCHAIN": "off"}))


def test_a_keychain_keeps_the_secret_and_the_index_only_the_name(tmp_path: Path) -> None:
    """The index is no secret, yet nobody else's business."""
    vault = with_keychain(tmp_path)
    assert vault.set("openai/team", KEY) == ("keychain", "")
    for file in tmp_path.iterdir():
        assert KEY.reveal() not in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert vault.names() == {"openai/team": "keychain"}
    found = vault.get("openai/team")
    assert found is not None
    assert found.secret == KEY


def test_without_a_keychain_a_file_of_mode_0600_keeps_it_and_says_why(tmp_path: Path) -> None:
    """One clear line."""
    vault = headless(tmp_path)
    place, reason = vault.set("openai/default", KEY)
    assert (place, reason) == ("file", "it is turned off (IL_KEYCHAIN)")
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    assert headless(tmp_path).names() == {"openai/default": "file"}


def test_a_secret_that_goes_into_the_keychain_leaves_the_file(tmp_path: Path) -> None:
    """What lay in plain text must not stay."""
    headless(tmp_path).set("openai/default", KEY)
    vault = with_keychain(tmp_path)
    vault.set("openai/default", OTHER)
    assert KEY.reveal() not in vault.path.read_text()
    assert vault.names() == {"openai/default": "keychain"}


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Who could read it may have."""
    vault = headless(tmp_path)
    vault.set("openai/default", KEY)
    vault.path.chmod(0o644)
    with pytest.raises(ConfigError, match="644") as caught:
        headless(tmp_path).get("openai/default")
    assert "chmod 600" in caught.value.remedy


def test_a_damaged_file_is_said_to_be_without_being_quoted(tmp_path: Path) -> None:
    """It may hold a key."""
    vault = headless(tmp_path)
    vault.set("openai/default", KEY)
    vault.path.write_text('{"openai/default": "sk-secret" oops')
    with pytest.raises(ConfigError) as caught:
        headless(tmp_path).names()
    assert "sk-secret" not in str(caught.value) + caught.value.remedy


def test_the_keychain_is_opened_for_no_name_that_is_not_in_the_index(tmp_path: Path) -> None:
    """On some systems each look asks the person."""
    vault = Vault(tmp_path, Keychain({}, find=lambda: pytest.fail("it was opened")))
    assert vault.get("openai/default") is None
    assert CredentialSources({}, vault=vault).find("openai", NAMES) is None


def test_taking_away_and_what_is_not_there(tmp_path: Path) -> None:
    """Gone from keychain, index and file."""
    backend = Memory()
    vault = with_keychain(tmp_path, backend)
    vault.set("openai/default", KEY)
    assert vault.delete("openai/default") == "keychain"
    assert not backend.kept
    assert vault.names() == {}
    with pytest.raises(NotFound):
        vault.delete("openai/default")


def test_a_locked_keychain_deletes_nothing(tmp_path: Path) -> None:
    """The name would be forgotten and the secret stay."""
    with_keychain(tmp_path).set("openai/default", KEY)
    vault = with_keychain(tmp_path, Waiting())
    with pytest.raises(CredentialMissing, match="locked"):
        vault.delete("openai/default")
    assert vault.names() == {"openai/default": "keychain"}


def test_the_keychain_goes_before_the_environment_and_the_file_after_it(tmp_path: Path) -> None:
    """Contracts §5."""
    environment = {"OPENAI_API_KEY": "from-the-environment"}
    headless(tmp_path / "a").set("openai/default", KEY)
    in_file = CredentialSources(environment, vault=headless(tmp_path / "a")).find("openai", NAMES)
    assert in_file is not None
    assert in_file.source == "OPENAI_API_KEY"
    vault = with_keychain(tmp_path / "b")
    vault.set("openai/default", KEY)
    in_keychain = CredentialSources(environment, vault=vault).find("openai", NAMES)
    assert in_keychain is not None
    assert (in_keychain.source, in_keychain.secret) == ("keychain", KEY)
    only_file = CredentialSources({}, vault=headless(tmp_path / "a")).find("openai", NAMES)
    assert only_file is not None
    assert only_file.source == "credentials file"


def test_a_reference_names_a_profile(tmp_path: Path) -> None:
    """`keychain:openai/team` in a configuration; what it names and nothing else."""
    vault = with_keychain(tmp_path)
    vault.set("openai/team", KEY)
    vault.set("openai/default", OTHER)
    sources = CredentialSources({}, references={"openai": ["keychain:openai/team"]}, vault=vault)
    found = sources.find("openai", NAMES)
    assert found is not None
    assert (found.secret, found.profile, found.source) == (KEY, "team", "keychain (openai/team)")
    missing = CredentialSources({}, references={"openai": ["keychain:openai/none"]}, vault=vault)
    assert missing.find("openai", NAMES) is None
    assert missing.looked_in("openai", NAMES) == ("keychain (openai/none)",)


def test_a_keychain_that_cannot_be_opened_says_so_where_it_was_looked_for(tmp_path: Path) -> None:
    """And does not get in the way of the environment."""
    with_keychain(tmp_path).set("openai/default", KEY)
    sources = CredentialSources({}, vault=with_keychain(tmp_path, Waiting()))
    assert sources.find("openai", NAMES) is None
    assert "may be locked" in sources.looked_in("openai", NAMES)[0]
    assert sources.looked_in("openai", NAMES)[1:] == ("OPENAI_API_KEY", "credentials file")


def test_every_vault_of_a_process_sees_what_another_kept(tmp_path: Path) -> None:
    """`/key` in a running chat."""
    first, second = headless(tmp_path), headless(tmp_path)
    assert second.get("openai/default") is None
    first.set("openai/default", KEY)
    assert second.get("openai/default") is not None


@pytest.mark.parametrize("name", ["", "/", "a/b/c", "../x", "a b", "ä", "a/" + "x" * 65, "OPENAI"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """Names become names in a keychain and in a file."""
    with pytest.raises(InvalidRequest):
        full_name(name)


def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one takes its place at once or not at all."""
    file: SecretFile[dict[str, str]] = SecretFile(tmp_path / "s.json", dict[str, str], dict)
    file.write({"a": "1"})

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        file.write({"a": "2"})
    assert file.read() == {"a": "1"}


def test_a_change_by_another_process_is_noticed_once_though_it_names_nothing_new(tmp_path: Path) -> None:
    """A key that is replaced in the keychain changes no name; the index is written all the same."""
    vault, backend = headless(tmp_path), Memory()
    assert not vault.was_changed(), "what was there before is known"
    assert not vault.was_changed()
    for secret in (KEY, OTHER):
        with_keychain(tmp_path, backend).set("openai/team", secret)
        assert vault.was_changed()
        assert not vault.was_changed()
    with_keychain(tmp_path, backend).delete("openai/team")
    assert vault.was_changed()
