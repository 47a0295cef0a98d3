"""One GET with one deadline; tells the ways of not answering apart. Imports nothing of ours."""

import socket
import time
from enum import StrEnum
from typing import NamedTuple

MOST_BYTES = 1 << 20
Address = tuple[str, int]


class Silence(StrEnum):
    """Why there is no answer."""

    NOBODY = "nobody"
    HUNG = "hung"
    STRANGE = "strange"


class Reply(NamedTuple):
    """An answer: its status and body, and how many seconds it took."""

    status: int
    body: bytes
    seconds: float


class SilenceError(Exception):
    """There was no answer; `kind` says which way, the message says it in words."""

    def __init__(self, kind: Silence, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def get(address: Address, path: str, seconds: float, token: str = "") -> Reply:
    """Ask for `path` and return the answer, at most its first MiB. Raises SilenceError."""
    began = time.monotonic()
    where = f"{address[0]}:{address[1]}"
    try:
        connection = socket.create_connection(address, timeout=seconds)
    except OSError as error:
        why = error.strerror or str(error)
        raise SilenceError(Silence.NOBODY, f"nobody answers on {where} ({why})") from None
    with connection:
        try:
            answer = _exchange(connection, _request(path, token), began + seconds)
        except TimeoutError:
            message = f"{where} is listened on, but nothing is answered within {seconds:g} s"
            raise SilenceError(Silence.HUNG, message) from None
        except OSError as error:
            message = f"{where} breaks the connection off ({error.strerror or error})"
            raise SilenceError(Silence.STRANGE, message) from None
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if not head.startswith(b"HTTP/1.") or not words[1:2] or not words[1].isdigit():
        raise SilenceError(Silence.STRANGE, f"what answers on {where} does not speak HTTP")
    return Reply(int(words[1]), body, time.monotonic() - began)


def _request(path: str, token: str) -> bytes:
    lines = [f"GET {path} HTTP/1.0", "Host: localhost", "Accept: application/json, text/plain"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "User-Agent: edgepaas", "", ""]).encode()


def _exchange(connection: socket.socket, request: bytes, deadline: float) -> bytes:
    connection.sendall(request)
    answer = b""
    while len(answer) < MOST_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(MOST_BYTES)
        if not chunk:
            break
        answer += chunk
    return answer
