"""A real mix of requests over kept connections, run in the bench's virtual environment.

Arguments: the app's address, the management port's, how many requests, and the ids of the nodes
they are about. It ends with status 1 and says which, where one was not answered as it should be.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

CONNECTIONS = 32
PATIENCE = 60.0
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
Place = tuple[str, int]
# Of a hundred requests, spread evenly.
MIX = {
    "list": 37,
    "one": 25,
    "change": 8,
    "beat": 2,
    "ready": 10,
    "live": 10,
    "missing": 5,
    "metrics": 1,
    "websocket": 2,
}


class Ask(NamedTuple):
    """A request: to whom, what, and the status it must have."""

    method: str
    path: str
    status: int = 200
    body: bytes = b""
    management: bool = False


def mixed() -> list[str]:
    """Return a hundred kinds, each spread evenly over them."""
    places = [
        ((each + 0.5) / number, kind) for kind, number in MIX.items() for each in range(number)
    ]
    return [kind for _, kind in sorted(places)]


def ask(kind: str, number: int, rows: Sequence[str]) -> Ask:
    """Return the request of a kind; `number` tells it from the others."""
    row = f"/api/v1/nodes/{rows[number % len(rows)]}"
    content = json.dumps({"region": "bench", "labels": {"changed": str(number)}}).encode()
    return {
        "list": Ask("GET", f"/api/v1/nodes?limit={len(rows)}"),
        "one": Ask("GET", row),
        "change": Ask("PATCH", row, body=content),
        "beat": Ask("PUT", f"{row}/heartbeat"),
        "ready": Ask("GET", "/health/ready"),
        "live": Ask("GET", "/health/live"),
        "missing": Ask("GET", f"/{uuid.uuid4()}/{uuid.uuid4()}", status=404),
        "metrics": Ask("GET", "/metrics", management=True),
    }[kind]


class Connection:
    """A kept connection to one of the two ports."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, wanted: Ask) -> None:
        """Send a request and take its answer; raises ValueError for another status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        head = f"{wanted.method} {wanted.path} HTTP/1.1\r\nHost: {self.host}\r\n"
        if wanted.method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(wanted.body)}\r\n"
        writer.write(f"{head}\r\n".encode() + wanted.body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(answer)
        await reader.readexactly(int(length[1]) if length else 0)
        if b"connection: close" in answer.lower() or answer.startswith(b"HTTP/1.0"):
            self.close()
        if int(answer.split(maxsplit=2)[1]) != wanted.status:
            raise ValueError(f"{wanted.method} {wanted.path}: {answer.splitlines()[0]!r}")

    def close(self) -> None:
        """Leave."""
        if self._streams:
            self._streams[1].close()
        self._streams = None


async def websocket(host: str, port: int) -> None:
    """Connect, take the greeting, leave; raises ValueError where there is none."""
    reader, writer = await asyncio.open_connection(host, port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws/events HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in answer.splitlines()[0]:
        raise ValueError(f"WebSocket: {answer.splitlines()[0]!r}")
    await reader.readexactly(2)
    writer.close()


async def client(
    turns: Iterator[tuple[int, str]], app: Place, management: Place, rows: Sequence[str]
) -> None:
    """Take turns until there are none."""
    to_app, to_management = Connection(*app), Connection(*management)
    for number, kind in turns:
        async with asyncio.timeout(PATIENCE):
            if kind == "websocket":
                await websocket(*app)
                continue
            wanted = ask(kind, number, rows)
            await (to_management if wanted.management else to_app).send(wanted)
            to_management.close()  # asked so rarely that it would be closed as idle
    to_app.close()
    to_management.close()


async def run(app: str, management: str, requests: str, *rows: str) -> None:
    """Send so many requests, by turns over all connections."""
    turns = enumerate(itertools.islice(itertools.cycle(mixed()), int(requests)))
    ours, theirs = place_of(app), place_of(management)
    await asyncio.gather(*(client(turns, ours, theirs, rows) for _ in range(CONNECTIONS)))


def place_of(url: str) -> Place:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


if __name__ == "__main__":
    import uvloop

    try:
        uvloop.run(run(*sys.argv[1:]))
    except (ValueError, OSError, TimeoutError, asyncio.IncompleteReadError) as failed:
        sys.exit(f"{type(failed).__name__}: {failed}")
