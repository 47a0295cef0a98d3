"""What /metrics shows."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boot import worker_table
from boot.database.schema_times import Stopwatch
from boot.report import Phase, State
from tests.support.fake_app import fake_app
from tests.support.sidecar_unit import SidecarUnit
from tests.support.skip import skip_or_fail
from tests.support.wait import wait_until

Start = Callable[..., SidecarUnit]

WORKER = """
import sys
from web import metric_files
metric_files.use_slot(int(sys.argv[1]))
from prometheus_client import Counter, Gauge, Histogram
series = int(sys.argv[2])
requests = Counter("shop_requests_total", "Requests.", ["route"])
seconds = Histogram("shop_request_seconds", "Seconds.", buckets=(0.1, 1))
busy = Gauge("shop_busy", "Busy.", multiprocess_mode="livesum")
for number in range(series):
    requests.labels(f"/{number}").inc(2)
for value in (0.05, 0.5, 5):
    seconds.observe(value, {"trace_id": "0af7651916cd43dd8448eb211c80319c"})
busy.inc()
"""


def worker(sidecar: SidecarUnit, slot: int, series: int = 1) -> None:
    """Leave the metrics files of a worker."""
    subprocess.run(
        [sys.executable, "-c", WORKER, str(slot), str(series)],
        env={**sidecar.environment, "PROMETHEUS_MULTIPROC_DIR": str(sidecar.metrics)},
        check=True,
    )


def test_the_metrics_of_all_workers_are_added_up(sidecar: SidecarUnit) -> None:
    worker(sidecar, 0)
    worker(sidecar, 1)
    assert sidecar.sample('shop_requests_total{route="/0"}') == 4
    assert sidecar.sample('shop_request_seconds_bucket{le="1.0"}') == 4
    assert sidecar.sample("shop_request_seconds_count") == 6
    assert sidecar.sample("shop_busy") == 2
    assert sidecar.sample("edgepaas_metrics_files") == 6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("counter_7.db", b"garbage, garbage and more garbage"),
        ("counter_7.db", b"\x01"),
        ("counter_7.db", b"\x40\0\0\0\0\0\0\0\x0c\0\0\0not json yet" + b"\0" * 64),
        ("gauge_7.db", b"\x40\0\0\0\0\0\0\0\x0c\0\0\0[1, 2, 3, 4]" + b"\0" * 64),
        (
            "nonsense.db",
            b"\x40\0\0\0\0\0\0\0\x1c\0\0\0" + b'["a", "a", {}, "help"]      ' + b"\0" * 64,
        ),
    ],
)
def test_a_bad_file_spoils_only_itself(sidecar: SidecarUnit, name: str, content: bytes) -> None:
    worker(sidecar, 0)
    (sidecar.metrics / name).write_bytes(content)
    assert sidecar.sample("edgepaas_metrics_bad_files") == 1
    assert sidecar.sample('shop_requests_total{route="/0"}') == 2


def test_a_file_that_was_just_opened_is_not_bad(sidecar: SidecarUnit) -> None:
    (sidecar.metrics / "counter_0.db").touch()
    assert sidecar.sample("edgepaas_metrics_bad_files") == 0


def test_a_missing_directory_is_no_error(sidecar: SidecarUnit) -> None:
    sidecar.metrics.rmdir()
    assert sidecar.sample("edgepaas_metrics_files") == 0


def test_the_boot_is_shown_unit_by_unit(sidecar: SidecarUnit) -> None:
    sidecar.boot(Phase.BOOTING, env_check=State.DONE, db_wait=State.RUNNING)
    assert 0 <= sidecar.sample('edgepaas_boot_unit_seconds{unit="env-check"}') < 10
    assert 0 <= sidecar.sample('edgepaas_boot_unit_began_seconds{unit="env-check"}') < 10
    assert sidecar.sample('edgepaas_unit_state{state="running",unit="db-wait"}') == 1
    assert sidecar.sample('edgepaas_phase{phase="booting"}') == 1
    with pytest.raises(LookupError):
        sidecar.sample("edgepaas_boot_ready_seconds")
    sidecar.report.entries["web"].restarts = 3
    sidecar.boot(Phase.READY, db_wait=State.DONE, web=State.READY)
    assert sidecar.sample("edgepaas_boot_ready_seconds") > 0
    assert sidecar.sample('edgepaas_unit_restarts_total{unit="web"}') == 3


def test_the_drain_is_shown(sidecar: SidecarUnit) -> None:
    assert sidecar.sample("edgepaas_draining") == 0
    (sidecar.run_dir / "draining").touch()
    assert sidecar.sample("edgepaas_draining") == 1


def test_the_database_decision_is_shown_once_it_is_made(sidecar: SidecarUnit) -> None:
    assert "edgepaas_db_backend" not in sidecar.get("/metrics").text
    sidecar.decide("EDGEPAAS_DB_BACKEND", "sqlite")
    sidecar.decide("EDGEPAAS_DB_REASON", 'said "no"')
    sidecar.decide("EDGEPAAS_DB_FALLBACK_ACTIVE", "1")
    assert sidecar.sample('edgepaas_db_backend{backend="sqlite",reason="said \\"no\\""}') == 1
    assert sidecar.sample('edgepaas_database_fallback{backend="sqlite"}') == 1


def test_image_and_slot_are_shown(start_sidecar: Start) -> None:
    sidecar = start_sidecar(EDGEPAAS_VERSION="1.2.3", EDGEPAAS_BUILD_ID="abc", SLOT="blue")
    sidecar.wait_ready()
    sidecar.boot()
    labels = 'boot="0123456789ab",build="abc",slot="blue",version="1.2.3"'
    assert sidecar.sample(f"edgepaas_build_info{{{labels}}}") == 1


@pytest.fixture
def tree() -> Iterator[int]:
    """The pid of a process that has a child."""
    program = (
        "import subprocess, time\n"
        "while time.process_time() < 0.5: pass\n"
        "subprocess.run(['sleep', '60'])"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, start_new_session=True) as process:
        yield process.pid
        os.killpg(process.pid, signal.SIGKILL)


def test_units_show_what_their_processes_use(sidecar: SidecarUnit, tree: int) -> None:
    sidecar.report.entries["web"].pid = tree
    sidecar.boot(Phase.READY, web=State.READY)
    name = '{unit="web"}'
    wait_until(lambda: sidecar.sample(f"edgepaas_unit_processes{name}") == 2, 10, "two processes")
    assert sidecar.sample(f"edgepaas_unit_memory_bytes{name}") > 1_000_000
    cpu = sidecar.sample(f"edgepaas_unit_cpu_seconds_total{name}")
    assert abs(cpu - cpu_seconds_by_the_scheduler(tree)) < 0.1
    assert sidecar.sample(f"edgepaas_unit_open_fds{name}") >= 6
    started = sidecar.sample(f"edgepaas_unit_start_time_seconds{name}")
    assert -2 < time.time() - started < 60
    assert sidecar.sample(f"edgepaas_unit_start_time_seconds{name}") == started


def cpu_seconds_by_the_scheduler(pid: int) -> float:
    """Return a process's CPU time from another file than the sidecar reads."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def test_a_unit_that_has_ended_uses_nothing(sidecar: SidecarUnit) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    sidecar.report.entries["web"].pid = process.pid
    sidecar.boot(Phase.READY, web=State.READY)
    with pytest.raises(LookupError):
        sidecar.sample('edgepaas_unit_processes{unit="web"}')


