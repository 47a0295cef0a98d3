"""The metrics of a real container: what promtool says of them, what they tell, a full directory."""

import re
import shutil
import subprocess

from tests.support.container import ANYTHING, MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.skip import skip_or_fail
from tests.support.wait import wait_until

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
VERSION = 'edgepaas_http_requests_total{method="GET",route="/version",status="2xx"}'
SERVING = 'edgepaas_workers{stage="serving"}'
FILL = """
with open("/run/edgepaas/filler", "wb", buffering=0) as file:
    while True:
        file.write(bytes(4096))
"""


def sample(container: Container, line: str) -> float:
    """Return a sample of /metrics, 0 while there is none."""
    text = container.management("/metrics").text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_promtool_finds_nothing_wrong_with_the_real_thing(service: Container) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        skip_or_fail("promtool is missing: apt-get install prometheus")
    service.http("/version")
    service.http("/nowhere")
    text = service.management("/metrics").text
    done = subprocess.run(
        [str(promtool), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_container_its_units_and_workers_are_there(service: Container) -> None:
    for name in (
        "edgepaas_container_memory_bytes",
        "edgepaas_container_cpu_seconds_total",
        "edgepaas_container_processes",
        'edgepaas_unit_memory_bytes{unit="init"}',
        'edgepaas_unit_memory_bytes{unit="web"}',
        'edgepaas_unit_memory_bytes{unit="metrics"}',
        'edgepaas_worker_memory_bytes{worker="0"}',
        'edgepaas_boot_unit_attempts{unit="schema-bootstrap"}',
        "edgepaas_schema_migration_seconds",
        "edgepaas_boot_ready_seconds",
        "edgepaas_db_pool_size",
    ):
        assert sample(service, name) > 0, name
    assert sample(service, "edgepaas_metrics_bad_files") == 0
    wait_until(lambda: sample(service, "edgepaas_ready") == 1, 10, "ready")


def test_openmetrics_leads_from_a_bucket_to_a_request(service: Container) -> None:
    service.http("/version")
    text = service.http("/metrics", MANAGEMENT_PORT, accept=OPENMETRICS).text
    assert text.endswith("# EOF\n")
    assert re.search(r"duration_seconds_bucket\{.*\} \S+ # \{\w+=\"[\w-]+\"\} ", text)


def test_a_full_directory_costs_metrics_and_nothing_else(run: Run, image: str) -> None:
    """A worker more then finds no room for its files; it serves all the same."""
    options = ("--read-only", "--tmpfs=/run:size=3m", "--tmpfs=/tmp")
    one = {"WEB_CONCURRENCY": "1"}
    container = run(image, env=one, read_only=False, options=options, expected=ANYTHING).ready()
    for _ in range(20):
        assert container.http("/version").status == 200
    assert sample(container, VERSION) == 20
    assert container.exec("/opt/venv/bin/python", "-c", FILL).returncode != 0
    container.check_output("supervisorctl", "signal", "TTIN", "web")
    wait_until(lambda: sample(container, SERVING) == 2, 30, "two workers serve")
    for _ in range(20):
        assert container.http("/version").status == 200
    assert sample(container, "edgepaas_metrics_incomplete") == 1
    assert sample(container, VERSION) >= 20
    assert container.logs().count("metrics are incomplete") == 1
