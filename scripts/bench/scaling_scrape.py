"""How a scrape grows with series and with workers."""

from __future__ import annotations

import shutil

from scripts.bench import scrape
from scripts.bench.line import Line
from scripts.checkout import build_directory

SERIES = (100, 300, 1000, 3000, 10_000)
WORKERS = (1, 2, 4, 8, 16)
SCRAPES = 10


def measure(rounds: int) -> list[Line]:
    """Return milliseconds of a scrape, against the series of two workers and against workers."""
    by_series = Line("scrape of two workers", "series", "ms")
    by_workers = Line("scrape of workers with 1,000 series each", "workers", "ms")
    for _ in range(rounds):
        for series in SERIES:
            by_series.add(series, *scrapes(2, series))
        for workers in WORKERS:
            by_workers.add(workers, *scrapes(workers, 1000))
    return [by_series, by_workers]


def scrapes(workers: int, series: int) -> list[float]:
    """Return the milliseconds of some scrapes; the first, which learns the names, is not told."""
    run_dir = build_directory("bench", "scrape")
    shutil.rmtree(run_dir)
    (run_dir / "metrics").mkdir(parents=True)
    for slot in range(workers):
        scrape.leave_series(run_dir, slot, series)
    with scrape.sidecar(run_dir) as (_, port):
        return list(scrape.scrapes(port, SCRAPES + 1))[1:]
