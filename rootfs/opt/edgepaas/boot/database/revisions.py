"""The image's migrations, read from their files: which revisions there are, which is the head.

Alembic itself takes 225 ms to import; a schema already at head needs none of it.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus

CONSTANT = re.compile(r"^(revision|down_revision)\b[^=\n]*=[ \t]*(.+)$", re.MULTILINE)
NONE = re.compile(r"None\s*(#.*)?")
NAME = re.compile(r"""'([^'"\\]*)'|"([^'"\\]*)\"""")
NAMES = re.compile(rf"(?:{NAME.pattern}|\((?:(?:{NAME.pattern})\s*,?\s*)+\))\s*(#.*)?")


class State(StrEnum):
    """Where a database stands, seen from this image."""

    EMPTY = "empty"
    BEHIND = "behind"
    AT_HEAD = "at head"
    AHEAD = "ahead"


class Revisions(NamedTuple):
    """All revisions of the image, and those that none builds on."""

    known: frozenset[str]
    heads: frozenset[str]

    def head(self) -> str:
        """Return the one head. Raises SchemaError where there are two or none."""
        if len(self.heads) == 1:
            return next(iter(self.heads))
        if not self.heads:
            raise SchemaError("the image has no migrations", "add the first: alembic revision")
        names = " and ".join(sorted(self.heads))
        raise SchemaError(f"the migrations have several heads: {names}", "join them: alembic merge")

    def state(self, current: Iterable[str]) -> State:
        """Return where a database that says it is at `current` stands."""
        marked = frozenset(current)
        if marked - self.known:
            return State.AHEAD
        if marked == self.heads:
            return State.AT_HEAD
        return State.BEHIND if marked else State.EMPTY


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


def scan(directory: Path) -> Revisions:
    """Return the revisions in `versions/` of an Alembic directory. Raises SchemaError."""
    parents: dict[str, frozenset[str]] = {}
    for path in sorted((directory / "versions").glob("*.py")):
        revision, below = _read(path)
        if revision in parents:
            raise SchemaError(f"two migrations are called {revision}", "give one a new revision")
        if revision:
            parents[revision] = below
    known = frozenset(parents)
    below_any = frozenset().union(*parents.values())
    if missing := sorted(below_any - known):
        raise SchemaError(
            f"migrations build on {', '.join(missing)}, which the image does not have",
            f"put the missing file back into {directory / 'versions'}",
        )
    return Revisions(known, known - below_any)


def is_at_head(current: frozenset[str], own: Revisions) -> bool:
    """Tell whether nothing is to do. Raises SchemaError for a database ahead of the image."""
    state = own.state(current)
    if state is State.AHEAD:
        raise refuse_newer(current, own)
    return state is State.AT_HEAD


def refuse_newer(current: frozenset[str], own: Revisions) -> SchemaError:
    """Return the error of an older image that meets a schema it does not know: a rollback.

    The one place where a newer schema may later declare that this image can serve it.
    """
    unknown = ", ".join(sorted(current - own.known))
    return SchemaError(
        f"the database is at revision {unknown}, made by a newer image; "
        f"this one knows up to {', '.join(sorted(own.heads))}",
        "start the newer image again; the database was not touched",
    )


def _read(path: Path) -> tuple[str, frozenset[str]]:
    """Return revision and down revisions of one file; "" for a file that is no migration."""
    text = path.read_text(encoding="utf-8")
    found = {name: _strings(value) for name, value in CONSTANT.findall(text)}
    if None in found.values():
        found = dict(_constants(text, path))
    revision = found.get("revision") or frozenset()
    return next(iter(revision), ""), found.get("down_revision") or frozenset()


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
                if isinstance(target, ast.Name) and target.id in {"revision", "down_revision"}:
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
