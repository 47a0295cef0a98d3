import random
import string
import subprocess
import sys
from pathlib import Path

import httpx
from prometheus_client import REGISTRY

from tests.app.conftest import ROOT

COUNT = "edgepaas_http_requests_total"
IN_FLIGHT = "edgepaas_http_requests_in_flight"


def count(method: str, route: str, status: str) -> float:
    labels = {"method": method, "route": route, "status": status}
    return REGISTRY.get_sample_value(COUNT, labels) or 0.0


def routes() -> set[str]:
    return {
        sample.labels["route"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == COUNT
    }


def test_a_request_is_counted_under_the_template_of_its_route(sqlite_client: httpx.Client) -> None:
    template = "/api/v1/nodes/{node_id}"
    found, missing = count("GET", template, "2xx"), count("GET", template, "4xx")
    node = sqlite_client.post("/api/v1/nodes", json={"name": "a", "region": "r"}).json()
    sqlite_client.get(f"/api/v1/nodes/{node['id']}")
    sqlite_client.get("/api/v1/nodes/0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60")
    assert count("GET", template, "2xx") == found + 1
    assert count("GET", template, "4xx") == missing + 1


def test_no_path_or_method_a_client_chose_becomes_a_label(sqlite_client: httpx.Client) -> None:
    for path in ("/secret-path", "/api/v1/secret-path", "/static/secret-path", "/wp-login.php"):
        sqlite_client.get(path)
    sqlite_client.request("PROPFIND", "/secret-path")
    sqlite_client.post("/health/live")
    known = {"unmatched", "/", "/login", "/logout", "/static", "/version", "/openapi.json"}
    assert all(
        route in known or (route.startswith(("/api/v1/", "/health/")) and "secret" not in route)
        for route in routes()
    ), routes()
    assert count("other", "unmatched", "4xx") >= 1


def series() -> int:
    """Return how many series there are of requests."""
    families = [each for each in REGISTRY.collect() if each.name.startswith("edgepaas_http_")]
    return sum(len(family.samples) for family in families)


def test_random_urls_and_odd_methods_add_no_series(refusing_client: httpx.Client) -> None:
    generator = random.Random(7)  # noqa: S311 (the same every time)

    def word() -> str:
        return "".join(generator.choices(string.ascii_letters + "/.-", k=12))

    def ask(times: int) -> None:
        for _ in range(times):
            refusing_client.get(f"/x{word()}", params={word(): word()})
            refusing_client.get(f"/api/v1/nodes/x{word()}x")
            for method in ("PROPFIND", "MKCOL", "REPORT", "PURGE", "M-SEARCH"):
                refusing_client.request(method, f"/x{word()}")

    ask(5)
    before = series()
    ask(40)
    assert series() == before


def test_nothing_is_in_flight_after_the_last_response(sqlite_client: httpx.Client) -> None:
    sqlite_client.get("/version")
    assert REGISTRY.get_sample_value(IN_FLIGHT, {"method": "GET"}) == 0


def test_a_response_is_counted_before_the_client_has_it(sqlite_client: httpx.Client) -> None:
    """So that a worker killed at any time has counted every response a client ever got."""
    before = count("GET", "/version", "2xx")
    for number in range(1, 50):
        sqlite_client.get("/version")
        assert count("GET", "/version", "2xx") == before + number


def test_the_time_a_request_took_is_observed(sqlite_client: httpx.Client) -> None:
    name = "edgepaas_http_request_duration_seconds_count"
    labels = {"method": "GET", "route": "/version", "status": "2xx"}
    before = REGISTRY.get_sample_value(name, labels) or 0
    sqlite_client.get("/version")
    sqlite_client.get("/health/live")  # on the same connection: the first one is over
    assert REGISTRY.get_sample_value(name, labels) == before + 1


def test_with_a_directory_the_numbers_go_to_files_that_another_process_sums(
    tmp_path: Path,
) -> None:
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    count_one = (
        "from app.sre.metrics import REQUESTS, IN_FLIGHT, WEBSOCKETS\n"
        "REQUESTS.labels('GET', '/', '2xx').inc(); IN_FLIGHT.labels('GET').inc(); WEBSOCKETS.inc()"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count_one], cwd=ROOT, env=environ, check=True)
    collect = (
        "from prometheus_client import CollectorRegistry, multiprocess, generate_latest\n"
        "registry = CollectorRegistry()\n"
        "multiprocess.MultiProcessCollector(registry)\n"
        "print(generate_latest(registry).decode())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", collect], cwd=ROOT, env=environ, check=True, capture_output=True
    ).stdout.decode()
    assert 'edgepaas_http_requests_total{method="GET",route="/",status="2xx"} 2.0' in shown
    assert 'edgepaas_http_requests_in_flight{method="GET"} 2.0' in shown
