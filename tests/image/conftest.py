"""Fixtures of the tests of the built image."""

import pytest

from tests.support.image_fixtures import docker, host, image, run, runtime_image, service

__all__ = ["docker", "host", "image", "run", "runtime_image", "service"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/image/" in item.path.as_posix():
            item.add_marker("engine")
