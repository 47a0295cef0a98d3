"""The whole container beside what others run: start, stop, memory, image, idle, requests."""

from __future__ import annotations

import time
from typing import Callable

from scripts.bench import requests, rivals, start
from scripts.bench.measure import Sample
from scripts.bench.rivals import ENTRYPOINT, OURS, running
from scripts.engine import Engine

Figures = dict[str, dict[str, Sample]]
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 1.0


def size(docker: Engine, _rounds: int) -> Figures:
    """Return the megabytes of the images."""
    figures: Figures = {}
    for one in (OURS, ENTRYPOINT):
        whole, packed = rivals.layer_sizes(docker, one.image)
        figures[one.name] = {"image": Sample("MB", [whole]), "to pull": Sample("MB", [packed])}
    return figures


def idle(docker: Engine, _rounds: int) -> Figures:
    """Return the percents of one processor a container takes while nothing is asked of it."""
    figures: Figures = {}
    for one in (OURS, ENTRYPOINT):  # which is bare gunicorn once its steps are done
        with running(docker, one) as (container, _):
            time.sleep(SETTLE_SECONDS)
            before = container.cpu()
            time.sleep(IDLE_SECONDS)
            used = 100 * (container.cpu() - before) / IDLE_SECONDS
            figures[one.name] = {"idle processor": Sample("%", [used])}
    return figures


SECTIONS: dict[str, Callable[[Engine, int], Figures]] = {
    "start": start.measure,
    "size": size,
    "idle": idle,
    "requests": requests.measure,
    "spread": requests.spread,
}
