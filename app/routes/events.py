"""/ws/events: changes as they happen."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from app.components import Parts

router = APIRouter()


@router.websocket("/ws/events")
async def events(websocket: WebSocket, parts: Parts) -> None:
    """Greet with build and slot, then send every change this process makes."""
    settings = parts.settings
    greeting = {"type": "hello", "build": settings.build_id, "slot": settings.slot}
    await parts.hub.serve(websocket, greeting)
