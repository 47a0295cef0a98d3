"""The tree is laid out as it says: what may stand where, and who may do what."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.pages import ROOT, tree

LAYER = ROOT / "rootfs/opt/edgepaas"
SUPERVISOR_STANDS_IN = {"boot/supervision.py", "boot/ctl.py"}
PRODUCT = sorted([*LAYER.rglob("*.py"), *(ROOT / "app").rglob("*.py")])
TOP = {
    "Dockerfile",
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "compose.yaml",
    "pyproject.toml",
    ".ci",
    ".dockerignore",
    ".env.example",
    ".github",
    ".gitignore",
    ".hadolint.yaml",
    "app",
    "deploy",
    "docs",
    "requirements",
    "rootfs",
    "scripts",
    "tests",
}


def imports(path: Path) -> set[str]:
    """Return the top-level names a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def short(path: Path) -> str:
    """Return a file's path in the repository."""
    return str(path.relative_to(ROOT))


def test_nothing_unexpected_stands_at_the_top() -> None:
    assert {path.split("/")[0] for path in tree()} <= TOP


def test_supervisor_is_imported_in_two_files_only() -> None:
    importing = {
        str(path.relative_to(LAYER))
        for path in LAYER.rglob("*.py")
        if "supervisor" in imports(path)
    }
    assert importing == SUPERVISOR_STANDS_IN


@pytest.mark.parametrize("path", PRODUCT, ids=short)
def test_a_leaf_that_says_it_imports_nothing_of_ours_does_not(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    if match := re.search(r"Imports nothing of ours( but (?:the )?(\w+))?\.", docstring):
        found = {
            node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.split(".")[0] in {"app", "boot", "sidecar", "web"}
        }
        assert len(found) <= (1 if match[1] else 0), found


@pytest.mark.parametrize("path", PRODUCT, ids=short)
def test_nothing_prints(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [
        each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "print"
    ]


@pytest.mark.parametrize(
    "path", [path for path in PRODUCT if path.name != "__init__.py"], ids=short
)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_folder_of_tests_mirrors_a_folder_of_code() -> None:
    for mine, code in (("tests/boot", LAYER / "boot"), ("tests/app", ROOT / "app")):
        folders = {
            Path(path).parent.relative_to(mine)
            for path in tree()
            if path.startswith(f"{mine}/") and Path(path).name.startswith("test_")
        }
        strangers = {str(folder) for folder in folders if not (code / folder).is_dir()}
        assert not strangers, f"{mine} has folders that {code.name}/ has not: {strangers}"


def test_test_files_stand_in_a_folder_of_what_they_test() -> None:
    known = {"app", "boot", "web", "sidecar", "scripts", "contract", "image", "e2e", "deploy"}
    folders = {path.split("/")[1] for path in tree() if re.match(r"tests/.*/test_\w+\.py$", path)}
    assert folders <= known
