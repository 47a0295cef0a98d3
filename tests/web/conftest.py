"""The web unit, started for a test and killed after it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.web_unit import WebUnit

Start = Callable[..., WebUnit]


@pytest.fixture
def start_web(tmp_path: Path) -> Iterator[Start]:
    """A factory of web units: `start_web(NAME=value)`; not ready yet."""
    started: list[WebUnit] = []

    def start(**environment: str) -> WebUnit:
        directory = tmp_path / f"web-{len(started)}"
        directory.mkdir()
        unit = WebUnit(directory, **environment)
        started.append(unit)
        return unit

    yield start
    for unit in started:
        unit.close()


@pytest.fixture
def web(start_web: Start) -> WebUnit:
    """A web unit of two workers that serve the tiny app."""
    unit = start_web()
    unit.wait_ready()
    return unit


@pytest.fixture
def new_app(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """A factory of apps: takes the source of a module, returns the environment that serves it."""

    def new(source: str) -> dict[str, str]:
        (tmp_path / "made_app.py").write_text(source)
        return {"EDGEPAAS_APP": "made_app:app", "EXTRA_PATH": str(tmp_path)}

    return new
