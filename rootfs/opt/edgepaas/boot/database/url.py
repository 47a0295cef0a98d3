"""Database URLs in every spelling people use, made one."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from boot.exit_status import ExitStatus

POSTGRES_DRIVERS = frozenset({"", "psycopg", "psycopg2"})
SQLITE_DRIVERS = frozenset({"", "pysqlite"})
SECRETS = frozenset({"password", "sslpassword"})
PLAIN_HOST = re.compile(r"[\w.-]+")
PORT = re.compile(r"\d*")
HIDDEN = "***"
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
        return self._compose(self.parameters)

    def redacted(self) -> str:
        """Return the URL with every secret in it replaced by stars."""
        return self._compose(
            {name: HIDDEN if name in SECRETS else value for name, value in self.parameters.items()}
        )

    def scrub(self, text: str) -> str:
        """Return `text` without this URL's secrets, should a message quote one."""
        for name in SECRETS & self.parameters.keys():
            if self.parameters[name]:
                text = text.replace(self.parameters[name], HIDDEN)
        return text

    def _compose(self, parameters: Mapping[str, str]) -> str:
        """Put host and port where SQLAlchemy reads them literally, else into the query."""
        rest = dict(parameters)
        user, password = rest.pop("user", ""), rest.pop("password", None)
        database = rest.pop("dbname", "")
        netloc = _netloc(rest)
        identity = quote(user, safe="")
        if password is not None:
            identity += f":{HIDDEN if password == HIDDEN else quote(password, safe='')}"
        query = "&".join(f"{quote(k, safe='')}={quote(v, safe='/,')}" for k, v in rest.items())
        return (
            f"postgresql+psycopg2://{identity}{'@' if identity else ''}{netloc}"
            f"/{quote(database, safe='')}{'?' if query else ''}{query}"
        )


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
        return PostgresUrl(_postgres_parameters(rest, variable, plus_is_space=bool(driver)))
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


def _postgres_parameters(rest: str, variable: str, *, plus_is_space: bool) -> dict[str, str]:
    location, _, query = rest.partition("?")
    authority, _, database = location.partition("/")
    identity, at, hosts = authority.rpartition("@")
    if not at and "@" in database:
        raise DatabaseUrlError(f"{variable} has a raw / or ? before the host", ENCODING_ADVICE)
    user, colon, password = identity.partition(":")
    parameters = {
        "user": unquote(user),
        **({"password": unquote(password)} if colon else {}),
        **_hosts(hosts, variable),
        "dbname": unquote(database),
    }
    parameters = {name: value for name, value in parameters.items() if value}
    parameters.update(_query(query, variable, plus_is_space=plus_is_space))
    if any("\0" in value for value in parameters.values()):
        raise DatabaseUrlError(f"{variable} has a zero byte in it", "remove the %00")
    return parameters


def _hosts(text: str, variable: str) -> dict[str, str]:
    """Return host and port of "h1:1,[::1]:2", each a list with commas as libpq takes it."""
    pairs = [_host_and_port(item, variable) for item in text.split(",")]
    return _joined(pairs)


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    ports = ",".join(port for _, port in pairs)
    return {"host": ",".join(host for host, _ in pairs), "port": ports if ports.strip(",") else ""}


def _host_and_port(text: str, variable: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        port, good = port.removeprefix(":"), bool(bracket)
    else:
        host, _, port = text.partition(":")
        good = True
    if not good or not PORT.fullmatch(port):
        problem = f"{variable} has no readable port after the host"
        raise DatabaseUrlError(problem, f"{FORM_ADVICE}; {ENCODING_ADVICE}")
    return unquote(host), port


def _query(text: str, variable: str, *, plus_is_space: bool) -> dict[str, str]:
    decode = unquote_plus if plus_is_space else unquote
    found: dict[str, str] = {}
    hosts: list[str] = []
    for name, value in _pairs(text):
        key = {"username": "user", "database": "dbname"}.get(name, name)
        if key == "host":
            hosts.append(decode(value))
        elif key in found:
            raise DatabaseUrlError(f"{variable} gives {key} twice", f"keep one {key}=")
        else:
            found[key] = decode(value)
    if len(hosts) == 1:
        found["host"] = hosts[0]
    elif hosts:
        found.update(_joined([_host_and_port(host, variable) for host in hosts]))
    return {name: value for name, value in found.items() if value}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for item in filter(None, text.split("&")):
        name, _, value = item.partition("=")
        yield name, value


def _netloc(rest: dict[str, str]) -> str:
    """Take one ordinary host and its port out of `rest`; leave any other kind in the query."""
    host, port = rest.get("host", ""), rest.get("port", "")
    if "," in host or "," in port or not (PLAIN_HOST.fullmatch(host) or _is_ipv6(host)):
        return ""
    del rest["host"]
    rest.pop("port", None)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _is_ipv6(host: str) -> bool:
    return ":" in host and re.fullmatch(r"[0-9A-Fa-f:.]+(%[\w.-]+)?", host) is not None


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
