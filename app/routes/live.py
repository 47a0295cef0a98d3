"""/ws/events: every event as it happens, and those missed since one that the client has."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from app.components import Parts

router = APIRouter()


@router.websocket("/ws/events")
async def follow(websocket: WebSocket, parts: Parts, after: str | None = None) -> None:
    """Greet with build, slot and the event to begin after; then send every event, in order."""
    settings = parts.settings
    greeting = {"type": "hello", "build": settings.build_id, "slot": settings.slot}
    await parts.hub.serve(websocket, greeting, after)
