"""edgepaas drain and undrain, against a real PID 1."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from boot.verbs import control
from tests.support.native_boot import NativeBoot
from tests.support.operator import edgepaas


@pytest.fixture
def serving(boot: NativeBoot) -> NativeBoot:
    """A container that is ready."""
    boot.longrun("web", ready="started")
    boot.start()
    boot.wait("ready")
    return boot


def test_drain_turns_readiness_off_and_says_what_follows(serving: NativeBoot) -> None:
    done = edgepaas(serving.environment, "drain")
    assert done.status == 0
    assert (serving.run_dir / "draining").exists()
    assert "ready is 503" in done.out
    assert "edgepaas undrain" in done.out


def test_drain_twice_is_as_good_as_once(serving: NativeBoot) -> None:
    edgepaas(serving.environment, "drain")
    done = edgepaas(serving.environment, "drain")
    assert done.status == 0
    assert done.out.startswith("was draining already")
    assert (serving.run_dir / "draining").exists()


def test_undrain_takes_it_back_however_often(serving: NativeBoot) -> None:
    edgepaas(serving.environment, "drain")
    assert edgepaas(serving.environment, "undrain").out.startswith("no longer draining")
    assert not (serving.run_dir / "draining").exists()
    again = edgepaas(serving.environment, "undrain")
    assert (again.status, again.out.partition(":")[0]) == (0, "was not draining")


def test_undrain_is_refused_while_the_container_stops(new_boot: Callable[..., NativeBoot]) -> None:
    boot = new_boot(EDGEPAAS_DRAIN_DELAY="6")
    boot.longrun("web", ready="started")
    boot.start()
    boot.wait("ready")
    boot.signal(signal.SIGTERM)
    boot.wait("stopping")
    done = edgepaas(boot.environment, "undrain")
    assert done.status == 75
    assert "the container is stopping" in done.err


@pytest.mark.parametrize("verb", ["drain", "undrain"])
def test_where_nothing_runs_it_says_where_to_run_it(verb: str, boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, verb)
    assert done.status == 69
    assert "nothing runs here" in done.err
    assert "docker exec" in done.err


@pytest.mark.parametrize("verb", ["drain", "undrain"])
def test_arguments_are_refused_and_help_is_given(verb: str, boot: NativeBoot) -> None:
    assert edgepaas(boot.environment, verb, "now").status == 64
    done = edgepaas(boot.environment, verb, "--help")
    assert (done.status, done.out.partition("\n")[0]) == (0, f"usage: edgepaas {verb}")


def test_a_frozen_pid_1_is_told_from_a_missing_one(serving: NativeBoot) -> None:
    serving.signal(signal.SIGSTOP)
    try:
        with pytest.raises(control.NoAnswerError, match=r"within 0\.2 s"):
            control.call(serving.run_dir, "edgepaas.drain", 0.2)
    finally:
        serving.signal(signal.SIGCONT)


def test_a_method_that_does_not_exist_is_a_fault(serving: NativeBoot) -> None:
    with pytest.raises(control.FaultError, match="UNKNOWN_METHOD"):
        control.call(serving.run_dir, "edgepaas.nonsense", 5)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0\r\n", b"HTTP/1.0 500 Oops\r\n\r\n", b"\xff" * 100_000]
)
def test_a_stranger_on_the_socket_is_no_answer(boot: NativeBoot, answer: bytes) -> None:
    boot.run_dir.mkdir()
    with answering(boot.run_dir / control.SOCKET, answer), pytest.raises(control.NoAnswerError):
        control.call(boot.run_dir, "edgepaas.drain", 5)


ASK_AS_A_STRANGER = """
import os, sys
from pathlib import Path
from boot.verbs import control
if os.geteuid() == 0:
    os.setuid(65534)
try:
    control.call(Path(sys.argv[1]), "edgepaas.drain", 5)
except control.NotAllowedError as error:
    print(error)
"""


def test_a_socket_that_is_somebody_elses_says_so(boot: NativeBoot) -> None:
    boot.run_dir.mkdir()
    path = boot.run_dir / control.SOCKET
    with answering(path, b""):
        path.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", ASK_AS_A_STRANGER, boot.run_dir],
            env=boot.environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == f"{path} belongs to another user\n"


class answering:  # noqa: N801 - used as a function
    """Answer one connection on a unix socket with given bytes."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(5)
        self.thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(self.answer)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
