"""The fixture application as schema-bootstrap meets it, and the database it fills."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.oneshot import APPS, Container, Ended
from tests.support.postgres import PostgresServer

if TYPE_CHECKING:
    import subprocess

STEP = "boot.oneshots.schema_bootstrap"


class Shop(Container):
    """A container of a copy of the fixture application, to break and to extend."""

    def __init__(self, directory: Path) -> None:
        shutil.copytree(APPS / "shop", directory / "path/shop")
        super().__init__(directory, directory / "path")
        self.file = self.data / "edgepaas.db"
        self.variables["DATABASE_URL"] = f"sqlite:///{self.file}"

    @property
    def versions(self) -> Path:
        return self.directory / "path/shop/alembic/versions"

    def add(self, revision: str, below: str, upgrade: str, min_reader: str | None = None) -> None:
        """Add a migration whose upgrade() is `upgrade`, one line."""
        text = f'''"""{revision} of a test"""
import os, signal, time
import sqlalchemy as sa
from alembic import op

revision, down_revision = None, None
revision = "{revision}"
down_revision = "{below}"
min_reader = {min_reader!r}


def upgrade() -> None:
    {upgrade}
'''
        (self.versions / f"{revision}.py").write_text(text)

    def without(self, *names: str) -> None:
        """Be an older image: one that lacks these migrations."""
        for name in names:
            (self.versions / name).unlink()

    def step(self, **variables: str) -> Ended:
        return self.run("-m", STEP, **variables)

    def start_step(self, **variables: str) -> "subprocess.Popen[str]":
        return self.start("-m", STEP, **variables)

    def in_file(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute(sql).fetchall()
            connection.commit()
            return rows


class Store:
    """A database of the server, asked as superuser."""

    def __init__(self, server: PostgresServer, url: str) -> None:
        self.server = server
        self.url = url
        self.name = url.rpartition("/")[2]

    def ask(self, sql: str) -> list[Any]:
        return self.server.execute(sql, database=self.name)

    def tables(self) -> set[str]:
        found = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in found}

    def revision(self) -> str:
        revision: str = self.ask("SELECT version_num FROM alembic_version")[0][0]
        return revision


def lines(result: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


def only_error(result: Ended) -> dict[str, Any]:
    """Return the one error; nothing may be printed beside log lines."""
    (error,) = (line for line in lines(result) if line["level"] in {"ERROR", "WARNING"})
    return error
