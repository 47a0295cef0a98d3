"""Which database serves this boot. Pure: everything it depends on is an argument."""

from pathlib import Path
from typing import NamedTuple

from boot.database.outcome import POLICIES
from boot.database.url import DatabaseUrl, PostgresUrl, SqliteUrl
from boot.database.volume import Volume
from boot.database.waiting import Waited
from boot.exit_status import ExitStatus

AUTO, POSTGRES, SQLITE = "auto", "postgres", "sqlite"
DENY, ALLOW, ACCEPT_DIVERGENCE = "deny", "allow", "accept-divergence"
PRODUCTION = "production"
EMBEDDED_FILE = "edgepaas.db"
FALLBACK_FILE = "fallback.db"


class Request(NamedTuple):
    """What the environment asks for. An empty mode or fallback policy means its default."""

    mode: str
    url: DatabaseUrl | None
    environment: str
    fallback: str
    replicas: int
    data_dir: Path

    @property
    def effective_mode(self) -> str:
        """The mode, with its default: nothing is chosen for production by accident."""
        return self.mode or (POSTGRES if self.environment == PRODUCTION else AUTO)

    @property
    def effective_fallback(self) -> str:
        """The fallback policy, with its default."""
        return self.fallback or (DENY if self.environment == PRODUCTION else ALLOW)


class Decision(NamedTuple):
    """The database that serves, or the status and advice the boot ends with."""

    backend: str
    url: DatabaseUrl | None
    fallback: bool
    reason: str
    status: ExitStatus = ExitStatus.OK
    advice: str = ""


def without_asking(request: Request) -> Decision | None:
    """Return the decision that needs no look at PostgreSQL, None where PostgreSQL must be asked."""
    if request.effective_mode == SQLITE:
        return _sqlite(request, "EDGEPAAS_DB_MODE=sqlite")
    if isinstance(request.url, PostgresUrl):
        return None
    if request.effective_mode == POSTGRES:
        return _no_postgres(request)
    named = request.url is not None
    return _sqlite(request, "DATABASE_URL names SQLite" if named else "DATABASE_URL is not set")


def after_asking(request: Request, waited: Waited, volume: Volume) -> Decision:
    """Return the decision once PostgreSQL was asked; `volume` is the data directory's."""
    verdict, detail = waited.outcome
    if waited.outcome.policy.status is ExitStatus.OK:
        return Decision(POSTGRES, request.url, fallback=False, reason=detail)
    reason = f"PostgreSQL: {verdict} after {waited.elapsed:.1f} s ({detail})"
    obstacles = _obstacles(request, waited, volume)
    if obstacles:
        return _refusal(waited, reason, obstacles)
    url = SqliteUrl(request.data_dir / FALLBACK_FILE)
    return Decision(SQLITE, url, fallback=True, reason=reason)


def _sqlite(request: Request, reason: str) -> Decision:
    named = request.url if isinstance(request.url, SqliteUrl) else None
    url = named or SqliteUrl(request.data_dir / EMBEDDED_FILE)
    return Decision(SQLITE, url, fallback=False, reason=reason)


def _no_postgres(request: Request) -> Decision:
    given = "DATABASE_URL names SQLite" if request.url else "DATABASE_URL is not set"
    why = "EDGEPAAS_DB_MODE=postgres" if request.mode else "ENVIRONMENT=production"
    return Decision(
        "",
        None,
        fallback=False,
        reason=f"{why} wants PostgreSQL, but {given}",
        status=ExitStatus.CONFIG,
        advice="set DATABASE_URL=postgresql://user:password@host:5432/database, "
        "or choose the embedded database with EDGEPAAS_DB_MODE=sqlite",
    )


def _obstacles(request: Request, waited: Waited, volume: Volume) -> list[str]:
    """Return what stands against a fallback; only one that nobody answered may fall back."""
    if not all(POLICIES[verdict].unreachable for verdict in waited.seen):
        return ["PostgreSQL answered"]
    if request.effective_mode != AUTO:
        return [f"EDGEPAAS_DB_MODE={request.effective_mode}"]
    if request.effective_fallback == ACCEPT_DIVERGENCE:
        return []
    several = f"EDGEPAAS_REPLICAS={request.replicas}: each would fill a file of its own"
    found = {
        "EDGEPAAS_DB_FALLBACK=deny": request.effective_fallback != ALLOW,
        f"{request.data_dir} {volume.danger}": bool(volume.danger),
        several: request.replicas != 1,
    }
    return [obstacle for obstacle, stands in found.items() if stands]


def _refusal(waited: Waited, reason: str, obstacles: list[str]) -> Decision:
    """End with what the last attempt says, except that who answered before was not unreachable."""
    policy = waited.outcome.policy
    answered = [verdict for verdict in waited.seen if not POLICIES[verdict].unreachable]
    if policy.unreachable and answered:
        policy = POLICIES[answered[0]]
    no_fallback = f"; no fallback: {', '.join(obstacles)}" if policy.unreachable else ""
    return Decision(
        "",
        None,
        fallback=False,
        reason=f"{reason}{no_fallback}",
        status=policy.status,
        advice=policy.advice,
    )
