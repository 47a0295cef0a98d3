"""Stopping, reloading and recycling: what is in flight is finished."""

import http.client
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from boot.exit_status import ExitStatus
from tests.support.load import Load
from tests.support.web_unit import WebUnit
from web.grace import share

Start = Callable[..., WebUnit]


def test_term_finishes_a_slow_request_and_ends_with_0(web: WebUnit) -> None:
    answers: list[tuple[int, str]] = []
    client = threading.Thread(target=lambda: answers.append(web.get("/slow?seconds=2")))
    client.start()
    web.settled(lambda: open_connections(web.port), 5, "the request is on its way")
    web.process.terminate()
    assert web.wait(8) == 0
    client.join()
    assert [status for status, _ in answers] == [200]
    assert "STOPPING=1" in web.notify.read()


def test_term_closes_websockets_with_1012(web: WebUnit) -> None:
    with ExitStack() as stack:
        url = f"ws://127.0.0.1:{web.port}/ws"
        clients = [stack.enter_context(connect(url)) for _ in range(4)]
        for client in clients:
            client.send("hello")
            assert client.recv(5) == "hello"
        web.process.terminate()
        for client in clients:
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(8)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        assert web.wait(8) == 0


def test_term_reaches_websocket_clients_that_are_just_sending(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    with connect(f"ws://127.0.0.1:{web.port}/ws") as client:
        web.process.terminate()
        web.settled(lambda: "drains" in web.log, 5, "the worker drains")
        with pytest.raises(ConnectionClosed) as closed:
            send_for_ever(client)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert web.wait(8) == 0


def test_websockets_are_told_while_the_container_drains_and_new_ones_are_served(
    start_web: Start,
) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    url = f"ws://127.0.0.1:{web.port}/ws"
    with connect(url) as client:
        (web.run_dir / "draining").touch()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    with connect(url) as client:
        client.send("still here")
        assert client.recv(5) == "still here"


def test_who_is_connected_but_not_accepted_at_term_is_answered(web: WebUnit) -> None:
    for pid in web.worker_pids():
        os.kill(pid, signal.SIGSTOP)
    workers = web.worker_pids()
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(connected(web.port))) for _ in range(20)]
        web.process.terminate()
        web.settled(lambda: "Handling signal: term" in web.log, 5, "the arbiter stops")
        for client in clients:
            client.request("GET", "/")
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        assert [client.getresponse().status for client in clients] == [200] * 20
    assert web.wait(8) == 0


def test_a_client_that_could_not_be_told_is_answered_once_more(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    with closing(connected(web.port)) as client:
        client.request("GET", "/stream?seconds=2")
        answer = client.getresponse()
        assert answer.read(6) == b"begun "
        web.process.terminate()
        assert answer.read() == b"finished"
        assert ask(client) == (200, "close")
    assert web.wait(8) == 0


def test_work_after_the_answer_is_finished(web: WebUnit) -> None:
    assert web.get("/later?seconds=1")[0] == 200
    web.process.terminate()
    assert web.wait(8) == 0
    assert (web.run_dir / "later").exists()


def test_a_worker_that_drained_and_is_slow_to_exit_cut_nothing(
    start_web: Start, new_app: Callable[[str], dict[str, str]]
) -> None:
    slow = "import atexit, time; atexit.register(time.sleep, 60)"
    app = new_app(f"{slow}\nfrom tests.support.apps.tiny import app")
    web = start_web(EDGEPAAS_GRACEFUL_TIMEOUT="2", WEB_CONCURRENCY="1", **app)
    web.wait_ready()
    web.process.terminate()
    assert web.wait(15) == ExitStatus.OK


def test_what_is_cut_is_named_without_its_query(start_web: Start) -> None:
    web = start_web(EDGEPAAS_GRACEFUL_TIMEOUT="2", WEB_CONCURRENCY="1")
    web.wait_ready()
    with closing(connected(web.port)) as client:
        client.request("GET", "/stream?seconds=60&secret=canary")
        assert client.getresponse().read(6) == b"begun "
        web.process.terminate()
        assert web.wait(8) == ExitStatus.CUT
    assert "1 requests are cut: GET /stream" in web.log
    assert "canary" not in web.log


def test_a_kept_connection_is_answered_once_more_with_connection_close(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)) as client:
        assert ask(client) == (200, None)
        web.process.terminate()
        web.settled(lambda: "drains" in web.log, 5, "the worker drains")
        assert ask(client) == (200, "close")
    assert web.wait(8) == 0


