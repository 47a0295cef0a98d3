"""web started ahead: what it imports before the gate, and what it must not do there."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.wait import wait_until
from tests.support.web_unit import CHECKOUT, ROOTFS, WebUnit
from tests.web.conftest import Start

NewApp = Callable[[str], dict[str, str]]
# Prints which modules outside the app its import adds to those of the list.
WHAT_THE_LIST_MISSES = """
import sys
from web.__main__ import import_libraries
import_libraries()
before = set(sys.modules)
import app.main
added = {name for name in set(sys.modules) - before if not name.startswith("app.")}
print(sorted(name for name in added if "site-packages" in str(sys.modules[name].__spec__)))
"""
NAMES_ITS_PROCESS = """
import os
PID = os.getpid()
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"%s {word}" % str(PID).encode()}})
"""


def test_every_library_of_the_app_is_imported_before_the_fork(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOTFS}/opt/edgepaas:{CHECKOUT}",
        "DATABASE_URL": f"sqlite:///{tmp_path}/app.db",
    }
    command = [sys.executable, "-c", WHAT_THE_LIST_MISSES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_it_waits_for_its_environment_and_serves_by_it(start_web: Start) -> None:
    web = start_web(ahead="yes")
    assert web.process.poll() is None
    web.let_go()
    web.wait_ready()
    assert web.get("/")[0] == 200


def test_it_takes_over_the_socket_that_comes_through_its_gate(start_web: Start) -> None:
    web = start_web(ahead="yes")
    with socket.create_server(("127.0.0.1", 0)) as held:
        web.port = held.getsockname()[1]
        web.let_go(held.fileno())
        web.wait_ready()
        assert web.get("/")[0] == 200


def test_an_environment_larger_than_a_socket_holds_comes_through(start_web: Start) -> None:
    web = start_web(ahead="yes", LARGE="x" * (4 << 20))
    web.let_go()
    web.wait_ready()


def test_it_ends_without_a_word_when_pid_1_is_gone(start_web: Start) -> None:
    web = start_web(ahead="yes")
    assert web.gate is not None
    web.gate.close()
    assert web.wait(30) == 0
    assert web.log == ""


def test_it_ends_at_once_when_it_is_told_to_at_its_gate(start_web: Start) -> None:
    web = start_web(ahead="yes")
    web.process.terminate()
    assert web.wait(30) == -signal.SIGTERM


def test_the_app_is_imported_by_each_worker_so_nothing_it_opens_is_shared(
    start_web: Start, new_app: NewApp
) -> None:
    web = start_web(**new_app(NAMES_ITS_PROCESS.format(word="first")))
    web.wait_ready()
    assert int(web.get("/")[1].split()[0]) in web.worker_pids()


def test_a_reload_runs_the_code_that_is_there_now(start_web: Start, new_app: NewApp) -> None:
    web = start_web(**new_app(NAMES_ITS_PROCESS.format(word="first")))
    web.wait_ready()
    new_app(NAMES_ITS_PROCESS.format(word="second"))
    web.process.send_signal(signal.SIGHUP)
    wait_until(lambda: web.get("/")[1].endswith("second"), 30, "the new code")


def test_the_arbiter_has_no_connection_and_no_database_open(web: WebUnit) -> None:
    arbiter = Path(f"/proc/{web.process.pid}/fd")
    opened = [str(each.readlink()) for each in arbiter.iterdir()]
    sockets = [each for each in opened if each.startswith("socket:")]
    assert len(sockets) == 1, opened  # the one it listens on
    assert not [each for each in opened if each.endswith(".db")]


def test_what_the_app_registered_for_its_end_is_done_by_a_worker_that_drained(
    start_web: Start, new_app: NewApp
) -> None:
    at_exit = "import atexit\natexit.register(print, 'the app said goodbye', flush=True)\n"
    web = start_web(**new_app(at_exit + NAMES_ITS_PROCESS.format(word="first")))
    web.wait_ready()
    web.process.terminate()
    assert web.wait(30) == 0
    assert web.log.count("the app said goodbye") == 2
