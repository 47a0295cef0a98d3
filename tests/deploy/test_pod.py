"""The pods of deploy/kubernetes, as far as an engine can be a kubelet: same user, mounts, files."""

from pathlib import Path

import pytest

from scripts.engine import Engine
from tests.support import container
from tests.support.container import Container
from tests.support.image_fixtures import Run
from tests.support.kubernetes import DockerPod, pod, settings

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.timeout(600)]
API_TOKEN = "a-token-of-sixteen-or-more"
METRICS_TOKEN = "a-token-for-prometheus"
PATIENCE = 240.0  # of a machine that is busy with other tests


@pytest.fixture
def secrets(tmp_path: Path, postgres_url: str) -> Path:
    """The Secret as a kubelet writes it: one file for each key, readable by the pod's group."""
    directory = tmp_path / "secrets"
    directory.mkdir()
    keys = {
        "database-url": postgres_url.replace("postgresql+psycopg2", "postgresql"),
        "api-tokens": f"write:deploy:{API_TOKEN}",
        "metrics-token": METRICS_TOKEN,
    }
    for name, value in keys.items():
        (directory / name).write_text(value)
        (directory / name).chmod(0o444)
    return directory


def start(run: Run, image: str, kind: str, secrets: Path) -> Container:
    """Start the pod of a Deployment or Job on the host's network, where the test's server is."""
    volumes = secrets.with_name(kind)
    volumes.mkdir()
    found = DockerPod(pod("production", kind), secrets, volumes)
    environment = settings("production")
    return run(
        image,
        *found.command,
        env=environment,
        read_only=False,
        data=None,
        network="host",
        expected=[f"EDGEPAAS_REPLICAS={environment['EDGEPAAS_REPLICAS']} x 2 colours"],
        options=found.options,
    )


def probe(one: Container, name: str) -> int:
    """Return what the pod's probe of that name is answered."""
    path = pod("production", "Deployment")["containers"][0][f"{name}Probe"]["httpGet"]["path"]
    return one.management(path).status


def test_the_job_migrates_and_the_deployment_serves_what_it_made(
    docker: Engine, run: Run, image: str, secrets: Path
) -> None:
    job = start(run, image, "Job", secrets)
    assert job.wait_exit() == 0, job.logs()
    served = start(run, image, "Deployment", secrets).ready(PATIENCE)
    assert {name: probe(served, name) for name in ("startup", "liveness", "readiness")} == {
        "startup": 200,
        "liveness": 200,
        "readiness": 200,
    }
    token = {"authorization": f"Bearer {METRICS_TOKEN}"}
    assert served.management("/metrics").status == 401
    assert served.http("/metrics", container.MANAGEMENT_PORT, **token).status == 200
    assert served.http("/boot", container.MANAGEMENT_PORT, **token).json()["phase"] == "ready"
    assert served.http("/api/v1/nodes").status == 401
    assert served.http("/api/v1/nodes", authorization=f"Bearer {API_TOKEN}").status == 200
    assert served.stop(timeout=30)[0] == 0
