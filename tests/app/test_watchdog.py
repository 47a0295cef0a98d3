import socket
from collections.abc import Iterator

import pytest

from app.watchdog import Watchdog
from tests.support.wait import wait_until

SOON = 0.2
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog()
    yield watchdog
    watchdog.close()


def is_shut(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_read_that_never_ends_ends_at_the_deadline(watchdog: Watchdog, pair: Pair) -> None:
    watchdog.watch(pair[0], SOON)
    assert pair[0].recv(1) == b""


def test_a_watch_called_off_leaves_the_socket_alone(watchdog: Watchdog, pair: Pair) -> None:
    other, far = socket.socketpair()
    with other, far:
        watchdog.call_off(watchdog.watch(pair[0], SOON))
        watchdog.watch(other, SOON)
        assert other.recv(1) == b""
        assert not is_shut(pair[0])


def test_each_watch_has_its_own_deadline(watchdog: Watchdog, pair: Pair) -> None:
    watchdog.watch(pair[0], SOON)
    wait_until(lambda: is_shut(pair[0]), 5, "the first socket's end")
    other, far = socket.socketpair()
    with other, far:
        watchdog.watch(other, SOON)
        assert not is_shut(other)
        wait_until(lambda: is_shut(other), 5, "the second socket's end")


def test_a_closed_watchdog_works_again(watchdog: Watchdog, pair: Pair) -> None:
    watchdog.call_off(watchdog.watch(pair[0], SOON))
    watchdog.close()
    watchdog.watch(pair[0], SOON)
    wait_until(lambda: is_shut(pair[0]), 5, "the socket's end")


def test_calling_off_twice_or_nothing_is_fine(watchdog: Watchdog, pair: Pair) -> None:
    number = watchdog.watch(pair[0], SOON)
    watchdog.call_off(number)
    watchdog.call_off(number)
    watchdog.call_off(None)


def test_a_shorter_watch_begun_later_ends_first(watchdog: Watchdog, pair: Pair) -> None:
    other, far = socket.socketpair()
    with other, far:
        watchdog.watch(other, 3600)
        watchdog.watch(pair[0], SOON)
        wait_until(lambda: is_shut(pair[0]), 5, "the shorter watch's end")
        assert not is_shut(other)


def test_watches_called_off_in_time_never_wake_the_thread(
    watchdog: Watchdog, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    monkeypatch.setattr(watchdog, "_shut_overdue", lambda: looks.append(None))
    watchdog.call_off(watchdog.watch(pair[0], 3600))
    wait_until(lambda: looks, 5, "the thread's first look")
    for _ in range(100):
        watchdog.call_off(watchdog.watch(pair[0], 3600))
    assert len(looks) == 1
