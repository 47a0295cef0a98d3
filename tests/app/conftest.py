"""The app as a client meets it: served by a real uvicorn, on a real database."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from alembic import command
from alembic.config import Config

from app import crud
from app.components import Components
from app.db import Database
from app.main import create_app
from app.schemas import NodeCreate
from app.settings import Settings, load
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
BATCH = 100  # in one transaction, which has a deadline
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]

Serve = Callable[..., httpx.Client]


def alembic_config(url: str = "") -> Config:
    """Return the configuration `alembic -c app/alembic.ini` would read, for the database `url`."""
    config = Config(ROOT / "app" / "alembic.ini")
    if url:
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A URL of an empty database: the test runs once with SQLite and once with PostgreSQL."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """A URL of a database whose schema is at head."""
    command.upgrade(alembic_config(empty_database_url), "head")
    return empty_database_url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an app in the blue slot on that database."""
    return patient(settings_for(database_url, tmp_path))


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    """Settings of an app that runs alone and makes its own SQLite file."""
    return replace(load({}), data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.db'}")


def settings_for(url: str, directory: Path) -> Settings:
    """Return settings as the image gives them, for the database `url`."""
    environ = {
        "DATABASE_URL": url,
        "EDGEPAAS_DATA_DIR": str(directory),
        "EDGEPAAS_RUN_DIR": str(directory),
        "EDGEPAAS_BUILD_ID": "0123456789abcdef",
        "EDGEPAAS_BOOT_ID": "b00710000001",
        "SLOT": "blue",
    }
    return load(environ)


def patient(settings: Settings) -> Settings:
    """Return settings for a machine that does much else at the same time."""
    return replace(
        settings, database_deadline=60.0, database_wait=30.0, database_ping_deadline=20.0
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that serves an app for given settings and returns a client of it."""
    with ExitStack() as stack:

        def start(settings: Settings, **options: Any) -> httpx.Client:
            return stack.enter_context(serving(settings, **options))

        yield start


@pytest.fixture
def client(serve: Serve, settings: Settings) -> httpx.Client:
    """A client of an app on each database in turn."""
    return serve(settings)


@pytest.fixture
def sqlite_client(serve: Serve, sqlite_settings: Settings) -> httpx.Client:
    """A client of an app that runs alone, for tests where the database does not matter."""
    return serve(sqlite_settings)


@pytest.fixture(scope="module", params=DATABASES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A client of an app on each database in turn, shared by tests that make what they need."""
    directory = tmp_path_factory.mktemp("api")
    with ExitStack() as stack:
        url = f"sqlite:///{directory / 'test.db'}"
        if request.param == "postgres":
            server = request.getfixturevalue("shared_postgres")
            server.resume()
            server.start()
            name = server.new_database()
            stack.callback(server.drop_database, name)
            url = server.url(name)
        command.upgrade(alembic_config(url), "head")
        yield stack.enter_context(serving(patient(settings_for(url, directory))))


@pytest.fixture(scope="module")
def refusing_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client shared by tests whose requests must all be refused, so that nothing is left."""
    directory = tmp_path_factory.mktemp("refusing")
    url = f"sqlite:///{directory / 'test.db'}"
    with serving(replace(load({}), data_dir=directory, database_url=url)) as client:
        yield client


@contextmanager
def serving(settings: Settings, at: int = 0, **options: Any) -> Iterator[httpx.Client]:
    """Serve the app in a thread, on a free port or `at` one; `options` are uvicorn's."""
    app = create_app(settings)
    listener = socket.create_server(("127.0.0.1", at))
    config = uvicorn.Config(app, log_config=None, ws="websockets-sansio", **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), START_SECONDS, "uvicorn")
        assert thread.is_alive(), "uvicorn ended at once; see the log"
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=base_url, timeout=30) as client:
            client.components = app.state.components  # type: ignore[attr-defined]
            yield client
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()
        assert not thread.is_alive(), "uvicorn did not stop"


def components_of(client: httpx.Client) -> Components:
    """Return the parts of the app behind `client`, for tests that look inside."""
    parts: Components = client.components  # type: ignore[attr-defined]
    return parts


@pytest.fixture
def make_nodes() -> Callable[[Database, int], None]:
    """A function that records so many nodes by way of the database itself."""

    def make(database: Database, number: int) -> None:
        for begun in range(0, number, BATCH):
            with database.writing() as session:
                for index in range(begun, min(begun + BATCH, number)):
                    given = NodeCreate(name=f"edge-{index:04}", region="eu", labels={})
                    crud.nodes.create(session, given)

    return make
