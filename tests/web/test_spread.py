"""Connections are spread over the workers. That each is left to who has fewer: test_acceptor.py."""

import http.client
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.support.web_unit import WebUnit

Start = Callable[..., WebUnit]
CLIENTS = 32


def test_32_kept_connections_made_at_once_are_spread_evenly(web: WebUnit) -> None:
    def are_spread() -> bool:
        with ExitStack() as stack:
            clients = [connection(web, stack) for _ in range(CLIENTS)]
            found = Counter(map(who_serves, clients))
        return len(found) == 2 and min(found.values()) >= CLIENTS // 2 - 1

    web.settled(are_spread, 30, "no worker has more than 17 of 32")


def test_connections_of_a_killed_worker_are_not_counted(web: WebUnit) -> None:
    with ExitStack() as stack:
        old = Counter(who_serves(connection(web, stack)) for _ in range(CLIENTS))
        assert set(old) == web.worker_pids()
        os.kill(min(old), signal.SIGKILL)
        web.settled(lambda: web.log.count("serves") == 3, 10, "a new worker serves")
        (new,) = web.worker_pids() - set(old)

        missing = old[min(old)]
        web.settled(lambda: who_gets(web, missing) == {new}, 30, "the new worker gets as many")


@pytest.mark.parametrize("number", [1, 2])
def test_workers_that_hang_are_not_waited_for(start_web: Start, number: int) -> None:
    web = start_web(WEB_CONCURRENCY="3")
    web.wait_ready()
    hanging = sorted(web.worker_pids())[:number]
    with ExitStack() as stack:
        for pid in hanging:
            stack.enter_context(standing_still(pid))
        clients = [connection(web, stack) for _ in range(100)]
        assert not set(map(who_serves, clients)) & set(hanging)


def connection(web: WebUnit, stack: ExitStack) -> http.client.HTTPConnection:
    """Return an open connection."""
    made = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    made.connect()
    return stack.enter_context(closing(made))


def who_gets(web: WebUnit, clients: int) -> set[int]:
    """Return the workers that get so many clients, each come when the last one is served."""
    with ExitStack() as stack:
        return {who_serves(connection(web, stack)) for _ in range(clients)}


def who_serves(connection: http.client.HTTPConnection) -> int:
    """Return the pid of the worker that has a connection."""
    connection.request("GET", "/")
    return int(connection.getresponse().read())


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
