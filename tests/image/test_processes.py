"""Which processes there are, whose children, as whom, and what happens when one dies."""

import signal
from typing import Any

import pytest

from tests.support.container import Container
from tests.support.image_fixtures import Run
from tests.support.inside import Endpoint, children, endpoints, pid_of, processes, workers
from tests.support.wait import wait_until

WORKERS = 2


def test_pid_1_is_our_python(host: Any) -> None:
    assert host.process.get(pid=1).args == "/opt/venv/bin/python -I /init"


def test_its_children_are_the_two_services_and_nothing_else(service: Container) -> None:
    commands = [each.command.split()[-1] for each in children(service, 1)]
    assert sorted(commands) == ["/etc/edgepaas/gunicorn.conf.py", "sidecar"]


def test_the_workers_are_children_of_the_arbiter(service: Container) -> None:
    assert len(workers(service)) == WORKERS


def test_there_is_no_other_process_and_no_zombie(service: Container) -> None:
    found = processes(service)
    assert found.keys() == {
        1,
        pid_of(service, "web"),
        pid_of(service, "metrics"),
        *workers(service),
    }
    assert not [each for each in found.values() if each.state.startswith("Z")]


def test_every_process_is_the_ordinary_user(service: Container) -> None:
    assert {(each.uid, each.gid) for each in processes(service).values()} == {(10001, 0)}


def test_no_process_has_a_capability_or_could_gain_one(service: Container) -> None:
    for pid in processes(service):
        status = service.check_output("cat", f"/proc/{pid}/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
        assert fields["NoNewPrivs"] == "1"


def test_services_begin_with_the_usual_signal_dispositions(service: Container) -> None:
    pid = pid_of(service, "metrics")
    status = service.check_output("cat", f"/proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert int(fields["SigBlk"], 16) == 0


def test_nobody_listens_but_on_the_two_ports(service: Container) -> None:
    assert endpoints(service) == {Endpoint("0.0.0.0", 8000), Endpoint("0.0.0.0", 9464)}


def test_web_concurrency_is_how_many_workers_there_are(run: Run, image: str) -> None:
    container = run(image, env={"WEB_CONCURRENCY": "1"}).ready()
    assert len(workers(container)) == 1


def test_a_killed_worker_is_replaced_while_the_other_serves(laboratory: Container) -> None:
    before = workers(laboratory)
    laboratory.check_output("bash", "-c", f"kill -KILL {before[0]}")
    assert laboratory.http("/health/live").status == 200
    wait_until(
        lambda: len(workers(laboratory)) == WORKERS and before[0] not in workers(laboratory),
        20,
        "a new worker",
    )
    assert before[1] in workers(laboratory)
    assert laboratory.ready().boot()["phase"] == "ready"


def test_killed_metrics_are_restarted_and_the_container_lives(laboratory: Container) -> None:
    web, before = pid_of(laboratory, "web"), pid_of(laboratory, "metrics")
    laboratory.check_output("bash", "-c", f"kill -KILL {before}")

    def is_back() -> bool:
        return laboratory.answers("/readyz", 9464) and pid_of(laboratory, "metrics") != before

    wait_until(is_back, 20, "metrics back")
    report = laboratory.boot()
    assert {each["name"]: each["restarts"] for each in report["units"]}["metrics"] >= 1
    assert pid_of(laboratory, "web") == web
    assert ("metrics", "ended") in {(each["unit"], each["event"]) for each in report["events"]}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_pid_1_cannot_be_killed_or_frozen_from_inside(
    laboratory: Container, number: signal.Signals
) -> None:
    laboratory.check_output("bash", "-c", f"kill -{number.name.removeprefix('SIG')} 1")
    assert laboratory.is_running()
    assert laboratory.ready().exec("supervisorctl", "status", "web").returncode == 0


def test_an_orphan_is_reaped(laboratory: Container) -> None:
    orphan = int(laboratory.check_output("bash", "-c", "(sleep 0.2 & echo $!)"))
    wait_until(lambda: orphan not in processes(laboratory), 5, "the orphan reaped")


def test_the_container_ends_with_the_arbiter(run: Run, image: str) -> None:
    container = run(image, expected=[r"exit status 71", r"web died by SIGKILL"]).ready()
    container.check_output("bash", "-c", f"kill -KILL {pid_of(container, 'web')}")
    assert container.wait_exit() == 71
    last = container.last_record()
    assert last["level"] == "ERROR"
    assert "web died by SIGKILL" in last["message"]


def test_the_threads_of_a_worker_share_one_heap(service: Container) -> None:
    for _ in range(WORKERS * 10):
        assert service.http("/api/v1/nodes").status == 200
    for pid in workers(service):
        maps = service.check_output("cat", f"/proc/{pid}/maps").splitlines()
        assert "[heap]" in " ".join(maps)
        assert not [line for line in maps if is_heap_of_a_thread(line)]


def is_heap_of_a_thread(mapping: str) -> bool:
    """Tell whether a line of maps begins a heap that glibc makes for a thread: they lie at
    multiples of 64 MiB and have no name.
    """
    place, permissions, *_, inode = mapping.split()[:5]
    return permissions == "rw-p" and inode == "0" and int(place.split("-")[0], 16) % (64 << 20) == 0
