"""The app with a trivial route, less what BENCH_WITHOUT names; mounted into the containers.

`BENCH_WITHOUT=Metrics,RequestId` leaves out these classes of middleware; `Metrics` also what
counts and times the database. `BENCH_WITHOUT=all` leaves out every middleware.
"""

import os
from typing import Any

from starlette.middleware import Middleware

from app import admission, main
from app.components import Components
from app.settings import load
from app.sre import database_metrics

WITHOUT = set(filter(None, os.environ.get("BENCH_WITHOUT", "").split(",")))
WHOLE = main.middleware


class Uncounted:
    """A metric that nobody keeps."""

    def inc(self) -> None:
        """Do nothing."""

    def dec(self) -> None:
        """Do nothing."""


def middleware(parts: Components) -> list[Middleware]:
    """Return what is left of the app's."""
    if "all" in WITHOUT:
        return []
    return [each for each in WHOLE(parts) if getattr(each.cls, "__name__", "") not in WITHOUT]


def unwatched(_engine: Any) -> None:
    """Watch nothing."""


if WITHOUT & {"all", "Metrics"}:
    setattr(database_metrics, "watch", unwatched)  # noqa: B010 (in place of what it is)
    setattr(admission, "POOL_IN_USE", Uncounted())  # noqa: B010
main.middleware = middleware
app = main.create_app(load())


@app.get("/bench", include_in_schema=False)
async def trivial() -> dict[str, str]:
    """Answer; nothing is asked of anything."""
    return {"status": "live"}
