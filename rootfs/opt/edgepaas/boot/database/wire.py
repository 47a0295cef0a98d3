"""Ask each address whether PostgreSQL listens there, with the eight bytes of an SSLRequest.

https://www.postgresql.org/docs/current/protocol-message-formats.html. The one-byte answer tells
a server from a deaf, silent or foreign one without a login and without any message in words.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from boot.database.deadline import Deadline
from boot.database.outcome import Outcome, Verdict

SSL_REQUEST = bytes([0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F])
SSL_ANSWERS = (b"S", b"N")
ERROR = b"E"
DEFAULT_PORT = "5432"
ADDRESS_SECONDS = 3.0

Address = tuple[socket.AddressFamily, tuple[str, int] | str]


def hosts(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the alternatives of a multi-host connection, each with host, port and hostaddr."""
    lists = {
        name: parameters[name].split(",")
        for name in ("host", "hostaddr", "port")
        if parameters.get(name)
    }
    count = max((len(lists[name]) for name in ("host", "hostaddr") if name in lists), default=0)
    return [
        {name: values[index if len(values) > 1 else 0] for name, values in lists.items()}
        for index in range(count)
    ]


def ask(host: Mapping[str, str], deadline: Deadline) -> Outcome:
    """Return OK if PostgreSQL answers at one of the host's addresses, else the best we heard.

    Takes at most ADDRESS_SECONDS for the name and as much for each address.
    """
    try:
        addresses = _addresses(host, deadline.within(ADDRESS_SECONDS))
    except OSError as error:
        return Outcome(Verdict.DNS, f"{host.get('host')}: {error.strerror or error}")
    heard: Outcome | None = None
    for address in addresses:
        outcome = _ask_address(address, deadline.within(ADDRESS_SECONDS))
        if outcome.verdict is Verdict.OK:
            return outcome
        heard = heard or outcome
    return heard or Outcome(Verdict.DNS, f"{host.get('host')}: no address")


def _addresses(host: Mapping[str, str], deadline: Deadline) -> list[Address]:
    name = host.get("hostaddr") or host.get("host") or "localhost"
    port = host.get("port") or DEFAULT_PORT
    if name.startswith(("/", "@")):
        path = f"{name}/.s.PGSQL.{port}"
        return [(socket.AF_UNIX, "\0" + path[1:] if name.startswith("@") else path)]
    return list(_resolve(name, int(port), deadline))


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
            connection.settimeout(max(deadline.remaining(), 0.001))
            connection.connect(where)
            connection.sendall(SSL_REQUEST)
            return _judge(connection.recv(8), shown)
    except TimeoutError:
        return Outcome(Verdict.TIMED_OUT, f"{shown}: no answer")
    except (ConnectionResetError, BrokenPipeError) as error:
        return Outcome(Verdict.RESET, f"{shown}: {error.strerror}")
    except OSError as error:
        return Outcome(Verdict.REFUSED, f"{shown}: {error.strerror or error}")


def _judge(answer: bytes, shown: str) -> Outcome:
    """Judge by exact bytes: an SSH banner too begins with S."""
    if answer in SSL_ANSWERS or answer.startswith(ERROR):
        return Outcome(Verdict.OK, f"{shown}: PostgreSQL listens")
    if not answer:
        return Outcome(Verdict.RESET, f"{shown}: closed without an answer")
    return Outcome(Verdict.NOT_POSTGRES, f"{shown}: the answer is not PostgreSQL's")
