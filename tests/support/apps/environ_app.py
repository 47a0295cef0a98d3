"""The app, which also tells the environment it runs in."""

import os

from starlette.requests import Request
from starlette.responses import JSONResponse

from app.main import app


async def environ(_request: Request) -> JSONResponse:
    """Answer with every variable."""
    return JSONResponse(dict(os.environ))


app.add_route("/environ", environ)
__all__ = ["app"]
