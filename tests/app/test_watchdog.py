import socket
from collections.abc import Iterator

import pytest

from app.watchdog import Watchdog
from tests.support.wait import wait_until

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog(0.2)
    yield watchdog
    watchdog.close()


def is_shut(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_read_that_never_ends_ends_at_the_deadline(watchdog: Watchdog, pair: Pair) -> None:
    watchdog.watch(pair[0])
    assert pair[0].recv(1) == b""


def test_a_watch_called_off_leaves_the_socket_alone(watchdog: Watchdog, pair: Pair) -> None:
    other, far = socket.socketpair()
    with other, far:
        watchdog.call_off(watchdog.watch(pair[0]))
        watchdog.watch(other)
        assert other.recv(1) == b""
        assert not is_shut(pair[0])


def test_each_watch_has_its_own_deadline(watchdog: Watchdog, pair: Pair) -> None:
    watchdog.watch(pair[0])
    wait_until(lambda: is_shut(pair[0]), 5, "the first socket's end")
    other, far = socket.socketpair()
    with other, far:
        watchdog.watch(other)
        assert not is_shut(other)
        wait_until(lambda: is_shut(other), 5, "the second socket's end")


def test_a_closed_watchdog_works_again(watchdog: Watchdog, pair: Pair) -> None:
    watchdog.call_off(watchdog.watch(pair[0]))
    watchdog.close()
    watchdog.watch(pair[0])
    wait_until(lambda: is_shut(pair[0]), 5, "the socket's end")


def test_calling_off_twice_or_nothing_is_fine(watchdog: Watchdog, pair: Pair) -> None:
    number = watchdog.watch(pair[0])
    watchdog.call_off(number)
    watchdog.call_off(number)
    watchdog.call_off(None)
