"""The image's migrations, read from their files: which revisions there are, which is the head.

Alembic itself takes 225 ms to import; a schema already at head needs none of it.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

CONSTANT = re.compile(r"^(revision|down_revision|min_reader)\b[^=\n]*=[ \t]*(.+)$", re.MULTILINE)
CONSTANTS = frozenset({"revision", "down_revision", "min_reader"})
NONE = re.compile(r"None\s*(#.*)?")
NAME = re.compile(r"""'([^'"\\]*)'|"([^'"\\]*)\"""")
NAMES = re.compile(rf"(?:{NAME.pattern}|\((?:(?:{NAME.pattern})\s*,?\s*)+\))\s*(#.*)?")


class State(StrEnum):
    """Where a database stands, seen from this image."""

    EMPTY = "empty"
    BEHIND = "behind"
    AT_HEAD = "at head"
    AHEAD = "ahead"


class Revision(NamedTuple):
    """One migration: what it builds on, and the oldest revision that may run on what it leaves."""

    below: frozenset[str] = frozenset()
    min_reader: str = ""
    path: Path = Path()


class Revisions(NamedTuple):
    """All revisions of the image, each after those it builds on."""

    migrations: Mapping[str, Revision]

    @property
    def known(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.migrations)

    @property
    def heads(self) -> frozenset[str]:
        """Those that none builds on."""
        return self.known.difference(*(each.below for each in self.migrations.values()))

    def head(self) -> str:
        """Return the one head. Raises SchemaError where there are two or none."""
        heads = sorted(self.heads)
        if len(heads) == 1:
            return heads[0]
        if not heads:
            raise SchemaError("the image has no migrations", "add the first: alembic revision")
        names = " and ".join(heads)
        raise SchemaError(f"the migrations have several heads: {names}", "join them: alembic merge")

    def state(self, current: Iterable[str]) -> State:
        """Return where a database that says it is at `current` stands."""
        marked = frozenset(current)
        if marked - self.known:
            return State.AHEAD
        if marked == self.heads:
            return State.AT_HEAD
        return State.BEHIND if marked else State.EMPTY

    def ancestors(self, revision: str) -> frozenset[str]:
        """Return the revision itself and all below it; nothing for one that is not known."""
        found: set[str] = set()
        waiting = [revision] if revision in self.migrations else []
        while waiting:
            each = waiting.pop()
            found.add(each)
            waiting += self.migrations[each].below - found
        return frozenset(found)

    def digest(self, revision: str) -> str:
        """Return the SHA-256 of the migration's file."""
        from hashlib import sha256  # noqa: PLC0415  # needless at head

        return sha256(self.migrations[revision].path.read_bytes()).hexdigest()


def directory_of(location: str) -> Path:
    """Return the directory Alembic calls script_location: `package:directory`, or a path.

    Of a package only its place is looked up; nothing of it is imported unless it lies in another.
    Raises SchemaError where there is none.
    """
    package, colon, inside = location.partition(":")
    if not colon:
        return _existing(Path(location), location)
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise _missing(location, f"there is no package {package}")
    return _existing(Path(next(iter(places)), inside), location)


def head_of(location: str) -> str:
    """Return the image's head for a name or a message; "" where its migrations have none."""
    try:
        return scan(directory_of(location)).head()
    except SchemaError:
        return ""


def scan(directory: Path) -> Revisions:
    """Return the revisions in `versions/` of an Alembic directory. Raises SchemaError."""
    found: dict[str, Revision] = {}
    for path in sorted((directory / "versions").glob("*.py")):
        name, revision = _read(path)
        if name in found:
            raise SchemaError(f"two migrations are called {name}", "give one a new revision")
        if name:
            found[name] = revision
    below_any: frozenset[str] = frozenset().union(*(each.below for each in found.values()))
    if missing := sorted(below_any - found.keys()):
        raise SchemaError(
            f"migrations build on {', '.join(missing)}, which the image does not have",
            f"put the missing file back into {directory / 'versions'}",
        )
    return Revisions(_in_order(found))


def _in_order(found: Mapping[str, Revision]) -> dict[str, Revision]:
    """Return them with each after what it builds on. Raises SchemaError where that is a circle."""
    above: dict[str, list[str]] = {name: [] for name in found}
    lacking = {name: len(revision.below) for name, revision in found.items()}
    for name, revision in found.items():
        for below in revision.below:
            above[below].append(name)
    ordered = [name for name, count in lacking.items() if not count]
    for name in ordered:
        for each in above[name]:
            lacking[each] -= 1
            if not lacking[each]:
                ordered.append(each)
    if circle := sorted(found.keys() - set(ordered)):
        raise SchemaError(
            f"migrations build on each other in a circle, or on one: {', '.join(circle)}",
            "correct their down_revision",
        )
    return {name: found[name] for name in ordered}


def _read(path: Path) -> tuple[str, Revision]:
    """Return name and revision of one file; the name is "" for a file that is no migration."""
    text = path.read_text(encoding="utf-8")
    found = {name: _strings(value) for name, value in CONSTANT.findall(text)}
    if None in found.values():
        found = dict(_constants(text, path))
    name, min_reader = (next(iter(found.get(key) or ()), "") for key in ("revision", "min_reader"))
    return name, Revision(found.get("down_revision") or frozenset(), min_reader, path)


def _strings(value: str) -> frozenset[str] | None:
    """Return what a one-line constant names; None where it is not that simple."""
    if NONE.fullmatch(value):
        return frozenset()
    if not NAMES.fullmatch(value):
        return None
    code = value.partition("#")[0]
    return frozenset(single or double for single, double in NAME.findall(code))


def _constants(text: str, path: Path) -> Iterable[tuple[str, frozenset[str]]]:
    """Yield the constants of a file that takes a parser: tuples, several lines."""
    import ast  # noqa: PLC0415  # only for merges

    try:
        tree = ast.parse(text)
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            for target in targets:
                if isinstance(target, ast.Name) and target.id in CONSTANTS:
                    value = ast.literal_eval(node.value)  # type: ignore[attr-defined]
                    yield target.id, frozenset([value] if isinstance(value, str) else value or ())
    except (SyntaxError, ValueError, TypeError) as error:
        raise SchemaError(
            f"{path.name} cannot be read as a migration: {error}", "mend it"
        ) from None


def _existing(directory: Path, location: str) -> Path:
    if not (directory / "env.py").is_file():
        raise _missing(location, f"{directory} has no env.py")
    return directory


def _missing(location: str, problem: str) -> SchemaError:
    return SchemaError(
        f"EDGEPAAS_SCHEMA_MIGRATIONS={location} cannot be used: {problem}",
        "set it to the package and directory of the Alembic scripts, as in app:migrations",
        ExitStatus.CONFIG,
    )
