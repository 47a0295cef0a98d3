"""The pages say what is there, in names that exist, and nothing of the machine they came from."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
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

# Who is cited; any other host in a URL is a registry, a mirror or a made-up address.
CITED = {
    "aws.amazon.com",
    "docs.gunicorn.org",
    "github.com",
    "keepachangelog.com",
    "man.freebsd.org",
    "man7.org",
    "supervisord.org",
    "www.postgresql.org",
    "www.w3.org",
}
LOCAL = re.compile(r"127\\?\.0\\?\.0\\?\.1|[^.]*")
URL_HOST = re.compile(r"https?://(?:[^/\s\"'`<>@]*@)?([^/:\s\"'`<>)}\]]+)")
IMAGE_WITH_HOST = re.compile(r"^(?:FROM|\s+image:)\s+[\w-]+\.[\w.-]+(?::\d+)?/")
HOME = re.compile(r"/(?:home|Users)/\w")
OF_THE_IMAGE = ("/srv", "/opt", "/data", "/tmp")
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
    contract = load(ROOT / "rootfs", {"EDGEPAAS_APP_DIR": str(ROOT)})
    documented = set(headings(page)) | {row[0].strip("`") for row in rows(page)}
    assert set(contract.variables) <= documented


def test_pages_name_no_variable_that_does_not_exist() -> None:
    known = set(load(ROOT / "rootfs", {"EDGEPAAS_APP_DIR": str(ROOT)}).variables)
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


def text_lines() -> Iterator[tuple[str, str]]:
    """Yield every line of every text file of the tree, with its place."""
    for path in sorted(tree()):
        if Path(path).suffix not in NOT_TEXT:
            for number, line in enumerate(read(path).splitlines(), 1):
                yield f"{path}:{number}", line


def strange_hosts(line: str) -> list[str]:
    """Return the hosts of URLs in a line that are neither cited nor local."""
    return [
        host
        for host in URL_HOST.findall(line)
        if host not in CITED and not LOCAL.fullmatch(host) and "example" not in host
    ]


def test_no_file_names_a_registry_or_any_host_but_those_cited() -> None:
    found = [
        f"{place}: {line}"
        for place, line in text_lines()
        if strange_hosts(line) or IMAGE_WITH_HOST.match(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("host", ["registry.invalid", "mirror.invalid:8080", "u:p@index.invalid"])
def test_a_strange_host_is_found(host: str) -> None:
    assert strange_hosts(f"see https://{host}/simple")
    assert IMAGE_WITH_HOST.match(f"FROM {host.rpartition('@')[2]}/debian:trixie")


def test_no_file_names_a_place_of_the_machine_it_was_written_on() -> None:
    checkout = "" if str(ROOT).startswith(OF_THE_IMAGE) else str(ROOT)
    found = [
        f"{place}: {line}"
        for place, line in text_lines()
        if HOME.search(line) or (checkout and re.search(rf"{re.escape(checkout)}\b", line))
    ]
    assert not found, "\n".join(found)


def test_generated_pages_are_current() -> None:
    command = [sys.executable, "-m", "scripts.generate_docs", "--check"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "rootfs/opt/edgepaas")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
