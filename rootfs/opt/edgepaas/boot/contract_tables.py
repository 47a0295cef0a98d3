"""Reads the contract's files into tables: later files add and tighten."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boot.contract_variable import OWN_GROUP, Variable, faults, parse

OWN_GROUP_TITLE = "Variables of this image's own"
SECTIONS = frozenset({"variables", "groups"})
FIXED_KEYS = ("type", "secret", "set_by", "pattern")


class ContractError(ValueError):
    """The contract's own files are wrong. `faults` are lines, each naming file and key."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Tables:
    """The merged tables, and what was found wrong on the way.

    `touched` holds the variables that a later file than the first declares or changes.
    """

    def __init__(self) -> None:
        self.variables: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, str] = {}
        self.touched: dict[str, Path] = {}
        self._faults: list[str] = []

    def read(self, path: Path) -> None:
        """Take the contract's first file."""
        for name, table in self._content(path).items():
            if self._fits(path, name, table):
                self.variables[name] = table

    def add(self, path: Path) -> None:
        """Take a file that adds variables, or changes default, text and bounds of known ones."""
        for name, table in self._content(path).items():
            known = self.variables.get(name, {})
            if not isinstance(table, dict):
                self._note(path, f"variables.{name}", "must be a table")
                continue
            for fault in loosened(known, table):
                self._note(path, f"variables.{name}", fault)
            merged = {**known, **table}
            if self._fits(path, name, merged):
                self.variables[name] = merged
                self.touched[name] = path

    def parsed(self) -> list[Variable]:
        """Return the variables, in the order of groups, then of the files."""
        if any(table.get("group", OWN_GROUP) == OWN_GROUP for table in self.variables.values()):
            self.groups.setdefault(OWN_GROUP, OWN_GROUP_TITLE)
        return [parse(name, table) for name, table in self.variables.items()]

    def fault(self, name: str, what: str) -> None:
        """Note a fault of a touched variable."""
        self._note(self.touched[name], f"variables.{name}", what)

    def raise_faults(self) -> None:
        """Raise ContractError if anything was wrong."""
        if self._faults:
            raise ContractError(self._faults)

    def _content(self, path: Path) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                content = tomllib.load(file)
        except OSError as error:
            self._note(path, "", f"cannot be read ({error.strerror})")
            return {}
        except ValueError as error:
            self._note(path, "", f"is not valid TOML: {error}")
            return {}
        for key in sorted(content.keys() - SECTIONS):
            self._note(path, key, "is not known here; write [variables.NAME] or [groups]")
        self._add_groups(path, content.get("groups", {}))
        variables = content.get("variables", {})
        if not isinstance(variables, dict):
            self._note(path, "variables", "must be tables: [variables.NAME]")
            return {}
        return variables

    def _add_groups(self, path: Path, groups: object) -> None:
        if not isinstance(groups, dict) or not all(isinstance(t, str) for t in groups.values()):
            self._note(path, "groups", "must be a table of titles")
            return
        self.groups.update(groups)

    def _fits(self, path: Path, name: str, table: object) -> bool:
        if not isinstance(table, dict):
            self._note(path, f"variables.{name}", "must be a table")
            return False
        found = [*faults(name, table), *self._group_faults(table)]
        for fault in found:
            self._note(path, f"variables.{name}", fault)
        return not found

    def _group_faults(self, table: dict[str, Any]) -> Iterator[str]:
        group = table.get("group", OWN_GROUP)
        if isinstance(group, str) and group != OWN_GROUP and group not in self.groups:
            yield f"group {group!r} has no title; add it to [groups]"

    def _note(self, path: Path, key: str, what: str) -> None:
        self._faults.append(f"{path}: {key} {what}" if key else f"{path} {what}")


def loosened(known: dict[str, Any], table: dict[str, Any]) -> Iterator[str]:
    """Yield what a later table may not do to a known one: bounds only tighten, types stay."""
    if not known:
        return
    for key in FIXED_KEYS:
        if key in table and table[key] != known.get(key):
            yield f"{key} cannot be changed"
    for key, looser in (("min", float.__lt__), ("max", float.__gt__)):
        now, before = table.get(key, ""), known.get(key, "")
        if _numbers(now, before) and looser(float(now), float(before)):
            yield f"{key} can only be tightened (it is {before})"
    if isinstance(table.get("choices"), list) and not set(known.get("choices", ())) >= {
        str(choice) for choice in table["choices"]
    }:
        yield f"choices can only be fewer (they are {', '.join(known.get('choices', ()))})"


def _numbers(*values: object) -> bool:
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
