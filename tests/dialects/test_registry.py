from __future__ import annotations

import pytest

from interlingua.dialects.registry import DIALECTS, dialect, lens
from interlingua.errors import ConfigError


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_has_a_lens(name: str) -> None:
    found = lens(name)
    assert {wanted for wanted in ("Watcher", "peek", "edit", "usage") if not hasattr(found, wanted)} == set()
    assert lens(name) is found


def test_an_unknown_dialect_is_refused_by_name() -> None:
    for find in (dialect, lens):
        with pytest.raises(ConfigError, match="klingon"):
            find("klingon")
