"""Two slots of the image, watched by a real Prometheus: each query of the dashboard, each rule."""

from collections.abc import Iterator

import pytest

from tests.support import nodes
from tests.support.container import MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.load import Load
from tests.support.prometheus import Prometheus, filled_in, queries
from tests.support.wait import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
SLOTS = ("blue", "green")
LIMITS = ("--memory=512m", "--cpus=1.5", "--pids-limit=300")
REQUESTS = 50
PATIENCE = 240.0  # of a machine that is busy with other tests
# Queries that may have nothing to show for two healthy containers, by panel and letter, and why.
MAY_BE_EMPTY = {
    "Failed requests by route A": "no request fails",
    "Failed by slot A": "a class of status has a series from its first response on",
    "Errors by class A": "a class has a series from its first error on",
    "Come and closed by us B": "a code has a series from the first close on",
    "What woke the followers A": "no WebSocket client follows the events",
    "Lock and migration A": "SQLite waits for no lock of another container",
    "Lock and migration B": "the tables of a new file are made, not migrated",
    "Held up by the CPU quota A": "an engine may give no quota where the machine has fewer cores",
    "CPU B": "as above",
    "Memory B": "a cgroup may lack the limit",
    "Memory C": "or the peak",
    "Processes and threads B": "an engine without the pids controller sets no limit",
    "Pressure A": "cgroup version 1 tells none",
}


@pytest.fixture(scope="module")
def slots(run_shared: Run, image: str) -> dict[str, Container]:
    """A ready container for each slot."""
    started = {
        slot: run_shared(image, env={"SLOT": slot, "WEB_CONCURRENCY": "1"}, options=LIMITS)
        for slot in SLOTS
    }
    return {slot: one.ready(PATIENCE) for slot, one in started.items()}


@pytest.fixture(scope="module")
def prometheus(
    slots: dict[str, Container], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes both, while somebody asks them something."""
    targets = [f"127.0.0.1:{one.port(MANAGEMENT_PORT)}" for one in slots.values()]
    with Prometheus(tmp_path_factory.mktemp("prometheus"), targets) as server:
        yield server


@pytest.fixture(scope="module")
def asked(slots: dict[str, Container], prometheus: Prometheus) -> dict[str, int]:
    """How many requests each slot has answered, all of them scraped."""
    wait_until(lambda: prometheus.value("sum(up)") == len(SLOTS), PATIENCE, "both are scraped")
    answered = {}
    for slot, one in slots.items():
        nodes.add(one, f"edge-{slot}")
        with Load(one.port(), "/version", clients=2) as load:
            wait_until(lambda load=load: load.answered >= REQUESTS, PATIENCE, "load")  # type: ignore[misc]
        assert not load.failures
        answered[slot] = load.answered
    return answered


def by_slot(prometheus: Prometheus) -> dict[str, int]:
    """Return how many requests for /version Prometheus knows of, by slot."""
    total = 'edgepaas_http_requests_total{route="/version", status="2xx"}'
    joined = f"{total} * on (job, instance) group_left (slot) edgepaas_build_info"
    samples = prometheus.query(f"sum by (slot) ({joined})")
    return {each["metric"]["slot"]: int(float(each["value"][1])) for each in samples}


def test_what_each_slot_answered_prometheus_counts_exactly(
    prometheus: Prometheus, asked: dict[str, int]
) -> None:
    wait_until(lambda: by_slot(prometheus) == asked, PATIENCE, f"{asked} counted", poll=0.5)


def test_every_query_of_the_dashboard_shows_something_or_says_why_not(
    prometheus: Prometheus, asked: dict[str, int]
) -> None:
    def empty() -> dict[str, str]:
        found = {where: filled_in(query, job="edgepaas") for where, query in queries().items()}
        return {where: query for where, query in found.items() if not prometheus.query(query)}

    def unexplained() -> list[str]:
        return [where for where in empty() if where.split(" ", 1)[1] not in MAY_BE_EMPTY]

    try:
        wait_until(lambda: not unexplained(), PATIENCE, "every panel has data", poll=2)
    except AssertionError:
        pytest.fail(f"nothing to show: {unexplained()}")


def test_every_rule_can_be_evaluated_and_none_fires(
    prometheus: Prometheus, asked: dict[str, int]
) -> None:
    def evaluated() -> bool:
        groups = prometheus.ask("rules")["groups"]
        return all(rule["health"] != "unknown" for each in groups for rule in each["rules"])

    def firing() -> list[str]:
        return [each["labels"]["alertname"] for each in prometheus.ask("alerts")["alerts"]]

    wait_until(evaluated, PATIENCE, "each rule is evaluated", poll=0.5)
    every = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert [rule["lastError"] for rule in every if rule["health"] != "ok"] == []
    # A machine with too much to do may miss a scrape or be slow for a while.
    wait_until(lambda: not firing(), PATIENCE, "no alert is pending or fires", poll=2)
