"""Where libpq finds what a URL leaves out: PG* variables and the service file."""

import os
from collections.abc import Mapping
from pathlib import Path

# Those that decide where we connect, and how we read what the server says.
VARIABLES = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGSSLMODE": "sslmode",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
}


def completed(
    parameters: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the parameters with what libpq would add to them: URL, service file, environment."""
    ambient = {name: environ[source] for source, name in VARIABLES.items() if environ.get(source)}
    service = parameters.get("service") or environ.get("PGSERVICE")
    return {**ambient, **(_service(service, environ) if service else {}), **parameters}


def _service(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the section of that name; empty where it is missing (libpq says what is wrong)."""
    from configparser import ConfigParser, Error  # noqa: PLC0415  # only where a service is named

    own = Path(environ.get("PGSERVICEFILE") or _home() / ".pg_service.conf")
    shared = Path(environ.get("PGSYSCONFDIR") or "/etc/postgresql-common") / "pg_service.conf"
    for path in (own, shared):
        parser = ConfigParser(delimiters="=", interpolation=None, strict=False)
        try:
            parser.read(path)
        except (Error, OSError, UnicodeDecodeError):
            continue
        if parser.has_section(name):
            return dict(parser.items(name))
    return {}


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user ID without a name, and no HOME
        return Path("/")
