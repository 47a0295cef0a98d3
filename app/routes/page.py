"""/: the page for people."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse

from app import crud
from app.components import Components, Parts
from app.db import SchemaMissingError, UnavailableError
from app.local_tz import local, now, zone
from app.problems import HOW_TO_MIGRATE, RETRY_AFTER_SECONDS
from app.schemas import NodeRead

TEMPLATES = Path(__file__).parent.parent / "templates"
ROWS = 1000
PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._/-]*)?")

router = APIRouter(include_in_schema=False)


@router.head("/", include_in_schema=False)
@router.get("/")
def page(parts: Parts, request: Request) -> HTMLResponse:
    """Render the nodes as they stand; say clearly what is wrong when the database is."""
    nodes, trouble = _nodes(parts)
    settings = parts.settings
    html = _template().render(
        settings=settings,
        timezone=zone(settings.timezone).key,
        database="PostgreSQL" if settings.database_backend == "postgres" else "SQLite",
        nodes=nodes,
        trouble=trouble,
        truncated=len(nodes) == ROWS,
        rows=ROWS,
        base_url=_base_url(request),
        shown_at=now(),
    )
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if trouble else None
    return HTMLResponse(html, 503 if trouble else 200, headers)


def _nodes(parts: Components) -> tuple[list[NodeRead], str]:
    """Return the nodes by name, and what to tell when they cannot be read."""
    try:
        with parts.database.reading() as session:
            found = crud.list_nodes_by_name(session, ROWS)
    except SchemaMissingError as error:
        return [], f"{error}; {HOW_TO_MIGRATE}"
    except UnavailableError as error:
        return [], f"{error}; this page tries again by itself"
    return [NodeRead.of(node, now(), parts.settings) for node in found], ""


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["local"] = local
    return environment.get_template("index.html")


def _base_url(request: Request) -> str:
    """Return the URL this page was asked under, safe to paste into a shell."""
    url = str(request.base_url)
    return url.rstrip("/") if PLAIN_URL.fullmatch(url) else "http://127.0.0.1:8000"
