"""The parts of a running app that its routes share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.db import Database
from app.settings import Settings
from app.sre.health import Readiness
from app.websock import Hub


@dataclass(frozen=True)
class Components:
    """One of each, made by app.main."""

    settings: Settings
    database: Database
    readiness: Readiness
    hub: Hub

    @classmethod
    def of(cls, settings: Settings) -> "Components":
        """Return the parts for `settings`. Nothing connects or starts yet."""
        return cls(settings, Database(settings), Readiness(settings), Hub())


async def components(connection: HTTPConnection) -> Components:
    """Return the parts of the app that serves `connection`."""
    found: Components = connection.app.state.components
    return found


Parts = Annotated[Components, Depends(components)]
