"""What each type of variable accepts, and how it is spelt afterwards."""

import re
from collections.abc import Callable

from boot.contract_variable import Variable

BETWEEN_ENTRIES = re.compile(r"[\s,]+")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
DIGITS_MOST = 18
PORT_MOST = 65535
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
ANYBODY = "*"


class InvalidError(ValueError):
    """A value its type does not accept. The message never contains the value.

    `suggestion` is a value that would do, or "".
    """

    def __init__(self, what: str, suggestion: str = "") -> None:
        super().__init__(what)
        self.suggestion = suggestion


def check(variable: Variable, value: str) -> str:
    """Return `value` in its normal spelling. Raises InvalidError."""
    return CHECKS[variable.type](variable, value)


def describe(variable: Variable) -> str:
    """Return what the variable accepts, in a few words: `a whole number from 1 to 128`."""
    if variable.type == "enum":
        return _either(variable.choices)
    words = DESCRIPTIONS[variable.type]
    if variable.type == "list":
        return f"{words}, each {variable.form}" if variable.form else words
    return f"{words}{_bounds(variable)}" if variable.type in {"int", "duration"} else words


def entries(value: str) -> list[str]:
    """Return the entries of a list, as an environment or a file spells it."""
    return [entry for entry in BETWEEN_ENTRIES.split(value) if entry]


