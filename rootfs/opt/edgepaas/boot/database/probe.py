"""One attempt to reach PostgreSQL: first the wire, then a login and a question."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from boot.database import wire
from boot.database.deadline import Deadline
from boot.database.outcome import Outcome, Verdict
from boot.database.services import completed
from boot.database.url import PostgresUrl
from boot.database.wire import Heard

if TYPE_CHECKING:
    from boot.database.session import SessionError

LOGIN_SECONDS = 5.0
QUESTION = "SHOW transaction_read_only"
READERS = frozenset({"any", "read-only", "standby", "prefer-standby"})

# https://www.postgresql.org/docs/current/errcodes-appendix.html; the longest prefix wins.
BY_SQLSTATE = {
    "08": Verdict.FAILING,
    "28": Verdict.AUTH,
    "3D000": Verdict.MISSING,
    "3F000": Verdict.MISSING,
    "42501": Verdict.DENIED,
    "42704": Verdict.CONFIG,
    "55P02": Verdict.CONFIG,
    "22023": Verdict.CONFIG,
    "53": Verdict.FAILING,
    "53200": Verdict.OUT_OF_MEMORY,
    "53300": Verdict.TOO_MANY,
    "55000": Verdict.DENIED,
    "57P": Verdict.STARTING,
    "57014": Verdict.FAILING,
    "57P04": Verdict.MISSING,
}
NO_RULE = "28000"
POOLERS_STATE = "08P01"

# pgbouncer has one SQLSTATE for all it says, and for what it passes on from the server.
POOLERS_WORDS: Sequence[tuple[str, Verdict]] = (
    (r"not (yet )?accepting connections|starting up|shutting down", Verdict.STARTING),
    (r"too many|no more connections|connection slots", Verdict.TOO_MANY),
    (r"unsupported startup parameter", Verdict.CONFIG),
    (r"no such database|database .* does not exist", Verdict.MISSING),
    (r"password|authentication|no such user|role .* does not exist", Verdict.AUTH),
    (r"server_login|query_wait|connect failed|server conn", Verdict.NO_SERVER),
)

# libpq's own words, where no server spoke. They are not translated: Python leaves LC_MESSAGES "C".
BY_WORDS: Sequence[tuple[str, Verdict]] = (
    (r"closed (the connection )?unexpectedly|SYSCALL error|reset by peer", Verdict.RESET),
    (r"error response during", Verdict.FAILING),
    (r"invalid \S+ value|invalid connection option|could not match", Verdict.CONFIG),
    (r"private key|local user|home directory", Verdict.CONFIG),
    (r"SSL|TLS|certificate", Verdict.TLS),
    (r"password|authentication|channel binding", Verdict.AUTH),
    (r"read-only|hot standby", Verdict.NO_PRIMARY),
    (r"timeout expired|timed out", Verdict.TIMED_OUT),
    (r"could not translate host name", Verdict.DNS),
    (r"Connection refused|No such file or directory|is the server running", Verdict.REFUSED),
    (r"invalid|service|definition|unrecognized", Verdict.CONFIG),
)


def attempt(url: PostgresUrl, seconds: float, environ: Mapping[str, str] = os.environ) -> Outcome:
    """Try once, for at most `seconds`: is there a PostgreSQL that answers, and may we write?"""
    deadline = Deadline(seconds)
    known = completed(url.parameters, environ)
    heard = wire.ask_all(known, deadline)
    alive = [answer for answer in heard if answer.outcome.verdict is Verdict.OK]
    if heard and not alive:
        return max((answer.outcome for answer in heard), key=_rank)
    # A server that is only slow must not pass for one that is away, for then we might fall back.
    patience = deadline.within(max(LOGIN_SECONDS, seconds / 2))
    login = _Login({**url.parameters, **_where(alive)}, known, patience)
    outcome = login.outcome()
    return outcome._replace(detail=url.scrub(outcome.detail))


def outcome_of(error: "SessionError") -> Outcome:
    """Return what an error of a session means."""
    message = str(error)
    if error.sqlstate == POOLERS_STATE:
        return Outcome(by_words(message, POOLERS_WORDS), message)
    return Outcome(by_sqlstate(error.sqlstate) if error.sqlstate else by_words(message), message)


def by_sqlstate(state: str) -> Verdict:
    """Return the class of a SQLSTATE; one we do not know counts as a server in trouble."""
    matching = [prefix for prefix in BY_SQLSTATE if state.startswith(prefix)]
    return BY_SQLSTATE[max(matching, key=len)] if matching else Verdict.FAILING


def by_words(message: str, table: Sequence[tuple[str, Verdict]] = BY_WORDS) -> Verdict:
    """Return the class of a message that has no SQLSTATE of its own."""
    for pattern, verdict in table:
        if re.search(pattern, message, re.IGNORECASE):
            return verdict
    return Verdict.FAILING


def _rank(outcome: Outcome) -> int:
    return list(Verdict).index(outcome.verdict)


def _where(alive: Sequence[Heard]) -> dict[str, str]:
    """Return the addresses that answered: a polled login has no timeout per address."""
    columns = {
        "host": [answer.host.get("host", "") for answer in alive],
        "hostaddr": [answer.address for answer in alive],
        "port": [answer.host.get("port", "") for answer in alive],
    }
    return {name: ",".join(values) for name, values in columns.items() if any(values)}


class _Login(NamedTuple):
    """A login with these libpq parameters; `known` has what libpq adds to them."""

    parameters: Mapping[str, str]
    known: Mapping[str, str]
    deadline: Deadline

    def outcome(self) -> Outcome:
        """Log in and ask whether the server takes writes."""
        from boot.database.session import Session, SessionError  # noqa: PLC0415  # psycopg2: 30 ms

        try:
            with Session(self.parameters, self.deadline) as session:
                read_only = session.query(QUESTION, self.deadline)[0][0] == "on"
        except SessionError as error:
            return self.needs_tls(error) or outcome_of(error)
        except TimeoutError as error:
            return Outcome(Verdict.TIMED_OUT, str(error))
        if read_only and self.known.get("target_session_attrs") not in READERS:
            return Outcome(Verdict.NO_PRIMARY, "the server takes no writes")
        return Outcome(Verdict.OK, "PostgreSQL answered")

    def needs_tls(self, error: "SessionError") -> Outcome | None:
        """Return the outcome of a login that pg_hba.conf would allow with TLS, else None.

        The server says so in words of its own language only, hence the second try.
        """
        if error.sqlstate != NO_RULE or self.known.get("sslmode") != "disable":
            return None
        mode = {"sslmode": "require"}
        encrypted = _Login({**self.parameters, **mode}, {**self.known, **mode}, self.deadline)
        if encrypted.outcome().verdict in {Verdict.AUTH, Verdict.TLS, Verdict.TIMED_OUT}:
            return None
        return Outcome(Verdict.TLS, f"it wants TLS, and sslmode=disable forbids it: {error}")
