"""What the app takes from its environment; no other module reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from app import __version__

DRIVER = "postgresql+psycopg2"
SCHEMES = MappingProxyType(
    {"postgres": DRIVER, "postgresql": DRIVER, DRIVER: DRIVER, "sqlite": "sqlite"}
)
SQLITE_FILE = "edgepaas.db"


class SettingsError(ValueError):
    """A variable has a value the app cannot work with; the message names it, never its value."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that differs between one place the app runs in and another.

    Fields without a variable of their own are limits that one place decides: here.
    """

    database_url: str = field(repr=False)
    creates_schema: bool = False
    data_dir: Path
    drain_file: Path | None = None
    version: str = __version__
    build_id: str = "dev"
    slot: str = ""
    boot_id: str = ""
    timezone: str = "UTC"
    log_level: str = "info"
    fallback_active: bool = False
    database_reason: str = ""

    database_pool_size: int = 5
    database_pool_overflow: int = 5
    database_pool_wait: float = 2.0
    database_connect_timeout: int = 3
    database_deadline: float = 5.0
    ready_deadline: float = 2.0
    body_limit: int = 1 << 20
    node_late_after: timedelta = timedelta(seconds=60)
    node_offline_after: timedelta = timedelta(seconds=300)

    @property
    def database_backend(self) -> str:
        """Which database serves: "postgres" or "sqlite"."""
        return "sqlite" if self.database_url.startswith("sqlite") else "postgres"

    @property
    def application_name(self) -> str:
        """How PostgreSQL names our connections; it keeps 63 bytes."""
        return "-".join(filter(None, ["edgepaas", self.slot, self.build_id]))[:63]


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings `environ` asks for; an empty variable counts as unset.

    Raises SettingsError for a DATABASE_URL we have no driver for.
    """
    given = {name: value for name, value in environ.items() if value}
    data_dir = Path(given.get("EDGEPAAS_DATA_DIR", "."))
    url = given.get("DATABASE_URL")
    return Settings(
        database_url=database_url(url) if url else f"sqlite:///{data_dir / SQLITE_FILE}",
        creates_schema=url is None,
        data_dir=data_dir,
        drain_file=_drain_file(given.get("EDGEPAAS_RUN_DIR")),
        version=given.get("EDGEPAAS_VERSION", __version__),
        build_id=given.get("EDGEPAAS_BUILD_ID", "dev"),
        slot=given.get("SLOT", ""),
        boot_id=given.get("EDGEPAAS_BOOT_ID", ""),
        timezone=given.get("TZ", "UTC"),
        log_level=given.get("LOG_LEVEL", "info"),
        fallback_active=given.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1",
        database_reason=given.get("EDGEPAAS_DB_REASON", ""),
    )


def database_url(url: str) -> str:
    """Return `url` as SQLAlchemy wants it: a bare postgresql:// would pick another driver."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise SettingsError(
            "DATABASE_URL: no driver for this URL. "
            "Set postgresql://user:password@host/database or sqlite:////absolute/path.db"
        )
    return f"{SCHEMES[scheme]}://{rest}"


def _drain_file(run_dir: str | None) -> Path | None:
    return Path(run_dir) / "draining" if run_dir else None
