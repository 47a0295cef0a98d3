"""What each signal does, before and after the container is ready."""

import time
from pathlib import Path

import pytest

from tests.support.container import ANYTHING, MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.inside import pid_of, workers
from tests.support.ports import free_port
from tests.support.service_files import unit
from tests.support.wait import wait_until

QUICK_SECONDS = 3.0  # measured: 0.3 s by an idle machine
STATUSES = {"TERM": 143, "INT": 130, "QUIT": 131}


def messages(container: Container) -> list[str]:
    """Return every message of the log."""
    return [record["message"] for record in container.log_records()]


@pytest.fixture
def booting(run: Run, image: str, tmp_path: Path) -> Container:
    """A container in the middle of its boot, in a oneshot that takes a minute."""
    option = unit(tmp_path, "prepare", "sleep 60", "requires = env-check")
    container = run(image, options=[option])

    def is_in_it() -> bool:
        if not container.answers("/livez", MANAGEMENT_PORT):
            return False
        units = {each["name"]: each for each in container.boot()["units"]}
        return bool(units["prepare"]["pid"])

    wait_until(is_in_it, 30, "the oneshot running")
    return container


@pytest.mark.parametrize("signal", STATUSES)
def test_told_to_stop_while_booting_it_ends_at_once_with_the_signal(
    booting: Container, signal: str
) -> None:
    started = time.monotonic()
    booting.send(signal)
    assert booting.wait_exit() == STATUSES[signal]
    assert time.monotonic() - started < QUICK_SECONDS
    assert f"SIG{signal} before the boot was complete" in messages(booting)[-1]


def test_told_to_stop_while_waiting_for_the_database_it_ends_at_once(run: Run, image: str) -> None:
    url = f"postgresql://u:p@127.0.0.1:{free_port()}/d"
    container = run(image, network="host", env={"DATABASE_URL": url})
    wait_until(lambda: "attempt 1" in container.logs(), 30, "the first attempt")
    started = time.monotonic()
    container.send("TERM")
    assert container.wait_exit() == 143
    assert time.monotonic() - started < QUICK_SECONDS


@pytest.mark.parametrize("milliseconds", [0, 50, 200])
def test_told_to_stop_right_after_the_start_it_ends_at_once(
    run: Run, image: str, milliseconds: int
) -> None:
    # Nobody answers for the database, so that no boot is over before the signal, however quick.
    url = f"postgresql://u:p@127.0.0.1:{free_port()}/d"
    container = run(image, network="host", env={"DATABASE_URL": url}, expected=ANYTHING)
    started = time.monotonic()
    wait_until(lambda: time.monotonic() - started >= milliseconds / 1000, 1, "the moment")
    container.send("TERM")
    assert container.wait_exit() == 143
    assert time.monotonic() - started < QUICK_SECONDS + 1


@pytest.mark.parametrize("signal", ["INT", "QUIT"])
def test_told_to_stop_when_ready_it_ends_with_0(run: Run, image: str, signal: str) -> None:
    container = run(image, env={"WEB_CONCURRENCY": "1"}).ready()
    container.send(signal)
    assert container.wait_exit() == 0
    assert f"asked to by SIG{signal}" in messages(container)[-1]


def test_hup_replaces_the_workers_and_fails_no_request(laboratory: Container) -> None:
    arbiter, before = pid_of(laboratory, "web"), set(workers(laboratory))
    laboratory.send("HUP")

    def are_replaced() -> bool:
        assert laboratory.http("/health/live").status == 200
        now = set(workers(laboratory))
        return len(now) == len(before) and not now & before

    wait_until(are_replaced, 30, "new workers")
    assert pid_of(laboratory, "web") == arbiter
    assert "received SIGHUP: reloading web" in messages(laboratory)


def test_usr1_puts_the_boot_table_into_the_log(laboratory: Container) -> None:
    laboratory.send("USR1")
    wait_until(
        lambda: any(line.startswith("schema-bootstrap  done") for line in messages(laboratory)),
        5,
        "the table",
    )


def test_usr2_is_refused_with_a_line(laboratory: Container) -> None:
    laboratory.send("USR2")
    wait_until(
        lambda: any(line.startswith("SIGUSR2 does nothing") for line in messages(laboratory)),
        5,
        "the line",
    )
    assert laboratory.ready().is_running()
