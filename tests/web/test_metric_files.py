"""The workers' metrics: exact, few files, safe where there is no room."""

import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from prometheus_client.mmap_dict import mmap_key

from boot import worker_table
from boot.worker_table import Ends, Row
from tests.support.metric_files import sample
from tests.support.web_unit import CHECKOUT, ROOTFS, WebUnit
from web import metric_files

Start = Callable[..., WebUnit]

INTEGER = struct.Struct("i")
DOUBLE = struct.Struct("d")

MANY_INCREMENTS = """
from web import metric_files
metric_files.use_slot(0)
from prometheus_client import Counter
counter = Counter("kept_total", "Kept.")
counter.inc()
print("begun", flush=True)
for _ in range(200_000):
    counter.inc()
"""

MANY_THREADS = """
import sys, threading
sys.setswitchinterval(1e-6)
from web import metric_files
metric_files.use_slot(0)
from prometheus_client import Counter
from app.sre import direct
counter = Counter("shared_total", "Shared.")
add = direct.adder(counter)

def count(way):
    for _ in range(100_000):
        way(1)

threads = [threading.Thread(target=count, args=[way]) for way in (add, counter.inc) * 2]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(counter._value.get())
"""

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


def test_counters_are_exact_across_workers_that_are_recycled(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="2", EDGEPAAS_WEB_MAX_REQUESTS="10")
    web.wait_ready()
    asked = 0

    def recycled() -> bool:
        nonlocal asked
        assert web.get("/count")[0] == 200
        asked += 1
        return table(web)[1].drained >= 4

    web.settled(recycled, 60, "four workers are recycled")
    assert web.sample("tiny_requests_total") == asked
    assert table(web)[1].died == 0


def table(web: WebUnit) -> tuple[list[Row], Ends]:
    """Return what the sidecar reads of the unit's workers."""
    found = worker_table.read(web.run_dir / worker_table.NAME)
    assert found
    return found


def test_who_is_in_which_slot_and_how_workers_ended_is_told(web: WebUnit) -> None:
    rows, ends = table(web)
    assert {row.pid for row in rows} == web.worker_pids()
    assert [(row.slot, row.stage, row.starts) for row in rows] == [(0, 2, 1), (1, 2, 1)]
    assert ends == Ends(0, 0)
    os.kill(rows[1].pid, signal.SIGKILL)
    web.settled(lambda: [row.starts for row in table(web)[0]] == [1, 2], 10, "a new worker")
    web.settled(lambda: [row.stage for row in table(web)[0]] == [2, 2], 10, "it serves")
    assert table(web)[1] == Ends(0, 1)
    web.process.send_signal(signal.SIGHUP)
    web.settled(lambda: table(web)[1] == Ends(2, 1), 20, "both were replaced in an orderly way")


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
    assert {path.name for path in web.metrics.iterdir()} == {
        "counter_0.db",
        "exemplars_0",
        "gauge_livesum_0.db",
    }


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A directory on tmpfs, as the container's is."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


def test_ten_thousand_deaths_leave_as_many_files_as_one(
    in_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated: each life opens the files of its slot, counts, and is gone."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(in_memory))
    key = mmap_key("lives_total", "lives_total", [], [], "Lives.")
    busy = mmap_key("busy", "busy", [], [], "Busy.")
    for life in range(10_000):
        slot = life % 4
        counter = metric_files.open_file(str(in_memory / f"counter_{slot}.db"))
        gauge = metric_files.open_file(str(in_memory / f"gauge_livesum_{slot}.db"))
        counter.write_value(key, counter.read_value(key)[0] + 1, 0.0)
        gauge.write_value(busy, 1.0, 0.0)
        counter.close()
        gauge.close()
        metric_files.forget(slot)
    files = list(in_memory.iterdir())
    assert {path.name for path in files} == {f"counter_{slot}.db" for slot in range(4)}
    assert sum(path.stat().st_size for path in files) == 4 * metric_files.FIRST_BYTES
    assert sample(in_memory, "lives_total") == 10_000
    assert sample(in_memory, "busy") is None


@pytest.mark.parametrize(
    "content",
    [b"\xff" * 100, b"\x40\0\0\0" + b"\x7f" * 200, b"\1"],
    ids=["length", "entry", "short"],
)
def test_a_garbled_file_is_begun_anew_and_ends_no_worker(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "counter_0.db").write_bytes(content)
    done = many_series(tmp_path, room=10_000_000)
    assert done.stdout == "2.0 2.0\n"
    assert "begun anew" in done.stderr
    assert sample(tmp_path, "many_total", number="1999") == 2.0


def test_series_without_room_are_kept_in_memory_and_said_once(tmp_path: Path) -> None:
    done = many_series(tmp_path, room=100_000)
    assert done.stdout == "2.0 2.0\n"
    assert done.stderr.count("metrics are incomplete") == 1
    assert sample(tmp_path, "many_total", number="0") == 2.0
    assert sample(tmp_path, "edgepaas_metrics_incomplete") == 1


def test_a_file_without_room_is_kept_in_memory_and_leaves_no_empty_file(tmp_path: Path) -> None:
    done = many_series(tmp_path, room=1000)
    assert done.stdout == "2.0 2.0\n"
    assert done.stderr.count("metrics are incomplete") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"0.incomplete", "exemplars_0"}
    assert sample(tmp_path, "edgepaas_metrics_incomplete") == 1


def test_who_reads_while_a_counter_is_written_never_sees_less_than_before(tmp_path: Path) -> None:
    with running(MANY_INCREMENTS, tmp_path) as counting:
        assert counting.stdout
        assert counting.stdout.readline() == "begun\n"
        with (tmp_path / "counter_0.db").open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        value_at = (
            INTEGER.unpack_from(mapped)[0] - 2 * metric_files.DOUBLE_BYTES
        )  # of the only series
        seen = [1.0]
        while counting.poll() is None:
            seen += [DOUBLE.unpack_from(mapped, value_at)[0] for _ in range(1000)]
    assert seen == sorted(seen)
    assert DOUBLE.unpack_from(mapped, value_at)[0] == 200_001


def test_threads_that_count_the_same_lose_nothing(tmp_path: Path) -> None:
    with running(MANY_THREADS, tmp_path) as counting:
        assert counting.communicate()[0] == "400000.0\n"
    assert sample(tmp_path, "shared_total") == 400_000


def running(program: str, directory: Path) -> subprocess.Popen[str]:
    """Start a program that counts into the files in `directory`."""
    command = [sys.executable, "-c", program]
    return subprocess.Popen(
        command, env=counting_into(directory), stdout=subprocess.PIPE, text=True
    )


def many_series(directory: Path, room: int) -> subprocess.CompletedProcess[str]:
    """Count in 2,000 series where no file may grow beyond `room` bytes."""
    command = [sys.executable, "-c", MANY_SERIES, str(room)]
    return subprocess.run(
        command,
        env=counting_into(directory),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def counting_into(directory: Path) -> dict[str, str]:
    """Return the environment of a program that counts into the files in `directory`."""
    return {
        "PYTHONPATH": f"{ROOTFS}/opt/edgepaas:{CHECKOUT}",
        "PROMETHEUS_MULTIPROC_DIR": str(directory),
    }


def ask_in_vain(web: WebUnit, path: str) -> None:
    """Send a request that gets no answer."""
    with suppress(OSError, HTTPException):
        web.get(path)
