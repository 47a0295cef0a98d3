"""The arbiter's claim on the SQLite file that its workers serve, for as long as any of them lives.

A fallback is claimed for this container alone: two journals of one PostgreSQL could not be told
apart. An embedded database may be shared, but whoever shares it is to know.
"""

import logging
from collections.abc import Mapping

from boot.database import claim, url
from boot.database.claim import Claim

# Never released: it is inherited by every worker and ends with the last of them.
HELD: list[Claim] = []

log = logging.getLogger(__name__)


def hold(environ: Mapping[str, str]) -> None:
    """Claim the file where the database is SQLite. Raises SchemaError where that cannot be."""
    given = environ.get("DATABASE_URL")
    target = url.parse(given) if given else None
    if not isinstance(target, url.SqliteUrl):
        return
    fallback = environ.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1"
    held = claim.take(target.path, claim.own(environ, exclusive=fallback))
    HELD.append(held)
    if held.other:
        log.warning(
            "%s is also served by %s: SQLite lets one of them write at a time, and a schema that "
            "one migrates is migrated under the other",
            target.path,
            held.other,
            extra={"fields": {"other": held.other._asdict()}},
        )
