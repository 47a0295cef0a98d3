"""The tables."""

import secrets
import time

from sqlalchemy import Column, MetaData, String, Table

metadata = MetaData()


def new_key() -> str:
    """Return a key that no other database makes, and that sorts by its time of making."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


notes = Table(
    "notes",
    metadata,
    Column("id", String(32), primary_key=True, default=new_key),
    Column("text", String(200), nullable=False),
)
