"""The environment contract: its files read, and an environment held against it."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from boot import secrets
from boot.contract_problem import SOMETHING, Problem, anchor, assignment, shown, wrong_value
from boot.contract_rules import broken
from boot.contract_spelling import misspelt
from boot.contract_tables import ContractError, Tables
from boot.contract_types import InvalidError, check, entries
from boot.contract_variable import FILE_SUFFIX, OTHERWISE, Variable, parse
from boot.redact import PART_LEAST

__all__ = [
    "Contract",
    "ContractError",
    "Origin",
    "Problem",
    "Resolution",
    "Variable",
    "default_root",
    "load",
]

BASE = Path("etc/edgepaas/environment.toml")
ADDITIONS = Path("etc/edgepaas/environment.d")
OF_THE_APP = "environment.toml"
WHERE_THE_APP_IS = ("EDGEPAAS_APP", "EDGEPAAS_APP_DIR")

Origin = Literal["default", "env", "file"]


class Resolution(NamedTuple):
    """What an environment comes to: the effective values, where each is from, all that is wrong.

    A variable that is wrong, or unset without a default, has no value.
    """

    values: dict[str, str]
    origins: dict[str, Origin]
    problems: list[Problem]

    def counts(self) -> str:
        """Return how many values have which origin: `14 set, 22 by default, 2 from files`."""
        origins: list[str] = list(self.origins.values())
        given, usual, files = map(origins.count, ("env", "default", "file"))
        return f"{given} set, {usual} by default, {files} from files"


class Given(NamedTuple):
    """A raw value and where it is from."""

    value: str
    origin: Origin


class Contract:
    """Every variable by name, in the order of the documentation, and the titles of its groups."""

    def __init__(self, variables: Iterable[Variable], groups: Mapping[str, str]) -> None:
        self.variables = {each.name: each for each in variables}
        self.groups = dict(groups)

    @property
    def settable(self) -> list[Variable]:
        """Return the variables an operator may set."""
        return [each for each in self.variables.values() if not each.internal]

    def resolve(self, environ: Mapping[str, str] = os.environ) -> Resolution:
        """Return the effective values of an environment, and every problem with it at once."""
        environment = self.lenient(environ, "ENVIRONMENT")
        result = Resolution({}, {}, [])
        for variable in self.settable:
            self._resolve(variable, environ, environment, result)
        wrong = {each.variable.removesuffix(FILE_SUFFIX) for each in result.problems}
        sound = self.variables.keys() - wrong
        result.problems.extend(broken(result.values, result.origins, sound))
        result.problems.extend(misspelt(self.variables, environ))
        return result

    def lenient(self, environ: Mapping[str, str], name: str) -> str:
        """Return the valid value of a variable or else its default ("" is none). Never raises.

        For PID 1, which must run before anything is checked.
        """
        variable = self.variables.get(name)
        if variable is None:
            return ""
        try:
            given = _given(variable, environ)
            if given is not None:
                return check(variable, given.value)
        except (InvalidError, secrets.SecretFileError):
            pass
        if not variable.defaults.keys() - {OTHERWISE}:
            return variable.default()
        return variable.default(self.lenient(environ, "ENVIRONMENT"))

    def refuses(self, environ: Mapping[str, str], name: str) -> bool:
        """Tell whether a variable is given a value that its type does not accept. Never raises."""
        variable = self.variables[name]
        try:
            given = _given(variable, environ)
            if given is not None:
                check(variable, given.value)
        except (InvalidError, secrets.SecretFileError):
            return True
        return False

    def secret_values(self, environ: Mapping[str, str]) -> list[str]:
        """Return every secret of an environment, wrong ones too: what no output may show."""
        return [
            secret
            for each in self.settable
            if each.secret
            for value in _raw(each, environ)
            for secret in (value, *_parts(each, value))
        ]

    def faulty_defaults(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield name and fault for each default, among `names`, its own type does not accept."""
        for name in names:
            variable = self.variables[name]
            for value in filter(None, variable.defaults.values()):
                try:
                    check(variable, value)
                except InvalidError as fault:
                    yield name, f"default {shown(value)} {fault}"

    def _resolve(
        self, variable: Variable, environ: Mapping[str, str], environment: str, result: Resolution
    ) -> None:
        value, origin = "", "env"
        try:
            given = _given(variable, environ)
            value, origin = given or Given(variable.default(environment), "default")
            if given:
                value = check(variable, value)
        except InvalidError as fault:
            result.problems.append(wrong_value(variable, value, str(fault), fault.suggestion))
            return
        except secrets.SecretFileError as fault:
            result.problems.append(_file_problem(variable, str(fault)))
            return
        if value:
            result.values[variable.name] = value
            result.origins[variable.name] = origin
        elif environment in variable.required_in:
            result.problems.append(_missing(variable, environment))


