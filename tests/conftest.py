"""Fixtures that several test folders share."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import (
    PostgresMissingError,
    PostgresServer,
    make_cluster,
    programs,
    server_directory,
)
from tests.support.skip import skip_or_fail

# What is drawn is judged by what comes of it, not by how long a busy machine takes.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Path]:
    """A data directory fresh from initdb that no server runs on; copied for each server."""
    try:
        programs()
    except PostgresMissingError as missing:
        skip_or_fail(str(missing))
    with server_directory() as directory:
        yield make_cluster(directory)


@pytest.fixture(scope="session")
def shared_postgres(postgres_cluster: Path) -> Iterator[PostgresServer]:
    """The session's server. Tests take `postgres_server`, which sees to it that it runs."""
    with server_directory() as directory:
        server = PostgresServer(directory, _copy(postgres_cluster, directory))
        yield server
        server.stop()


@pytest.fixture
def postgres_server(shared_postgres: PostgresServer) -> PostgresServer:
    """The session's PostgreSQL server, running. Shared: leave it running, make own databases."""
    shared_postgres.resume()
    shared_postgres.start()
    return shared_postgres


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A `postgresql+psycopg2://` URL of an empty database of one's own, dropped afterwards."""
    name = postgres_server.new_database()
    yield postgres_server.url(name)
    postgres_server.start()
    postgres_server.drop_database(name)


@pytest.fixture
def new_postgres_server(
    postgres_cluster: Path,
) -> Iterator[Callable[..., PostgresServer]]:
    """A factory of stopped servers of one's own, to kill, freeze or configure by keyword."""
    with server_directory() as directory:
        servers: list[PostgresServer] = []

        def new(**settings: str) -> PostgresServer:
            home = directory / f"server-{len(servers)}"
            home.mkdir()
            shutil.copystat(directory, home)
            _give_to_owner_of(directory, home)
            server = PostgresServer(home, _copy(postgres_cluster, home), **settings)
            servers.append(server)
            return server

        yield new
        for server in servers:
            server.stop()


def _copy(cluster: Path, directory: Path) -> Path:
    data = directory / "data"
    shutil.copytree(cluster, data)
    for path in [data, *data.rglob("*")]:
        _give_to_owner_of(cluster, path)
    return data


def _give_to_owner_of(owned: Path, path: Path) -> None:
    if os.geteuid() == 0:
        status = owned.stat()
        os.chown(path, status.st_uid, status.st_gid)
