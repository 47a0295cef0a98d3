"""Fixtures of the tests of the boot's steps."""

from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer
from tests.support.shop import Shop, Store


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def store(postgres_server: PostgresServer, postgres_url: str, shop: Shop) -> Store:
    """An empty database that the shop is pointed at."""
    shop.variables["DATABASE_URL"] = postgres_url
    return Store(postgres_server, postgres_url)
