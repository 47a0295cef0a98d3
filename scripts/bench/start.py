"""From `docker run` to ready and to the end of `docker stop`: SQLite and PostgreSQL, at head."""

from __future__ import annotations

import time
from dataclasses import replace

from scripts.bench import postgres, rivals
from scripts.bench.measure import Sample
from scripts.bench.postgres import Server
from scripts.bench.rivals import ALL, ENTRYPOINT, OURS, S6, Contestant, running
from scripts.engine import Engine

SETTLE_SECONDS = 1.0
STEPS = (OURS, ENTRYPOINT, S6)


def measure(docker: Engine, rounds: int) -> dict[str, dict[str, Sample]]:
    """Return seconds to ready and of the stop, and the memory between, by contestant."""
    figures: dict[str, dict[str, Sample]] = {one.name: {} for one in ALL}
    with postgres.serving(docker) as server:
        in_rounds(docker, rounds, ALL, "", figures)
        in_rounds(docker, rounds, on_postgres(server), ", PostgreSQL", figures)
    return figures


def on_postgres(server: Server) -> tuple[Contestant, ...]:
    """Return those with steps, on databases of a server: one for ours, one for all others."""
    ours, theirs = server.new_database("ours"), server.new_database("theirs")
    return tuple(at_database(one, ours if one is OURS else theirs) for one in STEPS)


def at_database(contestant: Contestant, url: str) -> Contestant:
    """Return a contestant that is told to use a PostgreSQL."""
    told = [each for each in contestant.environment if not each.startswith("EDGEPAAS_DB_MODE=")]
    return replace(contestant, environment=(*told, f"DATABASE_URL={url}"))


def in_rounds(
    docker: Engine,
    rounds: int,
    contestants: tuple[Contestant, ...],
    where: str,
    figures: dict[str, dict[str, Sample]],
) -> None:
    """Let contestants take turns, and add what is found to `figures`.

    A round before the first, which is not counted, brings their databases to head.
    """
    turns = [*contestants, *rivals.in_turn(contestants, rounds)]
    for number, one in enumerate(turns):
        with running(docker, one) as (container, seconds):
            time.sleep(SETTLE_SECONDS)
            found = [("start", "s", seconds), ("idle memory", "MiB", container.memory())]
            found.append(("stop", "s", container.stop()))
        if number >= len(contestants):
            for what, unit, value in found:
                samples = figures[one.name].setdefault(what + where, Sample(unit))
                samples.values.append(value)
