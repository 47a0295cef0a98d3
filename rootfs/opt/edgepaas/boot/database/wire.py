"""Ask each address whether PostgreSQL listens there, with the eight bytes of an SSLRequest.

https://www.postgresql.org/docs/current/protocol-message-formats.html. The one-byte answer tells
a server from a deaf, silent or foreign one without a login and without any message in words.
"""

import errno
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from boot.database.deadline import Deadline
from boot.database.outcome import Outcome, Verdict
from boot.database.url import PORT_MOST, usable_port

SSL_REQUEST = bytes([0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
SSL_ANSWERS = (b"S", b"N")
ERROR = b"E"
# Servers of lines (HTTP, Redis) are as silent as a frozen PostgreSQL until they have a whole line.
NUDGE = b"\r\nPING\r\n\r\n"
NUDGE_SECONDS = 0.3
DEFAULT_PORT = "5432"
# The resolver asks the next name server after five seconds (resolv.conf(5), timeout).
NAME_SECONDS = 12.0
ADDRESS_SECONDS = 3.0

Host = Mapping[str, str]
Address = tuple[socket.AddressFamily, tuple[str, int] | str]


class Heard(NamedTuple):
    """What one address of a host answered. `address` is numeric; "" for a socket file, or none."""

    host: Host
    outcome: Outcome
    address: str = ""


def ask_all(parameters: Mapping[str, str], deadline: Deadline) -> list[Heard]:
    """Return what each alternative of the connection answers; [] where no host is named.

    A host is asked until one of its addresses answers as PostgreSQL; with target_session_attrs,
    where the first that answers need not be the one that serves, at all of them.
    """
    alternatives = hosts(parameters)
    heard: list[Heard] = []
    for number, host in enumerate(alternatives):
        share = deadline.remaining() / (len(alternatives) - number)
        for answer in _ask_host(host, deadline.within(share)):
            heard.append(answer)
            if _listens(answer) and "target_session_attrs" not in parameters:
                break
    return heard


def hosts(parameters: Mapping[str, str]) -> list[Host]:
    """Return the alternatives of a multi-host connection, each with host, port and hostaddr.

    [] where there are none, or where the lists do not match: libpq says what is wrong with them.
    """
    lists = {
        name: parameters[name].split(",")
        for name in ("host", "hostaddr", "port")
        if parameters.get(name)
    }
    count = max((len(lists[name]) for name in ("host", "hostaddr") if name in lists), default=0)
    ports = lists.pop("port", [""])
    if any(len(values) != count for values in lists.values()) or len(ports) not in {1, count}:
        return []
    lists["port"] = ports * (count if len(ports) == 1 else 1)
    return [{name: values[index] for name, values in lists.items()} for index in range(count)]


def _ask_host(host: Host, deadline: Deadline) -> Iterator[Heard]:
    """Ask the host's addresses in turn; each takes ADDRESS_SECONDS at most."""
    port = host.get("port", "")
    if not usable_port(port):
        detail = f"port {port[:9]!r} is not from 1 to {PORT_MOST}"
        yield Heard(host, Outcome(Verdict.CONFIG, detail))
        return
    name = host.get("hostaddr") or host.get("host") or "localhost"
    try:
        addresses = _addresses(name, port or DEFAULT_PORT, deadline.within(NAME_SECONDS))
    except OSError as error:
        yield Heard(host, Outcome(Verdict.DNS, f"{name}: {error.strerror or error}"))
        return
    for address in addresses:
        outcome = _ask_address(address, deadline.within(ADDRESS_SECONDS))
        yield Heard(host, outcome, _numeric(address))


def _numeric(address: Address) -> str:
    """Return the address with its zone, which getaddrinfo() keeps apart; "" for a socket file."""
    where = address[1]
    if isinstance(where, str):
        return ""
    return socket.getnameinfo(where, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def _listens(answer: Heard) -> bool:
    return answer.outcome.verdict is Verdict.OK


def _addresses(name: str, port: str, deadline: Deadline) -> list[Address]:
    if name.startswith(("/", "@")):
        path = f"{name}/.s.PGSQL.{port}"
        return [(socket.AF_UNIX, "\0" + path[1:] if name.startswith("@") else path)]
    found = list(_resolve(name, int(port), deadline))
    if not found:
        raise OSError(0, "no address")
    return found


def _resolve(name: str, port: int, deadline: Deadline) -> Iterator[Address]:
    """Look the name up in a thread: the resolver has no deadline of its own."""
    found: list[Address] = []
    failure: list[OSError] = []

    def look_up() -> None:
        try:
            entries: list[Any] = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            found.extend((entry[0], entry[4]) for entry in entries)
        except (OSError, UnicodeError) as error:
            failure.append(error if isinstance(error, OSError) else OSError(0, str(error)))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if failure:
        raise failure[0]
    if thread.is_alive():
        raise OSError(0, "the name server does not answer")
    return iter(found)


def _ask_address(address: Address, deadline: Deadline) -> Outcome:
    family, where = address
    shown = where if isinstance(where, str) else f"{where[0]}:{where[1]}"
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(max(deadline.remaining() - NUDGE_SECONDS, 0.001))
            connection.connect(where)
            connection.sendall(SSL_REQUEST)
            return _judge(_answer(connection, deadline), shown)
    except TimeoutError:
        return Outcome(Verdict.TIMED_OUT, f"{shown}: no answer")
    except (ConnectionResetError, BrokenPipeError) as error:
        return Outcome(Verdict.RESET, f"{shown}: {error.strerror}")
    except OSError as error:
        return Outcome(_no_connection(error, family), f"{shown}: {error.strerror or error}")


def _answer(connection: socket.socket, deadline: Deadline) -> bytes:
    """Return the first bytes of the answer. Raises TimeoutError, also where PostgreSQL is late."""
    try:
        connection.settimeout(max(deadline.remaining() - NUDGE_SECONDS, 0.001))
        return connection.recv(8)
    except TimeoutError:
        connection.settimeout(NUDGE_SECONDS)
        connection.sendall(NUDGE)
        answer = connection.recv(8)
        if answer[:1] in {*SSL_ANSWERS, ERROR, b""}:
            raise
        return answer


def _no_connection(error: OSError, family: socket.AddressFamily) -> Verdict:
    """Return the class of a connection that was not made: absent, or impossible to us."""
    barred = isinstance(error, PermissionError) and family is socket.AF_UNIX
    impossible = error.errno == errno.EINVAL or "too long" in str(error)
    return Verdict.CONFIG if barred or impossible else Verdict.REFUSED


def _judge(answer: bytes, shown: str) -> Outcome:
    """Judge by exact bytes: an SSH banner too begins with S."""
    if answer in SSL_ANSWERS or answer.startswith(ERROR):
        return Outcome(Verdict.OK, f"{shown}: PostgreSQL listens")
    if not answer:
        return Outcome(Verdict.RESET, f"{shown}: closed without an answer")
    return Outcome(Verdict.NOT_POSTGRES, f"{shown}: the answer is not PostgreSQL's")
