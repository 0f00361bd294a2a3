from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable

import msgspec
import pytest

from interlingua.types.secret import Credential, Secret

CANARY = "sk-canary-0123456789abcd"


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda s: f"{s}",
        lambda s: str([s]),
    ],
)
def test_a_secret_cannot_be_shown(show: Callable[[object], str]) -> None:
    assert "canary" not in show(Secret(CANARY))


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, vars])
def test_a_secret_cannot_be_written_or_copied(write: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as caught:
        write(Secret(CANARY))
    assert "canary" not in str(caught.value)


def test_a_secret_cannot_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("key %s %r", Secret(CANARY), Credential(Secret(CANARY), source="argument"))
    assert "Secret(…)" in caplog.text
    assert "canary" not in caplog.text


def test_it_can_be_revealed_where_it_must_be() -> None:
    assert Secret(CANARY).reveal() == CANARY


@pytest.mark.parametrize(("value", "tail"), [(CANARY, "…abcd"), ("short-key", "…")])
def test_people_see_the_end_of_a_long_key_and_nothing_of_a_short_one(value: str, tail: str) -> None:
    assert Secret(value).tail == tail


def test_equal_secrets_are_equal_and_hash_alike() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("ü")}) == 2


def test_a_credential_shows_its_source_and_belongs_to_an_account() -> None:
    credential = Credential(Secret(CANARY), source="OPENAI_API_KEY", profile="team")
    assert repr(credential) == "Credential(…abcd, from OPENAI_API_KEY)"
    assert credential.account == "team"
    assert Credential(Secret(CANARY), source="argument", profile="team", account="acme").account == "acme"
