"""`make replay TRAFFIC=DIR`: what a folder of recorded traffic proves, as a table; exit status 1 where it disproves."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.replay.check import ASPECTS, Verdict, judge
from tests.replay.coverage import covers
from tests.replay.rules import Tally
from tests.replay.traffic import recorded

_HEAD = ("dialect", "provider", "exchanges", "requests equal", "responses clean", "streams clean", "errors classified")
_SHOWN = 4
"""How many problems of one exchange are printed."""


class Report:
    """Everything that a folder proves.

    Args:
        folder: holds the `*.jsonl` files.
    """

    def __init__(self, folder: Path) -> None:
        self.tally = Tally()
        self.verdicts: list[Verdict] = []
        self.uncovered: Counter[str] = Counter()
        for exchange in recorded(folder):
            covered = covers(exchange)
            if isinstance(covered, str):
                self.uncovered[covered] += 1
            else:
                self.verdicts.append(judge(exchange, covered, self.tally))

    @property
    def failed(self) -> list[Verdict]:
        """The exchanges that disprove something."""
        return [verdict for verdict in self.verdicts if not verdict.clean]

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows: per dialect and operation and provider, then all."""
        groups: dict[tuple[str, str], list[Verdict]] = {}
        for verdict in self.verdicts:
            name, operation = verdict.covered
            label = name if operation == "chat" else f"{name}: {operation}"
            groups.setdefault((label, verdict.provider), []).append(verdict)
        rows = [(*key, *_cells(group)) for key, group in sorted(groups.items())]
        return [*rows, ("all", "", *_cells(self.verdicts))]

    def text(self) -> str:
        """The whole report."""
        parts = [_table(_HEAD, self.rows())]
        parts.append(_listed("Not clean", (line for verdict in self.failed for line in _lines(verdict))))
        rules = ((f"{n:>5}  {name}: {reason}") for (name, reason), n in self.tally.rules.most_common())
        parts.append(_listed("Tolerated, by rule (tests/replay/reading)", rules))
        unknown = (f"{n:>5}  {dialect}  {place}" for (dialect, place), n in sorted(self.tally.unknown.items()))
        parts.append(_listed("Fields outside our model, kept in `extra` and rendered back", unknown))
        kinds = (f"{n:>5}  {kind}" for kind, n in sorted(self.uncovered.items()))
        parts.append(_listed("Not covered, by kind", kinds))
        return "\n\n".join(part for part in parts if part)


def _cells(group: list[Verdict]) -> tuple[str, ...]:
    cells = [str(len(group))]
    for aspect in ASPECTS:
        found = [verdict.problems[aspect] for verdict in group if aspect in verdict.problems]
        cells.append(f"{sum(not one for one in found)}/{len(found)}" if found else "-")
    return tuple(cells)


def _lines(verdict: Verdict) -> Iterable[str]:
    for aspect, problems in verdict.problems.items():
        if problems:
            yield f"{verdict.id}  ({verdict.covered.dialect}, {aspect})"
            yield from (f"      {problem}" for problem in problems[:_SHOWN])
            if len(problems) > _SHOWN:
                yield f"      and {len(problems) - _SHOWN} more"


def _listed(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    return "\n".join([f"{title}:", *(f"  {line}" for line in found)]) if found else ""


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def main(arguments: list[str]) -> int:
    """Prints the report of the folder that is named, or that IL_TRAFFIC names; 0 where all is clean, 2 without one."""
    named = next((one for one in arguments if one), os.environ.get("IL_TRAFFIC", ""))
    if not Path(named).is_dir() or not named:
        print(f"no folder of recorded traffic: {named or 'say TRAFFIC=DIR, or set IL_TRAFFIC'}", file=sys.stderr)
        return 2
    report = Report(Path(named))
    print(report.text())
    if not report.verdicts:
        print("\nnothing in it is covered", file=sys.stderr)
        return 2
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
