"""HEALTHCHECK and the probes: green when it can serve, and red with the reason."""

import json
from pathlib import Path

from tests.support.container import ANYTHING, MANAGEMENT_PORT, Container
from tests.support.image_fixtures import Run
from tests.support.inside import pid_of, processes
from tests.support.service_files import unit
from tests.support.wait import wait_until

OFTEN = ("--health-interval=1s", "--health-retries=1", "--health-timeout=3s")


def reasons(container: Container) -> list[str]:
    """Return what the engine's last health checks printed."""
    return [each["Output"] for each in container.inspect()["State"]["Health"]["Log"]]


def test_it_turns_healthy(service: Container) -> None:
    wait_until(lambda: service.health == "healthy", 30, "healthy")
    assert reasons(service)[-1] == "ready\n"


def test_the_check_leaves_no_process_behind(service: Container) -> None:
    before = processes(service).keys()
    assert service.exec("healthcheck").returncode == 0
    assert processes(service).keys() == before


def test_every_probe_is_green_on_a_ready_container(service: Container) -> None:
    for path in ("/livez", "/readyz", "/startupz"):
        assert service.management(path).status == 200
    for path in ("/health/live", "/health/ready", "/health/system", "/version"):
        assert service.http(path).status == 200


def test_metrics_tell_of_boot_processes_and_requests(service: Container) -> None:
    service.http("/health/live")
    metrics = service.management("/metrics").text
    for words in (
        "edgepaas_boot_",
        "edgepaas_database_fallback",
        "edgepaas_unit_",
        "http_requests",
    ):
        assert words in metrics, words


def test_it_turns_unhealthy_and_healthy_again_and_says_why(run: Run, image: str) -> None:
    container = run(image, env={"WEB_CONCURRENCY": "1"}, options=OFTEN, expected=ANYTHING).ready()
    wait_until(lambda: container.health == "healthy", 30, "healthy")
    container.check_output("supervisorctl", "drain")
    wait_until(lambda: reasons(container)[-1] == "unready: draining\n", 60, "the drain is told")
    wait_until(lambda: container.health == "unhealthy", 60, "unhealthy")
    container.check_output("supervisorctl", "undrain")
    wait_until(lambda: container.health == "healthy", 60, "healthy again")
    container.check_output("bash", "-c", f"kill -STOP -- -{pid_of(container, 'web')}")
    hung = "unready: the app: "
    wait_until(lambda: reasons(container)[-1].startswith(hung), 60, "the hung app is told")
    wait_until(lambda: container.health == "unhealthy", 60, "unhealthy")
    container.check_output("bash", "-c", f"kill -CONT -- -{pid_of(container, 'web')}")
    wait_until(lambda: container.health == "healthy", 60, "healthy again")


def test_while_it_boots_the_check_says_what_it_waits_for(
    run: Run, image: str, tmp_path: Path
) -> None:
    option = unit(tmp_path, "prepare", "sleep 60", "requires = env-check")
    container = run(image, options=[option])
    wait_until(lambda: container.answers("/livez", MANAGEMENT_PORT), 30, "the sidecar")
    wait_until(lambda: "env-check is done" in container.logs(), 30, "env-check")
    check = container.exec("/usr/local/bin/healthcheck")
    assert check.returncode == 1
    assert "prepare" in check.stdout
    startup = container.management("/startupz")
    assert startup.status == 503
    assert "prepare" in json.dumps(startup.json())
    assert container.stop()[0] == 143
