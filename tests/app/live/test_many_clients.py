"""Many clients on two workers that are processes of their own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from websockets.asyncio.client import ClientConnection, connect

from app.db import Database
from app.live.event_tail import Tail
from app.settings import Settings
from tests.app.conftest import ROOT
from tests.support.events import record
from tests.support.wait import wait_until

CLIENTS = 200
EVENTS = 20
SECONDS = 60.0


@contextmanager
def two_workers(settings: Settings) -> Iterator[str]:
    """Run the app as `uvicorn --workers 2`; yield where."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)]
    command += ["--workers", "2", "--ws", "websockets-sansio", "--log-level", "warning"]
    environ = {**os.environ, "DATABASE_URL": settings.database_url}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers(port), SECONDS, "uvicorn")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(SECONDS)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").is_success
    except httpx.TransportError:
        return False


async def hear(connection: ClientConnection) -> list[str]:
    """Return the ids of the events a client gets, as many as are expected."""
    heard: list[str] = []
    while len(heard) < EVENTS:
        message = json.loads(await connection.recv())
        heard += [event["id"] for event in message.get("events", [])]
    return heard


async def follow(address: str, settings: Settings) -> list[list[str]]:
    """Connect the clients, record the events one by one, return what each client heard."""
    url = f"ws://{address}/ws/events"
    connections = [await connect(url, compression=None) for _ in range(CLIENTS)]
    for connection in connections:
        while (kind := json.loads(await connection.recv())["type"]) == "status":
            pass  # a busy machine's database may be in trouble for a moment
        assert kind == "hello"
    hearing = asyncio.gather(*map(hear, connections))
    await asyncio.to_thread(write, settings)
    heard = await asyncio.wait_for(hearing, SECONDS)
    await asyncio.gather(*(connection.close() for connection in connections))
    return heard


def write(settings: Settings) -> None:
    database, tail = Database(settings), Tail(settings)
    database.after_commit = tail.committed
    for number in range(EVENTS):
        record(database, number)
    tail.close()
    database.dispose()


def test_every_client_of_two_workers_hears_every_event_once(settings: Settings) -> None:
    with two_workers(settings) as address:
        heard = asyncio.run(follow(address, settings))
    assert len(set(heard[0])) == EVENTS
    assert heard == [heard[0]] * CLIENTS