def test_promtool_finds_nothing_wrong(sidecar: SidecarUnit) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        skip_or_fail("promtool is missing: apt-get install prometheus")
    worker(sidecar, 0)
    sidecar.decide("EDGEPAAS_DB_BACKEND", "postgres")
    sidecar.report.entries["metrics"].pid = sidecar.process.pid
    sidecar.boot(Phase.READY, env_check=State.DONE, web=State.READY, metrics=State.READY)
    text = sidecar.get("/metrics").text
    done = subprocess.run(
        [str(promtool), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_openmetrics_has_exemplars_of_the_workers(sidecar: SidecarUnit) -> None:
    worker(sidecar, 0)
    answer = sidecar.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    (line,) = [row for row in answer.text.splitlines() if 'bucket{le="1.0"}' in row]
    assert ' 2.0 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 0.5 ' in line
    assert "0af7651916cd43dd8448eb211c80319c" not in sidecar.get("/metrics").text


def test_a_torn_exemplar_is_passed_over(sidecar: SidecarUnit) -> None:
    worker(sidecar, 0)
    path = sidecar.metrics / "exemplars_0"
    path.write_bytes(path.read_bytes().replace(b"0af7", b"0bf7") + b"garbage")
    answer = sidecar.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.status == 200
    assert "651916cd43dd" not in answer.text


def test_a_hung_app_is_reported_and_does_not_hang_the_scrape(start_sidecar: Start) -> None:
    with fake_app() as app:
        app.hung.set()
        sidecar = start_sidecar(PORT=str(app.server_port))
        sidecar.wait_ready()
        sidecar.boot(Phase.READY, web=State.READY)
        assert sidecar.sample("edgepaas_ready") == 0
        name = "edgepaas_ready_check_seconds"
        wait_until(lambda: name in sidecar.get("/metrics").text, 10, "it was given up")
        assert sidecar.sample("edgepaas_ready") == 0


def test_workers_are_shown_by_slot(sidecar: SidecarUnit, tree: int) -> None:
    table = worker_table.make(sidecar.run_dir / worker_table.NAME)
    table[1] = 2
    for column, number in ((worker_table.PIDS, tree), (worker_table.STARTS, 4)):
        worker_table.put(table, column, 1, number)
    worker_table.put(table, worker_table.DIED, 0, 3)
    sidecar.report.entries["web"].pid = tree
    sidecar.boot(Phase.READY, web=State.READY)
    assert sidecar.sample('edgepaas_workers{stage="serving"}') == 1
    assert sidecar.sample('edgepaas_worker_restarts_total{worker="1"}') == 3
    assert sidecar.sample('edgepaas_worker_ends_total{how="died"}') == 3
    assert sidecar.sample('edgepaas_worker_memory_bytes{worker="1"}') > 1_000_000
    assert sidecar.sample('edgepaas_worker_open_fds{worker="1"}') >= 3


def test_the_schema_step_is_shown_once_it_has_ended(sidecar: SidecarUnit) -> None:
    assert "edgepaas_schema" not in sidecar.get("/metrics").text
    stopwatch = Stopwatch()
    stopwatch.waited, stopwatch.migrated = 1.5, 2.5
    stopwatch.write(sidecar.run_dir)
    assert sidecar.sample("edgepaas_schema_lock_wait_seconds") == 1.5
    assert sidecar.sample("edgepaas_schema_migration_seconds") == 2.5


def test_openmetrics_is_spoken_where_it_is_asked_for(sidecar: SidecarUnit) -> None:
    worker(sidecar, 0)
    answer = sidecar.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
