"""The tables."""

from sqlalchemy import Column, Integer, MetaData, String, Table

metadata = MetaData()

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", String(200), nullable=False),
)
