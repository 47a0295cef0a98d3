"""The clients and the writers of the fan-out bench, run in the virtual environment of the app.

`listen URL CLIENTS EVENTS` prints `ready`, then as JSON when each event reached each client;
`commit EVENTS RATE AT_ONCE` writes to DATABASE_URL and prints as JSON when each was committed,
`post URL EVENTS RATE` the same for a server that takes them by POST. All by the machine's monotonic
clock, in nanoseconds. `resume URL EVENTS` prints the seconds from connecting until all are there.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from contextlib import suppress
from functools import partial
from typing import cast
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

EVENT_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')
LONG, VERY_LONG = 126, 127
TIMEOUT_SECONDS = 180.0


class Listener(asyncio.Protocol):
    """One client: it upgrades, then notes when each event arrived."""

    def __init__(self, host: str, path: str, seen: dict[bytes, list[int]], events: int) -> None:
        self.request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        self.seen = seen
        self.missing = events
        self.greeted = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        cast("asyncio.Transport", transport).write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take up whole frames."""
        moment = time.monotonic_ns()
        data = self._rest + data
        if not self.greeted.done():
            _, end, data = data.partition(b"\r\n\r\n")
            if end:
                self.greeted.set_result(None)
        while (end_of := frame_end(data)) is not None:
            for event_id in EVENT_ID.findall(data[:end_of]):
                self.seen.setdefault(event_id, []).append(moment)
                self.missing -= 1
            data = data[end_of:]
        self._rest = data
        if self.missing <= 0 and not self.done.done():
            self.done.set_result(None)


def frame_end(data: bytes) -> int | None:
    """Return where the first frame ends, None where it is not all there."""
    if len(data) < 2:  # noqa: PLR2004 - the shortest head
        return None
    size, head = data[1], 2
    if size == LONG:
        size, head = int.from_bytes(data[2:4], "big"), 4
    elif size == VERY_LONG:
        size, head = int.from_bytes(data[2:10], "big"), 10
    return head + size if len(data) >= head + size else None


async def listen(url: str, clients: int, events: int) -> None:
    """Connect so many clients and wait until each has heard so many events."""
    parts = urlsplit(url)
    seen: dict[bytes, list[int]] = {}
    listeners = [Listener(parts.netloc, parts.path, seen, events) for _ in range(clients)]
    for listener in listeners:
        await asyncio.get_running_loop().create_connection(
            partial(itself, listener), parts.hostname or "", parts.port or 80
        )
        await listener.greeted
    print("ready", flush=True)
    done = asyncio.gather(*(listener.done for listener in listeners))
    with suppress(TimeoutError):
        await asyncio.wait_for(done, TIMEOUT_SECONDS)
    print(json.dumps({event_id.decode(): moments for event_id, moments in seen.items()}))


async def resume(url: str, events: int) -> float:
    """Return the seconds from connecting until a client has so many events."""
    parts = urlsplit(url)
    began = time.monotonic()
    listener = Listener(parts.netloc, f"{parts.path}?{parts.query}", {}, events)
    await asyncio.get_running_loop().create_connection(
        partial(itself, listener), parts.hostname or "", parts.port or 80
    )
    await asyncio.wait_for(listener.done, TIMEOUT_SECONDS)
    return time.monotonic() - began


def itself(listener: Listener) -> Listener:
    """Return the protocol that a connection is for."""
    return listener


def commit(events: int, rate: float, at_once: int) -> None:
    """Commit so many events as the app does, so many a second or (0) so many at once."""
    from app.db import Database  # noqa: PLC0415 - only this writer needs the app
    from app.live.event_tail import Tail  # noqa: PLC0415
    from app.local_tz import now  # noqa: PLC0415
    from app.models import Event  # noqa: PLC0415
    from app.settings import load  # noqa: PLC0415

    settings = load()
    database, tail = Database(settings), Tail(settings)
    database.after_commit = tail.committed
    size = 1 if rate else at_once
    committed: dict[str, int] = {}
    for first in range(0, events, size):
        made = [Event(at=now(), kind="bench", payload={"number": first}) for _ in range(size)]
        with database.writing() as session:
            session.add_all(made)
        moment = time.monotonic_ns()
        committed.update({str(event.id): moment for event in made})
        time.sleep(1 / rate if rate else 0)
    tail.close()
    database.dispose()
    print(json.dumps(committed))


def post(url: str, events: int, rate: float) -> None:
    """Send so many events by POST, so many a second."""
    posted: dict[str, int] = {}
    for _ in range(events):
        event_id = str(uuid.uuid4())
        posted[event_id] = time.monotonic_ns()
        request = Request(f"{url}?id={event_id}", method="POST")
        urlopen(request, timeout=TIMEOUT_SECONDS).close()
        time.sleep(1 / rate if rate else 0)
    print(json.dumps(posted))


if __name__ == "__main__":
    mode, *given = sys.argv[1:]
    if mode == "listen":
        import uvloop

        uvloop.run(listen(given[0], int(given[1]), int(given[2])))
    elif mode == "resume":
        import uvloop

        print(uvloop.run(resume(given[0], int(given[1]))))
    elif mode == "post":
        post(given[0], int(given[1]), float(given[2]))
    else:
        commit(int(given[0]), float(given[1]), int(given[2]))
