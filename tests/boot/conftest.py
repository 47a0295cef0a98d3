"""Fixtures of the boot layer's tests."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.native_boot import NativeBoot


@pytest.fixture
def new_boot() -> Iterator[Callable[..., NativeBoot]]:
    """A factory of boots, not started yet; keywords are the container's environment."""
    boots: list[NativeBoot] = []

    def new(**environment: str) -> NativeBoot:
        # Not tmp_path: a socket's path may be no longer than 107 characters.
        boot = NativeBoot(Path(tempfile.mkdtemp(prefix="boot-")), **environment)
        boots.append(boot)
        return boot

    yield new
    for boot in boots:
        boot.close()
        shutil.rmtree(boot.directory, ignore_errors=True)


@pytest.fixture
def boot(new_boot: Callable[..., NativeBoot]) -> NativeBoot:
    """A boot with the default settings and no unit yet."""
    return new_boot()
