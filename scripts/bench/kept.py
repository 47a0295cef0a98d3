"""The figures that lie under build/bench, of whatever was measured last, and the plot of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from scripts.bench import plot
from scripts.bench.line import Line, from_plain
from scripts.bench.measure import Sample

OURS = "edgepaas"
Groups = dict[str, dict[str, Sample]]


def draw(folder: Path) -> Path:
    """Draw all figures that are kept in a folder; return where the plot is."""
    groups: Groups = {}
    for path in sorted(folder.glob("*.json")):
        figures = read(path)
        for what, samples in compared({**figures, **figures.get("chains", {})}).items():
            groups.setdefault(what, {}).update(samples)
    drawn = folder / "bench.svg"
    drawn.write_text(plot.page(groups, OURS, lines(folder)), encoding="utf-8")
    return drawn


def read(path: Path) -> Mapping[str, Any]:
    """Return what is kept in a file; nothing where it is no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def compared(figures: Mapping[str, Any]) -> Groups:
    """Return for each measure what was found for ours and for others, if both are there."""
    contestants = {name: found for name, found in figures.items() if is_measures(found)}
    groups: Groups = {}
    for name, measures in contestants.items():
        for what, sample in measures.items():
            groups.setdefault(what, {})[name] = Sample(**sample)
    return {what: found for what, found in groups.items() if are_compared(found)}


def are_compared(names: Collection[str]) -> bool:
    """Tell whether ours is among them, and another."""
    ours = {name for name in names if name.startswith(OURS)}
    return bool(ours) and len(ours) < len(names)


def is_measures(found: object) -> bool:
    """Tell whether something is samples by what they measure."""
    return (
        isinstance(found, dict)
        and bool(found)
        and all(
            isinstance(each, dict) and set(each) == {"unit", "values"} for each in found.values()
        )
    )


def lines(folder: Path) -> list[Line]:
    """Return the lines of what grows with what."""
    kept = read(folder / "scaling.json").get("lines", {})
    return [from_plain(name, plain) for name, plain in kept.items()]
