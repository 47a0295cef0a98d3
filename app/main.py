"""The ASGI application: `uvicorn app.main:app`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from app import dev_schema, problems, tracing
from app.access import description
from app.access.origins import Hosts, Origins
from app.components import USES_DATABASE, Components
from app.middleware.access import Access
from app.middleware.body_limit import BodyLimit
from app.middleware.last_resort import LastResort
from app.middleware.metrics import Metrics
from app.middleware.request_id import RequestId
from app.middleware.response_headers import ResponseHeaders
from app.middleware.trusted_hosts import TrustedHosts
from app.routes import (
    deployments,
    events,
    health,
    live,
    login,
    nodes,
    page,
    releases,
    services,
    version,
)
from app.settings import Settings, SettingsError, load
from app.sre.fleet import FleetCount
from app.sre.metrics import POOL_SIZE

NO_TOKENS = (
    "EDGEPAAS_API_TOKENS is not set, and must be where ENVIRONMENT=production: set it to "
    "write:NAME:TOKEN, with the token from `openssl rand -hex 32`"
)
STATIC = Path(__file__).parent / "static"
SPARE_THREADS = 8  # for files and reports, while all others wait for a database
log = logging.getLogger(__name__)
DESCRIPTION = "A record of edge nodes. Errors are problem details (RFC 9457); times are UTC."


def create_app(settings: Settings) -> FastAPI:
    """Return the app for `settings`. Nothing connects before the first request that needs it.

    Raises SettingsError where anybody could use it in production.
    """
    if settings.production and not settings.tokens:
        raise SettingsError(NO_TOKENS)
    parts = Components.of(settings)
    spans = tracing.exporter_for(settings) if settings.trace_endpoint else None
    app = FastAPI(
        title="EdgePaaS",
        version=settings.version,
        description=DESCRIPTION,
        docs_url=None,  # its scripts come from elsewhere, which our pages never allow
        redoc_url=None,
        lifespan=lifespan,
        telemetry=tracing.telemetry(settings, spans),
        middleware=middleware(parts),
    )
    app.state.components = parts
    app.state.spans = spans
    problems.install(app)
    description.install(app)
    for resource in (page, health, version, live, login):
        app.include_router(resource.router)
    for resource in (nodes, services, releases, deployments, events):
        app.include_router(resource.router, dependencies=[USES_DATABASE])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def middleware(parts: Components) -> list[Middleware]:
    """Return what every request passes through, outermost first."""
    settings = parts.settings
    hosts = Hosts(settings.allowed_hosts)
    origins = Origins(hosts, settings.cors_origins)
    return [
        Middleware(RequestId, traced=bool(settings.trace_endpoint)),
        Middleware(Metrics),
        Middleware(ResponseHeaders, settings=settings),
        Middleware(LastResort),
        *([Middleware(TrustedHosts, hosts=hosts)] if hosts else []),
        *([cross_origin(settings)] if settings.cors_origins else []),
        Middleware(Access, gate=parts.gate, origins=origins),
        Middleware(BodyLimit, limit=settings.body_limit),
    ]


def cross_origin(settings: Settings) -> Middleware:
    """Return what lets scripts of other origins use the API, with a token and without cookies."""
    return Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match"],
        expose_headers=["ETag", "Location", "Retry-After", "X-Request-ID"],
        max_age=3600,
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start and stop what lives as long as the app. Never fails because of the database."""
    parts: Components = app.state.components
    log_to_stderr_if_nobody_does(parts.settings.log_level)
    logging.getLogger("uvicorn.error").addFilter(shows_no_header)
    if parts.gate.is_open:
        log.info("no EDGEPAAS_API_TOKENS: whoever reaches this port may read and write")
    limiter = to_thread.current_default_thread_limiter()
    limiter.total_tokens = parts.settings.database_pool_size + SPARE_THREADS
    if parts.settings.creates_schema:
        await asyncio.to_thread(dev_schema.create, parts.database)
    POOL_SIZE.set(parts.settings.database_pool_size)
    fleet = FleetCount(parts.settings, parts.database, parts.admission)
    counting = asyncio.create_task(fleet.run())
    yield
    counting.cancel()
    await parts.hub.close()
    await asyncio.to_thread(parts.readiness.close)
    await asyncio.to_thread(parts.database.dispose)
    if app.state.spans:
        await asyncio.to_thread(app.state.spans.close)


def log_to_stderr_if_nobody_does(level: str) -> None:
    """Configure logging for a run without a parent that already did."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(level=number, format="%(levelname)s: %(name)s: %(message)s")


def shows_no_header(record: logging.LogRecord) -> bool:
    """Tell whether a line of uvicorn's shows no header: at debug it logs those of WebSockets."""
    return record.msg != "< %s: %s"


def app_from_environment() -> FastAPI:
    """Return the app for this process; end it with one line where the environment is wrong."""
    try:
        return create_app(load())
    except SettingsError as error:
        raise SystemExit(f"edgepaas: {error}") from None


app = app_from_environment()
