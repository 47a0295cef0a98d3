"""Asks PID 1 over supervisord's socket, in one POST: xmlrpc.client would cost 50 ms to import.

Imports nothing of ours.
"""

import re
import socket
import time
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path

SOCKET = "supervisor.sock"
MOST_BYTES = 1 << 16
FAULT = re.compile(r"<name>faultString</name>\s*<value>(?:<string>)?(.*?)<", re.DOTALL)


class ControlError(Exception):
    """PID 1 did not do it; the message says why in one line."""


class NotRunningError(ControlError):
    """Nothing runs here."""


class NotAllowedError(ControlError):
    """The socket belongs to another user."""


class NoAnswerError(ControlError):
    """PID 1 is there and does not answer."""


class FaultError(ControlError):
    """PID 1 refused; the message is its fault."""


def call(run_dir: Path, method: str, seconds: float, *arguments: str) -> None:
    """Call an XML-RPC method; its arguments are strings. Raises ControlError."""
    path = run_dir / SOCKET
    try:
        answer = _post(path, _request(method, arguments), time.monotonic() + seconds)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunningError(f"nothing runs here: nobody listens on {path}") from None
    except PermissionError:
        raise NotAllowedError(f"{path} belongs to another user") from None
    except (TimeoutError, BlockingIOError):
        raise NoAnswerError(f"PID 1 gave no answer on {path} within {seconds:g} s") from None
    except OSError as error:
        raise NoAnswerError(f"PID 1 cannot be asked on {path}: {error.strerror or error}") from None
    _check(answer)


def _request(method: str, arguments: Sequence[str]) -> bytes:
    values = "".join(
        f"<param><value><string>{escape(each, quote=False)}</string></value></param>"
        for each in arguments
    )
    body = (
        f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName>"
        f"<params>{values}</params></methodCall>"
    )
    head = (
        "POST /RPC2 HTTP/1.0\r\nHost: localhost\r\n"
        f"Content-Type: text/xml\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    )
    return (head + body).encode()


def _post(path: Path, request: bytes, deadline: float) -> str:
    answer = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_left(deadline))
        connection.connect(str(path))
        connection.sendall(request)
        while len(answer) < MOST_BYTES:
            connection.settimeout(_left(deadline))
            chunk = connection.recv(MOST_BYTES)
            if not chunk:
                break
            answer += chunk
    return answer.decode(errors="replace")


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _check(answer: str) -> None:
    """Raise where an answer is not that of a method that succeeded."""
    head, _, body = answer.partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    if " 200 " not in f"{status} ":
        raise NoAnswerError(f"PID 1 answered {status or 'nothing'}")
    if "<fault>" in body:
        words = FAULT.search(body)
        raise FaultError(f"PID 1 refused: {unescape(words[1]) if words else 'no reason given'}")
