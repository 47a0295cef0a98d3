"""Samples and how they are told: median, least, most. Imports nothing of ours."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Sample:
    """Values of one measurement, in one unit."""

    unit: str
    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    def told(self) -> str:
        """Return `median unit (least-most)`."""
        if len(self.values) == 1:
            return f"{self.values[0]:.2f} {self.unit}"
        return f"{self.median:.1f} {self.unit} ({min(self.values):.1f}-{max(self.values):.1f})"
