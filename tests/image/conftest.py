"""Fixtures of the tests of the built image."""

import json
from typing import Any

import pytest

from scripts.engine import Engine
from tests.support.image_fixtures import (
    _laboratory,
    docker,
    host,
    image,
    laboratory,
    run,
    run_shared,
    runtime_image,
    service,
)
from tests.support.image_tree import ImageTree, export

__all__ = [
    "_laboratory",
    "docker",
    "host",
    "image",
    "laboratory",
    "run",
    "run_shared",
    "runtime_image",
    "service",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/image/" in item.path.as_posix():
            item.add_marker("engine")


@pytest.fixture(scope="session")
def tree(docker: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> ImageTree:
    """The files of the image."""
    return export(docker, image, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def configuration(docker: Engine, image: str) -> dict[str, Any]:
    """What `docker image inspect` says of the image."""
    answer: list[dict[str, Any]] = json.loads(docker.output("image", "inspect", image))
    return answer[0]
