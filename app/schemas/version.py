"""The server itself. Imports nothing of ours."""

from pydantic import BaseModel


class Version(BaseModel):
    """What is running here."""

    version: str
    build: str
    slot: str
    boot_id: str
    python: str
