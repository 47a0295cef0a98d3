"""The sidecar, started for a test and killed after it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.sidecar_unit import SidecarUnit

Start = Callable[..., SidecarUnit]


@pytest.fixture
def start_sidecar(tmp_path: Path) -> Iterator[Start]:
    """A factory of sidecars: `start_sidecar(NAME=value)`; not ready yet."""
    started: list[SidecarUnit] = []

    def start(**environment: str) -> SidecarUnit:
        directory = tmp_path / f"sidecar-{len(started)}"
        directory.mkdir()
        unit = SidecarUnit(directory, **environment)
        started.append(unit)
        return unit

    yield start
    for unit in started:
        unit.close()


@pytest.fixture
def sidecar(start_sidecar: Start) -> SidecarUnit:
    """A sidecar that listens, with no boot report yet and no app."""
    unit = start_sidecar()
    unit.wait_ready()
    return unit
