"""The socket that PID 1 holds for a unit: it outlives the unit, and ends without losing anybody."""

import fcntl
import signal
import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.support.native_boot import NativeBoot
from tests.support.ports import free_port
from tests.support.wait import wait_until

# Answers each connection with its pid; takes none as long as somebody holds the lock of `gate`.
SERVER = """
import fcntl, select
held = os.environ.get("EDGEPAAS_LISTEN_FD")
print("held" if held else "none", flush=True)
listener = socket.socket(fileno=int(held)) if held else None
if listener:
    listener.setblocking(False)
leaving = []
told, wake = socket.socketpair()
wake.setblocking(False)
signal.set_wakeup_fd(wake.fileno())
signal.signal(signal.SIGTERM, lambda *_: leaving.append(1))
def pass_gate():
    with open("gate", "a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
notify("READY=1")
while not leaving:
    select.select([told, *([listener] if listener else [])], [], [])
    pass_gate()
    if leaving or not listener:
        continue
    try:
        client, _ = listener.accept()
    except OSError:
        continue
    client.sendall(str(os.getpid()).encode())
    client.close()
pass_gate()
while listener:
    try:
        client, _ = listener.accept()
    except OSError:
        break
    client.sendall(b"last")
    client.close()
"""

NewBoot = Callable[..., NativeBoot]


@pytest.fixture
def served(new_boot: NewBoot) -> NativeBoot:
    """A boot whose unit web is given a socket; ready."""
    return start(new_boot, free_port())


def start(new_boot: NewBoot, port: int, timeout: float = 20.0) -> NativeBoot:
    """Return a ready boot whose unit web listens on a port."""
    boot = new_boot(ADDRESS="127.0.0.1", PORT=str(port))
    boot.notifying("web", SERVER, listen="ADDRESS PORT", timeout=timeout)
    boot.start()
    boot.wait("ready")
    return boot


def port_of(boot: NativeBoot) -> int:
    """Return where web listens."""
    return int(boot.environment["PORT"])


def connect(boot: NativeBoot) -> socket.socket:
    """Return a connection to web."""
    return socket.create_connection(("127.0.0.1", port_of(boot)), timeout=20)


def ask(boot: NativeBoot) -> str:
    """Return what web answers."""
    with closing(connect(boot)) as client:
        return client.recv(99).decode()


def test_who_comes_while_a_unit_is_restarted_waits_and_is_answered(served: NativeBoot) -> None:
    first = ask(served)
    assert served.ctl("stop", "web")[0] == 0
    with closing(connect(served)) as client:
        assert served.ctl("start", "web")[0] == 0
        assert client.recv(99).decode() == ask(served) != first
    assert served.phase() == "ready"


def test_a_unit_that_says_it_stops_is_not_ready_any_more(new_boot: NewBoot) -> None:
    boot = new_boot()
    goes = "signal.signal(signal.SIGUSR1, lambda *_: notify('STOPPING=1'))"
    boot.notifying("web", f"{goes}\nnotify('READY=1')\nwhile True: signal.pause()")
    boot.start()
    boot.wait("ready")
    assert boot.ctl("signal", "USR1", "web")[0] == 0
    boot.wait_state("web", "stopping")
    assert boot.ctl("restart", "web")[0] == 0
    boot.wait_state("web", "ready")


def test_no_other_unit_inherits_the_socket(new_boot: NewBoot) -> None:
    boot = new_boot(ADDRESS="127.0.0.1", PORT=str(free_port()))
    boot.notifying("web", SERVER, listen="ADDRESS PORT")
    look = "readlink /proc/$$/fd/* | grep -c ^socket > sockets; true"
    boot.oneshot("look", look, requires="web")
    boot.start()
    boot.wait("ready")
    assert boot.written("sockets") == ["0"]


def test_at_the_stop_who_has_connected_is_answered_and_newcomers_are_refused(
    served: NativeBoot,
) -> None:
    with (served.directory / "gate").open("a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        early = connect(served)
        served.signal(signal.SIGTERM)
        wait_until(lambda: is_refused(port_of(served)), 20, "newcomers are refused")
    with closing(early):
        assert early.recv(99) == b"last"
    assert served.ended() == 0


def test_a_unit_that_stays_stopped_turns_clients_away_after_its_timeout(new_boot: NewBoot) -> None:
    boot = start(new_boot, free_port(), timeout=0.5)
    assert boot.ctl("stop", "web")[0] == 0
    wait_until(lambda: is_refused(port_of(boot)), 20, "refused")
    assert boot.ctl("start", "web")[0] == 0
    boot.wait_state("web", "ready")
    assert ask(boot).isdigit()


def test_where_the_socket_cannot_be_had_the_unit_tries_by_itself(new_boot: NewBoot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        boot = start(new_boot, taken.getsockname()[1])
        assert boot.messages("web") == ["none"]


def is_refused(port: int) -> bool:
    """Tell whether nobody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
