"""The workers' metrics: exact, few files, safe where there is no room."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from tests.support.metric_files import sample
from tests.support.web_unit import ROOTFS, WebUnit

Start = Callable[..., WebUnit]

MANY_SERIES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)  # as full as a full tmpfs
from web import metric_files
metric_files.use_slot(0)
from prometheus_client import Counter
counter = Counter("many_total", "Many series.", ["number"])
for number in range(2000):
    counter.labels(str(number)).inc()
    counter.labels(str(number)).inc()
print(counter.labels("0")._value.get(), counter.labels("1999")._value.get())
"""


def test_counters_are_exact_across_killed_and_reloaded_workers(web: WebUnit) -> None:
    asked = 0
    for how in ("kill", "reload", "kill"):
        for _ in range(50):
            assert web.get("/count")[0] == 200
            asked += 1
        before = web.worker_pids()
        if how == "kill":
            os.kill(min(before), signal.SIGKILL)
            web.settled(lambda old=before: len(web.worker_pids() | old) == 3, 10, "a new worker")  # type: ignore[misc]
        else:
            web.process.send_signal(signal.SIGHUP)
            web.settled(lambda old=before: not web.worker_pids() & old, 20, "new workers")  # type: ignore[misc]
    assert web.sample("tiny_requests_total") == asked


def test_what_a_killed_worker_was_doing_is_forgotten(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    client = threading.Thread(target=lambda: ask_in_vain(web, "/slow?seconds=60"))
    client.start()
    web.settled(lambda: web.sample("tiny_busy") == 1, 10, "the request is being answered")
    (worker,) = web.worker_pids()
    os.kill(worker, signal.SIGKILL)
    client.join()
    web.settled(lambda: web.sample("tiny_busy") == 0, 10, "nothing is being answered")


def test_files_stay_few_and_small_however_many_workers_lived(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    for _ in range(10):
        os.kill(int(web.get("/count")[1]), signal.SIGKILL)
    assert web.get("/count")[0] == 200
    assert {path.name for path in web.metrics.iterdir()} == {"counter_0.db", "gauge_livesum_0.db"}


def test_series_without_room_are_kept_in_memory_and_said_once(tmp_path: Path) -> None:
    done = many_series(tmp_path, room=100_000)
    assert done.stdout == "2.0 2.0\n"
    assert done.stderr.count("metrics are incomplete") == 1
    assert sample(tmp_path, "many_total", number="0") == 2.0


def test_a_file_without_room_is_kept_in_memory_and_leaves_no_empty_file(tmp_path: Path) -> None:
    done = many_series(tmp_path, room=1000)
    assert done.stdout == "2.0 2.0\n"
    assert done.stderr.count("metrics are incomplete") == 1
    assert list(tmp_path.iterdir()) == []


def many_series(directory: Path, room: int) -> subprocess.CompletedProcess[str]:
    """Count in 2,000 series where no file may grow beyond `room` bytes."""
    return subprocess.run(
        [sys.executable, "-c", MANY_SERIES, str(room)],
        env={
            "PYTHONPATH": str(ROOTFS / "opt/edgepaas"),
            "PROMETHEUS_MULTIPROC_DIR": str(directory),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def ask_in_vain(web: WebUnit, path: str) -> None:
    """Send a request that gets no answer."""
    with suppress(OSError, HTTPException):
        web.get(path)
