"""What the app takes from its environment; no other module reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from app import __version__
from app.access import tokens
from app.access.tokens import Tokens
from app.sre.system import Thresholds

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
    direct_url: str = field(default="", repr=False)
    creates_schema: bool = False
    data_dir: Path
    run_dir: Path | None = None
    version: str = __version__
    build_id: str = "dev"
    slot: str = ""
    client_name: str = ""
    boot_id: str = ""
    timezone: str = "UTC"
    log_level: str = "info"
    production: bool = False
    tokens: Tokens = field(default_factory=Tokens, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trace_endpoint: str = ""
    trace_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trace_sample: int = 100
    service_name: str = "edgepaas"
    fallback_active: bool = False
    database_reason: str = ""

    workers: int = 1
    replicas: int = 1
    database_pool_size: int = 10
    database_wait: float = 2.0
    database_ping_deadline: float = 2.0
    database_connect_timeout: int = 3
    database_deadline: float = 5.0
    ready_deadline: float = 0.7
    thresholds: Thresholds = field(default_factory=Thresholds)
    body_limit: int = 1 << 20
    websocket_clients: int = 5000
    node_late_after: timedelta = timedelta(seconds=60)
    node_offline_after: timedelta = timedelta(seconds=300)

    @property
    def database_backend(self) -> str:
        """Which database serves: "postgres" or "sqlite"."""
        return "sqlite" if self.database_url.startswith("sqlite") else "postgres"

    @property
    def listen_url(self) -> str:
        """Where to LISTEN: past a pooler, if a URL that leads there is known."""
        direct = self.direct_url if self.database_backend == "postgres" else ""
        return direct or self.database_url

    @property
    def drain_file(self) -> Path | None:
        """The file that exists while the container drains; None without a layer under us."""
        return self.run_dir / "draining" if self.run_dir else None

    @property
    def application_name(self) -> str:
        """How PostgreSQL names our connections: what it was given, which it keeps 63 bytes of."""
        named = self.client_name or "-".join(filter(None, ["edgepaas", self.slot, self.build_id]))
        return named[:63]


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings `environ` asks for; an empty variable counts as unset.

    Raises SettingsError for a DATABASE_URL we have no driver for, tokens that are none, and numbers
    that are none.
    """
    given = {name: value for name, value in environ.items() if value}
    data_dir = Path(given.get("EDGEPAAS_DATA_DIR", "."))
    url = given.get("DATABASE_URL")
    return Settings(
        database_url=database_url(url) if url else f"sqlite:///{data_dir / SQLITE_FILE}",
        direct_url=_direct_url(given.get("EDGEPAAS_MIGRATION_DATABASE_URL")),
        creates_schema=url is None,
        data_dir=data_dir,
        run_dir=Path(given["EDGEPAAS_RUN_DIR"]) if "EDGEPAAS_RUN_DIR" in given else None,
        version=given.get("EDGEPAAS_VERSION", __version__),
        build_id=given.get("EDGEPAAS_BUILD_ID", "dev"),
        slot=given.get("SLOT", ""),
        client_name=given.get("PGAPPNAME", ""),
        boot_id=given.get("EDGEPAAS_BOOT_ID", ""),
        timezone=given.get("TZ", "UTC"),
        log_level=given.get("LOG_LEVEL", "info"),
        production=given.get("ENVIRONMENT") == "production",
        tokens=_tokens(given.get("EDGEPAAS_API_TOKENS", "")),
        allowed_hosts=_list(given.get("EDGEPAAS_ALLOWED_HOSTS", "")),
        cors_origins=_list(given.get("EDGEPAAS_CORS_ORIGINS", "")),
        trace_endpoint=_endpoint(given.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")),
        trace_headers=_headers(given.get("OTEL_EXPORTER_OTLP_HEADERS", "")),
        trace_sample=_percent(given, "EDGEPAAS_TRACE_SAMPLE", Settings.trace_sample),
        service_name=given.get("OTEL_SERVICE_NAME", Settings.service_name),
        fallback_active=given.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1",
        database_reason=given.get("EDGEPAAS_DB_REASON", ""),
        workers=_count(given, "WEB_CONCURRENCY", Settings.workers),
        replicas=_count(given, "EDGEPAAS_REPLICAS", Settings.replicas),
        database_pool_size=_count(given, "EDGEPAAS_DB_POOL_SIZE", Settings.database_pool_size),
        thresholds=_thresholds(given),
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


def _direct_url(url: str | None) -> str:
    """Return the URL that leads past a pooler, "" where none is told."""
    found = database_url(url) if url else ""
    return found if found.startswith(DRIVER) else ""


def _tokens(text: str) -> Tokens:
    try:
        return tokens.parse(text)
    except tokens.TokensError as error:
        raise SettingsError(f"EDGEPAAS_API_TOKENS: {error}") from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _thresholds(given: Mapping[str, str]) -> Thresholds:
    default = Thresholds()
    return Thresholds(
        cpu=_share(given, "EDGEPAAS_SYSTEM_CPU_PERCENT", default.cpu),
        memory=_share(given, "EDGEPAAS_SYSTEM_MEMORY_PERCENT", default.memory),
        disk=_share(given, "EDGEPAAS_SYSTEM_DISK_PERCENT", default.disk),
        descriptors=_share(given, "EDGEPAAS_SYSTEM_DESCRIPTORS_PERCENT", default.descriptors),
    )


def _share(given: Mapping[str, str], name: str, default: float) -> float:
    return _count(given, name, round(default * 100)) / 100


def _endpoint(url: str) -> str:
    if url and not re.fullmatch(r"https?://[^/?#@,\s]+(/[^?#,\s]*)?", url):
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: set the base URL of a collector that takes OTLP over "
            "HTTP, such as http://collector:4318"
        )
    return url


def _headers(text: str) -> dict[str, str]:
    """Return headers from `name=value,…`, the values percent-encoded as OpenTelemetry has it."""
    pairs = [pair.partition("=") for pair in _list(text)]
    if any(not name or not separator for name, separator, _ in pairs):
        raise SettingsError("OTEL_EXPORTER_OTLP_HEADERS: set name=value, several with commas")
    return {name: unquote(value) for name, _, value in pairs}


def _percent(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal() or int(text) > 100:  # noqa: PLR2004 (percent)
        raise SettingsError(f"{name}: {text!r} is no whole number from 0 to 100")
    return int(text)


def _count(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name}: {text!r} is no number above 0")
    return int(text)
