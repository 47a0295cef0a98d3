"""The pages say what is there, in names that exist, and nothing of the machine they came from."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from boot.cli import VERBS
from boot.contract import load
from boot.unit_files import OWNED_BY_SEQUENCER, UNIT_KEYS
from tests.support.pages import (
    ROOT,
    Block,
    anchors,
    blocks,
    headings,
    links,
    pages,
    read,
    rows,
    tree,
)

MAKEFILE = read("Makefile")
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
RUNTIME = read("docs/runtime.md")
EXAMPLE = ROOT / "docs/examples/own-app"

# Registry hosts and places of a machine; none has a business in any file.
NO_BUSINESS_HERE = (
    r"/work/(main|shared|\.)",
    r"/home/\w",
    r"/Users/\w",
    r"\bpypi\.org",
    r"\bpythonhosted\.org",
    r"\bdocker\.io/",
    r"\bregistry-1\.",
    r"\bghcr\.io",
    r"\bquay\.io",
    r"\bregistry\.npmjs\.org",
    r"\bdeb\.debian\.org",
)
NOT_TEXT = {".png", ".jpg", ".ico", ".woff2"}


def commands(block: Block) -> list[str]:
    """Return the commands of a console block."""
    return re.findall(r"^\$ (.+)$", block.text, re.MULTILINE)


@pytest.mark.parametrize("page", pages())
def test_every_relative_link_leads_somewhere(page: str) -> None:
    lost = []
    for link in links(read(page)):
        path, _, fragment = link.partition("#")
        if "://" in link:
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (
            fragment and fragment not in anchors(target.read_text(encoding="utf-8"))
        ):
            lost.append(link)
    assert not lost, f"{page} links to what is not there: {lost}"


@pytest.mark.parametrize("page", pages())
def test_every_command_shown_exists(page: str) -> None:
    shown = [each for block in blocks(read(page)) for each in commands(block)]
    targets = {match[1] for each in shown if (match := re.match(r"make ([a-z-]+)", each))}
    verbs = {match[1] for each in shown if (match := re.search(r"\bedgepaas ([a-z-]+)", each))}
    assert targets <= TARGETS
    assert verbs - {"supervisorctl"} <= set(VERBS)


@pytest.mark.parametrize("page", pages())
def test_make_words_in_the_prose_are_targets(page: str) -> None:
    assert set(re.findall(r"`make ([a-z-]+)", read(page))) <= TARGETS


def test_every_variable_is_documented() -> None:
    page = read("docs/environment.md")
    contract = load(ROOT / "rootfs")
    documented = set(headings(page)) | {row[0].strip("`") for row in rows(page)}
    assert set(contract.variables) <= documented


def test_pages_name_no_variable_that_does_not_exist() -> None:
    known = set(load(ROOT / "rootfs").variables)
    for page in pages():
        named = set(re.findall(r"`(EDGEPAAS_[A-Z_]+)(?:=[^`]*)?`", read(page)))
        assert {name.removesuffix("_FILE") for name in named} <= known, page


def test_every_unit_key_is_documented_and_no_other() -> None:
    section = RUNTIME.split("\n## Unit files\n")[1].split("\n## ")[0]
    keys = [row[0].strip("`") for row in rows(section) if row[0].startswith("`")]
    assert sorted(keys) == sorted(UNIT_KEYS)


def test_every_option_a_unit_file_may_not_set_is_named() -> None:
    section = RUNTIME.split("\n## Unit files\n")[1].split("\n## ")[0]
    assert not [option for option in OWNED_BY_SEQUENCER if f"`{option}`" not in section]


def test_every_verb_is_documented() -> None:
    section = RUNTIME.split("\n## The operator's command\n")[1].split("\n## ")[0]
    assert {row[0].strip("`") for row in rows(section) if row[0].startswith("`")} == set(VERBS)


def test_readme_points_to_every_page() -> None:
    linked = {link.partition("#")[0] for link in links(read("README.md"))}
    assert {page for page in pages() if page != "README.md"} <= linked


def test_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) < 100


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "rootfs/etc/edgepaas/environment.d/notes.toml",
        "rootfs/etc/supervisor/conf.d/35-notes-welcome.conf",
        "rootfs/etc/supervisor/conf.d/90-notes-goodbye.conf",
    ],
)
def test_own_app_shows_the_files_of_the_example(name: str) -> None:
    shown = {block.text for block in blocks(read("docs/own-app.md"))}
    assert (EXAMPLE / name).read_text() in shown


def test_no_file_names_a_registry_or_a_place_of_a_machine() -> None:
    pattern = re.compile("|".join(NO_BUSINESS_HERE))
    found = []
    for path in sorted(tree() - {"tests/contract/test_docs.py"}):
        if Path(path).suffix not in NOT_TEXT:
            lines = read(path).splitlines()
            found += [
                f"{path}:{n}: {line}" for n, line in enumerate(lines, 1) if pattern.search(line)
            ]
    assert not found, "\n".join(found)


def test_generated_pages_are_current() -> None:
    command = [sys.executable, "-m", "scripts.generate_docs", "--check"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "rootfs/opt/edgepaas")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
