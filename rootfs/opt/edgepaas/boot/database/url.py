"""Database URLs in every spelling people use, made one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from boot.exit_status import ExitStatus

POSTGRES_DRIVERS = frozenset({"", "psycopg", "psycopg2"})
SQLITE_DRIVERS = frozenset({"", "pysqlite"})
SECRETS = frozenset({"password", "sslpassword"})
HIDDEN = "***"
# A shorter secret in a text is a coincidence; hiding it would only tell which letters it has.
LEAST_SECRET = 4
PORT_MOST = 65535
ENCODING_ADVICE = (
    "percent-encode special characters in user and password: "
    """python3 -c 'import urllib.parse as u; print(u.quote(input(), safe=""))'"""
)
FORM_ADVICE = "set postgresql://user:password@host:5432/database"


class DatabaseUrlError(ValueError):
    """A database URL we cannot use. The message names the problem and never the password."""

    status = ExitStatus.CONFIG

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


class PostgresUrl:
    """A PostgreSQL database, as the libpq parameters that reach it."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = parameters

    def __repr__(self) -> str:
        return f"PostgresUrl({self.redacted()})"

    def sqlalchemy(self) -> str:
        """Return the URL for SQLAlchemy with the psycopg2 driver."""
        from boot.database.url_text import compose  # noqa: PLC0415  # urllib.parse: 5 ms

        return compose(self.parameters)

    def redacted(self) -> str:
        """Return the URL with every secret in it replaced by stars."""
        from boot.database.url_text import compose  # noqa: PLC0415  # urllib.parse: 5 ms

        return compose(
            {name: HIDDEN if name in SECRETS else value for name, value in self.parameters.items()}
        )

    def scrub(self, text: str) -> str:
        """Return `text` without this URL's secrets, should a message quote one."""
        for name in SECRETS & self.parameters.keys():
            if len(self.parameters[name]) >= LEAST_SECRET:
                text = text.replace(self.parameters[name], HIDDEN)
        return text


class SqliteUrl(NamedTuple):
    """A SQLite file. `query` is what follows the question mark, as given."""

    path: Path
    query: str = ""

    def sqlalchemy(self) -> str:
        """Return the URL for SQLAlchemy with the standard library's driver."""
        return f"sqlite:///{self.path}{'?' if self.query else ''}{self.query}"

    def redacted(self) -> str:
        """Return the URL; it holds no secret."""
        return self.sqlalchemy()


DatabaseUrl = PostgresUrl | SqliteUrl


def parse(text: str, variable: str = "DATABASE_URL") -> DatabaseUrl:
    """Return what the URL means; raise DatabaseUrlError naming `variable` where it cannot be used.

    Spellings: postgres, postgresql, postgresql+psycopg2, postgresql+psycopg, sqlite. A user or
    password is percent-decoded; a percent sign that starts no code stands for itself.
    """
    scheme, separator, rest = text.strip().partition("://")
    family, _, driver = scheme.lower().partition("+")
    if not separator or not re.fullmatch(r"[a-z][\w+.-]*", scheme.lower()):
        raise DatabaseUrlError(f"{variable} is not a database URL", FORM_ADVICE)
    if family in {"postgres", "postgresql"} and driver in POSTGRES_DRIVERS:
        from boot.database.url_text import parameters  # noqa: PLC0415  # urllib.parse: 5 ms

        return PostgresUrl(parameters(rest, variable, plus_is_space=bool(driver)))
    if family == "sqlite" and driver in SQLITE_DRIVERS:
        return _sqlite(rest, variable)
    if family in {"postgres", "postgresql"}:
        problem = f"{variable} asks for the driver {driver}, which this image does not have"
        raise DatabaseUrlError(problem, "drop the driver: write postgresql://")
    raise DatabaseUrlError(
        f"{variable} is for {family}; only PostgreSQL and SQLite are supported", FORM_ADVICE
    )


def redacted(text: str) -> str:
    """Return any URL without its secrets; one that cannot be read shows its scheme only."""
    try:
        return parse(text).redacted()
    except DatabaseUrlError:
        scheme, separator, _ = text.partition("://")
        shown = scheme if separator and re.fullmatch(r"[\w+.-]{1,30}", scheme) else HIDDEN
        return f"{shown}://{HIDDEN}"


def usable_port(text: str) -> bool:
    """Tell whether `text` is a port; empty means the default."""
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(PORT_MOST))
    return not text or (digits and 0 < int(text) <= PORT_MOST)


def _sqlite(rest: str, variable: str) -> SqliteUrl:
    location, _, query = rest.partition("?")
    host, _, path = location.partition("/")
    if host:
        advice = "a path needs three slashes, an absolute one four: sqlite:////data/edgepaas.db"
        raise DatabaseUrlError(f"{variable} names a host for SQLite", advice)
    if path in {"", ":memory:"} or "mode=memory" in query:
        problem = f"{variable} is a database in memory: each worker would have its own"
        raise DatabaseUrlError(problem, "set sqlite:////data/edgepaas.db")
    return SqliteUrl(Path(path).absolute(), query)
