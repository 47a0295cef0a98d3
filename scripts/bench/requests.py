"""How many requests a second, and how late the last of a hundred is, beside bare gunicorn.

Ours has metrics, request ids and access control; bare gunicorn with two uvicorn workers serves
the same app without them, and once more without any middleware. All in the host's network: no
proxy of the engine's, and one PostgreSQL for all.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from urllib.request import Request, urlopen

from scripts.bench import load, postgres
from scripts.bench.fanout import free_port
from scripts.bench.measure import Sample
from scripts.bench.rivals import BARE, ENTRYPOINT, OURS, Contestant, in_turn, wait_until_ready
from scripts.checkout import ROOT
from scripts.engine import Engine

Figures = dict[str, dict[str, Sample]]
SLICE_SECONDS = 1
SLICES = 4  # of each work and contestant in each round
SPREAD_RUNS = 10
ROWS = 20
TOKEN = "bench-bench-bench-bench"  # noqa: S105 (of a container that lives for a minute)
NODES = "/api/v1/nodes"
APP = ROOT / "scripts/bench/measured_app.py"
OPTIONS = ("--detach", "--network=host", f"--volume={APP}:/srv/app/measured.py:ro")
OUR_VARIABLES = (
    "EDGEPAAS_APP=app.measured:app",
    "EDGEPAAS_BIND=127.0.0.1",
    "EDGEPAAS_METRICS_BIND=127.0.0.1",
    f"EDGEPAAS_API_TOKENS=write:bench:{TOKEN}",
    "WEB_CONCURRENCY=2",
)
WHOLE = Contestant(OURS.name, OURS.image, environment=OUR_VARIABLES)
FEATURES = (
    *(
        Contestant(f"  without {what}", OURS.image, (), (*OUR_VARIABLES, f"BENCH_WITHOUT={name}"))
        for what, name in (
            ("metrics", "Metrics"),
            ("request ids", "RequestId"),
            ("access control", "Access"),
            ("all three", "Metrics,RequestId,Access"),
        )
    ),
    Contestant("  with an access log", OURS.image, (), (*OUR_VARIABLES, "EDGEPAAS_ACCESS_LOG=1")),
)
OTHERS = tuple(
    Contestant(f"{BARE.name}{what}", BARE.image, ENTRYPOINT.command, ("APP=app.measured:app", less))
    for what, less in (
        (", the three off", "BENCH_WITHOUT=Metrics,RequestId,Access"),
        (", no middleware", "BENCH_WITHOUT=all"),
    )
)


@dataclass(frozen=True)
class Work:
    """A kind of request: what it is called, its path, and whether it writes."""

    name: str
    path: str
    write: bool = False


JSON = Work("trivial JSON", "/bench")
READ = Work(f"{ROWS} rows", f"{NODES}?limit={ROWS}")
WRITE = Work("a write", NODES, write=True)


def measure(docker: Engine, rounds: int) -> Figures:
    """Return the figures of ours, of the others, and of ours with each feature off in turn.

    All run at once and are asked one after the other, a slice of time each: what else the machine
    does meanwhile, it does to all.
    """
    load.ensure()
    slices = rounds * SLICES
    figures: Figures = {one.name: {} for one in (WHOLE, *OTHERS, *FEATURES)}
    with all_running(docker, [on_sqlite(one) for one in (WHOLE, *OTHERS)]) as served:
        ask_in_turn(figures, served, slices, "", JSON)
        ask_in_turn(figures, served, slices, ", SQLite", READ)
        ask_in_turn(figures, served, slices, ", SQLite", WRITE)
    with ExitStack() as stack:
        server = stack.enter_context(postgres.serving(docker))
        contestants = [on(one, server) for one in (WHOLE, *OTHERS)]
        served = stack.enter_context(all_running(docker, contestants))
        ask_in_turn(figures, served, slices, ", PostgreSQL", READ)
        ask_in_turn(figures, served, slices, ", PostgreSQL", WRITE)
    with all_running(docker, [on_sqlite(one) for one in (WHOLE, *FEATURES)]) as served:
        ask_in_turn(figures, served, slices, ", a feature off", JSON)
    return figures


def spread(docker: Engine, rounds: int) -> Figures:
    """Return requests a second of short runs, each on 32 new connections, for the worst of them."""
    load.ensure()
    contestants = (WHOLE, OTHERS[0])
    figures: Figures = {one.name: {} for one in contestants}
    with all_running(docker, [on_sqlite(one) for one in contestants]) as served:
        ask_in_turn(figures, served, rounds * SPREAD_RUNS, ", short runs", JSON)
    for samples in figures.values():
        rates = next(iter(samples.values()))
        samples["the worst of them"] = Sample("of their median", [min(rates.values) / rates.median])
    return figures


def ask_in_turn(
    figures: Figures, served: Mapping[str, str], slices: int, where: str, work: Work
) -> None:
    """Ask all contestants, each round begun by another one; note what they achieve."""
    what = f"{work.name}{where}"
    for address in served.values():
        load.ask(address + work.path, TOKEN, 1, write=work.write)
    for name in in_turn(tuple(served), slices):
        found = load.ask(served[name] + work.path, TOKEN, SLICE_SECONDS, write=work.write)
        figures[name].setdefault(what, Sample("/s")).values.append(found.rate)
        figures[name].setdefault(f"{what}, p99", Sample("ms")).values.append(found.p99)


def on_sqlite(one: Contestant) -> Contestant:
    """Return the contestant on a file of its own image's way."""
    mode = ("EDGEPAAS_DB_MODE=sqlite",) if one.image == OURS.image else ()
    return replace(one, environment=(*one.environment, *mode))


def on(one: Contestant, server: postgres.Server) -> Contestant:
    """Return the contestant on a new database of the server."""
    url = server.new_database(f"bench_{uuid.uuid4().hex[:8]}")
    return replace(one, environment=(*one.environment, f"DATABASE_URL={url}"))


def record(address: str) -> None:
    """Put the rows into the empty database that the requests read."""
    for number in range(ROWS):
        body = json.dumps({"name": f"bench-{number:02}", "region": "bench"}).encode()
        head = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        urlopen(Request(address + NODES, body, head, method="POST"), timeout=10).close()


@contextmanager
def all_running(docker: Engine, contestants: Sequence[Contestant]) -> Iterator[dict[str, str]]:
    """Run contestants side by side, with rows to read; yield their addresses by name."""
    with ExitStack() as stack:
        served = {one.name: stack.enter_context(running(docker, one)) for one in contestants}
        for address in served.values():
            record(address)
        yield served


@contextmanager
def running(docker: Engine, one: Contestant) -> Iterator[str]:
    """Run a contestant with an empty data directory until it is ready; yield its address."""
    port, management = free_port(), free_port()
    given = (*one.environment, f"PORT={port}", f"EDGEPAAS_METRICS_PORT={management}")
    name = f"edgepaas-bench-{uuid.uuid4().hex[:8]}"
    variables = [f"--env={each}" for each in given]
    address = f"http://127.0.0.1:{port}"
    try:
        docker.output(
            "run", "--name", name, "--volume=/data", *OPTIONS, *variables, one.image, *one.command
        )
        wait_until_ready(docker, name, f"{address}/health/ready")
        yield address
    finally:
        docker.run("rm", "--force", "--volumes", name)
