from __future__ import annotations

from collections.abc import Iterable

import pytest

from interlingua.client.timing import KEPT, Stopwatch, Timing


def watch(started: float, marks: Iterable[float], end: float) -> Stopwatch:
    marks = list(marks)
    times = iter([started, *marks, *([end] * 3)])
    stopwatch = Stopwatch(lambda: next(times))
    for _ in marks:
        stopwatch.mark()
    return stopwatch


def test_a_call_is_timed_from_start_to_end() -> None:
    assert watch(100.0, [100.5, 101.0, 101.25, 102.5], 103.0).timing(output_tokens=40) == Timing(
        started=100.0,
        first_token=0.5,
        total=3.0,
        tokens_per_second=20.0,
        gap_p10=0.25,
        gap_p50=0.5,
        gap_p90=1.25,
        gap_max=1.25,
    )


def test_without_any_piece_only_the_total_is_known() -> None:
    assert watch(1.0, [], 3.0).timing(output_tokens=5) == Timing(started=1.0, total=2.0)


def test_an_answer_in_one_piece_has_no_speed() -> None:
    timing = watch(0.0, [2.0], 2.0).timing(output_tokens=5)
    assert (timing.first_token, timing.tokens_per_second, timing.gap_max) == (2.0, None, None)


def test_unknown_tokens_give_no_speed() -> None:
    assert watch(0.0, [1.0, 2.0], 2.0).timing().tokens_per_second is None


def test_unseen_tokens_do_not_count_towards_the_speed() -> None:
    assert watch(0.0, [5.0, 7.0], 7.0).timing(1_020, unseen_tokens=1_000).tokens_per_second == 10.0


def test_a_clock_that_steps_back_gives_no_negative_times() -> None:
    timing = watch(10.0, [11.0, 9.0], 8.0).timing(output_tokens=1)
    assert (timing.total, timing.gap_max, timing.tokens_per_second) == (1.0, 0.0, None)


@pytest.mark.parametrize("gaps", [KEPT, KEPT + 1, 10 * KEPT, 50_000])
def test_long_answers_are_sampled_evenly_in_bounded_memory(gaps: int) -> None:
    marks, now = [0.0], 0.0
    for i in range(gaps):
        now += 9.0 if i == gaps - 1 else float(i % 10)
        marks.append(now)
    stopwatch = watch(0.0, marks, now)
    timing = stopwatch.timing()
    assert len(stopwatch._gaps) <= KEPT
    assert timing.gap_max == 9.0
    assert timing.gap_p50 is not None
    assert 4.0 <= timing.gap_p50 <= 5.0


def test_the_longest_gap_is_exact_however_long_the_answer() -> None:
    marks = [float(i) for i in range(5_000)]
    marks += [marks[-1] + 77.0]
    assert watch(0.0, marks, marks[-1]).timing().gap_max == 77.0
