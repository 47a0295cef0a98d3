"""How libpq's parameters are spelt in a URL, and read from one."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote

from boot.database.url import (
    ENCODING_ADVICE,
    FORM_ADVICE,
    HIDDEN,
    PORT_MOST,
    DatabaseUrlError,
    usable_port,
)

PLAIN_HOST = re.compile(r"[\w.-]+")
IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
# psycopg2.connect() takes these for itself: to libpq they are no options.
NOT_LIBPQ = frozenset({"dsn", "async", "async_", "connection_factory", "cursor_factory"})


def compose(parameters: Mapping[str, str]) -> str:
    """Return the URL for SQLAlchemy with the psycopg2 driver.

    Host and port stand where SQLAlchemy reads them literally, or else in the query.
    """
    rest = dict(parameters)
    user, password = rest.pop("user", ""), rest.pop("password", None)
    database = rest.pop("dbname", "")
    netloc = _netloc(rest)
    identity = quote(user, safe="")
    if password is not None:
        identity += f":{HIDDEN if password == HIDDEN else quote(password, safe='')}"
    query = "&".join(f"{quote(k, safe='')}={quote(v, safe='/,*')}" for k, v in rest.items())
    return (
        f"postgresql+psycopg2://{identity}{'@' if identity else ''}{netloc}"
        f"/{quote(database, safe='')}{'?' if query else ''}{query}"
    )


def parameters(rest: str, variable: str, *, plus_is_space: bool) -> dict[str, str]:
    """Return the libpq parameters of what follows `postgresql://`.

    `plus_is_space`: SQLAlchemy reads a query so, libpq does not. Raises DatabaseUrlError.
    """
    location, _, query = rest.partition("?")
    authority, _, database = location.partition("/")
    identity, at, hosts = authority.rpartition("@")
    if not at and "@" in database:
        raise DatabaseUrlError(f"{variable} has a raw / or ? before the host", ENCODING_ADVICE)
    user, colon, password = identity.partition(":")
    try:
        found = {
            "user": _decoded(user),
            **({"password": _decoded(password)} if colon else {}),
            **_hosts(hosts, variable),
            "dbname": _decoded(database),
        }
        found = {name: value for name, value in found.items() if value}
        found.update(_query(query, variable, plus_is_space=plus_is_space))
    except UnicodeDecodeError:
        problem = f"{variable} has a %code that is not UTF-8"
        raise DatabaseUrlError(problem, ENCODING_ADVICE) from None
    _check(found, variable)
    return found


def _check(found: Mapping[str, str], variable: str) -> None:
    """Refuse what the driver would take for something else, or libpq only at the first login."""
    if any("\0" in value for value in found.values()):
        raise DatabaseUrlError(f"{variable} has a zero byte in it", "remove the %00")
    for name in NOT_LIBPQ & found.keys():
        raise DatabaseUrlError(f"{variable} gives {name}, no option of libpq", f"remove {name}=")
    if not all(map(usable_port, found.get("port", "").split(","))):
        raise DatabaseUrlError(
            f"{variable} has a port that is not from 1 to {PORT_MOST}", FORM_ADVICE
        )
    seconds = found.get("connect_timeout", "0")
    if not (seconds.isascii() and seconds.removeprefix("-").isdigit()):
        problem = f"{variable} has a connect_timeout that is no whole number of seconds"
        raise DatabaseUrlError(problem, "set connect_timeout=3, or leave it out")


def _decoded(text: str) -> str:
    return unquote(text, errors="strict")


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
    if not good or (port and not port.isdigit()):
        problem = f"{variable} has no readable port after the host"
        raise DatabaseUrlError(problem, f"{FORM_ADVICE}; {ENCODING_ADVICE}")
    return _decoded(host), port


def _query(text: str, variable: str, *, plus_is_space: bool) -> dict[str, str]:
    def decode(value: str) -> str:
        return _decoded(value.replace("+", " ") if plus_is_space else value)

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
    """Take one ordinary host and its port out of `rest`; leave any other kind in the query.

    An IPv6 address with a zone stays there: between brackets nobody agrees on who decodes its %.
    """
    host, port = rest.get("host", ""), rest.get("port", "")
    if "," in host or "," in port or not (PLAIN_HOST.fullmatch(host) or IPV6.fullmatch(host)):
        return ""
    del rest["host"]
    rest.pop("port", None)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
