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
    """Answer a request with the pid of the worker, after doing what the path says."""
    seconds = float(parse_qs(scope["query_string"].decode()).get("seconds", ["0"])[0])
    if scope["path"] == "/count":
        REQUESTS.inc()
    elif scope["path"] == "/slow":
        with BUSY.track_inprogress():
            await asyncio.sleep(seconds)
    elif scope["path"] == "/block":
        time.sleep(seconds)  # noqa: ASYNC251 (blocks the event loop on purpose)
    status = 404 if scope["path"] == "/missing" else 200
    body = str(os.getpid()).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def websocket(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echo."""
    await receive()
    await send({"type": "websocket.accept"})
    with suppress(Exception):
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