def test_answers_say_connection_close_while_the_container_drains(start_web: Start) -> None:
    web = start_web(WEB_CONCURRENCY="1")
    web.wait_ready()
    (web.run_dir / "draining").touch()

    def answer() -> tuple[int, str | None]:
        with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)) as client:
            return ask(client)

    web.settled(lambda: answer() == (200, "close"), 5, "Connection: close")
    (web.run_dir / "draining").unlink()
    web.settled(lambda: answer() == (200, None), 5, "no Connection: close")


def test_an_idle_web_stops_at_once(web: WebUnit) -> None:
    web.process.terminate()
    assert web.wait(6) == 0


def test_term_ends_a_web_whose_app_is_still_starting(
    start_web: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    web = start_web(TINY_GATE=str(tmp_path_factory.mktemp("closed")))
    web.settled(lambda: len(web.worker_pids()) == 2, 20, "two workers forked")
    web.process.terminate()
    assert web.wait(1.5) == 0
    assert not web.ready()


def test_quit_does_not_wait_for_requests_and_says_by_80_that_some_were_cut(web: WebUnit) -> None:
    answers: list[int] = []
    client = threading.Thread(target=lambda: answers.append(web.get("/slow?seconds=60")[0]))
    client.start()
    web.settled(lambda: open_connections(web.port), 5, "the request is on its way")
    web.process.send_signal(signal.SIGQUIT)
    assert web.wait(4) == ExitStatus.CUT
    client.join()
    assert answers == [500]


def test_usr2_does_not_start_a_second_arbiter(web: WebUnit) -> None:
    before = web.worker_pids()
    web.process.send_signal(signal.SIGUSR2)
    web.process.send_signal(signal.SIGTTIN)
    web.settled(lambda: len(web.worker_pids()) == 3, 10, "a third worker, and nothing else")
    assert before < web.worker_pids()


def test_reloading_under_load_loses_no_request(web: WebUnit) -> None:
    with Load(web.port) as load:
        for number in range(3):
            before = web.worker_pids()
            answered = load.answered
            web.settled(lambda n=answered: load.answered > n + 200, 20, "requests")  # type: ignore[misc]
            web.process.send_signal(signal.SIGHUP)
            web.settled(
                lambda old=before: (
                    len(web.worker_pids() - old) == 2 and not old & web.worker_pids()
                ),  # type: ignore[misc]
                20,
                f"new workers after reload {number}",
            )
        answered = load.answered
        web.settled(lambda: load.answered > answered + 200, 20, "requests")
    assert load.failures == []


def test_recycling_workers_under_load_loses_no_request(start_web: Start) -> None:
    web = start_web(EDGEPAAS_WEB_MAX_REQUESTS="300")
    web.wait_ready()
    with Load(web.port) as load:
        web.settled(lambda: web.log.count("drains") >= 4, 60, "four recycled workers")
    assert load.answered >= 1000
    assert load.failures == []


@pytest.mark.parametrize("graceful", [1, 2, 7, 30, 600])
def test_the_parts_of_the_graceful_timeout_leave_time_for_the_lifespan(graceful: int) -> None:
    grace = share(graceful)
    assert 0 < grace.linger <= 1
    assert grace.finish >= graceful / 2
    assert graceful - grace.linger - grace.finish >= min(1, graceful / 4)


def connected(port: int) -> http.client.HTTPConnection:
    """Return a connection that is made already."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    return connection


def send_for_ever(client: ClientConnection) -> None:
    """Send until the connection is closed."""
    while True:
        client.send("x" * 10_000)


def ask(client: http.client.HTTPConnection) -> tuple[int, str | None]:
    """Return status and Connection header of a GET."""
    client.request("GET", "/")
    answer = client.getresponse()
    answer.read()
    return answer.status, answer.getheader("connection")


def open_connections(port: int) -> int:
    """Return how many connections to the port are established, on the server's side."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def test_workers_are_in_the_arbiters_process_group(web: WebUnit) -> None:
    assert {os.getpgid(pid) for pid in web.worker_pids()} == {web.process.pid}
