"""The ASGI application: `uvicorn app.main:app`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from app import dev_schema, problems
from app.components import Components
from app.middleware.body_limit import BodyLimit
from app.middleware.last_resort import LastResort
from app.middleware.request_id import RequestId
from app.middleware.response_headers import ResponseHeaders
from app.routes import events, health, nodes, page, version
from app.settings import Settings, load
from app.sre.metrics import Metrics

STATIC = Path(__file__).parent / "static"
DESCRIPTION = "A record of edge nodes. Errors are problem details (RFC 9457); times are UTC."


def create_app(settings: Settings) -> FastAPI:
    """Return the app for `settings`. Nothing connects before the first request that needs it."""
    app = FastAPI(
        title="EdgePaaS",
        version=settings.version,
        description=DESCRIPTION,
        docs_url=None,  # its scripts come from elsewhere, which our pages never allow
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=[
            Middleware(RequestId),
            Middleware(Metrics),
            Middleware(ResponseHeaders, settings=settings),
            Middleware(LastResort),
            Middleware(BodyLimit, limit=settings.body_limit),
        ],
    )
    app.state.components = Components.of(settings)
    problems.install(app)
    for resource in (page, nodes, health, version, events):
        app.include_router(resource.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start and stop what lives as long as the app. Never fails because of the database."""
    parts: Components = app.state.components
    log_to_stderr_if_nobody_does(parts.settings.log_level)
    parts.hub.open()
    if parts.settings.creates_schema:
        await asyncio.to_thread(dev_schema.create, parts.database)
    yield
    await parts.hub.close()
    await asyncio.to_thread(parts.readiness.close)
    await asyncio.to_thread(parts.database.dispose)


def log_to_stderr_if_nobody_does(level: str) -> None:
    """Configure logging for a run without a parent that already did."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(level=number, format="%(levelname)s: %(name)s: %(message)s")


app = create_app(load())
