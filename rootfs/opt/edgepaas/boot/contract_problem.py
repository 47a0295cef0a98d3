"""A problem with the environment, and how a value is shown in it."""

from typing import NamedTuple

from boot.contract_variable import Variable
from boot.redact import mask_urls

DOCS = "docs/environment.md"
SHOWN_MOST = 60
SOMETHING = "…"


class Problem(NamedTuple):
    """One thing wrong: with which variable, what, what to set (copyable), where to read."""

    variable: str
    what: str
    fix: str
    see: str


def anchor(name: str) -> str:
    """Return where the documentation tells of the variable."""
    return f"{DOCS}#{name.lower()}"


def shown(value: str) -> str:
    """Return a value as a report may show it: quoted, on one line, cut, URLs without password."""
    text = repr(mask_urls(value)[:SHOWN_MOST])
    return text if len(value) <= SHOWN_MOST else f"{text}… ({len(value)} characters)"


def assignment(name: str, value: str) -> str:
    """Return a copyable `-e NAME=value`, quoted for a shell where it needs it."""
    from shlex import quote  # noqa: PLC0415 - wanted only where something is wrong

    return f"-e {name}={value}" if value == SOMETHING else f"-e {name}={quote(value)}"


def wrong_value(variable: Variable, value: str, what: str, suggestion: str = "") -> Problem:
    """Return the problem of a value that `variable` does not accept."""
    subject = "its value (not shown)" if variable.secret else shown(value)
    candidate = suggestion or variable.example or variable.default() or SOMETHING
    return Problem(
        variable.name,
        f"{subject} {what}",
        assignment(variable.name, candidate),
        anchor(variable.name),
    )
