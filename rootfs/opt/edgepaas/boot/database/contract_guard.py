"""Keeps a migration from running under images that are connected and cannot serve what it leaves.

Images name their connections: client_name.py. Whoever is not named so is not seen.
"""

import logging
from collections.abc import Iterable

from boot.database import client_name
from boot.database.client_name import ClientName
from boot.database.compatibility import Standing, planned
from boot.database.revisions import Revisions
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

GUARD, FORCE = "guard", "force"
CONNECTED = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

log = logging.getLogger(__name__)


def check(names: Iterable[str], standing: Standing, own: Revisions, policy: str) -> None:
    """Let the migration to the head pass if every connected image may run on what it leaves.

    `names` are the application_names connected. Raises SchemaError (75), unless policy is FORCE.
    """
    cut_off = sorted(set(_cut_off(names, standing, own)))
    if not cut_off:
        return
    problem = (
        f"images at {', '.join(sorted({each.revision for each in cut_off}))} cannot run on "
        f"{own.head()}, and are connected: {', '.join(map(_shown, cut_off))}"
    )
    if policy == FORCE:
        log.warning("%s; migrating all the same: EDGEPAAS_MIGRATION_CONTRACT=force", problem)
        return
    advice = "stop them first, or set EDGEPAAS_MIGRATION_CONTRACT=force; nothing was changed"
    raise SchemaError(problem, advice, ExitStatus.TEMPORARY)


def _cut_off(names: Iterable[str], standing: Standing, own: Revisions) -> Iterable[ClientName]:
    """Yield the clients at a revision of ours that the head does not admit.

    One that does not say its revision serves, so it is at the database's.
    """
    admitted = planned(standing, own)[own.head()].readers
    at = max(standing.current, default="")
    for client in filter(None, map(client_name.parse, names)):
        named = client._replace(revision=client.revision or at)
        if named.revision in own.known - admitted:
            yield named


def _shown(client: ClientName) -> str:
    place = f"slot {client.slot}" if client.slot else "no slot"
    return f"{place} at {client.revision} (build {client.build or 'unknown'})"
