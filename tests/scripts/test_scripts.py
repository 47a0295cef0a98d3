"""What holds for every file of the host side."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.checkout import ROOT

SCRIPTS = sorted(
    path for folder in (".", "bluegreen") for path in (ROOT / "scripts" / folder).glob("*.py")
)
OLDEST_PYTHON = (3, 9)
MAKEFILE = (ROOT / "Makefile").read_text()


def short(path: Path) -> str:
    """Return a file's path below scripts/."""
    return str(path.relative_to(ROOT / "scripts"))


def imported(tree: ast.Module) -> set[str]:
    """Return the top-level names a module imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SCRIPTS, ids=short)
def test_it_needs_nothing_but_the_standard_library(path: Path) -> None:
    names = imported(ast.parse(path.read_text()))
    own_layer = {"boot"} if path.name == "generate_docs.py" else set()
    assert names <= set(sys.stdlib_module_names) | {"scripts"} | own_layer


@pytest.mark.parametrize(
    "path",
    [path for path in SCRIPTS if path.name != "generate_docs.py"],
    ids=short,
)
def test_its_syntax_is_understood_by_an_old_python(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=OLDEST_PYTHON)
    if path.name != "__init__.py":
        assert "from __future__ import annotations" in path.read_text()


def test_help_lists_every_target_with_its_purpose() -> None:
    # --silent: under `make test` this is a make in a make, which says which folder it enters
    command = ["make", "--silent", "--no-print-directory"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    targets = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split())  # type: ignore[index]
    assert {line.split()[1] for line in done.stdout.splitlines()} == targets


def test_every_target_types_one_script() -> None:
    words = re.findall(r"^\t@\$\(PYTHON\) -m scripts\.(\w+)(?: \w+)?$", MAKEFILE, re.MULTILINE)
    assert len(words) == MAKEFILE.count("$(PYTHON)")
    packages = {path.parent.name for path in (ROOT / "scripts").glob("*/__main__.py")}
    assert set(words) <= {path.stem for path in SCRIPTS} | packages


def test_ci_types_the_words_a_person_types() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "make test" in workflow
    assert "make run" in workflow
    assert "make test" in (ROOT / ".ci/run").read_text()
