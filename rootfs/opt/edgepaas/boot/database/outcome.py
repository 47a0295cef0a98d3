"""What one attempt to reach PostgreSQL can end in, and what follows from it. One table."""

from enum import StrEnum
from typing import NamedTuple

from boot.exit_status import ExitStatus


class Verdict(StrEnum):
    """The classes of an attempt, from deaf to willing."""

    DNS = "dns"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    RESET = "reset"
    NO_SERVER = "no_server"
    NOT_POSTGRES = "not_postgres"
    CONFIG = "config"
    TLS = "tls"
    AUTH = "auth"
    MISSING = "missing"
    DENIED = "denied"
    FAILING = "failing"
    OUT_OF_MEMORY = "out_of_memory"
    NO_PRIMARY = "no_primary"
    TOO_MANY = "too_many"
    STARTING = "starting"
    UNSTEADY = "unsteady"
    OK = "ok"


class Policy(NamedTuple):
    """What db-wait does about a verdict.

    `retry`: waiting may cure it. `unreachable`: nobody answered, so a fallback may be considered.
    `status`: how the boot ends when neither helps.
    """

    retry: bool
    unreachable: bool
    status: ExitStatus
    advice: str


class Outcome(NamedTuple):
    """One attempt: its class, and the words of whoever answered (no secret in them)."""

    verdict: Verdict
    detail: str

    @property
    def policy(self) -> Policy:
        """What follows from this outcome."""
        return POLICIES[self.verdict]


def _unreachable(advice: str) -> Policy:
    return Policy(retry=True, unreachable=True, status=ExitStatus.UNREACHABLE, advice=advice)


def _passing(advice: str) -> Policy:
    return Policy(retry=True, unreachable=False, status=ExitStatus.TEMPORARY, advice=advice)


def _final(status: ExitStatus, advice: str) -> Policy:
    return Policy(retry=False, unreachable=False, status=status, advice=advice)


POLICIES: dict[Verdict, Policy] = {
    Verdict.DNS: _unreachable("the host in DATABASE_URL has no address: correct it, or the DNS"),
    Verdict.TIMED_OUT: _unreachable(
        "nothing answers at that address: check host, firewall, and that PostgreSQL is not frozen"
    ),
    Verdict.REFUSED: _unreachable(
        "nothing listens there: start PostgreSQL, or correct host and port in DATABASE_URL"
    ),
    Verdict.RESET: _unreachable(
        "the connection was closed at once: look at PostgreSQL, or at the proxy before it"
    ),
    Verdict.NO_SERVER: _unreachable(
        "a pooler answers, but no PostgreSQL behind it: start it, or look at the pooler's log"
    ),
    Verdict.NOT_POSTGRES: _final(
        ExitStatus.CONFIG, "another kind of server answers there: correct DATABASE_URL's port"
    ),
    Verdict.CONFIG: _final(ExitStatus.CONFIG, "libpq cannot use DATABASE_URL: correct its options"),
    Verdict.TLS: _final(
        ExitStatus.CONFIG,
        "TLS failed: set sslmode and sslrootcert in DATABASE_URL to what the server offers",
    ),
    Verdict.AUTH: _final(
        ExitStatus.REFUSED,
        "the server refuses this login: correct user and password in DATABASE_URL, or pg_hba.conf",
    ),
    Verdict.MISSING: _final(
        ExitStatus.REFUSED,
        "create the database, or correct its name in DATABASE_URL",
    ),
    Verdict.DENIED: _final(
        ExitStatus.REFUSED, "GRANT the role in DATABASE_URL what it lacks, above all CONNECT"
    ),
    Verdict.FAILING: _passing("PostgreSQL answers with an error of its own: look at its log"),
    Verdict.OUT_OF_MEMORY: _passing(
        "PostgreSQL has no memory left for us: give it more, or lower its max_connections"
    ),
    Verdict.NO_PRIMARY: _passing(
        "only a read-only server answers: point DATABASE_URL at the primary, or wait for one"
    ),
    Verdict.TOO_MANY: _passing(
        "every connection is taken: raise max_connections, lower WEB_CONCURRENCY, or use a pooler"
    ),
    Verdict.STARTING: _passing("PostgreSQL is starting up or shutting down: try again later"),
    Verdict.UNSTEADY: _passing(
        "PostgreSQL comes and goes: look at its log for why it restarts, then try again"
    ),
    Verdict.OK: Policy(retry=False, unreachable=False, status=ExitStatus.OK, advice=""),
}
