"""Events recorded by way of the database itself, and clients that follow them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.db import Database
from app.local_tz import now
from app.models import Event

SECONDS = 20.0


def event(number: int, text: str = "") -> Event:
    """Return an event that carries a number, and a text where it is to be big."""
    return Event(at=now(), kind="test", payload={"number": number, "text": text})


def record(database: Database, *numbers: int, text: str = "") -> list[UUID]:
    """Record an event for each number in one transaction; return their ids."""
    recorded = [event(number, text) for number in numbers]
    with database.writing() as session:
        session.add_all(recorded)
        session.flush()
        return [each.id for each in recorded]


class Follower:
    """A client of /ws/events: it reads messages, and the events in them one by one."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._events: list[dict[str, Any]] = []

    def message(self) -> dict[str, Any]:
        """Return the next message that is no beat."""
        while True:
            message: dict[str, Any] = json.loads(self.connection.recv(SECONDS))
            if message["type"] != "beat":
                return message

    def event(self) -> dict[str, Any]:
        """Return the next event; what is told of outages is passed over."""
        while not self._events:
            message = self.message()
            assert message["type"] in {"events", "status"}, message
            self._events = message.get("events", [])
        return self._events.pop(0)

    def numbers(self, count: int) -> list[int]:
        """Return the numbers of the next events."""
        return [self.event()["payload"]["number"] for _ in range(count)]

    def close_code(self) -> int | None:
        """Read until the connection ends; return the code it was closed with."""
        try:
            while True:
                self.connection.recv(SECONDS)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@contextmanager
def following(base_url: object, after: str | None = None) -> Iterator[Follower]:
    """Yield a client that has not read its greeting yet."""
    query = "" if after is None else f"?after={after}"
    url = str(base_url).rstrip("/").replace("http", "ws", 1) + f"/ws/events{query}"
    with connect(url, compression=None, max_size=None) as connection:
        yield Follower(connection)


@contextmanager
def greeted(base_url: object, after: str | None = None) -> Iterator[tuple[Follower, str]]:
    """Yield a client that has read its greeting, and the event it begins after."""
    with following(base_url, after) as follower:
        hello = follower.message()
        assert hello["type"] == "hello", hello
        yield follower, hello["after"]
