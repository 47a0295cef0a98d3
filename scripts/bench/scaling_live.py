"""How fan-out grows with clients, event tail and resuming client with what they missed."""

from __future__ import annotations

import json
import subprocess

from scripts.bench import fanout
from scripts.bench.contestants import VENV
from scripts.bench.fanout import LOAD, Server, Serving, running
from scripts.bench.line import Line
from scripts.checkout import ROOT

CLIENTS = (25, 50, 100, 200, 400, 800)
EVENTS = 200
IN_MEMORY = 2048  # what a worker keeps of the newest events (app/live/event_window.py)
KEPT = (128, 256, 512, 1024, 2048)
BEYOND = (1024, 2048, 4096, 8192, 16_384)
NANOSECONDS = 1_000_000_000
BEGINNING = "00000000-0000-0000-0000-000000000000"
SQLITE = Server("edgepaas, 1 worker", "app.main:app", 1)


def measure(rounds: int) -> list[Line]:
    """Return seconds from commit to the last client, against clients and against backlog."""
    clients = Line(f"{EVENTS} events to all WebSocket clients", "clients", "s")
    tail = Line("a backlog of events, as the tail reads it", "events", "s")
    memory = Line("a client that comes back, from memory", "events", "s")
    table = Line("a client that comes back, from the table", "events", "s")
    for _ in range(rounds):
        with running(SQLITE, fanout.free_port()) as serving:
            for number in CLIENTS:
                clients.add(number, to_all(serving, number, EVENTS))
        with running(SQLITE, fanout.free_port()) as serving:
            written = 0
            for number in (*KEPT, *(IN_MEMORY + more for more in BEYOND)):
                tail.add(number - written, to_all(serving, 1, number - written))
                written = number
                seconds = come_back(serving, number)
                if number <= IN_MEMORY:
                    memory.add(number, seconds)
                else:
                    table.add(number - IN_MEMORY, seconds)
    return [clients, tail, memory, table]


def to_all(serving: Serving, clients: int, events: int) -> float:
    """Write events in one transaction; return the seconds until all clients have all."""
    with serving.listeners(clients, events) as listeners:
        committed = serving.write(events, 0, events)
        seen = json.loads(listeners.readline())
    serving.complain_unless_complete(committed, seen, clients)
    last = max(moment for moments in seen.values() for moment in moments)
    return float(last - min(committed.values())) / NANOSECONDS


def come_back(serving: Serving, events: int) -> float:
    """Connect a client that has nothing; return the seconds until it has all events there are."""
    url = f"ws://127.0.0.1:{serving.port}/ws/events?after={BEGINNING}"
    command = (VENV.python, LOAD, "resume", url, str(events))
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)
