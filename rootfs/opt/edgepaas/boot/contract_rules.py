"""What must hold between variables, once each is right by itself."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from boot import budget
from boot.contract_problem import Problem, anchor, assignment
from boot.contract_types import ANYBODY, PORT_MOST

UNPRIVILEGED_PORT_START = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
PROCESS_STATUS = Path("/proc/self/status")
FREE_PORT = 8080
CAP_NET_BIND_SERVICE = 10
MAY_BE_UNSET = frozenset({"DATABASE_URL"})
EXAMPLE_URL = "postgresql://user:password@host:5432/database"

Values = Mapping[str, str]
Origins = Mapping[str, str]
Rule = Callable[[Values, Origins], Iterator[Problem]]


def broken(values: Values, origins: Origins, sound: set[str]) -> Iterator[Problem]:
    """Yield what is wrong between variables; only rules whose variables are all `sound` apply."""
    for names, rule in RULES.items():
        if sound.issuperset(names) and values.keys() >= set(names) - MAY_BE_UNSET:
            yield from rule(values, origins)


def _database(values: Values, origins: Origins) -> Iterator[Problem]:
    url = values.get("DATABASE_URL", "")
    if values.get("EDGEPAAS_DB_MODE") != "postgres":
        return
    if url.startswith("sqlite"):
        what = "names SQLite, but EDGEPAAS_DB_MODE is postgres"
        fix = assignment("EDGEPAAS_DB_MODE", "sqlite")
        yield Problem("DATABASE_URL", what, fix, anchor("EDGEPAAS_DB_MODE"))
    elif not url:
        chosen = origins.get("EDGEPAAS_DB_MODE") == "env"
        what = (
            "is not set, and EDGEPAAS_DB_MODE=postgres needs it"
            if chosen
            else "is not set, and in production the database must be named "
            "(or EDGEPAAS_DB_MODE=sqlite, if an embedded one is meant)"
        )
        fix = assignment("DATABASE_URL", EXAMPLE_URL)
        yield Problem("DATABASE_URL", what, fix, anchor("DATABASE_URL"))


def _stop_budget(values: Values, _origins: Origins) -> Iterator[Problem]:
    total = float(values["EDGEPAAS_STOP_TIMEOUT"])
    drain = float(values["EDGEPAAS_DRAIN_DELAY"])
    try:
        budget.derive(total, drain)
    except ValueError:
        least = drain + budget.GRACEFUL_LEAST + budget.ARBITER_MARGIN + budget.LAST_MOST
        what = (
            f"is {drain:g} and leaves too little of EDGEPAAS_STOP_TIMEOUT={total:g} for requests "
            f"in flight; allow {least:g} s or more in all, and `docker stop --time` above it"
        )
        fix = assignment("EDGEPAAS_STOP_TIMEOUT", f"{least:g}")
        yield Problem("EDGEPAAS_DRAIN_DELAY", what, fix, anchor("EDGEPAAS_STOP_TIMEOUT"))


def _different_ports(values: Values, _origins: Origins) -> Iterator[Problem]:
    port = values["PORT"]
    if port == values["EDGEPAAS_METRICS_PORT"]:
        what = f"is {port}, as PORT is; the two need ports of their own"
        free = int(port) + 1 if int(port) < PORT_MOST else FREE_PORT
        fix = assignment("EDGEPAAS_METRICS_PORT", str(free))
        yield Problem("EDGEPAAS_METRICS_PORT", what, fix, anchor("EDGEPAAS_METRICS_PORT"))


def _allowed_port(name: str) -> Rule:
    def rule(values: Values, _origins: Origins) -> Iterator[Problem]:
        lowest = lowest_port()
        port = values[name]
        if int(port) < lowest:
            free = str(max(lowest, FREE_PORT))
            what = (
                f"is {port}, and without privileges the lowest port is {lowest}; "
                f"listen on a higher one and publish that: -p {port}:{free}"
            )
            yield Problem(name, what, assignment(name, free), anchor(name))

    return rule


def _trust(values: Values, _origins: Origins) -> Iterator[Problem]:
    everybody = values["EDGEPAAS_FORWARDED_ALLOW_IPS"] == ANYBODY
    if everybody and values["EDGEPAAS_TRUST_ALL_PROXIES"] != "1":
        name = "EDGEPAAS_FORWARDED_ALLOW_IPS"
        what = (
            "is *, so that every client could forge its address; name your proxy's network, "
            "or confirm with EDGEPAAS_TRUST_ALL_PROXIES=1"
        )
        yield Problem(name, what, assignment(name, "10.0.0.0/8"), anchor(name))


def lowest_port() -> int:
    """Return the lowest port this process may listen on."""
    if os.geteuid() == 0 or _may_bind_any_port():
        return 0
    try:
        return int(UNPRIVILEGED_PORT_START.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _may_bind_any_port() -> bool:
    try:
        lines = PROCESS_STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    effective = next((line for line in lines if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(effective.split()[1], 16) >> CAP_NET_BIND_SERVICE & 1)


RULES: dict[tuple[str, ...], Rule] = {
    ("DATABASE_URL", "EDGEPAAS_DB_MODE"): _database,
    ("EDGEPAAS_STOP_TIMEOUT", "EDGEPAAS_DRAIN_DELAY"): _stop_budget,
    ("PORT", "EDGEPAAS_METRICS_PORT"): _different_ports,
    ("PORT",): _allowed_port("PORT"),
    ("EDGEPAAS_METRICS_PORT",): _allowed_port("EDGEPAAS_METRICS_PORT"),
    ("EDGEPAAS_FORWARDED_ALLOW_IPS", "EDGEPAAS_TRUST_ALL_PROXIES"): _trust,
}
