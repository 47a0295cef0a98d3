"""Whether PostgreSQL allows as many connections as all our containers may open together."""

import logging
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.settings import Settings

BESIDE_THE_POOL = 3  # of each worker: one for readiness, one that follows events, one that LISTENs
CLAIM = "connections-checked"
COLOURS = 2  # both serve while a new release takes over
ALLOWED = text(
    """
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true), '0')::int,
           (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
           (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
           pg_backend_pid()
    """
)

log = logging.getLogger(__name__)


class Limit(NamedTuple):
    """So many connections, and who says so."""

    connections: int
    source: str


def needed(settings: Settings) -> int:
    """Return how many connections may be open at once while a release takes over."""
    each = settings.database_pool_size + BESIDE_THE_POOL
    return settings.workers * each * settings.replicas * COLOURS


def allowed(session: Session) -> Limit | None:
    """Return the least of the server's limits; None behind a pooler, which has its own.

    A pooler makes up the pid it tells at connecting.
    """
    server, database, role, pid = session.execute(ALLOWED).one()
    driver = session.connection().connection.driver_connection
    if driver is not None and driver.info.backend_pid != pid:
        return None
    limits = [Limit(server, "max_connections, less what is reserved")]
    if database >= 0:
        limits.append(Limit(database, "CONNECTION LIMIT of the database"))
    if role is not None and role >= 0:
        limits.append(Limit(role, "CONNECTION LIMIT of our role"))
    return min(limits)


def check(session: Session, settings: Settings) -> None:
    """Warn, once in a container, where not all of us can connect at once."""
    if settings.database_backend == "postgres" and claim(settings.run_dir):
        warn_above(allowed(session), settings)


def warn_above(limit: Limit | None, settings: Settings) -> None:
    """Warn where more than `limit` may be open; say which variable to set."""
    wanted = needed(settings)
    if limit is None or wanted <= limit.connections:
        return
    others = settings.workers * settings.replicas * COLOURS
    fits = limit.connections // others - BESIDE_THE_POOL
    log.warning(
        "up to %d connections (WEB_CONCURRENCY=%d x (EDGEPAAS_DB_POOL_SIZE=%d + %d)"
        " x EDGEPAAS_REPLICAS=%d x %d colours), but PostgreSQL allows %d (%s): %s",
        wanted,
        settings.workers,
        settings.database_pool_size,
        BESIDE_THE_POOL,
        settings.replicas,
        COLOURS,
        limit.connections,
        limit.source,
        f"set EDGEPAAS_DB_POOL_SIZE={fits} or less, or raise the limit"
        if fits > 0
        else "raise the limit, or set WEB_CONCURRENCY lower",
    )


def claim(run_dir: Path | None) -> bool:
    """Tell whether we are the first process of this container to ask; where alone, always."""
    if run_dir is None:
        return True
    try:
        (run_dir / CLAIM).touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        pass  # it is better to warn twice than not at all
    return True
