"""The app imported before the fork: once, with its metrics exact, and only where that is safe."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.web_unit import WebUnit
from tests.web.conftest import Start

NewApp = Callable[[str], dict[str, str]]

PIDS = """
import os
from prometheus_client import Counter, Gauge
IMPORTED_BY = os.getpid()
Counter("imports_total", "Imports.").inc()
Gauge("built", "Set while imported.", multiprocess_mode="max").set(7)
ASKED = Counter("asked_total", "Requests.")
"""
ANSWERS = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    ASKED.inc()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d %d" % (IMPORTED_BY, os.getpid())})
"""


@pytest.fixture
def preloading(start_web: Start, new_app: NewApp) -> Callable[[str], WebUnit]:
    """A factory of web units that import an app, of which a part is given, before the fork."""

    def start(part: str = "") -> WebUnit:
        web = start_web(EDGEPAAS_WEB_PRELOAD="1", **new_app(PIDS + part + ANSWERS))
        web.wait_ready()
        return web

    return start


def imported_by(web: WebUnit) -> tuple[int, int]:
    importer, worker = web.get("/")[1].split()
    return int(importer), int(worker)


def test_it_is_imported_by_the_arbiter(preloading: Callable[[str], WebUnit]) -> None:
    web = preloading("")
    importer, worker = imported_by(web)
    assert importer == web.process.pid
    assert worker in web.worker_pids()


def test_what_was_counted_before_the_fork_and_after_it_is_exact(
    preloading: Callable[[str], WebUnit],
) -> None:
    web = preloading("")
    for _ in range(30):
        imported_by(web)
    assert web.sample("asked_total") == 30
    assert web.sample("imports_total") == 2  # once for each worker, as without preload
    assert web.sample("built") == 7


def test_a_reload_keeps_what_was_counted(preloading: Callable[[str], WebUnit]) -> None:
    web = preloading("")
    imported_by(web)
    before = web.worker_pids()
    web.process.send_signal(signal.SIGHUP)
    web.settled(lambda: not web.worker_pids() & before, 20, "new workers")
    imported_by(web)
    assert web.sample("asked_total") == 2


@pytest.mark.parametrize(
    "opens",
    [
        "import socket\nOPEN = socket.socket()\n",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
        "import sqlite3\nOPEN = sqlite3.connect('FILE')\nOPEN.execute('PRAGMA user_version = 1')\n",
    ],
    ids=["socket", "thread", "database"],
)
def test_what_must_not_be_shared_is_told_and_not_shared(
    preloading: Callable[[str], WebUnit], opens: str, tmp_path: Path
) -> None:
    web = preloading(opens.replace("FILE", str(tmp_path / "opened")))
    importer, worker = imported_by(web)
    assert importer == worker
    assert "set EDGEPAAS_WEB_PRELOAD=0" in web.log


def test_an_app_that_cannot_be_imported_is_told_once(start_web: Start, new_app: NewApp) -> None:
    web = start_web(EDGEPAAS_WEB_PRELOAD="1", **new_app("raise RuntimeError('no such luck')"))
    assert web.wait(30) != 0
    assert web.log.count("no such luck") >= 1
    assert web.log.count("could not be imported") == 1
