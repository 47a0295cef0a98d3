"""One name in every place: file, program, unit, module, test and heading of a unit."""

import os
import re
import sys
from pathlib import Path

import pytest

from boot import graph, unit_files
from boot.units import Kind, Unit
from tests.support.pages import ROOT, headings, read

CONF_D = ROOT / "rootfs/etc/supervisor/conf.d"
BOOT = ROOT / "rootfs/opt/edgepaas/boot"
ONESHOTS = BOOT / "oneshots"
LONGRUNS = BOOT / "longruns"
FILES = sorted(CONF_D.glob("*.conf"))
FILE_NAME = re.compile(r"\d\d-(?P<name>[a-z0-9-]+)\.conf")
UNITS = unit_files.load(CONF_D)[0]
# Twenty containers at once on two busy cores took half a minute for what one does in 0.1 s.
BUSY_HOST_SECONDS = 120


def names_of(path: Path) -> list[str]:
    """Return the names in the section headers of a unit file."""
    return re.findall(r"^\[(?:program|unit):(.+)\]$", path.read_text(), re.MULTILINE)


def module_of(unit: Unit) -> str:
    """Return the name of a unit's module."""
    return unit.name.replace("-", "_")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_named_after_its_one_unit(path: Path) -> None:
    match = FILE_NAME.fullmatch(path.name)
    assert match
    assert names_of(path) == [match["name"], match["name"]]


def test_all_units_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = [str(Path(sys.executable).parent), *os.get_exec_path()]
    monkeypatch.setenv("PATH", os.pathsep.join(programs))
    _, problems = unit_files.load(CONF_D)
    assert not [*problems, *graph.validate(UNITS)]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_busy_host_alone_runs_no_unit_into_its_timeout(unit: Unit) -> None:
    assert unit.timeout >= BUSY_HOST_SECONDS


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.kind is Kind.ONESHOT], ids=lambda unit: unit.name
)
class TestOneshot:
    def test_it_runs_the_module_of_its_name(self, unit: Unit) -> None:
        assert unit.program["command"] == f"python -m boot.oneshots.{module_of(unit)}"

    def test_it_logs_under_its_name(self, unit: Unit) -> None:
        source = (ONESHOTS / f"{module_of(unit)}.py").read_text()
        own = f'PROGRAM = "{unit.name}"' in source
        imported = re.search(r"^from boot\.(\w+) import .*\bPROGRAM\b", source, re.MULTILINE)
        where = ONESHOTS.parent / f"{imported[1]}.py" if imported else None
        assert own or (where and f'PROGRAM = "{unit.name}"' in where.read_text())

    def test_it_has_its_tests(self, unit: Unit) -> None:
        assert (ROOT / f"tests/boot/oneshots/test_{module_of(unit)}.py").is_file()


def test_every_module_of_a_oneshot_is_a_unit() -> None:
    modules = {path.stem for path in ONESHOTS.glob("*.py")} - {"__init__"}
    assert modules == {module_of(unit) for unit in UNITS if unit.kind is Kind.ONESHOT}


@pytest.mark.parametrize(
    "path", [p for p in LONGRUNS.glob("*.py") if p.stem != "__init__"], ids=lambda path: path.stem
)
def test_every_module_of_a_longrun_is_a_unit_with_its_name_and_its_tests(path: Path) -> None:
    (unit,) = [unit for unit in UNITS if module_of(unit) == path.stem]
    assert unit.program["command"] == f"python -m boot.longruns.{path.stem}"
    assert f'PROGRAM = "{unit.name}"' in path.read_text()
    assert (ROOT / f"tests/boot/longruns/test_{path.stem}.py").is_file()


def test_runtime_tells_the_units_under_their_names_in_the_order_they_start() -> None:
    told = [each for each in headings(read("docs/runtime.md")) if each in {u.name for u in UNITS}]
    assert told == [unit.name for unit in graph.order(UNITS)]


def test_readme_tells_the_units_in_the_same_order() -> None:
    boot = read("README.md").split("## The boot in ten lines")[1].split("\n## ")[0]
    places = [boot.index(f". {unit.name} (") for unit in graph.order(UNITS)]
    assert places == sorted(places)
    assert len(re.findall(r"^\d+\. ", boot, re.MULTILINE)) == 10
