"""Draws a run: `plot.py RUN.json PICTURE.svg`, in the environment of the peers. Readable on light and dark pages: no
background, and greys and colours of middling brightness."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

OURS, OTHERS, TEXT = "#3b82f6", "#8b98a9", "#768390"
PANELS = (
    ("whole, 1 KB, 32 connections", "per_second", "requests/s", "{:,.0f}", True),
    ("whole, 1 KB, 1 connection", "p50_ms", "ms, one connection", "{:.2f}", False),
    ("200 streams", "cpu_us", "µs of CPU a streamed event", "{:.1f}", False),
    ("whole, 1 KB, 32 connections", "memory_mb", "MB of memory, loaded", "{:,.0f}", False),
)
"""Case, figure, title, how a value is written, and whether more is better."""


def main(source: Path, picture: Path) -> None:
    """Writes the picture."""
    results: dict[str, dict[str, Any]] = json.loads(source.read_text())["results"]
    style = {"text.color": TEXT, "axes.labelcolor": TEXT, "xtick.color": TEXT, "ytick.color": TEXT}
    pyplot.rcParams.update({**style, "font.family": "sans-serif", "font.size": 10, "svg.fonttype": "none"})
    figure, places = pyplot.subplots(2, 2, figsize=(10.5, 5))
    for place, (case, key, title, form, more) in zip(places.flat, PANELS, strict=True):
        rows = {
            name: got[key]
            for name, got in results.get(case, {}).items()
            if got[key] and got.get("whole", 0) == got.get("streams", 0) and name.count(",") < 2
        }
        draw(place, sorted(rows.items(), key=lambda row: row[1], reverse=not more), title, form)
    figure.tight_layout(w_pad=2, h_pad=2)
    figure.savefig(picture, transparent=True, metadata={"Date": None})


def draw(place: Any, rows: list[tuple[str, float]], title: str, form: str) -> None:
    """One panel: a bar a gateway, the best at the top."""
    if not rows:
        return
    names, values = [name for name, _ in rows], [value for _, value in rows]
    spread = max(values) / min(values)
    place.barh(names, values, color=[OURS if name.startswith("Interlingua") else OTHERS for name in names], height=0.66)
    if spread > 30:
        place.set_xscale("log")
        title += ", log scale"
    for number, value in enumerate(values):
        place.annotate(
            form.format(value), (value, number), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9
        )
    place.set_title(title, loc="left", fontsize=11, fontweight="bold")
    place.margins(x=0.16 if spread <= 30 else 0.28)
    place.tick_params(length=0)
    place.minorticks_off()
    place.set_xticks([])  # the values stand at the bars
    for side in place.spines.values():
        side.set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
