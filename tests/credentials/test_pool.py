"""Several credentials of one provider."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.config.sources import explain_config
from interlingua.credentials.pool import chosen, parse_keys, rendezvous
from interlingua.errors import ConfigError
from interlingua.types.secret import Credential, Secret


def credential(profile: str, weight: float = 1.0, account: str = "") -> Credential:
    return Credential(Secret("x" * 20), source=profile, profile=profile, account=account, weight=weight)


ENTRIES = [{"ref": "env:A", "weight": 3, "account": "acme"}, "env:B", {"ref": "env:C", "account": "acme"}]


def test_entries_are_texts_or_tables() -> None:
    """A text is a key of weight 1 and an account of its own."""
    found = parse_keys("lab", ENTRIES)
    assert [(one.ref, one.weight, one.account) for one in found] == [
        ("env:A", 3.0, "acme"),
        ("env:B", 1.0, ""),
        ("env:C", 1.0, "acme"),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("env:A", "a list"),
        ([7], r"\[0\].*text or a table"),
        ([{"ref": "env:A", "wieght": 3}], r"\[0\].*wieght"),
        ([{"weight": 3}], r"\[0\].*ref"),
        ([{"ref": "env:A", "weight": -1}], r"\[0\].*weight"),
        (["env:A", {"ref": "env:A"}], "twice"),
    ],
)
def test_what_is_no_entry_is_refused_with_its_place(value: Any, said: str) -> None:
    """And with an example that is right."""
    with pytest.raises(ConfigError, match=said) as caught:
        parse_keys("lab", value)
    assert "providers.lab.api_keys" in caught.value.message


@pytest.mark.parametrize("entry", ["sk-live-123456", {"ref": "sk-live-123456"}])
def test_a_key_in_plain_text_is_refused_and_not_repeated(entry: Any) -> None:
    """In a table as in a list, alone or among others."""
    for keys in ([entry], ["env:A", entry]):
        with pytest.raises(ConfigError) as caught:
            build_engine(Config(providers={"openai": {"api_keys": keys}}), environment={})
        assert "sk-live" not in caught.value.message + caught.value.remedy


def test_a_pool_holds_those_that_are_set_each_with_its_account() -> None:
    """One that is not set is none; a key without an account has its own."""
    engine = build_engine(
        Config(providers={"openai": {"api_keys": ENTRIES}}), environment={"A": "a" * 20, "B": "b" * 20}
    )
    pool = engine.pool(engine.providers["openai"])
    assert [(one.profile, one.account, one.weight) for one in pool] == [("env:A", "acme", 3.0), ("env:B", "env:B", 1.0)]
    assert engine.credentials.looked_in("openai", ()) == ("A", "B", "C")


def test_a_key_that_the_program_hands_over_is_used_alone() -> None:
    """Contracts §5: an explicit argument comes first."""
    config = Config(providers={"openai": {"api_keys": ENTRIES}})
    engine = build_engine(config, given={"openai": Secret("mine")}, environment={"A": "a" * 20})
    assert [one.source for one in engine.pool(engine.providers["openai"])] == ["argument"]


def test_shown_configuration_masks_what_may_be_a_key(tmp_path: Any) -> None:
    """References and accounts are shown."""
    file = tmp_path / "il.toml"
    file.write_text(
        '[providers.openai]\napi_keys = [{ ref = "sk-live-1", weight = 2 }, { ref = "env:A", account = "x" }]\n'
    )
    mixed = tmp_path / "mixed.toml"
    mixed.write_text('[providers.openai]\napi_keys = ["env:B", { ref = "sk-live-2", account = "acme" }]\n')
    for path, shown in ((file, ("env:A",)), (mixed, ("env:B", "acme"))):
        text = repr(explain_config(path, environment={}).settings)
        assert "sk-live" not in text
        assert all(one in text for one in shown)


@given(conversation=st.text(max_size=20), resting=st.integers(0, 2))
def test_when_one_rests_only_its_own_conversations_move(conversation: str, resting: int) -> None:
    """Prompt caches of all others stay warm."""
    pool = [credential(name) for name in ("one", "two", "three")]
    usual = chosen(pool, conversation)
    left = [one for place, one in enumerate(pool) if place != resting]
    assert chosen(pool, conversation) is usual
    if pool[resting] is not usual:
        assert chosen(left, conversation) is usual


def test_conversations_are_shared_out_by_weight() -> None:
    """One that weighs nothing is used when it is alone."""
    pool = [credential("one", 3), credential("two", 1), credential("none", 0)]
    used = Counter(chosen(pool, f"conversation {i}").profile for i in range(2000))
    assert used["one"] / 2000 == pytest.approx(0.75, abs=0.04)
    assert used["none"] == 0
    assert chosen(pool[2:], "x").profile == "none"


def test_reasoning_state_draws_a_conversation_to_the_account_that_made_it() -> None:
    """The latest first; where that account has no free key, to any."""
    pool = [credential("one", account="acme"), credential("two", account="other"), credential("three", account="acme")]
    for i in range(20):
        assert chosen(pool, f"{i}", ["acme", "other"]).account == "other"
        assert chosen(pool, f"{i}", ["other", "acme"]).account == "acme"
    assert chosen(pool[:1], "x", ["other"]).profile == "one"


@given(conversation=st.text(max_size=50), name=st.text(max_size=50), weight=st.floats(0, 1e6))
def test_every_name_has_a_finite_share(conversation: str, name: str, weight: float) -> None:
    """Also one with characters that no text can hold."""
    assert 0 <= rendezvous(conversation, name, weight) < float("inf")
