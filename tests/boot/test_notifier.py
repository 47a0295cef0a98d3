"""The sending half of sd_notify."""

from pathlib import Path

from boot import notifier
from tests.support.notify_socket import NotifySocket


def test_lines_are_sent_as_one_message(tmp_path: Path) -> None:
    with NotifySocket(tmp_path / "socket") as heard:
        notifier.take({"NOTIFY_SOCKET": str(heard.path)}).send("READY=1", "STATUS=fine")
        assert heard.read(1) == ["READY=1", "STATUS=fine"]


def test_the_environment_is_left_without_the_socket_for_the_children() -> None:
    environ = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "2500000", "PORT": "1"}
    assert notifier.take(environ).watchdog == 2.5
    assert environ == {"PORT": "1"}


def test_where_nobody_listens_nothing_happens(tmp_path: Path) -> None:
    notifier.take({}).send("READY=1")
    notifier.take({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("READY=1")


def test_a_watchdog_that_is_no_number_is_none() -> None:
    assert notifier.take({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "soon"}).watchdog == 0
