"""The checks of the fuzz targets, run on their samples and on a few relatives of them, the same in every run."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS

_ANYTHING = st.binary(max_size=40)


@pytest.mark.parametrize("name", TARGETS)
def test_every_sample_passes_its_check(name: str) -> None:
    seeds = TARGETS[name].seeds()
    assert len(set(seeds)) == len(seeds) > 1
    for seed in seeds:
        TARGETS[name].check(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, derandomize=True, deadline=None)
@given(place=st.integers(0, 10**6), seed=st.integers(0, 2**32))
def test_every_relative_of_a_sample_passes_it_too(name: str, place: int, seed: int) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    data = mutate(seeds[place % len(seeds)], random.Random(seed), seeds, target.words)
    target.check(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, derandomize=True, deadline=None)
@given(data=_ANYTHING)
def test_any_bytes_at_all_pass_it(name: str, data: bytes) -> None:
    TARGETS[name].check(data)
