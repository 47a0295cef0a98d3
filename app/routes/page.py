"""/: the page for people.

With `?only=ID,ID` it has of the nodes only these: so its script renews what has changed.
"""

import gzip
import re
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from app.components import Components, Parts
from app.db import SchemaMissingError, UnavailableError
from app.local_tz import clock, local, now, zone
from app.overview import NODES, Overview, read
from app.problems import HOW_TO_MIGRATE, RETRY_AFTER_SECONDS

TEMPLATES = Path(__file__).parent.parent / "templates"
ONLY_MOST = 100
GZIP_LEVEL = 1  # a tenth of the size for 3 ms; more would save little
PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._/-]*)?")

router = APIRouter(include_in_schema=False)


@router.head("/", include_in_schema=False)
@router.get("/")
async def page(parts: Parts, request: Request, only: str | None = None) -> HTMLResponse:
    """Render the fleet as it stands; say clearly what is wrong when the database is."""
    wanted = None if only is None else _ids(only)
    try:
        async with parts.admission.place():
            overview, trouble = await run_in_threadpool(_read, parts, wanted)
    except UnavailableError as error:
        overview, trouble = Overview(), _later(error)
    return await run_in_threadpool(_render, parts, request, overview, trouble)


def _read(parts: Components, only: list[UUID] | None) -> tuple[Overview, str]:
    """Return the fleet, and what to tell when it cannot be read."""
    try:
        with parts.database.reading() as session:
            return read(session, parts.settings, only), ""
    except SchemaMissingError as error:
        return Overview(), f"{error}; {HOW_TO_MIGRATE}"
    except UnavailableError as error:
        return Overview(), _later(error)


def _render(parts: Components, request: Request, overview: Overview, trouble: str) -> HTMLResponse:
    settings = parts.settings
    html = template("index.html").render(
        is_open=parts.gate.is_open,
        settings=settings,
        timezone=zone(settings.timezone).key,
        database="PostgreSQL" if settings.database_backend == "postgres" else "SQLite",
        fleet=overview,
        most=NODES,
        trouble=trouble,
        base_url=_base_url(request),
        moment=now(),
    )
    headers = {"Vary": "Accept-Encoding"}
    if trouble:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    content: str | bytes = html
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(html.encode(), GZIP_LEVEL)
    return HTMLResponse(content, 503 if trouble else 200, headers)


def _later(error: UnavailableError) -> str:
    return f"{error}; this page tries again by itself"


def _ids(text: str) -> list[UUID]:
    """Return the ids in a list, without what is none."""
    found = []
    for part in text.split(",")[:ONLY_MOST]:
        try:
            found.append(UUID(part))
        except ValueError:
            continue
    return found


@cache
def template(name: str) -> Any:
    """Return the template of that file name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["local"] = local
    environment.filters["clock"] = clock
    return environment.get_template(name)


def _base_url(request: Request) -> str:
    """Return the URL this page was asked under, safe to paste into a shell."""
    url = str(request.base_url)
    return url.rstrip("/") if PLAIN_URL.fullmatch(url) else "http://127.0.0.1:8000"
