"""`il keys`: keys of gateway clients."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.runs import Person, run

KEY = r"il-[A-Za-z0-9_-]{43}"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own."""
    monkeypatch.setenv("IL_STORE__PATH", str(tmp_path / "il.db"))
    return tmp_path / "il.db"


def keys(*arguments: str) -> Result:
    """A run that goes well."""
    done = run("keys", *arguments)
    assert done.exit_code == 0, done.output
    return done


def test_a_key_is_all_that_goes_to_standard_output(file: Path) -> None:
    """So that it can be put into a variable; the file does not hold it."""
    done = keys("create", "laptop")
    assert re.fullmatch(KEY + "\n", done.stdout)
    assert "cannot be shown again" in done.stderr
    assert done.stdout.strip() not in done.stderr
    held = b"".join(each.read_bytes() for each in file.parent.glob("il.db*"))
    assert done.stdout.strip().encode() not in held
    assert file.stat().st_mode & 0o077 == 0


def test_a_list_shows_what_a_key_may_do_and_no_key() -> None:
    """Only its last four letters."""
    options = ("--tenant", "acme", "--model", "openai/*", "--model", "fast", "--rpm", "60", "--tpm", "9000")
    key = keys("create", "laptop", *options, "--concurrency", "4", "--budget", "5 USD / month", "--expires", "30d")
    done = keys("list")
    secret = key.stdout.strip()
    assert secret not in done.output
    assert f"il-…{secret[-4:]}" in done.stdout
    for shown in ("laptop", "acme", "openai/* fast", "60", "9000", "4", "5 USD / month", "in force"):
        assert shown in done.stdout
    (row,) = json.loads(keys("list", "--json").stdout)
    assert (row["name"], row["tail"], row["models"]) == ("laptop", secret[-4:], ["openai/*", "fast"])
    assert (row["rpm"], row["tpm"], row["concurrency"], row["source"]) == (60, 9000, 4, "store")
    assert row["expires"].endswith("Z")
    assert "digest" not in row


def test_an_empty_list_says_how_to_begin() -> None:
    """On standard error, since it is no row."""
    done = keys("list")
    assert done.stdout == ""
    assert "il keys create" in done.stderr


def test_a_revoked_key_is_gone_from_the_list_but_not_from_the_file() -> None:
    """Its name is free again."""
    keys("create", "laptop")
    keys("revoke", "laptop", "--yes")
    assert keys("list").stdout == ""
    assert "revoked" in keys("list", "--all").stdout
    keys("create", "laptop")
    assert [row["state"] for row in json.loads(keys("list", "--all", "--json").stdout)] == ["revoked", "in force"]


def test_a_rotated_key_keeps_its_name_and_limits() -> None:
    """And is another one."""
    before = json.loads(keys("create", "laptop", "--rpm", "5", "--json").stdout)
    after = json.loads(keys("rotate", "laptop", "--yes", "--json").stdout)
    assert re.fullmatch(KEY, after["key"])
    assert after["key"] != before["key"]
    assert (after["name"], after["rpm"]) == ("laptop", 5)
    assert [row["tail"] for row in json.loads(keys("list", "--json").stdout)] == [after["key"][-4:]]


@pytest.mark.parametrize("act", ["revoke", "rotate"])
def test_where_nobody_can_be_asked_an_end_needs_yes(act: str) -> None:
    """A script that forgets it ends nothing."""
    keys("create", "laptop")
    done = run("keys", act, "laptop")
    assert (done.exit_code, "--yes" in done.stderr) == (2, True)
    assert "in force" in keys("list").stdout


def test_a_person_is_asked_and_may_say_no() -> None:
    """Then nothing happens."""
    keys("create", "laptop")
    person = Person("keys", "revoke", "laptop")
    person.read_until("Revoke laptop?")
    person.type("n\n")
    assert person.finish() == 130
    assert "in force" in keys("list").stdout
    person = Person("keys", "revoke", "laptop")
    person.read_until("Revoke laptop?")
    person.type("y\n")
    assert person.finish() == 0
    assert keys("list").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("create", "a b"), 64, "cannot be the name"),
        (("create", "laptop", "--rpm", "0"), 2, "--rpm"),
        (("create", "laptop", "--expires", "yesterday"), 64, "not a time"),
        (("create", "taken"), 64, "already"),
        (("revoke", "nobody", "--yes"), 64, "no key named"),
        (("rotate", "nobody", "--yes"), 64, "no key named"),
        (("sing",), 2, "sing"),
    ],
)
def test_a_mistake_is_named_and_makes_no_key(arguments: tuple[str, ...], code: int, says: str) -> None:
    """With what to do about it."""
    keys("create", "taken")
    done = run("keys", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert says in done.stderr
    assert len(json.loads(keys("list", "--json").stdout)) == 1


def test_keys_of_the_configuration_are_listed_and_left_to_it(tmp_path: Path) -> None:
    """What the file sets is read-only here; the variable need not be set to list it."""
    keys("create", "later")
    text = '[[virtual_keys]]\nname = "bench"\nkey = "env:BENCH_KEY"\nrpm = 7\n'
    (tmp_path / "c.toml").write_text(text + text.replace("bench", "later", 1))
    config = ("--config", str(tmp_path / "c.toml"))
    listed = run("keys", "list", *config)
    assert "env:BENCH_KEY" in listed.stdout
    assert "not accepted: the configuration has this name" in listed.stdout
    rows = json.loads(run("keys", "list", "--json", *config).stdout)
    assert [(row["name"], row["source"]) for row in rows] == [
        ("bench", "configuration"),
        ("later", "configuration"),
        ("later", "store"),
    ]
    for act in (("create", "bench"), ("revoke", "bench", "--yes"), ("rotate", "bench", "--yes")):
        done = run("keys", *act, *config)
        assert (done.exit_code, "configuration" in done.stderr) == (64, True)


def test_a_store_that_cannot_be_used_says_so(file: Path) -> None:
    """Naming the file."""
    file.write_text("dear diary\n" * 100)
    done = run("keys", "create", "laptop")
    assert (done.exit_code, done.stdout) == (74, "")
    assert str(file) in done.stderr
