from pathlib import Path

import pytest

from scripts import engine
from scripts.console import Failure
from scripts.engine import Engine, NoEngine
from tests.scripts.conftest import FakeDocker


@pytest.mark.parametrize(
    ("version", "buildx", "able"),
    [
        ("20.10.24+dfsg1", False, True),
        ("22.06.0-beta", False, True),
        ("23.0.1", False, False),
        ("28.2.2", False, False),
        ("28.2.2", True, True),
        ("18.06.3", False, False),
    ],
)
def test_buildkit_is_in_the_plugin_or_in_clients_of_some_age(
    fake_docker: FakeDocker, version: str, buildx: bool, able: bool
) -> None:
    assert engine.has_buildkit(fake_docker(version, buildx=buildx)) is able


def test_a_client_that_cannot_build_is_passed_over_for_one_that_can(
    fake_docker: FakeDocker,
) -> None:
    fake_docker("28.2.2")
    older = fake_docker("20.10.24")
    assert engine.find() == Engine(older)


def test_without_a_client_that_can_build_the_plugin_is_named(fake_docker: FakeDocker) -> None:
    path = fake_docker("28.2.2")
    with pytest.raises(NoEngine, match="docker-buildx") as refused:
        engine.find()
    assert path in str(refused.value)


def test_a_daemon_that_does_not_answer_is_no_engine(fake_docker: FakeDocker) -> None:
    fake_docker("20.10.24", server="echo Cannot connect >&2; exit 1")
    assert engine.find() is None


def test_a_socket_that_refuses_this_user_is_said(fake_docker: FakeDocker) -> None:
    fake_docker("20.10.24", server="echo permission denied >&2; exit 1")
    with pytest.raises(NoEngine, match="group docker"):
        engine.find()


def test_the_caller_may_want_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPAAS_ENGINE", "none")
    with pytest.raises(NoEngine, match="EDGEPAAS_ENGINE=none"):
        engine.ensure()


def test_a_daemon_that_ends_at_once_has_the_last_word(
    fake_docker: FakeDocker, tmp_path: Path
) -> None:
    fake_docker("20.10.24", server="exit 1")
    log = tmp_path / "dockerd.log"
    with pytest.raises(NoEngine, match="no iptables here"):
        engine.start_daemon(("/bin/sh", "-c", "echo no iptables here; exit 1"), log)


def test_a_daemon_that_answers_is_left_running(fake_docker: FakeDocker, tmp_path: Path) -> None:
    up = tmp_path / "up"
    client = fake_docker("20.10.24", server=f"test -e {up}")
    started = engine.start_daemon(("/bin/sh", "-c", f": > {up}"), tmp_path / "log")
    assert started == Engine(client)


def test_an_engine_says_what_its_client_said_when_it_fails(fake_docker: FakeDocker) -> None:
    docker = Engine(fake_docker("20.10.24", server="echo no such thing >&2; exit 1"))
    with pytest.raises(Failure, match="no such thing"):
        docker.output("version")


def test_containers_get_weight_where_the_kernel_has_control_groups(tmp_path: Path) -> None:
    first, second = tmp_path / "one/docker", tmp_path / "none/docker"
    for group in (first, second):
        group.parent.mkdir()
    (first.parent / "cgroup.procs").touch()
    engine.give_containers_weight(((first, "cpu.shares", "7"), (second, "cpu.weight", "7")))
    assert (first / "cpu.shares").read_text() == "7"
    assert not second.exists()
