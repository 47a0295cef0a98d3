"""The app with one more path, which answers in two parts; mounted into a container."""

import asyncio
from collections.abc import AsyncIterator

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
