"""Which database serves, and does the one that should serve answer now?"""

from collections.abc import Iterator

from boot.database import probe, url
from boot.database.outcome import Outcome
from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad, blocking, ok, warn
from boot.doctor.words import one_line
from boot.exit_status import ExitStatus

SUBJECT = "database"
SECONDS = 2.0
UNIT = "db-wait"
GO_BACK = "it is returned to by itself, or with `edgepaas db back`; see `edgepaas db status`"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the decision of this boot, and what PostgreSQL answers where that matters."""
    backend = evidence.running.get("EDGEPAAS_DB_BACKEND", "") if evidence.alive else ""
    reason = one_line(evidence.running.get("EDGEPAAS_DB_REASON", ""))
    fallback = evidence.running.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1"
    wanted = _wanted(evidence)
    if backend and fallback:
        yield _fallback(reason, wanted, evidence)
    elif backend and not isinstance(wanted, url.PostgresUrl):
        yield ok(SUBJECT, f"{backend}: {reason}")
    elif isinstance(wanted, url.PostgresUrl):
        yield _asked(wanted, evidence, decided=bool(backend))
    elif not backend:
        yield ok(SUBJECT, "SQLite, as this environment asks" if wanted else "not decided yet")


def _wanted(evidence: Evidence) -> url.DatabaseUrl | None:
    """Return the database the environment names; SQLite where the mode forbids another."""
    given = evidence.resolution.values.get("DATABASE_URL", "")
    try:
        return (
            url.parse(given) if given and evidence.value("EDGEPAAS_DB_MODE") != "sqlite" else None
        )
    except url.DatabaseUrlError:
        return None


def _ask(wanted: url.PostgresUrl, evidence: Evidence) -> Outcome:
    return probe.attempt(wanted, SECONDS, evidence.environ)


def _asked(wanted: url.PostgresUrl, evidence: Evidence, *, decided: bool) -> Finding:
    outcome = _ask(wanted, evidence)
    if outcome.policy.status is ExitStatus.OK:
        role = "postgres serves" if decided else "PostgreSQL would serve"
        return ok(SUBJECT, f"{role}, and answers now: {wanted.redacted()}")
    detail = one_line(outcome.detail)
    finding = bad(
        SUBJECT, f"{wanted.redacted()}: {outcome.verdict}: {detail}", outcome.policy.advice
    )
    waited_for = evidence.unit(UNIT).get("state") in {"running", "restarting"}
    return blocking(finding) if decided or (evidence.alive and waited_for) else finding


def _fallback(reason: str, wanted: url.DatabaseUrl | None, evidence: Evidence) -> Finding:
    line = f"FALLBACK: SQLite stands in since the boot, for {reason}"
    if not isinstance(wanted, url.PostgresUrl):
        return warn(SUBJECT, line, GO_BACK)
    outcome = _ask(wanted, evidence)
    if outcome.policy.status is ExitStatus.OK:
        return warn(SUBJECT, f"{line}. PostgreSQL answers now", GO_BACK)
    return warn(SUBJECT, f"{line}. Still {outcome.verdict}", outcome.policy.advice)
