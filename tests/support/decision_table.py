"""The decision table of docs/database.md, as data. Imports nothing of ours."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs/database.md"
MODES = ("auto", "postgres", "sqlite")
URLS = ("not set", "SQLite", "PostgreSQL")
STATES = ("up", "late", "down", "starting", "refusing")
POLICIES = ("allow", "deny", "accept-divergence")


class Case(NamedTuple):
    """One combination of what the table depends on."""

    mode: str
    url: str
    state: str
    policy: str


def cases() -> dict[Case, str]:
    """Return what follows from each case. Raises AssertionError where two rows speak of one."""
    found: dict[Case, str] = {}
    for *conditions, result in rows("EDGEPAAS_DB_MODE"):
        columns = zip(conditions, (MODES, URLS, STATES, POLICIES), strict=True)
        for values in product(*(_meant(cell, all_of) for cell, all_of in columns)):
            assert Case(*values) not in found, f"two rows speak of {values}"
            found[Case(*values)] = result
    return found


def rows(first_heading: str) -> Iterator[list[str]]:
    """Yield the rows of the page's table whose first column has that heading, without `."""
    lines = iter(PAGE.read_text(encoding="utf-8").replace("`", "").splitlines())
    assert any(line.startswith(f"| {first_heading} |") for line in lines), "the table is there"
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def _meant(cell: str, all_of: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(cell.split(", "))
    assert cell == "any" or set(named) <= set(all_of), f"{cell} is none of {all_of}"
    return all_of if cell == "any" else named
