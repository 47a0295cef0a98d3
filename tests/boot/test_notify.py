"""The notify socket on a real one: who sent what."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot.notifier import Notifier, take
from boot.notify import NotifySocket, parse, unit_of


@pytest.fixture
def place() -> Iterator[Path]:
    """A path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="n-") as directory:
        yield Path(directory) / "notify.sock"


@pytest.fixture
def notify(place: Path) -> Iterator[NotifySocket]:
    made = NotifySocket(place)
    yield made
    made.close()


def test_a_message_bears_the_pid_of_its_sender(notify: NotifySocket) -> None:
    Notifier(str(notify.path)).send("READY=1", "STATUS=a=b")
    message = notify.receive()
    assert message is not None
    assert message.pid == os.getpid()
    assert message.fields == {"READY": "1", "STATUS": "a=b"}
    assert notify.receive() is None


def test_a_descriptor_sent_along_is_not_kept(notify: NotifySocket) -> None:
    """`systemd-notify` sends one to learn that its message was read (BARRIER=1)."""
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(str(notify.path))
        socket.send_fds(channel, [b"BARRIER=1"], [write])
    os.close(write)
    message = notify.receive()
    assert message is not None
    assert message.pid == os.getpid()
    assert os.read(read, 1) == b""  # every write end is closed
    os.close(read)


def test_a_stale_socket_is_replaced_and_the_own_one_removed(place: Path) -> None:
    place.write_text("stale")
    made = NotifySocket(place)
    assert place.is_socket()
    made.close()
    assert not place.exists()


@given(st.binary(max_size=300))
def test_no_datagram_makes_reading_it_fail(data: bytes) -> None:
    assert all("=" not in name for name in parse(data))


def test_a_process_is_known_by_the_group_of_its_unit() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=-1, process_group=0)
    assert unit_of(child.pid, {child.pid: "web"}) == "web"
    assert unit_of(os.getpid(), {child.pid: "web"}) is None
    child.communicate(b"\n")
    assert unit_of(child.pid, {}) is None


def test_the_address_is_taken_out_of_the_environment_for_the_children() -> None:
    environ = {"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "2500000", "OTHER": "1"}
    notifier = take(environ)
    assert notifier.address == "\0abstract"
    assert notifier.watchdog == 2.5
    assert environ == {"OTHER": "1"}
    take(environ).send("READY=1")
