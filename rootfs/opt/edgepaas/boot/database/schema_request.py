"""What the schema step is asked to do. Of ours it imports leaves only."""

from collections.abc import Mapping
from typing import NamedTuple

from boot.database import url
from boot.database.client_name import ClientName

BOOT, JOB, OFF = "boot", "job", "off"


class SchemaRequest(NamedTuple):
    """The database, the application's metadata and migrations as import strings, the policy.

    `lock_seconds` is how long to wait while another container migrates, `migration_seconds` how
    long our own migrations may take; `contract` is whether connected images that cannot serve the
    new schema forbid it; `image` is version and build of this one, `client` how its connections
    are named.
    """

    target: url.DatabaseUrl
    migration_target: url.DatabaseUrl
    policy: str
    lock_seconds: float
    metadata: str
    migrations: str
    migration_seconds: float
    contract: str = ""
    image: str = ""
    client: ClientName = ClientName("", "", "")


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
        migration_seconds=float(environ["EDGEPAAS_MIGRATION_TIMEOUT"]),
        contract=environ.get("EDGEPAAS_MIGRATION_CONTRACT", ""),
        image=_image(environ),
        client=ClientName(environ.get("SLOT", ""), "", environ.get("EDGEPAAS_BUILD_ID", "")),
    )


def _image(environ: Mapping[str, str]) -> str:
    """Return how this image is told to people: version and build, as far as it has them."""
    build = environ.get("EDGEPAAS_BUILD_ID", "")
    return " ".join(filter(None, [environ.get("EDGEPAAS_VERSION"), build and f"(build {build})"]))
