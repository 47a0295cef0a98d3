"""What the schema step is asked to do. Imports nothing of ours but the URL."""

from collections.abc import Mapping
from typing import NamedTuple

from boot.database import url

BOOT, JOB, OFF = "boot", "job", "off"


class SchemaRequest(NamedTuple):
    """The database, the application's metadata and migrations as import strings, the policy.

    `lock_seconds` is how long to wait while another container migrates.
    """

    target: url.DatabaseUrl
    migration_target: url.DatabaseUrl
    policy: str
    lock_seconds: float
    metadata: str
    migrations: str


def read(environ: Mapping[str, str]) -> SchemaRequest:
    """Return what env-check and db-wait left in the environment. Raises DatabaseUrlError."""
    target = url.parse(environ["DATABASE_URL"])
    direct = environ.get("EDGEPAAS_MIGRATION_DATABASE_URL")
    return SchemaRequest(
        target=target,
        migration_target=(
            url.parse(direct, "EDGEPAAS_MIGRATION_DATABASE_URL") if direct else target
        ),
        policy=environ["EDGEPAAS_MIGRATE"],
        lock_seconds=float(environ["EDGEPAAS_MIGRATION_LOCK_TIMEOUT"]),
        metadata=environ["EDGEPAAS_SCHEMA_METADATA"],
        migrations=environ["EDGEPAAS_SCHEMA_MIGRATIONS"],
    )
