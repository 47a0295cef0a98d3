"""What the doctor found out about one thing. Imports nothing of ours."""

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    BAD = "BAD"


class Finding(NamedTuple):
    """One line about `subject`, and what to do about it.

    `blocks` tells that the container is not ready because of this, whatever else is well.
    """

    subject: str
    grade: Grade
    line: str
    advice: str = ""
    blocks: bool = False


def ok(subject: str, line: str) -> Finding:
    """Return that all is well with a subject."""
    return Finding(subject, Grade.OK, line)


def warn(subject: str, line: str, advice: str = "") -> Finding:
    """Return that a subject deserves a look."""
    return Finding(subject, Grade.WARN, line, advice)


def bad(subject: str, line: str, advice: str = "") -> Finding:
    """Return that something is wrong with a subject."""
    return Finding(subject, Grade.BAD, line, advice)


def blocking(finding: Finding) -> Finding:
    """Return the finding as a reason for not being ready."""
    return finding._replace(blocks=True)
