"""Whether a database URL is one we can serve from, without looking at the database."""

SQLITE = "sqlite:///"
POSTGRES = ("postgres://", "postgresql://", "postgresql+psycopg2://")
PORT_MOST = 65535
IN_MEMORY = frozenset({"", ":memory:"})


def check_database_url(url: str) -> str:
    """Return what is wrong with the URL, without any part of it but its scheme; "" for nothing."""
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme.replace("+", "").isalnum():
        return "must be a URL such as postgresql://user:password@host:5432/database"
    if url.startswith(SQLITE):
        return _sqlite_fault(rest)
    if url.startswith(POSTGRES):
        return _postgres_fault(rest)
    return (
        f"has the scheme {scheme[:30]}://, and there is no driver for it; "
        "PostgreSQL (postgresql://…) and SQLite (sqlite:////absolute/path.db) are served"
    )


def _sqlite_fault(rest: str) -> str:
    path = rest.removeprefix("/").partition("?")[0]
    if path in IN_MEMORY:
        return "names an in-memory SQLite database, which each worker would have for itself"
    if not path.startswith("/"):
        return "names SQLite by a relative path; write four slashes: sqlite:////data/name.db"
    return ""


def _postgres_fault(rest: str) -> str:
    authority = rest.partition("/")[0] if "@" not in rest else rest.rpartition("@")[2]
    hosts = authority.partition("/")[0].partition("?")[0].split(",")
    for host in hosts:
        port = host.rpartition("]")[2].partition(":")[2]
        if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= PORT_MOST):
            return (
                "has a port that is no number from 1 to 65535 (percent-encode special characters "
                "in the password: / as %2F, : as %3A, @ as %40)"
            )
    return ""
