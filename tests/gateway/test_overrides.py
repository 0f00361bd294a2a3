"""What a client may set about the way of one call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.engine.principal import LOCAL
from interlingua.errors import InvalidRequest
from interlingua.gateway.overrides import asked


def test_all_that_can_be_set_is_read() -> None:
    """From headers, in any order, with spaces around names."""
    found = asked(
        (
            ("x-interlingua-targets", "groq/a ,lab/b"),
            ("x-interlingua-strategy", "latency"),
            ("x-interlingua-timeout", "2.5"),
            ("x-interlingua-attempts", "3"),
            ("x-interlingua-no-fallback", "TRUE"),
            ("x-interlingua-continue", "false"),
            ("x-interlingua-conversation", "mine"),
        ),
        LOCAL,
        "c",
    )
    assert found.targets == ("groq/a", "lab/b")
    assert (found.strategy, found.timeout, found.attempts, found.failover, found.continues) == (
        "latency",
        2.5,
        3,
        False,
        False,
    )
    assert found.conversation == "c"
    plain = asked((("host", "x"),), LOCAL)
    assert (plain.targets, plain.failover, plain.continues, plain.timeout) == ((), True, None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "fastest"),
        ("timeout", "0"),
        ("timeout", "-1"),
        ("timeout", "nan"),
        ("timeout", "inf"),
        ("timeout", "1e9"),
        ("timeout", "soon"),
        ("attempts", "0"),
        ("attempts", "2.5"),
        ("attempts", "²"),
        ("attempts", "99999"),
        ("no-fallback", "maybe"),
        ("continue", ""),
        ("targets", ""),
        ("targets", "a,,b"),
        ("targets", ",".join("abcdefghijklmnopq")),
    ],
)
def test_a_value_that_is_none_is_refused_by_the_headers_name(name: str, value: str) -> None:
    """Nothing that a client sets is dropped in silence."""
    with pytest.raises(InvalidRequest) as caught:
        asked(((f"x-interlingua-{name}", value),), LOCAL)
    assert caught.value.path == f"x-interlingua-{name}"


@given(name=st.sampled_from(["targets", "strategy", "timeout", "attempts", "no-fallback", "continue"]), value=st.text())
def test_no_value_does_anything_but_set_or_be_refused(name: str, value: str) -> None:
    """It came over the network."""
    try:
        found = asked(((f"x-interlingua-{name}", value),), LOCAL)
    except InvalidRequest:
        return
    assert found.timeout is None or 0 < found.timeout <= 86_400
    assert found.attempts is None or 0 < found.attempts < 10_000
    assert all(found.targets)
