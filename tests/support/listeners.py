"""TCP servers that are not PostgreSQL, each wrong in its own way. Imports nothing of ours."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

RESET = struct.pack("ii", 1, 0)


@contextmanager
def listener(treat: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on 127.0.0.1, give each connection to `treat`, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    with suppress(OSError):
                        treat(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in kept:
            connection.close()


def silent(connection: socket.socket) -> None:
    """Accept and say nothing."""


def closing(connection: socket.socket) -> None:
    """Read the question and close."""
    connection.recv(8)
    connection.close()


def resetting(connection: socket.socket) -> None:
    """Answer with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def saying(words: bytes) -> Callable[[socket.socket], None]:
    """Return a treatment that says `words` at once."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(words)

    return speak


def refusing(sqlstate: str, words: str) -> Callable[[socket.socket], None]:
    """Return a treatment that answers a login as PostgreSQL does, with an error of that SQLSTATE.

    `words` may be in any language: the server's own decides.
    """

    def refuse(connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"N")
        connection.recv(4096)
        fields = {"S": "ФАТАЛЬНО", "V": "FATAL", "C": sqlstate, "M": words}
        body = b"".join(key.encode() + text.encode() + b"\0" for key, text in fields.items())
        connection.sendall(b"E" + struct.pack("!i", len(body) + 5) + body + b"\0")
        connection.close()

    return refuse


def awaiting_lines(answer: bytes) -> Callable[[socket.socket], None]:
    """Return a treatment that says `answer` once it has read a whole line, as HTTP and Redis do."""

    def speak(connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            lines.readline()
            connection.sendall(answer)

    return speak
