"""Measurements as pictures: an SVG that stands for itself, and a few rows of characters for a terminal.

Each call is a dot, so that what varies is seen and not averaged away; the line is the median. No library is needed
for so little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from interlingua.bench.measure import Sample, percentile

_COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
_LABELS, _PLOT, _ROW, _TOP, _GAP = 230, 560, 34, 46, 40
_TICKS = 5

Measured = Callable[[Sample], float | None]
_PANELS: tuple[tuple[str, Measured], ...] = (
    ("time to the first token, seconds", lambda one: one.first),
    ("time to the end, seconds", lambda one: one.total),
    ("output tokens per second", lambda one: one.speed),
)


def render_svg(samples: Sequence[Sample]) -> str:
    """The measurements as an SVG: one panel for each figure, one row for each model, one dot for each call."""
    answered = [one for one in samples if one.error is None]
    models = list(dict.fromkeys(one.model for one in samples))
    height = _TOP
    panels: list[str] = []
    for title, measured in _PANELS:
        panels.append(_panel(title, models, answered, measured, height))
        height += len(models) * _ROW + _GAP + 34
    width = _LABELS + _PLOT + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">\n'
        "<style>text{fill:#1f2937}.q{fill:#6b7280}line{stroke:#e5e7eb}"
        "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.q{fill:#9ca3af}line{stroke:#374151}}</style>\n"
        f"{''.join(panels)}</svg>\n"
    )


def _panel(title: str, models: Sequence[str], samples: Sequence[Sample], measured: Measured, top: int) -> str:
    values = [value for one in samples if (value := measured(one)) is not None]
    highest, step = _scale(max(values, default=0.0))
    bottom = top + len(models) * _ROW

    def x(value: float) -> float:
        return _LABELS + value / highest * _PLOT

    parts = [f'<text x="16" y="{top - 16}" font-weight="600">{escape(title)}</text>\n']
    for tick in range(round(highest / step) + 1):
        at = x(tick * step)
        parts.append(f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{bottom}"/>')
        parts.append(f'<text class="q" x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{tick * step:g}</text>\n')
    for row, model in enumerate(models):
        middle = top + row * _ROW + _ROW / 2
        colour = _COLOURS[row % len(_COLOURS)]
        shown = model if len(model) <= 30 else model[:29] + "…"
        parts.append(f'<text x="16" y="{middle + 4:.1f}">{escape(shown)}<title>{escape(model)}</title></text>')
        of = [value for one in samples if one.model == model and (value := measured(one)) is not None]
        for place, value in enumerate(of):
            drift = (place * 7 % 11 - 5) * 1.4  # so that equal values are seen beside each other
            parts.append(
                f'<circle cx="{x(value):.1f}" cy="{middle + drift:.1f}" r="3.5" fill="{colour}" fill-opacity=".55"/>'
            )
        median = percentile(of, 50)
        if median is None:
            parts.append(f'<text class="q" x="{_LABELS + 6}" y="{middle + 4:.1f}">not known</text>\n')
        else:
            at = x(median)
            parts.append(
                f'<path d="M{at:.1f} {middle - 13:.1f}v26" stroke="{colour}" stroke-width="2.5"/>'
                f'<text class="q" x="{at + 6:.1f}" y="{middle - 7:.1f}" font-size="11">{median:.3g}</text>\n'
            )
    return "".join(parts)


def _scale(most: float) -> tuple[float, float]:
    """The end of an axis, and the distance of its ticks: round figures."""
    if most <= 0:
        return 1.0, 0.25
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return math.ceil(most / step * 0.999) * step, step


def text_rows(samples: Sequence[Sample], width: int, measured: Measured = _PANELS[0][1]) -> list[str]:
    """One row for each model: from the fastest call to the slowest, with the middle half and the median.

    Args:
        samples: the calls.
        width: columns of a row.
        measured: what is drawn; the time to the first token by default.
    """
    models = list(dict.fromkeys(one.model for one in samples))
    of = {
        model: sorted(
            value
            for one in samples
            if one.model == model and one.error is None and (value := measured(one)) is not None
        )
        for model in models
    }
    most = max((values[-1] for values in of.values() if values), default=0.0)
    label = min(max(map(len, models), default=0), max(8, width // 3))
    tail = 10
    room = max(10, width - label - tail - 2)
    rows = []
    for model, values in of.items():
        name = (model if len(model) <= label else model[: label - 1] + "…").ljust(label)
        if not values:
            rows.append(f"{name}  not known")
            continue
        at = [
            min(room - 1, int((percentile(values, share) or 0.0) / most * (room - 1))) if most else 0
            for share in (1, 25, 50, 75, 100)
        ]
        line = [" "] * room
        line[at[0] : at[4] + 1] = "─" * (at[4] + 1 - at[0])
        line[at[1] : at[3] + 1] = "━" * (at[3] + 1 - at[1])
        line[at[2]] = "●"
        rows.append(f"{name}  {''.join(line).rstrip()} {percentile(values, 50) or 0.0:.2f} s")
    return rows
