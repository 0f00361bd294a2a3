"""Everything that the recorded traffic in IL_TRAFFIC proves, as `make replay` reports it."""

from __future__ import annotations

from tests.replay.check import ASPECTS
from tests.replay.report import Report
from tests.replay.traffic import folder


def test_every_covered_exchange_is_clean_and_every_aspect_was_put_to_the_proof() -> None:
    report = Report(folder())
    assert {verdict.id: verdict.problems for verdict in report.failed} == {}
    for aspect in ASPECTS:
        assert sum(aspect in verdict.problems for verdict in report.verdicts) > 0, aspect
