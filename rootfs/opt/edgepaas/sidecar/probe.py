"""One GET with one deadline, however slowly the answer comes. Imports nothing of ours."""

import socket
import time
from typing import NamedTuple

MOST_BYTES = 1 << 16


class Reply(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


class NoReplyError(Exception):
    """There was no answer; says why."""


def get(address: tuple[str, int], path: str, seconds: float) -> Reply:
    """Ask for `path` and return the answer, read to its end or its first 64 KiB.

    Raises NoReplyError when there is none within `seconds`.
    """
    where = f"{address[0]}:{address[1]}"
    try:
        return parse(exchange(address, path, time.monotonic() + seconds))
    except TimeoutError:
        raise NoReplyError(f"no answer from {where} within {seconds:g} s") from None
    except ConnectionRefusedError:
        raise NoReplyError(f"nothing listens on {where}") from None
    except (OSError, ValueError) as error:
        raise NoReplyError(f"no proper answer from {where}: {error}") from None


def exchange(address: tuple[str, int], path: str, deadline: float) -> bytes:
    """Return the raw answer. Raises OSError, TimeoutError at `deadline` (monotonic seconds)."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    request += "User-Agent: edgepaas-metrics\r\nConnection: close\r\n\r\n"
    answer = b""
    with socket.create_connection(address, timeout=left(deadline)) as connection:
        connection.sendall(request.encode())
        while len(answer) < MOST_BYTES:
            connection.settimeout(left(deadline))
            chunk = connection.recv(MOST_BYTES)
            if not chunk:
                break
            answer += chunk
    return answer


def left(deadline: float) -> float:
    """Return the seconds left. Raises TimeoutError when none are."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def parse(answer: bytes) -> Reply:
    """Return status and body of a raw answer. Raises ValueError where it is not HTTP."""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if not answer.startswith(b"HTTP/1.") or len(words) < 2:  # noqa: PLR2004 (version and status)
        raise ValueError("not HTTP")
    return Reply(int(words[1]), body)
