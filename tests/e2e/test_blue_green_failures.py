"""A deploy that fails touches nothing that serves, says why, and leaves the way back as it was."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bluegreen.images import Image, Releases, releases
from tests.support.bluegreen.proxies import Nginx
from tests.support.bluegreen.stage import Stage, stage
from tests.support.engine import docker
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.timeout(1800)]
PATIENCE = 600.0
# Works for every slot but the one that is to be switched to.
RELOAD = """#!/bin/sh
grep -q 'live: blue' {file} && exit 1
{reload}
"""


@pytest.fixture(scope="module")
def made(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    with releases(image, tmp_path_factory.mktemp("images")) as made:
        yield made


@pytest.fixture(scope="module")
def first(made: Releases) -> Image:
    return made.new()


@pytest.fixture(scope="module")
def second(made: Releases) -> Image:
    return made.new()


@pytest.fixture(scope="module")
def host(
    shared_postgres: PostgresServer,
    first: Image,
    second: Image,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A stage on which the second release is live and the first one kept."""
    shared_postgres.start()
    database = shared_postgres.new_database()
    env = {"DATABASE_URL": shared_postgres.url(database), "WEB_CONCURRENCY": "1"}
    with stage(tmp_path_factory.mktemp("stage"), Nginx, env) as host:
        host.does("deploy", first.tag)
        host.does("deploy", second.tag)
        yield host
    shared_postgres.drop_database(database)


@pytest.fixture
def untouched(host: Stage, second: Image) -> Iterator[Stage]:
    """The stage; whatever the test does, the second release stays live and the first one kept."""
    before = host.status()
    identity = docker().output("inspect", "--format", "{{.Id}}", host.container("green"))
    kept = docker().output("inspect", "--format", "{{.Id}}", host.container("blue"))
    yield host
    host.sections["smoke"] = {}
    host.sections["proxy"] = host.proxy.settings()
    assert host.assert_one_is_live() == before
    assert before["through_the_proxy"]["build"] == second.build
    assert docker().output("inspect", "--format", "{{.Id}}", host.container("green")) == identity
    assert docker().output("inspect", "--format", "{{.Id}}", host.container("blue")) == kept


def test_a_container_that_ends_hands_on_its_status_with_its_report(
    untouched: Stage, made: Releases
) -> None:
    broken = made.build("broken", "ENV EDGEPAAS_WEB_KEEPALIVE=soon")
    done = untouched.word("deploy", broken.tag)
    assert done.returncode == 78, done.stdout
    assert "the configuration is wrong" in done.stdout
    assert "its last lines:" in done.stdout
    assert "EDGEPAAS_WEB_KEEPALIVE" in done.stdout
    assert untouched.history()[-1]["outcome"] == "failed"
    kept = untouched.container("blue", "-failed")
    assert kept in done.stdout
    assert "EDGEPAAS_WEB_KEEPALIVE" in docker().output("logs", kept)


def test_an_image_that_is_nowhere_is_told(untouched: Stage) -> None:
    done = untouched.word("deploy", "edgepaas-test:nowhere")
    assert done.returncode == 20
    assert "there is no image edgepaas-test:nowhere here" in done.stdout


def test_a_smoke_command_that_fails_ends_the_deploy(untouched: Stage, first: Image) -> None:
    untouched.sections["smoke"] = {"command": 'echo "asked $BUILD in $SLOT at $URL"; exit 3'}
    done = untouched.word("deploy", first.tag)
    assert done.returncode == 20
    assert f"asked {first.build} in blue at http://127.0.0.1:" in done.stdout
    assert "your command ended with status 3" in done.stdout
    assert "web" in done.stdout.split("its boot report:")[1]


def test_a_failing_switch_is_switched_back(untouched: Stage, first: Image, tmp_path: Path) -> None:
    settings = untouched.proxy.settings()
    script = tmp_path / "reload"
    script.write_text(RELOAD.format(file=settings["upstream_file"], reload=settings["reload"]))
    script.chmod(0o755)
    untouched.sections["proxy"] = {**settings, "reload": script}
    untouched.sections["wait"]["switch"] = 1
    done = untouched.word("deploy", first.tag)
    untouched.sections["wait"]["switch"] = 20
    assert done.returncode == 21, done.stdout
    assert "switched back: green is live, as before" in done.stdout
    assert untouched.history()[-1]["outcome"] == "switched back"


def test_a_dry_run_does_nothing(untouched: Stage, first: Image) -> None:
    before = untouched.state()
    said = untouched.does("deploy", "--dry-run", first.tag)
    assert "would run: docker create" in said
    assert "--env=SLOT=blue" in said
    assert "would switch" in said
    assert "postgresql" not in said, "no secret"
    assert untouched.state() == before


def test_one_at_a_time_and_abort_ends_it(untouched: Stage, first: Image) -> None:
    untouched.sections["smoke"] = {"command": "exec sleep 600", "timeout": "600"}
    process = untouched.begin("deploy", first.tag)
    try:
        wait_until(lambda: step(untouched) == "smoke", PATIENCE, "the smoke command")
        refused = untouched.word("deploy", first.tag)
        assert refused.returncode == 75
        assert f"deploy, process {process.pid}" in refused.stdout
        assert untouched.status()["at_work"] == process.pid
        untouched.does("abort")
        assert process.wait(PATIENCE) == 20
    finally:
        process.kill()
        process.wait()
    assert untouched.history()[-1]["reason"] == "interrupted"


def test_sqlite_is_refused_and_a_gap_taken_only_when_asked_for(
    made: Releases, first: Image, tmp_path: Path
) -> None:
    with stage(tmp_path, Nginx, {"WEB_CONCURRENCY": "1"}) as host:
        host.sections["service"]["volumes"] = f"{host.name}:/data"
        host.sections["service"]["network"] = "bridge"
        try:
            host.does("deploy", first.tag)
            refused = host.word("deploy", first.tag)
            assert refused.returncode == 78
            assert "Set DATABASE_URL to a PostgreSQL" in refused.stdout
            assert host.assert_one_is_live()["live"] == "blue"
            said = host.does("deploy", "--stop-start", first.tag)
            assert "stopping blue: from here on nobody is served" in said
            assert host.assert_one_is_live()["live"] == "green"
            broken = made.build("broken-too", "ENV EDGEPAAS_WEB_KEEPALIVE=soon")
            assert host.word("deploy", "--stop-start", broken.tag).returncode == 78
            assert host.assert_one_is_live()["live"] == "green", "started again"
        finally:
            host.remove()
            docker().run("volume", "rm", host.name)


def test_a_rollback_needs_something_to_go_back_to(tmp_path: Path) -> None:
    with stage(tmp_path, Nginx, {}) as host:
        done = host.word("rollback")
        assert done.returncode == 20
        assert "nothing to roll back to" in done.stdout
        assert host.word("status").returncode == 20
        assert isinstance(host.word("abort"), subprocess.CompletedProcess)


def step(host: Stage) -> str:
    operation = host.state()["operation"]
    return str(operation["step"]) if operation else ""