def _either(choices: tuple[str, ...]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def _bounds(variable: Variable) -> str:
    low, high = variable.min, variable.max
    if low is not None and high is not None:
        return f" from {_plain(low)} to {_plain(high)}"
    if low is not None:
        return f", at least {_plain(low)}"
    return "" if high is None else f", at most {_plain(high)}"


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _string(variable: Variable, value: str) -> str:
    low, high = variable.min or 0, variable.max
    if len(value) < low:
        raise InvalidError(f"must have at least {low:g} characters")
    if high is not None and len(value) > high:
        raise InvalidError(f"must have at most {_plain(high)} characters, not {len(value)}")
    return value


def _number(variable: Variable, value: str) -> str:
    wanted = f"must be {describe(variable)}"
    whole = variable.type != "duration"
    match = NUMBER.fullmatch(value)
    if not match or (whole and match[1]):
        spaced = value != value.strip() and NUMBER.fullmatch(value.strip())
        raise InvalidError(f"{wanted}{', without spaces around it' if spaced else ''}")
    number = float(value)
    low = number if variable.min is None else variable.min
    high = number if variable.max is None else variable.max
    if len(value) > DIGITS_MOST or not low <= number <= high:
        raise InvalidError(wanted)
    return str(int(value)) if whole else value.lstrip("+")


def _port(variable: Variable, value: str) -> str:
    if value.startswith(("tcp://", "udp://")):
        raise InvalidError(
            "was set by Kubernetes for a Service of that name; "
            "rename the Service, or set enableServiceLinks: false in the pod"
        )
    return _number(variable._replace(min=variable.min or 1, max=variable.max or PORT_MOST), value)


def _bool(variable: Variable, value: str) -> str:
    word = value.lower()
    if word not in TRUE | FALSE:
        raise InvalidError(f"must be {describe(variable)}")
    return "1" if word in TRUE else "0"


def _enum(variable: Variable, value: str) -> str:
    for choice in variable.choices:
        if choice.lower() == value.lower():
            return choice
    raise InvalidError(f"must be {describe(variable)}", _nearest(value, variable.choices))


def _nearest(value: str, names: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - wanted only where something is wrong

    word = value.strip().lower()[:40]
    beginnings = [name for name in names if word and name.lower().startswith(word)]
    return next(iter(beginnings or get_close_matches(word, names, n=1)), "")


def _address(variable: Variable, value: str) -> str:
    import ipaddress  # noqa: PLC0415 - the defaults need no look

    try:
        ipaddress.ip_address(value)
    except ValueError:
        suggestion = "127.0.0.1" if value == "localhost" else ""
        raise InvalidError(f"must be {describe(variable)}", suggestion) from None
    return value


def _networks(variable: Variable, value: str) -> str:
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if parts == [ANYBODY]:
        return ANYBODY
    if not parts or ANYBODY in parts:
        raise InvalidError("must be a list of addresses and networks, or * alone")
    networks = [_network(part) if "/" in part else _address(variable, part) for part in parts]
    for part, network in zip(parts, networks, strict=True):
        if part.partition("/")[2].isdigit() and part != network:
            raise InvalidError(
                f"holds {part!r}, an address with a network's length; the network is {network}",
                ",".join(networks),
            )
    return ",".join(parts)


def _network(text: str) -> str:
    import ipaddress  # noqa: PLC0415 - the defaults need no look

    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise InvalidError(
            f"must hold addresses and networks such as 10.0.0.0/8, separated by commas; "
            f"{text[:40]!r} is neither"
        ) from None


def _list(variable: Variable, value: str) -> str:
    found = entries(value)
    wanted = f"must be {variable.form or 'text'}"
    if not found:
        raise InvalidError(wanted)
    for number, entry in enumerate(found, 1):
        if not _matches(variable.pattern, entry):
            which = f"has {len(found)} entries, and number {number} " if len(found) > 1 else ""
            raise InvalidError(which + wanted)
    return ",".join(found)


def _matches(pattern: str, entry: str) -> bool:
    try:
        return not pattern or re.fullmatch(pattern, entry) is not None
    except re.error as error:
        raise InvalidError(f"cannot be checked: its pattern is wrong ({error})") from None


def _path(variable: Variable, value: str) -> str:
    if not value.startswith("/") or "\n" in value:
        raise InvalidError(f"must be {describe(variable)}")
    return value


def _import_string(variable: Variable, value: str) -> str:
    module, colon, attribute = value.partition(":")
    names = [*module.split("."), *attribute.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise InvalidError(f"must be {describe(variable)}")
    return value


def _package_path(variable: Variable, value: str) -> str:
    package, colon, directory = value.partition(":")
    steps = directory.split("/")
    inside = all(step not in {"", ".", ".."} and "\n" not in step for step in steps)
    if not colon or not inside or not all(name.isidentifier() for name in package.split(".")):
        raise InvalidError(f"must be {describe(variable)}")
    return value


def _timezone(variable: Variable, value: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 - the default needs no look

    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        suggestion = _nearest_zone(value, available_timezones())
        raise InvalidError(f"must be {describe(variable)}", suggestion) from None
    return value


def _nearest_zone(value: str, known: set[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - wanted only where something is wrong

    zones = {zone.lower(): zone for zone in sorted(known)}
    zones |= {zone.rpartition("/")[2].lower(): zone for zone in sorted(known)}
    near = get_close_matches(value.strip().lower()[:40].replace(" ", "_"), zones, n=1)
    return zones[near[0]] if near else ""


def _database_url(variable: Variable, value: str) -> str:
    from boot.database.url import DatabaseUrlError, parse  # noqa: PLC0415 - where one is set

    try:
        parse(value, variable.name).sqlalchemy()
    except DatabaseUrlError as error:
        problem = str(error).removeprefix(f"{variable.name} ")
        raise InvalidError(f"{problem}; {error.advice}") from None
    except UnicodeError:
        raise InvalidError("holds bytes that are not UTF-8; percent-encode them") from None
    return value


DESCRIPTIONS = {
    "string": "any text",
    "int": "a whole number",
    "duration": "a number of seconds",
    "bool": "1 or 0 (also true, false, yes, no, on, off)",
    "port": "a port, a whole number from 1 to 65535",
    "address": "an IP address such as 0.0.0.0 or ::",
    "path": "an absolute path in one line",
    "cidr-list": "addresses and networks, separated by commas",
    "import-string": "`module:attribute`, with dots inside either",
    "package-path": "`package:directory`, the directory inside the package",
    "timezone": "a time zone by its IANA name, such as Europe/Berlin",
    "database-url": "a PostgreSQL or SQLite URL",
    "list": "entries separated by commas, spaces or lines",
}
CHECKS: dict[str, Callable[[Variable, str], str]] = {
    "string": _string,
    "int": _number,
    "duration": _number,
    "bool": _bool,
    "enum": _enum,
    "port": _port,
    "address": _address,
    "path": _path,
    "cidr-list": _networks,
    "import-string": _import_string,
    "package-path": _package_path,
    "timezone": _timezone,
    "database-url": _database_url,
    "list": _list,
}
