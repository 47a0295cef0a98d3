"""edgepaas doctor, on containers broken on purpose."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from boot.cgroup import Cgroup, Use
from boot.doctor import room
from boot.doctor.finding import Grade
from tests.support.listeners import listener, silent
from tests.support.native_boot import CHECKOUT, ROOTFS, NativeBoot
from tests.support.operator import edgepaas
from tests.support.ports import free_port
from tests.support.stub_web import with_web

NewBoot = Callable[..., NativeBoot]
UNREADY_BODY = json.dumps(
    {"checks": {"draining": {"ok": True}, "database": {"ok": False, "detail": "no answer in 2 s"}}}
)


def started(boot: NativeBoot, phase: str = "ready") -> NativeBoot:
    """Start a boot and wait for a phase."""
    boot.start()
    boot.wait(phase)
    return boot


@pytest.fixture
def whole(new_boot: NewBoot) -> NativeBoot:
    """The real five units, not started."""
    addresses = {"EDGEPAAS_BIND": "127.0.0.1", "EDGEPAAS_METRICS_BIND": "127.0.0.1"}
    ports = {"PORT": str(free_port()), "EDGEPAAS_METRICS_PORT": str(free_port())}
    boot = new_boot(**addresses, **ports, WEB_CONCURRENCY="1")
    boot.environment["EDGEPAAS_APP_DIR"] = str(CHECKOUT)
    boot.environment["EDGEPAAS_ROOT"] = str(ROOTFS)
    return boot


# Ready.


def test_a_container_that_serves_is_ready_and_every_part_is_told(whole: NativeBoot) -> None:
    started(whole)
    done = edgepaas(whole.environment, "doctor", "--json")
    found = json.loads(done.out)
    parts = ["environment", "PID 1", "database", "boot", "app", "sidecar", "disk", "limits"]
    told = list(dict.fromkeys(each["subject"] for each in found["findings"]))
    assert (done.status, found["ready"]) == (0, True), done.out
    assert [part for part in told if part in parts] == parts


def test_the_sidecars_end_is_why_it_is_not_ready(whole: NativeBoot) -> None:
    started(whole)
    assert whole.ctl("stop", "metrics")[0] == 0
    done = edgepaas(whole.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: boot: metrics is stopped")
    assert "supervisorctl start metrics" in done.out


def test_ready_is_one_word(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot))
    assert edgepaas(boot.environment, "doctor").first.split(";")[0] == "ready"


def test_a_unit_that_was_restarted_is_worth_a_look_but_no_obstacle(new_boot: NewBoot) -> None:
    boot = with_web(new_boot)
    boot.longrun("helper", ready="started")
    started(boot)
    os.kill(boot.entry("helper")["pid"], signal.SIGKILL)
    boot.wait_for(lambda: boot.entry("helper")["restarts"] == 1, "restarted")
    boot.wait_state("helper", "ready")
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 0
    assert done.first.startswith("ready; worth a look: boot")
    assert "helper was restarted 1 time; last: died by SIGKILL" in done.out


# Not ready.


def test_a_drain_is_told_with_its_way_back(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot))
    edgepaas(boot.environment, "drain")
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: drain: draining for ")
    assert "do: `edgepaas undrain`" in done.out


def test_an_app_that_hangs_is_told_from_one_that_does_not_listen(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot))
    pid = boot.entry("web")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        done = edgepaas(boot.environment, "doctor")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.status == 1
    assert f"127.0.0.1:{boot.environment['PORT']} is listened on, but nothing" in done.first
    assert "1 stopped" in done.first
    assert "do: its workers are frozen" in done.out


def test_an_app_that_does_not_listen_is_told(new_boot: NewBoot) -> None:
    boot = new_boot(PORT=str(free_port()))
    boot.longrun("web", ready="started")
    started(boot)
    done = edgepaas(boot.environment, "doctor")
    assert done.first.startswith("not ready: app: nobody answers on 127.0.0.1:")
    assert "web is ready" in done.first


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (f"503 {UNREADY_BODY}", "/health/ready answers 503: database: no answer in 2 s"),
        ("503 {}", "/health/ready answers 503"),
        ('500 {"checks": [1]}', "/health/ready answers 500"),
        ("404 gone", "it has no such route"),
    ],
)
def test_what_the_app_says_is_passed_on(new_boot: NewBoot, answer: str, words: str) -> None:
    boot = started(with_web(new_boot, answer))
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: app: ")
    assert words in done.first


def test_a_unit_under_way_is_named_with_its_deadline_and_who_waits(boot: NativeBoot) -> None:
    boot.oneshot("slow", "exec sleep infinity", timeout=300)
    boot.oneshot("later", requires="slow")
    boot.start()
    boot.wait_state("slow", "running")
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert "slow is not done after " in done.first
    assert " of 300 s; later waits" in done.first


def test_a_unit_that_failed_is_named_with_cause_and_advice(new_boot: NewBoot) -> None:
    boot = new_boot(EDGEPAAS_ON_FAILURE="hold")
    boot.oneshot("schema", "echo no such table; exit 76")
    started(boot, "held")
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: boot: schema failed with 76 (the schema could not")
    assert "no such table" in done.first
    assert done.out.splitlines()[1].startswith("do: read the migration's error")


def test_a_failure_that_is_ignored_is_no_obstacle(new_boot: NewBoot) -> None:
    boot = with_web(new_boot)
    boot.oneshot("extra", "exit 3", on_failure="ignore")
    started(boot)
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 0
    assert "the boot went on without it" in done.out


def test_a_stop_is_told(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot, EDGEPAAS_DRAIN_DELAY="6"))
    boot.signal(signal.SIGTERM)
    boot.wait("stopping")
    done = edgepaas(boot.environment, "doctor")
    assert done.first == "not ready: boot: stopping: asked to by SIGTERM"


def test_a_frozen_pid_1_does_not_freeze_the_doctor(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot))
    boot.signal(signal.SIGSTOP)
    try:
        done = edgepaas(boot.environment, "doctor")
    finally:
        boot.signal(signal.SIGCONT)
    assert done.first.startswith("not ready: PID 1: PID 1 gave no answer")


# The database.


def waiting_for(new_boot: NewBoot, url: str) -> NativeBoot:
    """Return a boot in which the real db-wait waits for a database."""
    boot = new_boot(DATABASE_URL=url, EDGEPAAS_DB_MODE="postgres", EDGEPAAS_DB_WAIT_TIMEOUT="77")
    for name in ("10-env-check", "20-db-wait"):
        shutil.copy(ROOTFS / f"etc/supervisor/conf.d/{name}.conf", boot.conf_d)
    boot.start()
    boot.wait_state("db-wait", "running")
    return boot


def test_a_database_that_refuses_is_the_cause_of_waiting(new_boot: NewBoot) -> None:
    url = f"postgresql://u:canary-password@127.0.0.1:{free_port()}/shop"
    boot = waiting_for(new_boot, url)
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: database: postgresql+psycopg2://u:***@127.0.0.1:")
    assert "Connection refused" in done.first
    assert "start PostgreSQL" in done.out
    assert "of 77 s (EDGEPAAS_DB_WAIT_TIMEOUT)" in done.out
    assert "canary" not in done.out


def test_a_database_that_is_silent_costs_two_seconds(new_boot: NewBoot) -> None:
    with listener(silent) as port:
        boot = waiting_for(new_boot, f"postgresql://u:secret-word@127.0.0.1:{port}/shop")
        done = edgepaas(boot.environment, "doctor")
    assert done.first.startswith("not ready: database: ")
    assert "timed_out" in done.first


def test_a_database_that_answers_is_no_obstacle(new_boot: NewBoot, postgres_url: str) -> None:
    boot = with_web(new_boot, DATABASE_URL=postgres_url)
    boot.oneshot("db-wait", 'printf postgres > "$EDGEPAAS_RUN_DIR/env/EDGEPAAS_DB_BACKEND"')
    started(boot)
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 0
    assert "postgres serves, and answers now" in done.out


def test_a_unit_whose_condition_does_not_hold_is_no_fault(new_boot: NewBoot) -> None:
    boot = with_web(new_boot)
    boot.longrun("seldom", requires="web", condition="NEVER_SET")
    started(boot)
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 0
    assert "seldom" not in done.out


def test_a_step_that_runs_again_is_why_it_is_not_ready(new_boot: NewBoot) -> None:
    boot = with_web(new_boot, EDGEPAAS_DRAIN_DELAY="5")
    boot.oneshot("first")
    started(boot)
    assert boot.ctl("rerun", "first")[0] == 0
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert "a step runs again" in done.out


def test_a_fallback_is_loud_but_ready(new_boot: NewBoot) -> None:
    url = f"postgresql://u:canary-password@127.0.0.1:{free_port()}/shop"
    boot = with_web(new_boot, DATABASE_URL=url)
    values = {"BACKEND": "sqlite", "FALLBACK_ACTIVE": "1", "REASON": "nobody was there"}
    lines = [
        f'printf %s "{value}" > "$EDGEPAAS_RUN_DIR/env/EDGEPAAS_DB_{name}"'
        for name, value in values.items()
    ]
    boot.oneshot("db-wait", "\n".join(lines))
    started(boot)
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 0
    assert done.first.startswith("ready; worth a look: database")
    assert (
        "FALLBACK: SQLite stands in since the boot, for nobody was there. Still refused" in done.out
    )
    assert "canary" not in done.out


# Nothing runs.


def test_where_nothing_ever_ran_it_says_how_to_ask(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: PID 1: nothing runs here")
    assert "docker exec CONTAINER edgepaas doctor" in done.out


def test_a_boot_that_ended_is_told_with_its_cause(boot: NativeBoot) -> None:
    boot.oneshot("first", "echo the disk is gone; exit 74")
    assert boot.run() == 74
    done = edgepaas(boot.environment, "doctor")
    assert "the last boot ended with exit status 74" in done.first
    assert "first exited with 74: the disk is gone" in done.first
    assert done.out.count("the disk is gone") == 2  # verdict and finding, not the unit once more


def test_a_boot_that_was_killed_is_told(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot))
    web = boot.entry("web")["pid"]
    boot.process.kill()
    boot.process.wait()
    done = edgepaas(boot.environment, "doctor")
    os.kill(web, signal.SIGKILL)
    assert "the last boot was killed while ready" in done.first
    assert f"127.0.0.1:{boot.environment['PORT']} (PORT) is taken" in done.out


def test_a_wrong_environment_is_the_first_cause(boot: NativeBoot) -> None:
    done = edgepaas(
        boot.environment,
        "doctor",
        PORT="eighty",
        DATABASE_URL="mysql://u:canary-password@db/x",
        EDGEPAAS_DB_MOD="sqlite",
    )
    assert done.first.startswith("not ready: environment: PORT 'eighty'")
    assert done.out.splitlines()[1].startswith("do: set -e PORT=")
    assert "EDGEPAAS_DB_MODE" in done.out
    assert "canary" not in done.out


def test_it_looks_on_whatever_is_missing(tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": str(ROOTFS / "opt/edgepaas"),
        "EDGEPAAS_ROOT": "/nonexistent",
        "EDGEPAAS_RUN_DIR": str(tmp_path / "no/run"),
    }
    done = edgepaas(environment, "doctor")
    assert done.status == 1
    assert "/nonexistent/etc/edgepaas/environment.toml" in done.first


@pytest.mark.parametrize("content", ["", "{", "[]", '{"units": 3}', '{"units": [{}]}', "\0"])
def test_garbage_in_the_reports_is_no_traceback(boot: NativeBoot, content: str) -> None:
    boot.run_dir.mkdir()
    for name in ("boot.json", "exit.json", "supervisord.pid", "draining"):
        (boot.run_dir / name).write_text(content)
    done = edgepaas(boot.environment, "doctor")
    assert done.status == 1
    assert done.first.startswith("not ready: PID 1: nothing runs here")


def test_a_report_that_cannot_be_understood_is_not_ready(new_boot: NewBoot) -> None:
    boot = started(with_web(new_boot))
    boot.signal(signal.SIGSTOP)  # or it would write a good one
    try:
        (boot.run_dir / "boot.json").write_text('{"phase": "ready", "units": [{}]}')
        done = edgepaas(boot.environment, "doctor", "--json")
    finally:
        boot.signal(signal.SIGCONT)
    lines = [each["line"] for each in json.loads(done.out)["findings"] if each["blocks"]]
    assert done.status == 1
    assert "could not be looked at: KeyError: 'state'" in lines


def test_json_tells_the_same(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "doctor", "--json")
    found = json.loads(done.out)
    assert done.status == 1
    assert found["ready"] is False
    assert found["verdict"] == edgepaas(boot.environment, "doctor").first
    assert {"subject", "grade", "line", "advice", "blocks"} == set(found["findings"][0])


def test_an_unknown_option_is_refused(boot: NativeBoot) -> None:
    assert edgepaas(boot.environment, "doctor", "--deep").status == 64


# Limits.


def statvfs(**fields: int) -> os.statvfs_result:
    """Return a file system of 1000 blocks and 1000 inodes, half of them free."""
    values = {"blocks": 1000, "bavail": 500, "files": 1000, "favail": 500, **fields}
    size = 1 << 20
    blocks, bavail = values["blocks"], values["bavail"]
    files, favail = values["files"], values["favail"]
    return os.statvfs_result((size, size, blocks, bavail, bavail, files, favail, favail, 0, 255))


@pytest.mark.parametrize(
    ("fields", "grade"),
    [
        ({}, Grade.OK),
        ({"bavail": 49}, Grade.WARN),
        ({"bavail": 0}, Grade.BAD),
        ({"favail": 49}, Grade.WARN),
        ({"favail": 0}, Grade.BAD),
        ({"files": 0, "favail": 0}, Grade.OK),  # btrfs counts no inodes
    ],
)
def test_disks_are_graded(fields: dict[str, int], grade: Grade) -> None:
    assert room.measured(Path("/data"), statvfs(**fields)).grade is grade


def test_limits_are_read_from_cgroup_v2(tmp_path: Path) -> None:
    files = {
        "cgroup.controllers": "memory pids",
        "memory.current": "1000\n",
        "memory.max": "2000\n",
        "memory.stat": "anon 1\ninactive_file 400\n",
        "memory.events": "low 0\noom 3\noom_kill 2\n",
        "pids.current": "7\n",
        "pids.max": "max\n",
        "cpu.stat": "nr_periods 100\nnr_throttled 40\n",
        "memory.pressure": "some avg10=1.00 avg60=31.50 avg300=0.00 total=9\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    group = Cgroup(tmp_path, tmp_path / "missing")
    assert group.memory() == Use(600, 2000)
    assert group.pids() == Use(7, None)
    assert (group.kills(), group.throttled_share()) == (2, 0.4)
    assert group.pressure("memory") == 31.5


def test_limits_are_read_from_cgroup_v1(tmp_path: Path) -> None:
    own = tmp_path / "memory/docker/abc"
    own.mkdir(parents=True)
    (own / "memory.usage_in_bytes").write_text("500\n")
    (own / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (own / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    membership = tmp_path / "membership"
    membership.write_text("4:memory:/docker/abc\n1:name=systemd:/x\n")
    group = Cgroup(tmp_path, membership)
    assert group.memory() == Use(500, None)
    assert (group.kills(), group.pids()) == (1, None)
