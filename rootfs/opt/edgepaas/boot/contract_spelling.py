"""Names in the environment that look like a misspelt variable of the contract."""

import re
from collections.abc import Iterator, Mapping

from boot.contract_problem import DOCS, SOMETHING, Problem, anchor, assignment
from boot.contract_variable import FILE_SUFFIX, Variable

PREFIX = "EDGEPAAS_"
# A name shorter than this has honest neighbours: PORT and SORT, TZ and T2.
STANDARD_LEAST = 8
NAME_MOST = 80
CLOSE = 0.7
# What Kubernetes puts into every pod for a Service whose name begins with edgepaas.
SERVICE_LINK = re.compile(
    r"EDGEPAAS_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")


def misspelt(variables: Mapping[str, Variable], environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each name that means nothing to us and looks as if it should."""
    settable = {each.name for each in variables.values() if not each.internal}
    settable |= {each.file_name for each in variables.values() if each.secret}
    known = settable | variables.keys()
    standard = [
        name for name in settable if not name.startswith(PREFIX) and len(name) >= STANDARD_LEAST
    ]
    given = {name for name, value in environ.items() if value}
    for name in sorted(given - known):
        if name.startswith(PREFIX):
            if not _service_link(name, environ[name]):
                yield _unknown(name, variables, settable)
        elif near := _one_edit_away(name, standard, environ):
            yield _problem(name, f"is not known; did you mean {near}?", near)


def _service_link(name: str, value: str) -> bool:
    return SERVICE_LINK.fullmatch(name) is not None or LINK_VALUE.match(value) is not None


def _unknown(name: str, variables: Mapping[str, Variable], settable: set[str]) -> Problem:
    twin = name.removesuffix(FILE_SUFFIX)
    if twin != name and twin in variables:
        return _problem(name, "is not known: only secrets are read from files", twin)
    near = _nearest(name, settable)
    if not near:
        fix = "remove it, or declare it in environment.d"
        return Problem(_printable(name), "is not known", fix, DOCS)
    return _problem(name, f"is not known; did you mean {near}?", near)


def _nearest(name: str, settable: set[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - wanted only where something is wrong

    # Without the prefix, which would make all our names alike.
    bare = {each.removeprefix(PREFIX): each for each in sorted(settable)}
    wanted = name.removeprefix(PREFIX)[:NAME_MOST]
    near = get_close_matches(wanted, bare, n=1, cutoff=CLOSE)
    return bare[near[0]] if near else ""


def _one_edit_away(name: str, standard: list[str], environ: Mapping[str, str]) -> str:
    """Return the standard name `name` misses by one letter; "" where that one is set too."""
    for right in standard:
        if abs(len(right) - len(name)) <= 1 and right not in environ and _close(name, right):
            return right
    return ""


def _close(one: str, other: str) -> bool:
    """Tell whether one insertion, deletion, replacement or swap of neighbours makes them equal."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    return (
        one[1:] == other
        or one == other[1:]
        or one[1:] == other[1:]
        or (one[:2] == other[1::-1] and one[2:] == other[2:])
    )


def _problem(name: str, what: str, near: str) -> Problem:
    return Problem(_printable(name), what, assignment(near, SOMETHING), anchor(near))


def _printable(name: str) -> str:
    """Return a name on one line and in UTF-8, whatever bytes the environment holds."""
    return repr(name[:NAME_MOST])[1:-1]
