"""A line: what something takes against how much of it there is. Of ours it imports Sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.bench.measure import Sample

UPPER_END = 3


@dataclass
class Line:
    """Samples of one unit, by the number of what is counted in `against`."""

    name: str
    against: str
    unit: str
    points: dict[int, Sample] = field(default_factory=dict)

    def add(self, number: int, *values: float) -> None:
        """Add what it took with so many."""
        self.points.setdefault(number, Sample(self.unit)).values.extend(values)

    def medians(self) -> list[tuple[int, float]]:
        """Return number and median of each point, fewest first."""
        return [(number, self.points[number].median) for number in sorted(self.points)]

    def exponent(self) -> float:
        """Return the slope on logarithmic axes over all points: 1 is linear, 2 square."""
        return slope(self.medians())

    def exponent_at_the_end(self) -> float:
        """Return the same over the last three points, where a fixed cost hides least."""
        return slope(self.medians()[-UPPER_END:])

    def each(self) -> float:
        """Return what one more costs, from the first point to the last."""
        (fewest, least), *_, (most, furthest) = self.medians()
        return (furthest - least) / (most - fewest)

    def told(self) -> list[str]:
        """Return it for people."""
        cells = [f"{number}: {told(self.points[number])}" for number in sorted(self.points)]
        return [
            f"  {self.name}",
            *(f"    {cell}" for cell in cells),
            f"    exponent {self.exponent():.2f}, {self.exponent_at_the_end():.2f} at the end;"
            f" one more costs {self.each():.3g} {self.unit}",
        ]

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "against": self.against,
            "unit": self.unit,
            "points": {str(number): asdict(sample) for number, sample in self.points.items()},
            "exponent": self.exponent(),
            "exponent at the end": self.exponent_at_the_end(),
            "one more costs": self.each(),
        }


def told(sample: Sample) -> str:
    """Return `median unit (least-most)`, of three digits each."""
    least, most = min(sample.values), max(sample.values)
    return f"{sample.median:.3g} {sample.unit} ({least:.3g}-{most:.3g})"


def slope(points: Sequence[tuple[int, float]]) -> float:
    """Return the slope of the straight line closest to points on logarithmic axes."""
    logs = [(math.log(number), math.log(value)) for number, value in points]
    middle = sum(x for x, _ in logs) / len(logs)
    height = sum(y for _, y in logs) / len(logs)
    rise = sum((x - middle) * (y - height) for x, y in logs)
    return rise / sum((x - middle) ** 2 for x, _ in logs)


def from_plain(name: str, plain: Mapping[str, Any]) -> Line:
    """Return the line that `as_plain` told."""
    points = {int(number): Sample(**sample) for number, sample in plain["points"].items()}
    return Line(name, plain["against"], plain["unit"], points)
