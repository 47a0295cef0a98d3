"""/health: what load balancers, orchestrators and operators ask."""

from typing import Any

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from app.components import Parts

router = APIRouter(prefix="/health", tags=["health"])


@router.head("/live", include_in_schema=False)
@router.get("/live", summary="Does the process answer?")
async def live() -> dict[str, str]:
    """Answer; nothing else is asked."""
    return {"status": "live"}


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    summary="Can it serve requests?",
    responses={503: {"description": "Not ready; the body says which check failed."}},
)
async def ready(parts: Parts) -> Response:
    """200 when the database answers, the schema is there and no drain is under way; else 503."""
    is_ready, finding = await parts.readiness.check()
    return JSONResponse(finding, 200 if is_ready else 503)


@router.head("/system", include_in_schema=False)
@router.get("/system", summary="How is the machine doing?")
def machine(parts: Parts) -> dict[str, Any]:
    """CPU, memory, disk and descriptors against their thresholds. Always 200."""
    return parts.machine.report()
