"""Sealed strings that pass through a client's hands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from interlingua.wire.envelope import PREFIX, seal, unseal

KEY = b"0123456789abcdef"


@given(origin=st.binary(max_size=50), data=st.binary(max_size=200), binding=st.binary(max_size=20))
def test_what_was_sealed_is_unsealed(origin: bytes, data: bytes, binding: bytes) -> None:
    """Whatever it is."""
    text = seal(origin, data, KEY, binding)
    assert text.startswith(PREFIX)
    assert unseal(text, KEY, binding) == (origin, data)


@given(data=st.binary(min_size=1, max_size=40), place=st.integers(0, 200), letter=st.sampled_from("AZaz09-_"))
def test_a_changed_letter_breaks_the_seal(data: bytes, place: int, letter: str) -> None:
    """Or changes nothing at all: the last letter of base64 holds spare bits."""
    text = seal(b"origin", data, KEY)
    place = len(PREFIX) + place % (len(text) - len(PREFIX))
    if text[place] != ".":
        changed = text[:place] + letter + text[place + 1 :]
        assert unseal(changed, KEY) in (None, (b"origin", data))


def test_another_key_or_binding_does_not_open_it() -> None:
    """A tenant's state is no other tenant's."""
    text = seal(b"o", b"d", KEY, b"tenant a")
    assert unseal(text, KEY, b"tenant b") is None
    assert unseal(text, b"another key of ours", b"tenant a") is None
    assert unseal(seal(b"ab", b"c", KEY), KEY, b"") == (b"ab", b"c")


@given(st.text(max_size=60))
def test_any_other_text_is_nothing(text: str) -> None:
    """A provider's own signature passes for what it is."""
    assert unseal(text, KEY) is None
    assert unseal(PREFIX + text, KEY) is None
