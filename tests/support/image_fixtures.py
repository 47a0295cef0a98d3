"""Fixtures around the built image, for every folder whose tests run containers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from scripts.engine import Engine
from tests.support import container, engine
from tests.support.container import Container

Run = Callable[..., Container]


@pytest.fixture(scope="session")
def docker() -> Engine:
    """The container engine."""
    return engine.docker()


@pytest.fixture(scope="session")
def image() -> str:
    """The image of this tree, with the app."""
    return engine.image()


@pytest.fixture(scope="session")
def runtime_image(image: str) -> str:
    """The layer without an app."""
    return f"{image}-runtime"


def _remove_all(started: list[Container]) -> None:
    complaints = []
    for one in started:
        complaints += one.complaints()
        one.remove()
    assert not complaints, "a container logged what nobody expected:\n" + "\n".join(complaints)


@contextmanager
def _starting(docker: Engine) -> Iterator[Run]:
    started: list[Container] = []

    def start(image: str, *command: str, **settings: Any) -> Container:
        started.append(container.start(docker, image, *command, **settings))
        return started[-1]

    yield start
    _remove_all(started)


@pytest.fixture
def run(docker: Engine) -> Iterator[Run]:
    """A function that starts containers (arguments: tests.support.container.start).

    They are removed at the end; an unexpected warning or error in their logs fails the test.
    """
    with _starting(docker) as start:
        yield start


@pytest.fixture(scope="module")
def run_shared(docker: Engine) -> Iterator[Run]:
    """As `run`, for containers that the tests of one file share."""
    with _starting(docker) as start:
        yield start


@pytest.fixture(scope="session")
def service(docker: Engine, image: str) -> Iterator[Container]:
    """One ready container with the defaults of `make run`, shared: look, do not change it."""
    started = [container.start(docker, image)]
    yield started[0].ready()
    _remove_all(started)


@pytest.fixture(scope="session")
def _laboratory(docker: Engine, image: str) -> Iterator[Container]:
    started = [container.start(docker, image, expected=container.ANYTHING)]
    yield started[0]
    _remove_all(started)


@pytest.fixture
def laboratory(_laboratory: Container) -> Container:
    """One ready container to disturb: whatever a test does to it, it must be ready again."""
    return _laboratory.ready()


@pytest.fixture
def host(service: Container) -> Any:
    """The shared container as a testinfra host."""
    return service.host
