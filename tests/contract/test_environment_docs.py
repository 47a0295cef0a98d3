"""The contract is what the code reads, and what the documentation says."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from boot.contract import Variable, load
from scripts import generate_docs
from scripts.checkout import ROOT
from scripts.env_file import read

CONTRACT = load(ROOT / "rootfs", {"EDGEPAAS_APP_DIR": str(ROOT)})
PRODUCT = ("app", "rootfs/opt/edgepaas", "rootfs/etc/edgepaas", "rootfs/usr/local/bin")
CONTRACT_OWN = ("contract.py", "contract_types.py", "contract_tables.py", "contract_variable.py")
NAME = re.compile(r"[A-Z][A-Z0-9_]+")
# Variables of others that the product reads, and whose they are.
FOREIGN = {
    "PATH": "the system's",
    "PYTHONPATH": "Python's",
    "TMPDIR": "the system's",
    "NO_COLOR": "whoever sits at a terminal",
    "PGSERVICE": "libpq's",
    "PGSERVICEFILE": "libpq's",
    "PGSYSCONFDIR": "libpq's",
}
SET_FOR_OTHERS = {"SUPERVISOR_PROCESS_NAME": "supervisord sets it by itself"}

# Read by scripts/blue_green.py, never by a container.
OF_THE_HOST = {"EDGEPAAS_LEDGER_URL", "EDGEPAAS_LEDGER_TOKEN_FILE"}


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Yield every Python file below the folders, those without an ending too."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {"", ".py"} or not path.is_file():
                continue
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".py" or re.match("#!.*python", text):
                yield path, ast.parse(text, str(path))


def constants(tree: ast.AST) -> set[str]:
    """Return every string of a tree that looks like a variable's name."""
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {each for each in strings if isinstance(each, str) and NAME.fullmatch(each)}


def looked_up(tree: ast.AST) -> Iterator[str]:
    """Yield the names looked up, by index or by method, in something called environ."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            mapping, key = ast.unparse(node.value), node.slice
        elif isinstance(node, ast.Call) and node.args:
            mapping, key = ast.unparse(node.func), node.args[0]
        else:
            continue
        if "environ" in mapping or "getenv" in mapping:
            yield from constants(key)


def test_the_search_finds_what_the_app_reads() -> None:
    found = {name for _, tree in sources("app") for name in constants(tree)}
    assert {"DATABASE_URL", "TZ", "SLOT"} <= found


def test_every_name_the_code_looks_up_is_in_the_contract() -> None:
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in sources(*PRODUCT)
        for name in looked_up(tree)
        if name not in CONTRACT.variables and name not in FOREIGN
    }
    assert unknown == set()


def test_every_name_of_ours_in_the_code_is_in_the_contract() -> None:
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in sources(*PRODUCT)
        for name in constants(tree)
        if name.startswith("EDGEPAAS_") and name not in {*CONTRACT.variables, "EDGEPAAS_"}
    }
    assert unknown == set()


def test_everything_in_the_contract_is_read_by_something() -> None:
    read_somewhere: set[str] = set()
    for path, tree in sources(*PRODUCT, "scripts"):
        if path.name not in CONTRACT_OWN:
            read_somewhere |= constants(tree)
    unread = CONTRACT.variables.keys() - read_somewhere
    assert unread == SET_FOR_OTHERS.keys()


def test_no_file_names_a_variable_of_ours_that_does_not_exist() -> None:
    files = [ROOT / name for name in ("README.md", "Dockerfile", "compose.yaml", "Makefile")]
    files += [each for each in (ROOT / "docs").rglob("*") if each.suffix in {".md", ".toml"}]
    known = {*CONTRACT.variables, *(v.file_name for v in CONTRACT.variables.values() if v.secret)}
    known |= OF_THE_HOST
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        if path.is_file()
        for name in re.findall(r"\bEDGEPAAS_[A-Z0-9_]*[A-Z0-9]\b", path.read_text(encoding="utf-8"))
        if name not in known
    }
    assert strangers == set()


def test_what_is_generated_is_current() -> None:
    command = [sys.executable, "-m", "scripts.generate_docs", "--check"]
    environ = {"PYTHONPATH": "rootfs/opt/edgepaas", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_difference_is_shown_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("old\n", encoding="utf-8")
    assert not generate_docs.bring("page.md", "new\n", check=True)
    assert "-old\n+new\n" in capsys.readouterr().out
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "old\n"
    assert generate_docs.bring("page.md", "new\n", check=False)
    assert generate_docs.bring("page.md", "new\n", check=True)


@pytest.mark.parametrize("variable", CONTRACT.settable, ids=lambda variable: variable.name)
def test_every_variable_has_its_anchor_in_the_page(variable: Variable) -> None:
    page = (ROOT / "docs/environment.md").read_text(encoding="utf-8")
    headings = [line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")]
    assert headings.count(variable.name.lower()) == 1


def test_the_example_file_is_accepted_with_every_line_in_use(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    file = tmp_path / ".env"
    file.write_text(re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.MULTILINE), encoding="utf-8")
    values = read(file)
    assert values.keys() == {each.name for each in CONTRACT.settable}
    assert CONTRACT.resolve(values).problems == []


def test_meanings_are_sentences() -> None:
    for variable in CONTRACT.variables.values():
        assert variable.meaning.endswith("."), variable.name
        assert len(variable.meaning) < 350, variable.name
