"""`make run` in a fresh clone: to a served page, again without losing data, and away."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.checkout import ROOT
from scripts.engine import Engine
from tests.support import nodes
from tests.support.container import APP_PORT, MANAGEMENT_PORT, Container
from tests.support.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
UNITS = ("env-check", "db-wait", "schema-bootstrap", "web", "metrics")
AGAIN_SECONDS = 60.0  # measured: 6 s on an idle machine


def files_of_the_checkout() -> list[str]:
    """Return what git has of this tree, or would have."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


class Clone(NamedTuple):
    """A clone of this checkout as it stands, and names of its own for what it makes."""

    directory: Path
    engine: Engine
    names: Mapping[str, str]

    def make(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Type `make WORDS` in it; return what it printed."""
        environment = {**os.environ, **self.names, **variables}
        return subprocess.run(
            ["make", *words],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def ports(self) -> dict[int, int]:
        """Where the container's ports are reached."""
        return {
            APP_PORT: int(self.names["PORT"]),
            MANAGEMENT_PORT: int(self.names["METRICS_PORT"]),
        }

    @property
    def container(self) -> Container:
        """The container it has made."""
        identity = self.engine.output("inspect", "--format={{.Id}}", self.names["CONTAINER"])
        return Container(self.engine, identity, self.ports)


@pytest.fixture(scope="module")
def clone(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A fresh clone; what it made in the engine is removed at the end."""
    directory = tmp_path_factory.mktemp("clone") / "edgepaas"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(directory)], check=True)
    for name in files_of_the_checkout():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, directory / name)
    name = f"edgepaas-test-{uuid.uuid4().hex[:12]}"
    ports = {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}
    names = {"CONTAINER": name, "VOLUME": f"{name}-data", "IMAGE": f"{name}:dev", **ports}
    yield Clone(directory, docker, names)
    docker.run("rm", "--force", name)
    docker.run("volume", "rm", "--force", f"{name}-data")
    docker.run("image", "rm", "--force", f"{name}:dev", f"{name}:dev-runtime")


@pytest.fixture(scope="module")
def first_run(clone: Clone) -> subprocess.CompletedProcess[str]:
    """What the first `make run` printed; the service runs."""
    done = clone.make("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_it_serves_a_page_where_it_says(
    clone: Clone, first_run: subprocess.CompletedProcess[str]
) -> None:
    assert f"http://127.0.0.1:{clone.names['PORT']}/" in first_run.stdout
    page = clone.container.http("/")
    assert page.status == 200
    assert "<title>EdgePaaS" in page.text
    assert clone.container.boot()["phase"] == "ready"


def test_it_prints_the_boot_and_how_to_look_further(
    clone: Clone, first_run: subprocess.CompletedProcess[str]
) -> None:
    lines = [line.split() for line in first_run.stdout.splitlines() if line.strip()]
    assert set(UNITS) <= {words[0] for words in lines}
    for hint in ("make logs", "make demo", "make shell", "make stop", "supervisorctl status"):
        assert hint in first_run.stdout
    assert "Traceback" not in first_run.stdout + first_run.stderr


@pytest.mark.usefixtures("first_run")
def test_its_container_may_do_next_to_nothing(clone: Clone) -> None:
    inspected = clone.container.inspect()
    host = inspected["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert inspected["Config"]["User"] == "10001:0"
    published = inspected["NetworkSettings"]["Ports"].values()
    assert {binding["HostIp"] for ports in published for binding in ports} == {"127.0.0.1"}


@pytest.mark.usefixtures("first_run")
def test_run_again_it_is_quick_and_keeps_the_data(clone: Clone) -> None:
    before = clone.container
    nodes.add(before, "kept")
    started = time.monotonic()
    done = clone.make("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < AGAIN_SECONDS
    assert clone.container.id != before.id
    assert nodes.names(clone.container) == ["kept"]


@pytest.mark.usefixtures("first_run")
def test_a_port_that_is_taken_is_a_clear_error_and_leaves_the_service_alone(
    clone: Clone,
) -> None:
    other = free_port()
    taken = clone.names["METRICS_PORT"]
    done = clone.make("run", PORT=taken, METRICS_PORT=str(other), CONTAINER="unborn")
    assert done.returncode != 0
    assert f"port {taken} on 127.0.0.1 is taken" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert clone.container.http("/").status == 200


@pytest.mark.usefixtures("first_run")
def test_stopped_it_is_gone_and_its_data_stays(clone: Clone) -> None:
    done = clone.make("stop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert clone.engine.run("inspect", clone.names["CONTAINER"]).returncode != 0
    assert clone.names["VOLUME"] in clone.engine.output("volume", "ls", "--quiet")
