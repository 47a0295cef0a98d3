"""What grows with what: each a line, and its exponent (1 is linear)."""

from __future__ import annotations

from scripts.bench import scaling_boot, scaling_live, scaling_scrape
from scripts.bench.line import Line

LEAST_ROUNDS = 3


def measure(rounds: int) -> list[Line]:
    """Return the lines; each point is measured three times at least."""
    rounds = max(rounds, LEAST_ROUNDS)
    parts = (scaling_boot.measure, scaling_scrape.measure, scaling_live.measure)
    return [line for part in parts for line in part(rounds)]


def table(lines: list[Line]) -> str:
    """Return the lines for people."""
    told = "\n".join(text for line in lines for text in line.told())
    return f"\n{told}\n"
