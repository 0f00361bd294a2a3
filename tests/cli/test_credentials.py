"""`il credentials`: set, listed, tried, rotated, taken from the environment, taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import Person, run

OLD, NEW = "sk-the-old-key-1111", "sk-the-new-key-2222"
MODELS = Script.json({"object": "list", "data": [{"id": "gpt-6-luna", "object": "model"}]})
REFUSED = Script.json({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, status=401)
LIMITED = Script.json({"error": {"message": "slow down"}}, status=429, headers=(("retry-after", "999"),))


def takes(*keys: str, otherwise: Script = REFUSED) -> ScriptedTransport:
    """A provider that takes some keys."""

    def answer(request: HttpRequest) -> Script:
        given = dict(request.headers).get("authorization", "").removeprefix("Bearer ")
        return MODELS if given in keys else otherwise

    return ScriptedTransport(answer)


def listed() -> dict[str, dict[str, object]]:
    """What `il credentials list` knows."""
    return {one["credential"]: one for one in json.loads(run("credentials", "list", "--json").stdout)}


def test_a_key_that_is_piped_in_is_kept_and_shown_by_its_tail_alone() -> None:
    """Where it lies is said; itself it is never."""
    done = run("credentials", "set", "openai", stdin=OLD + "\n")
    assert done.exit_code == 0
    assert "openai/default …1111 is kept in the credentials file" in done.stderr
    assert "IL_KEYCHAIN" in done.stderr
    assert OLD not in done.output
    assert listed()["openai/default"] == {
        "credential": "openai/default",
        "tail": "…1111",
        "source": "credentials file",
        "used": True,
        "state": "present",
        "models": None,
        "error": None,
    }
    assert "…1111, from credentials file" in run("providers").stdout


def test_a_key_is_typed_hidden() -> None:
    """On a terminal."""
    person = Person("credentials", "set", "openai/team")
    person.read_until("does not show")
    person.type(OLD + "\r")
    assert person.finish() == 0
    assert "openai/team …1111 is kept" in person.screen
    assert OLD not in person.raw


@pytest.mark.parametrize("text", ["", "  \n", "two words", "sk-ä", "one\ntwo"])
def test_what_can_be_no_key_changes_nothing(text: str) -> None:
    """A slip of the clipboard."""
    done = run("credentials", "set", "openai", stdin=text)
    assert done.exit_code == 64
    assert "nothing is changed" in done.stderr
    assert listed() == {}


def test_providers_have_their_short_names_and_mistakes_are_helped_with() -> None:
    """As everywhere."""
    assert run("credentials", "set", "g", stdin=OLD).exit_code == 0
    assert "groq/default" in listed()
    done = run("credentials", "set", "opnai", stdin=OLD)
    assert done.exit_code == 64
    assert "Did you mean openai?" in done.stderr
    assert run("credentials", "set", "local", stdin=OLD).exit_code == 64
    assert run("credentials", "set", "openai/../x", stdin=OLD).exit_code == 64


def test_a_test_tells_valid_invalid_limited_unreachable_and_missing_apart() -> None:
    """And the exit code says the worst."""
    run("credentials", "set", "openai", stdin=OLD)

    def state(transport: ScriptedTransport, name: str = "openai") -> tuple[str, int]:
        from click.testing import CliRunner

        from interlingua.cli.main import il
        from interlingua.cli.session import Session

        done = CliRunner().invoke(
            il, ["credentials", "test", name, "--json"], prog_name="il", obj=Session(transport=transport)
        )
        return json.loads(done.stdout)[0]["state"], done.exit_code

    assert state(takes(OLD)) == ("valid", 0)
    assert state(takes(NEW)) == ("invalid", 77)
    assert state(takes(otherwise=LIMITED)) == ("rate-limited", 75)
    assert state(takes(otherwise=Script.refused())) == ("unreachable", 69)
    assert state(takes(OLD), "groq") == ("missing", 77)


def test_rotation_keeps_the_old_key_until_the_new_one_is_taken() -> None:
    """Write, test, swap."""
    run("credentials", "set", "openai", stdin=OLD)
    refused = run("credentials", "rotate", "openai", stdin=NEW, transport=takes(OLD))
    assert refused.exit_code == 77
    assert "nothing is changed" in refused.stderr
    assert listed()["openai/default"]["tail"] == "…1111"
    swapped = run("credentials", "rotate", "openai", stdin=NEW, transport=takes(NEW))
    assert swapped.exit_code == 0
    assert "openai takes it: 1 models" in swapped.stderr
    assert listed()["openai/default"]["tail"] == "…2222"
    assert run("credentials", "rotate", "groq", stdin=NEW).exit_code == 64


def test_keys_of_the_environment_are_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it need not hold them any more; those that were set by hand stay."""
    monkeypatch.setenv("OPENAI_API_KEY", OLD)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "a-token-that-goes-in-another-header")
    run("credentials", "set", "groq", stdin=NEW)
    monkeypatch.setenv("GROQ_API_KEY", OLD)
    done = run("credentials", "import-env", "--yes")
    assert done.exit_code == 0
    assert OLD not in done.output
    assert "take them out of your shell's start-up files: OPENAI_API_KEY" in done.stderr
    found = listed()
    assert {"openai/default", "groq/default"} <= set(found)
    assert "anthropic/default" not in found
    assert found["groq/default"]["tail"] == "…2222"
    assert "nothing to keep" in run("credentials", "import-env", "--yes").stderr


def test_deleting_asks_unless_told_not_to() -> None:
    """Every destructive command does."""
    run("credentials", "set", "openai", stdin=OLD)
    assert run("credentials", "delete", "openai", stdin="n\n").exit_code == 130
    assert "openai/default" in listed()
    assert run("credentials", "delete", "openai", "--yes").exit_code == 0
    assert listed() == {}
    assert run("credentials", "delete", "openai", "--yes").exit_code == 64


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the configuration."""

    def write(text: str) -> None:
        (tmp_path / "il.toml").write_text(text)
        monkeypatch.setenv("IL_CONFIG", str(tmp_path / "il.toml"))

    return write


def test_a_configuration_refers_to_a_profile(configured: Callable[[str], None]) -> None:
    """`keychain:openai/team` goes before all else that there is."""
    run("credentials", "set", "openai", stdin=OLD)
    assert "makes them use this one" in run("credentials", "set", "openai/team", stdin=NEW).stderr
    configured('[providers.openai]\napi_keys = ["keychain:openai/team"]\n')
    assert [name for name, one in listed().items() if one["used"]] == ["openai/team"]
    assert "…2222, from credentials file (openai/team)" in run("providers").stdout


def test_a_call_without_a_key_says_where_it_was_looked_for_and_how_to_set_one() -> None:
    """The four lines."""
    done = run("ask", "-m", "openai/gpt-6-luna", "hi")
    assert done.exit_code == 77
    assert "looked in: keychain (openai/default), OPENAI_API_KEY, credentials file" in done.stderr
    assert "il credentials set openai" in done.stderr
