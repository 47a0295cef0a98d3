"""What the tutorials show: a list of WebSockets, and a loop that sends to one after the other.

It reaches the clients of its own process only, so it runs as one worker.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

active: list[WebSocket] = []


async def follow(websocket: WebSocket) -> None:
    """Keep the client until it leaves."""
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        active.remove(websocket)


async def broadcast(request: Request) -> Response:
    """Send an event to everybody."""
    for websocket in active:
        await websocket.send_text(f'{{"id":"{request.query_params["id"]}"}}')
    return Response()


app = Starlette(
    routes=[
        WebSocketRoute("/ws/events", follow),
        Route("/events", broadcast, methods=["POST"]),
        Route("/health/live", Response()),
    ]
)
