"""/version: what is running here."""

import platform

from fastapi import APIRouter

from app.components import Parts
from app.schemas import Version

router = APIRouter(tags=["health"])


@router.head("/version", include_in_schema=False)
@router.get("/version", summary="What is running here?")
async def version(parts: Parts) -> Version:
    """Version, build and slot of the server that answers."""
    settings = parts.settings
    return Version(
        version=settings.version,
        build=settings.build_id,
        slot=settings.slot,
        boot_id=settings.boot_id,
        python=platform.python_version(),
    )
