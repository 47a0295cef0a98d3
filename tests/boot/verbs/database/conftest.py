"""A fallback and the operator who deals with its rows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from boot.database.decision import FALLBACK_FILE
from tests.support.fallback import Fallback
from tests.support.oneshot import APPS, LAYER, PATIENT, Container, Ended

DEPOT = "tests.support.apps.depot:metadata"
MAIN = "import sys; from boot.cli import main; sys.exit(main(['db', *sys.argv[1:]]))"
Db = Callable[..., Ended]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container that nothing runs in, with the depot's tables."""
    root = str(LAYER.parents[1])
    return Container(tmp_path, APPS, EDGEPAAS_ROOT=root, EDGEPAAS_SCHEMA_METADATA=DEPOT, **PATIENT)


@pytest.fixture
def fallback(container: Container, postgres_url: str) -> Fallback:
    """A fallback in the container's data directory; the container knows its PostgreSQL."""
    container.variables["DATABASE_URL"] = postgres_url
    return Fallback(container.data / FALLBACK_FILE, postgres_url, DEPOT)


@pytest.fixture
def db(container: Container) -> Db:
    """The operator's command: `edgepaas db` with the words that are given."""

    def run(*words: str, **variables: str) -> Ended:
        return container.run("-c", MAIN, *words, **variables)

    return run
