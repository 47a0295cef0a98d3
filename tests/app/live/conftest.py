"""Databases whose schema is at head, for what follows their events."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from app.db import Database
from app.models import Base
from app.settings import Settings
from tests.app.conftest import patient, settings_for
from tests.support.postgres import PostgresServer


@pytest.fixture
def settings(empty_database_url: str, tmp_path: Path) -> Settings:
    """Settings of an app on each database in turn."""
    return migrated(patient(settings_for(empty_database_url, tmp_path)))


@pytest.fixture
def postgres_settings(postgres_url: str, tmp_path: Path) -> Settings:
    """Settings of an app on PostgreSQL."""
    return migrated(patient(settings_for(postgres_url, tmp_path)))


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    """Settings of an app on a SQLite file."""
    return migrated(settings_for(f"sqlite:///{tmp_path / 'test.db'}", tmp_path))


@pytest.fixture
def own_server(new_postgres_server: Callable[..., PostgresServer]) -> PostgresServer:
    """A running server that a test may kill or freeze."""
    server = new_postgres_server()
    server.start()
    return server


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database, as another process would use it: nobody is told of commits."""
    database = Database(settings)
    yield database
    database.dispose()


@pytest.fixture
def postgres_database(postgres_settings: Settings) -> Iterator[Database]:
    """The same on PostgreSQL."""
    database = Database(postgres_settings)
    yield database
    database.dispose()


def migrated(settings: Settings) -> Settings:
    """Make the tables; return `settings`."""
    engine = create_engine(settings.database_url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return settings


@pytest.fixture
def settings_on(tmp_path: Path) -> Callable[[PostgresServer], Settings]:
    """A function that makes a database on a server and returns an app's settings for it.

    Its deadlines are short.
    """

    def make(server: PostgresServer) -> Settings:
        url = server.url(server.new_database())
        return migrated(replace(settings_for(url, tmp_path), database_deadline=1.0))

    return make
