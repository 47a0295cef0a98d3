"""Which database serves this boot. Pure: everything it depends on is an argument."""

from pathlib import Path
from typing import NamedTuple

from boot.database.ground import Ground
from boot.database.outcome import POLICIES, Verdict
from boot.database.url import DatabaseUrl, PostgresUrl, SqliteUrl
from boot.database.waiting import Waited
from boot.exit_status import ExitStatus

AUTO, POSTGRES, SQLITE = "auto", "postgres", "sqlite"
DENY, ALLOW, ACCEPT_DIVERGENCE = "deny", "allow", "accept-divergence"
PRODUCTION = "production"
EMBEDDED_FILE = "edgepaas.db"
FALLBACK_FILE = "fallback.db"


class Request(NamedTuple):
    """What the environment asks for, with the defaults that env-check has put into it."""

    mode: str
    url: DatabaseUrl | None
    environment: str
    fallback: str
    replicas: int
    data_dir: Path

    @property
    def fallback_file(self) -> Path:
        """Where rows are kept while PostgreSQL is away."""
        return self.data_dir / FALLBACK_FILE


class Decision(NamedTuple):
    """The database that serves, or the status and advice the boot ends with."""

    backend: str
    url: DatabaseUrl | None
    fallback: bool
    reason: str
    status: ExitStatus = ExitStatus.OK
    advice: str = ""

    def because(self, more: str) -> "Decision":
        """Return the decision with another reason, or remark, beside its own; "" adds none."""
        return self._replace(reason=f"{self.reason}; {more}") if more else self


def without_asking(request: Request) -> Decision | None:
    """Return the decision that needs no look at PostgreSQL, None where PostgreSQL must be asked."""
    if request.mode == SQLITE:
        return _sqlite(request, "EDGEPAAS_DB_MODE=sqlite")
    if isinstance(request.url, PostgresUrl):
        return None
    if request.mode == POSTGRES:
        return _no_postgres(request)
    named = request.url is not None
    return _sqlite(request, "DATABASE_URL names SQLite" if named else "DATABASE_URL is not set")


def after_asking(request: Request, waited: Waited, ground: Ground | None) -> Decision:
    """Return the decision once PostgreSQL was asked; `ground` is needed where nobody answered."""
    verdict, detail = waited.outcome
    if waited.outcome.policy.status is ExitStatus.OK:
        return Decision(POSTGRES, request.url, fallback=False, reason=detail)
    reason = f"PostgreSQL: {verdict} after {waited.elapsed:.1f} s ({detail})"
    obstacles = _obstacles(request, waited, ground)
    if obstacles:
        return _refusal(waited, reason, obstacles)
    url = SqliteUrl(request.fallback_file)
    return Decision(SQLITE, url, fallback=True, reason=reason)


def _sqlite(request: Request, reason: str) -> Decision:
    named = request.url if isinstance(request.url, SqliteUrl) else None
    url = named or SqliteUrl(request.data_dir / EMBEDDED_FILE)
    return Decision(SQLITE, url, fallback=False, reason=reason)


def _no_postgres(request: Request) -> Decision:
    given = "DATABASE_URL names SQLite" if request.url else "DATABASE_URL is not set"
    production = request.environment == PRODUCTION
    why = f"EDGEPAAS_DB_MODE=postgres{', the default in production,' if production else ''}"
    return Decision(
        "",
        None,
        fallback=False,
        reason=f"{why} wants PostgreSQL, but {given}",
        status=ExitStatus.CONFIG,
        advice="set DATABASE_URL=postgresql://user:password@host:5432/database, "
        "or choose the embedded database with EDGEPAAS_DB_MODE=sqlite",
    )


def _obstacles(request: Request, waited: Waited, ground: Ground | None) -> list[str]:
    """Return what stands against a fallback; only from one that nobody answered may it be."""
    if ground is None or not all(POLICIES[verdict].unreachable for verdict in waited.seen):
        return ["PostgreSQL answered"]
    if request.mode != AUTO:
        return [f"EDGEPAAS_DB_MODE={request.mode}"]
    if request.fallback == DENY:
        return ["EDGEPAAS_DB_FALLBACK=deny"]
    danger = f"{request.data_dir} {ground.volume.danger}"
    several = f"EDGEPAAS_REPLICAS={request.replicas}: each would fill a file of its own"
    accepted = request.fallback == ACCEPT_DIVERGENCE
    found = {
        danger: ground.volume.danger and (ground.volume.remote or not accepted),
        several: request.replicas != 1 and not accepted,
        f"{request.fallback_file} is in use by {ground.holder}": ground.holder,
        ground.unfit: ground.unfit,
    }
    return [obstacle for obstacle, stands in found.items() if stands]


def _refusal(waited: Waited, reason: str, obstacles: list[str]) -> Decision:
    """End with what the last attempt says, except that who answered before was not unreachable."""
    policy = waited.outcome.policy
    answered = [v for v in Verdict if v in waited.seen and not POLICIES[v].unreachable]
    if policy.unreachable and answered:
        policy = POLICIES[answered[-1]]
    no_fallback = f"; no fallback: {', '.join(obstacles)}" if policy.unreachable else ""
    return Decision(
        "",
        None,
        fallback=False,
        reason=f"{reason}{no_fallback}",
        status=policy.status,
        advice=policy.advice,
    )
