"""The app, with a slow answer and an upload."""

import asyncio
import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse

from app.main import app


async def slow(request: Request) -> JSONResponse:
    """Answer after so many seconds."""
    await asyncio.sleep(float(request.query_params["seconds"]))
    return JSONResponse({"slow": True})


async def upload(request: Request) -> JSONResponse:
    """Answer with the digest of the body."""
    digest = hashlib.sha256()
    async for part in request.stream():
        digest.update(part)
    return JSONResponse({"sha256": digest.hexdigest()})


app.add_route("/slow", slow)
app.add_route("/upload", upload, methods=["POST"])
__all__ = ["app"]
