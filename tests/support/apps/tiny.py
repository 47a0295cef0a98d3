"""A plain ASGI app: answers what tests ask for, and nothing else."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import Counter, Gauge

REQUESTS = Counter("tiny_requests_total", "Requests to /count.")
BUSY = Gauge("tiny_busy", "Requests being answered.", multiprocess_mode="livesum")


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve lifespan, HTTP and WebSocket."""
    await {"lifespan": lifespan, "http": http, "websocket": websocket}[scope["type"]](
        scope, receive, send
    )


async def lifespan(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Wait at startup while the file named by TINY_GATE is missing."""
    await receive()
    while not gate_is_open():  # noqa: ASYNC110 (a file, so that a test can open it)
        await asyncio.sleep(0.02)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def gate_is_open() -> bool:
    """Tell whether this worker may start: TINY_GATE is not set, or holds its pid or `all`."""
    gate = os.environ.get("TINY_GATE")
    return not gate or any(Path(gate, name).exists() for name in (str(os.getpid()), "all"))


async def http(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer with the pid of the worker, or who asks, after doing what the path says."""
    seconds = float(parse_qs(scope["query_string"].decode()).get("seconds", ["0"])[0])
    if scope["path"] == "/count":
        REQUESTS.inc()
    elif scope["path"] == "/slow":
        with BUSY.track_inprogress():
            await asyncio.sleep(seconds)
    elif scope["path"] == "/block":
        time.sleep(seconds)  # noqa: ASYNC251 (blocks the event loop on purpose)
    elif scope["path"] == "/stream":
        await stream(send, seconds)
        return
    status = 404 if scope["path"] == "/missing" else 200
    asked = f"{scope['scheme']} {scope['client'][0]}" if scope["path"] == "/who" else os.getpid()
    body = str(asked).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    if scope["path"] == "/later":
        await asyncio.sleep(seconds)
        note_that_it_is_later()


def note_that_it_is_later() -> None:
    """Make the file `later`."""
    Path(os.environ["EDGEPAAS_RUN_DIR"], "later").touch()


async def stream(send: Any, seconds: float) -> None:
    """Say `begun`, and after so many seconds `finished`."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
    await asyncio.sleep(seconds)
    await send({"type": "http.response.body", "body": b"finished"})


async def websocket(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echo."""
    await receive()
    await send({"type": "websocket.accept"})
    with suppress(Exception):
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