def load(root: Path, environ: Mapping[str, str] = os.environ) -> Contract:
    """Return the contract of the tree at `root` and of the application that `environ` names.

    Its files, in order: environment.toml, the application's own, those of environment.d.
    Raises ContractError naming file and key of all that is wrong in these files.
    """
    tables = Tables()
    tables.read(root / BASE)
    decided = [_decided(tables, environ, name) for name in WHERE_THE_APP_IS]
    for path in [*_of_the_app(*decided), *sorted((root / ADDITIONS).glob("*.toml"))]:
        tables.add(path)
    for name in tables.touched.keys() & set(WHERE_THE_APP_IS):
        if _decided(tables, environ, name) != decided[WHERE_THE_APP_IS.index(name)]:
            tables.fault(name, "default cannot be changed here: set it with ENV in the Dockerfile")
    contract = Contract(tables.parsed(), tables.groups)
    # The defaults of environment.toml itself are held by a test, not at each start.
    for name, fault in contract.faulty_defaults(tables.touched):
        tables.fault(name, fault)
    tables.raise_faults()
    return contract


def default_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return EDGEPAAS_ROOT, or where it is unset the root this very file stands below."""
    return Path(environ.get("EDGEPAAS_ROOT") or Path(__file__).resolve().parents[3])


def _decided(tables: Tables, environ: Mapping[str, str], name: str) -> str:
    """Return a variable's value before all files are read; "" where it is not declared."""
    declared = [parse(name, tables.variables[name])] if name in tables.variables else []
    return Contract(declared, {}).lenient(environ, name)


def _of_the_app(import_string: str, directory: str) -> Iterator[Path]:
    """Yield the contract file that stands in the application's package, if one does."""
    package = re.split("[.:]", import_string)[0]
    return Path(directory, package).glob(OF_THE_APP)


def _parts(variable: Variable, value: str) -> Iterator[str]:
    """Yield the secrets within a list of them: of `role:name:token`, `name:token` and `token`.

    What is secret in a URL, redact finds out.
    """
    if variable.type != "list":
        return
    for entry in entries(value):
        if "://" in entry:
            yield entry
            continue
        fields = entry.split(":")
        ends = (":".join(fields[start:]) for start in range(len(fields)))
        yield from (end for end in ends if len(end) >= PART_LEAST)


def _given(variable: Variable, environ: Mapping[str, str]) -> Given | None:
    """Return what the environment gives; empty is unset. Raises SecretFileError."""
    value = environ.get(variable.name, "")
    path = environ.get(variable.file_name, "") if variable.secret else ""
    if value and path:
        raise secrets.SecretFileError(f"and {variable.name} are both set; keep one of them")
    if path:
        return Given(secrets.read(path), "file")
    return Given(value, "env") if value else None


def _raw(variable: Variable, environ: Mapping[str, str]) -> Iterator[str]:
    if value := environ.get(variable.name):
        yield value
    try:
        yield secrets.read(environ.get(variable.file_name) or "")
    except secrets.SecretFileError:
        return


def _file_problem(variable: Variable, what: str) -> Problem:
    name = variable.file_name
    return Problem(
        name, what, assignment(name, f"/run/secrets/{variable.name}"), anchor(variable.name)
    )


def _missing(variable: Variable, environment: str) -> Problem:
    what = f"is not set, and must be where ENVIRONMENT={environment}"
    fix = (
        assignment(variable.file_name, f"/run/secrets/{variable.name}")
        if variable.secret
        else assignment(variable.name, variable.example or SOMETHING)
    )
    return Problem(variable.name, what, fix, anchor(variable.name))
