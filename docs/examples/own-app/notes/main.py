"""The ASGI application: a greeting, notes, and the readiness that the runtime asks for."""

import os
from functools import cache
from pathlib import Path

from fastapi import Body, FastAPI, Response
from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.exc import DBAPIError

from notes.tables import notes

DRAIN_FILE = Path(os.environ["EDGEPAAS_RUN_DIR"], "draining")

app = FastAPI(title="Notes")


@cache
def database() -> Engine:
    """Return the engine, made at the first request: never before gunicorn forks."""
    return create_engine(os.environ["DATABASE_URL"])


@app.get("/")
def greet() -> str:
    """Greet, as NOTES_GREETING says."""
    return os.environ["NOTES_GREETING"]


@app.get("/notes")
def all_notes() -> list[str]:
    """Return every note."""
    with database().connect() as connection:
        return list(connection.scalars(select(notes.c.text).order_by(notes.c.id)))


@app.post("/notes", status_code=201)
def add_note(text: str = Body(max_length=200)) -> str:
    """Keep a note."""
    with database().begin() as connection:
        connection.execute(insert(notes).values(text=text))
    return text


@app.get("/health/ready")
def ready(response: Response) -> dict[str, str]:
    """Answer 200 when requests can be served, else 503."""
    reason = why_not_ready()
    response.status_code = 503 if reason else 200
    return {"status": reason or "ready"}


def why_not_ready() -> str:
    """Return why no request should come here; empty if one may."""
    if DRAIN_FILE.exists():
        return "draining"
    try:
        with database().connect() as connection:
            connection.execute(select(1))
    except DBAPIError:
        return "the database does not answer"
    return ""
