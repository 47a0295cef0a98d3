"""One attempt to reach PostgreSQL: first the wire, then a login and a question."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from boot.database import wire
from boot.database.deadline import Deadline
from boot.database.outcome import Outcome, Verdict
from boot.database.services import completed
from boot.database.url import PostgresUrl

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
    "22023": Verdict.CONFIG,
    "53": Verdict.FAILING,
    "53300": Verdict.TOO_MANY,
    "55000": Verdict.DENIED,
    "57P": Verdict.STARTING,
    "57014": Verdict.FAILING,
}

# libpq's own words, where no server spoke. They are not translated: Python leaves LC_MESSAGES "C".
BY_WORDS: Sequence[tuple[str, Verdict]] = (
    (r"closed (the connection )?unexpectedly|SYSCALL error|reset by peer", Verdict.RESET),
    (r"invalid \S+ value|invalid connection option", Verdict.CONFIG),
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
    alternatives = wire.hosts(completed(url.parameters, environ))
    heard = [wire.ask(host, deadline) for host in alternatives]
    if heard and all(outcome.verdict is not Verdict.OK for outcome in heard):
        return max(heard, key=lambda outcome: list(Verdict).index(outcome.verdict))
    alive = [host for host, outcome in zip(alternatives, heard, strict=True) if outcome[0] == "ok"]
    parameters = _restricted(url.parameters, alive) if len(alive) < len(heard) else url.parameters
    outcome = _ask_server(parameters, deadline.within(LOGIN_SECONDS))
    return outcome._replace(detail=url.scrub(outcome.detail))


def outcome_of(error: "SessionError") -> Outcome:
    """Return what an error of a session means."""
    message = str(error)
    return Outcome(by_sqlstate(error.sqlstate) if error.sqlstate else by_words(message), message)


def by_sqlstate(state: str) -> Verdict:
    """Return the class of a SQLSTATE; one we do not know counts as a server in trouble."""
    matching = [prefix for prefix in BY_SQLSTATE if state.startswith(prefix)]
    return BY_SQLSTATE[max(matching, key=len)] if matching else Verdict.FAILING


def by_words(message: str) -> Verdict:
    """Return the class of a message of libpq's own."""
    for pattern, verdict in BY_WORDS:
        if re.search(pattern, message, re.IGNORECASE):
            return verdict
    return Verdict.FAILING


def _restricted(parameters: Mapping[str, str], alive: list[dict[str, str]]) -> dict[str, str]:
    """Leave out hosts that did not answer: a polled login has no timeout per host."""
    kept = {
        name: ",".join(host.get(name, "") for host in alive)
        for name in ("host", "hostaddr", "port")
        if any(name in host for host in alive)
    }
    return {**parameters, **kept}


def _ask_server(parameters: Mapping[str, str], deadline: Deadline) -> Outcome:
    from boot.database.session import Session, SessionError  # noqa: PLC0415  # psycopg2: 30 ms

    try:
        with Session(parameters, deadline) as session:
            read_only = session.query(QUESTION, deadline)[0][0] == "on"
    except SessionError as error:
        return outcome_of(error)
    except TimeoutError as error:
        return Outcome(Verdict.TIMED_OUT, str(error))
    if read_only and parameters.get("target_session_attrs") not in READERS:
        return Outcome(Verdict.NO_PRIMARY, "the server takes no writes")
    return Outcome(Verdict.OK, "PostgreSQL answered")
