"""`make run` with an engine: one container, replaced as a whole, its data kept."""

import json
import uuid
from collections.abc import Iterator

import pytest

from scripts import service
from scripts.console import Failure
from scripts.container import Container
from scripts.service import Ports
from tests.support import engine
from tests.support.postgres import free_port

pytestmark = pytest.mark.engine


@pytest.fixture
def container() -> Iterator[Container]:
    """A container and a volume of one's own, removed at the end."""
    name = f"edgepaas-test-{uuid.uuid4().hex[:12]}"
    container = Container(engine.docker(), name=name, volume=name)
    yield container
    container.engine.run("rm", "--force", name)
    container.engine.run("volume", "rm", name)


@pytest.fixture
def ports() -> Ports:
    return Ports(free_port(), free_port())


def test_a_second_run_replaces_the_container_and_keeps_the_data(
    container: Container, ports: Ports
) -> None:
    container.replace(engine.image(), ports)
    service.wait_until_ready(container, ports)
    first = container.inspect()
    container.engine.output("exec", container.name, "touch", "/data/kept")
    container.replace(engine.image(), ports)
    service.wait_until_ready(container, ports)
    second = container.inspect()
    assert first is not None
    assert second is not None
    assert first["Id"] != second["Id"]
    container.engine.output("exec", container.name, "test", "-e", "/data/kept")


def test_it_gives_the_container_no_right_it_does_not_need(
    container: Container, ports: Ports
) -> None:
    container.replace(engine.image(), ports)
    state = container.inspect()
    assert state is not None
    limits = state["HostConfig"]
    assert limits["ReadonlyRootfs"]
    assert limits["CapDrop"] == ["ALL"]
    assert limits["SecurityOpt"] == ["no-new-privileges"]
    assert set(limits["Tmpfs"]) == {"/run", "/tmp"}
    published = json.dumps(limits["PortBindings"])
    assert published.count('"HostIp": "127.0.0.1"') == 2


def test_a_boot_that_fails_says_status_cause_and_advice(
    container: Container, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Container, "options", lambda _: ["--env=DATABASE_URL=garbage"])
    container.replace(engine.image(), ports)
    with pytest.raises(Failure, match="status 78") as failure:
        service.wait_until_ready(container, ports)
    assert "DATABASE_URL" in str(failure.value)


def test_its_own_ports_are_not_taken_by_something_else(container: Container, ports: Ports) -> None:
    container.replace(engine.image(), ports)
    container.check(ports)
    assert container.published_ports() == {ports.app, ports.management}
    with pytest.raises(Failure, match="taken"):
        Container(container.engine, name="edgepaas-test-other").check(ports)


def test_stopping_twice_is_stopping_once(container: Container, ports: Ports) -> None:
    container.replace(engine.image(), ports)
    assert container.remove()
    assert not container.remove()
