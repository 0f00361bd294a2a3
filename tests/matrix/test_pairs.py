"""All 25 ordered pairs of dialects: what was said in one arrives in the other, but for what the other cannot carry.

A request, an answer, a stream and an error are written in the source dialect, read, written in the target dialect and
read again. What is lost on the second leg must be what docs/dialects/losses.toml declares for the target: what a pair
loses follows from the target alone, which is the point of an interlingua. Cases that the source itself cannot say
whole are left to the other sources.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import unfold
from interlingua.types.loss import Loss
from tests.contract.declared import Verb, becomes, declared
from tests.contract.errors import ERRORS
from tests.contract.measure import (
    answer_of,
    fills,
    level_request,
    level_response,
    measured,
    parsed_stream,
    rendered_stream,
    request_through,
    response_through,
)
from tests.contract.requests import REQUESTS
from tests.contract.responses import RESPONSES

PAIRS = [(source, target) for source in DIALECTS for target in DIALECTS]
each_pair = pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: name)
LEVELLED = {"call_id", "id", "created"}
"""Cases about what is levelled here; tests/contract measures them."""


def sayable(verb: Verb, source: str) -> list[str]:
    """The cases that a dialect says whole."""
    cases = REQUESTS if verb == "request" else RESPONSES
    return [case for case in cases if not declared(verb, case, source) and case not in LEVELLED]


def expected(verb: Verb, case: str, target: str) -> list[tuple[str, str]]:
    """What is declared to be lost, without the source's own luggage."""
    return [(entry.field, entry.kind) for entry in declared(verb, case, target)]


def found(
    said: object, heard: object, losses: Iterable[Loss], pair: tuple[str, str], wanted: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """What was lost, but for what the source fills where nothing was said: that is not the case's."""
    source, target = pair
    declared_fields = {field for field, _ in wanted}
    of_case = [loss for loss in losses if loss.field in declared_fields or not fills(loss.field, source)]
    lost = {(entry.field, entry.kind) for entry in measured(said, heard, of_case, target)}
    return sorted({one for one in lost if one in wanted or not fills(one[0], source)})


@each_pair
def test_a_request_loses_what_its_target_cannot_carry(source: str, target: str) -> None:
    """Nothing else, and nothing silently."""
    wrong = {}
    for case in sayable("request", source):
        said, _ = request_through(REQUESTS[case], source)
        heard, losses = request_through(said, target)
        wanted = sorted(set(expected("request", case, target)))
        lost = found(level_request(said), level_request(heard), losses, (source, target), wanted)
        if lost != wanted:
            wrong[case] = (lost, wanted)
    assert wrong == {}


@each_pair
def test_an_answer_loses_what_its_target_cannot_carry(source: str, target: str) -> None:
    """Here the source is the provider's dialect, the target the client's."""
    wrong = {}
    for case in sayable("response", source):
        said, _ = response_through(RESPONSES[case], source)
        wanted = sorted(set(expected("response", case, target)))
        try:
            heard, losses = response_through(said, target)
        except InterlinguaError:
            lost = [("choices", "error")]
        else:
            lost = found(level_response(said), level_response(heard), losses, (source, target), wanted)
        if lost != wanted:
            wrong[case] = (lost, wanted)
    assert wrong == {}


@each_pair
def test_a_stream_loses_what_its_target_cannot_carry(source: str, target: str) -> None:
    """However its bytes are cut on the way."""
    wrong = {}
    for case in sayable("stream", source):
        wire, _ = rendered_stream(unfold(RESPONSES[case]), source)
        dice = random.Random(f"{source} {target} {case}")
        cuts = sorted(dice.randrange(len(wire)) for _ in range(9))
        events = parsed_stream(wire, source, cuts)
        wanted = sorted(set(expected("stream", case, target)))
        passed_on, context = rendered_stream(events, target)
        try:
            heard = answer_of(parsed_stream(passed_on, target))
        except InterlinguaError:
            lost = [("choices", "error")]
        else:
            said = answer_of(events)
            lost = found(level_response(said), level_response(heard), context.losses, (source, target), wanted)
        if lost != wanted:
            wrong[case] = (lost, wanted)
    assert wrong == {}


@each_pair
def test_an_error_stays_what_both_dialects_can_tell(source: str, target: str) -> None:
    """A provider's error in the client's own envelope."""
    here = TranslationContext(dialect=source)
    there = TranslationContext(dialect=target)
    for code, error in ERRORS.items():
        said = dialect(source).parse_error(dialect(source).render_error(error, here), here)
        heard = dialect(target).parse_error(dialect(target).render_error(said, there), there)
        assert heard.code == becomes(becomes(code, source, stream=False), target, stream=False)
        assert heard.message == error.message
