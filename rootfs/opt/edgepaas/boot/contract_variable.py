"""One variable of the contract, as environment.toml declares it. Imports nothing of ours.

A NamedTuple, not a dataclass: importing `dataclasses` costs env-check as much as all its work.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

OTHERWISE = "otherwise"
OWN_GROUP = "own"
FILE_SUFFIX = "_FILE"

TYPES = frozenset(
    {"string", "int", "duration", "bool", "enum", "port", "address", "path", "cidr-list"}
    | {"import-string", "package-path", "timezone", "database-url", "list"}
)
TEXT_KEYS = frozenset({"meaning", "example", "group", "set_by", "pattern", "form"})
LIST_KEYS = frozenset({"choices", "required_in"})
BOUND_KEYS = frozenset({"min", "max"})
KEYS = TEXT_KEYS | LIST_KEYS | BOUND_KEYS | {"type", "default", "secret"}

Table = Mapping[str, Any]


class Variable(NamedTuple):
    """A variable: what it means, what it may be, and what it is where nobody sets it.

    `defaults` maps an environment's name, or "otherwise", to a value. `min` and `max` bound a
    number, in its unit, or the length of a string in characters. `pattern` is what each entry of
    a list must match, and `form` says it in words.
    """

    name: str
    type: str
    meaning: str
    group: str = OWN_GROUP
    defaults: Mapping[str, str] = {}
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    form: str = ""
    secret: bool = False
    example: str = ""
    required_in: tuple[str, ...] = ()
    set_by: str = ""

    @property
    def internal(self) -> bool:
        """Tell whether the container sets it, not the operator."""
        return bool(self.set_by)

    @property
    def file_name(self) -> str:
        """Return the name of the twin that names a file holding the value."""
        return self.name + FILE_SUFFIX

    def default(self, environment: str = OTHERWISE) -> str:
        """Return the default in that ENVIRONMENT; "" is none."""
        return self.defaults.get(environment) or self.defaults.get(OTHERWISE, "")


def parse(name: str, table: Table) -> Variable:
    """Return the variable of a table that `faults` found nothing wrong with."""
    options: dict[str, Any] = {key: value for key, value in table.items() if key != "default"}
    options |= {key: tuple(table[key]) for key in LIST_KEYS & table.keys()}
    return Variable(name=name, defaults=_defaults(table.get("default", "")), **options)


def as_text(value: str | float) -> str:
    """Return a TOML value as the environment spells it: bool as 1 or 0."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def faults(name: str, table: Table) -> Iterator[str]:
    """Yield what is wrong with a table, each beginning with the key's name."""
    if not (name.isidentifier() and name.isascii() and name == name.upper()):
        yield f"{name!r} cannot be a variable's name: use A-Z, 0-9 and _"
    for key, value in table.items():
        if fault := _fault(key, value):
            yield f"{key} {fault}"
    for key in ("type", "meaning"):
        if key not in table:
            yield f"{key} is missing"
    if table.get("type") == "enum" and not table.get("choices"):
        yield "choices is missing"


def _fault(key: str, value: object) -> str:
    if key not in KEYS:
        return f"is not known here; known are {', '.join(sorted(KEYS))}"
    if key == "type":
        return (
            ""
            if isinstance(value, str) and value in TYPES
            else f"must be one of {', '.join(sorted(TYPES))}"
        )
    if key == "secret":
        return "" if isinstance(value, bool) else "must be true or false"
    if key == "default":
        values = value.values() if isinstance(value, dict) else [value]
        fits = all(isinstance(each, str | int | float) for each in values)
        return "" if fits else "must be a string, a number, true or false, or a table of them"
    return _shape_fault(key, value)


def _shape_fault(key: str, value: object) -> str:
    if key in BOUND_KEYS:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if fits else "must be a number"
    if key in LIST_KEYS:
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if fits else "must be a list of strings"
    return "" if isinstance(value, str) else "must be a string"


def _defaults(default: str | float | Mapping[str, str | float]) -> dict[str, str]:
    table = default if isinstance(default, Mapping) else {OTHERWISE: default}
    return {environment: as_text(value) for environment, value in table.items()}
