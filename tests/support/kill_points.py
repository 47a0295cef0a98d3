"""Migrates again and again, killed before its first call to the database, its second, and so on.

`python -m tests.support.kill_points [FILE]`, in a container's environment: a child starts on an
empty database (or a copy of FILE) and kills itself (SIGKILL) before its Nth call to the driver;
another child then starts as the next container would. One JSON line tells each round, until a
child is done before its Nth call. Everything is imported once and then forked: a round is quick.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import Any, NamedTuple

import psycopg2
from psycopg2 import extensions

# What a migration imports; the dialects are imported by SQLAlchemy when they are used.
from boot.database import migrator, postgres_migration, schema_request, sqlite_schema
from boot.database.url import DatabaseUrl, PostgresUrl
from boot.oneshots import schema_bootstrap

IMPORTED = (migrator, postgres_migration, sqlite_schema)
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
FILE_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
ROWS = "SELECT revision FROM edgepaas_schema ORDER BY 1"
VERSION = "SELECT version_num FROM alembic_version"


class Countdown:
    """Kills this process before a call to the driver."""

    left = -1

    @classmethod
    def tick(cls) -> None:
        """Count one call."""
        if cls.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        cls.left -= 1


class Cursor(extensions.cursor):
    def execute(self, *arguments: Any) -> None:
        Countdown.tick()
        super().execute(*arguments)


class Connection(extensions.connection):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cursor_factory = Cursor

    def commit(self) -> None:
        Countdown.tick()
        super().commit()


class FileCursor(sqlite3.Cursor):
    def execute(self, *arguments: Any) -> "FileCursor":
        Countdown.tick()
        super().execute(*arguments)
        return self


class FileConnection(sqlite3.Connection):
    def cursor(self, factory: Any = FileCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        Countdown.tick()
        super().commit()


def count_calls() -> None:
    """Let every connection from now on count its calls; asynchronous ones only ask."""
    connect, connect_file = psycopg2.connect, sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> Any:
        if not options.get("async_"):
            options["connection_factory"] = Connection
        return connect(*arguments, **options)

    def connected_file(*arguments: Any, **options: Any) -> Any:
        return connect_file(*arguments, **{"factory": FileConnection, **options})

    psycopg2.connect = connected
    sqlite3.connect = sqlite3.dbapi2.connect = connected_file


def start(calls: int) -> int:
    """Run the step in a child that has so many calls to live; return how it ended."""
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        Countdown.left = calls
        os._exit(schema_bootstrap.main())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Round(NamedTuple):
    """How one round went: the killed one's status, the next one's, and what the database holds."""

    calls: int
    ended: int
    following: int
    version: list[str]
    rows: list[str]
    tables: list[str]


class Database:
    """The database of the environment, asked and emptied by somebody who is not counted."""

    def __init__(self, target: DatabaseUrl, *original: str) -> None:
        self.original = original
        self.path = None if isinstance(target, PostgresUrl) else target.path
        self.parameters: dict[str, Any] = dict(getattr(target, "parameters", {}))

    def ask(self, sql: str) -> list[str]:
        """Return the first column of what it answers."""
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            found = [row[0] for row in cursor.fetchall()] if cursor.description else []
            connection.commit()
            return found

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        return self.ask(FILE_TABLES if self.path else TABLES)

    def empty(self) -> None:
        """Have in it again what was there at first."""
        if self.path:
            for path in self.path.parent.glob(f"{self.path.name}*"):
                path.unlink()
            for original in self.original:
                shutil.copy(original, self.path)
        else:
            self.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def _connect(self) -> Any:
        return sqlite3.connect(self.path) if self.path else psycopg2.connect("", **self.parameters)


def rounds(database: Database) -> Iterator[Round]:
    """Yield each round, the last being the one that nobody killed."""
    for calls in count():
        database.empty()
        ended, following = start(calls), start(-1)
        version, rows = database.ask(VERSION), database.ask(ROWS)
        yield Round(calls, ended, following, version, rows, database.tables())
        if ended != -signal.SIGKILL:
            return


if __name__ == "__main__":
    count_calls()
    for each in rounds(Database(schema_request.read(os.environ).target, *sys.argv[1:])):
        sys.stdout.write(json.dumps(each._asdict()) + "\n")
