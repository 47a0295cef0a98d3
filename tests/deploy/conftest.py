"""Fixtures of the tests of deploy/ and compose.yaml."""

from tests.support.image_fixtures import docker, image, run, run_shared

__all__ = ["docker", "image", "run", "run_shared"]
