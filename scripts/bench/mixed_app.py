"""The app with two more paths, a slow answer and an upload; mounted into a container."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from app.main import app

__all__ = ["app"]


@app.get("/slow")
async def slow(seconds: float = 1.0) -> StreamingResponse:
    """Say `begun`, and after `seconds` say `finished`."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"begun "
        await asyncio.sleep(seconds)
        yield b"finished"

    return StreamingResponse(parts())


@app.post("/upload")
async def upload(request: Request) -> dict[str, str]:
    """Answer with the digest of the body."""
    digest = hashlib.sha256()
    async for part in request.stream():
        digest.update(part)
    return {"sha256": digest.hexdigest()}
