"""What the death of a worker, or of the arbiter, costs."""

import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

from tests.support.wait import wait_until
from tests.support.web_unit import WebUnit

Start = Callable[..., WebUnit]


def test_a_killed_worker_is_replaced_in_its_slot(web: WebUnit) -> None:
    for _ in range(3):
        killed = int(web.get("/count")[1])
        os.kill(killed, signal.SIGKILL)
        web.settled(lambda gone=killed: len(serving(web) - {gone}) == 2, 10, "two workers serve")  # type: ignore[misc]
    assert {path.name for path in web.metrics.glob("counter_*")} <= {"counter_0.db", "counter_1.db"}


def test_workers_of_a_killed_arbiter_leave_and_free_the_port(web: WebUnit) -> None:
    workers = web.worker_pids()
    web.process.kill()
    web.process.wait()
    wait_until(lambda: can_listen(web.port), 3, "the port is free")
    wait_until(lambda: not any(is_alive(pid) for pid in workers), 5, "the workers are gone")


def test_workers_of_a_killed_arbiter_finish_their_requests(web: WebUnit) -> None:
    answers: list[tuple[int, str]] = []
    client = threading.Thread(target=lambda: answers.append(web.get("/slow?seconds=1.5")))
    client.start()
    web.settled(lambda: web.sample("tiny_busy") == 1, 5, "the request is being answered")
    web.process.kill()
    client.join()
    assert [status for status, _ in answers] == [200]


def test_a_hung_worker_is_aborted_and_says_where_it_hung(start_web: Start) -> None:
    web = start_web(EDGEPAAS_WEB_TIMEOUT="2", WEB_CONCURRENCY="1")
    web.wait_ready()
    (hung,) = web.worker_pids()
    with suppress(OSError, HTTPException):
        web.get("/block?seconds=30", timeout=15)
    web.settled(lambda: not is_alive(hung), 15, "the hung worker is gone")
    assert "Fatal Python error: Aborted" in web.log
    assert 'support/apps/tiny.py", line' in web.log
    web.settled(lambda: web.get("/")[1] != str(hung), 10, "another worker serves")


def test_a_clock_set_back_does_not_stop_the_heartbeat(start_web: Start) -> None:
    web = start_web(EDGEPAAS_APP="tests.support.apps.clock_back:app", WEB_CONCURRENCY="1")
    web.wait_ready()
    web.get("/")  # from now on time.time() in the worker is an hour back
    (beats,) = heartbeat_files(web)
    for _ in range(2):
        last = beats.stat().st_mtime_ns
        wait_until(lambda last=last: beats.stat().st_mtime_ns > last, 5, "another heartbeat")  # type: ignore[misc]


def serving(web: WebUnit) -> set[int]:
    """Return the pids of the workers that have said that they serve and still live."""
    said = {int(pid) for pid in re.findall(r"\(pid (\d+)\) serves", web.log)}
    return said & web.worker_pids()


def heartbeat_files(web: WebUnit) -> list[Path]:
    """Return the open files by which the arbiter sees its workers' heartbeats."""
    descriptors = Path(f"/proc/{web.process.pid}/fd").iterdir()
    return [each for each in descriptors if "wgunicorn-" in str(each.readlink())]


def can_listen(port: int) -> bool:
    """Tell whether the port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
    return True


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
