"""docs/api.md: its lines run, and its tables say what is so."""

import re
import shutil
import subprocess

import httpx

from app.crud.errors import (
    ChangedError,
    KeyReusedError,
    MissingError,
    ReferenceMissingError,
)
from app.models.deployment import NEXT
from app.schemas.query import DeploymentQuery, NodeQuery, PageQuery, ReleaseQuery, ServiceQuery
from tests.app.conftest import ROOT
from tests.support.api import API
from tests.support.pages import blocks, read, rows
from tests.support.skip import skip_or_fail

PAGE = read("docs/api.md")
QUERIES: dict[str, type[PageQuery]] = {
    "nodes": NodeQuery,
    "services": ServiceQuery,
    "releases": ReleaseQuery,
    "deployments": DeploymentQuery,
}


def section(name: str) -> list[list[str]]:
    return rows(PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0])


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_its_lines_run_one_after_the_other(sqlite_client: httpx.Client) -> None:
    if not shutil.which("jq"):
        skip_or_fail("jq is missing: apt-get install jq")
    base = str(sqlite_client.base_url).rstrip("/")
    script = "\n".join(block.text for block in blocks(PAGE) if block.language == "sh")
    ran = subprocess.run(
        ["sh", "-eu", "-c", script.replace("http://127.0.0.1:8000", base)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    live = sqlite_client.get(f"{API}/deployments", params={"state": "live"}).json()["items"]
    assert [(one["node"], one["version"], one["slot"]) for one in live] == [
        ("edge-1", "1.5.0", "green")
    ]
    services = sqlite_client.get(f"{API}/services").json()["items"]
    assert [one["name"] for one in services] == ["checkout", "search"]
    (place,) = sqlite_client.get(f"{API}/nodes").json()["items"]
    assert place["labels"] == {"rack": "b8"}
    for told in ("edge-1 checkout 1.5.0 green", "deployment.stopped", '{"rack":"b8"}'):
        assert told in ran.stdout


def test_its_table_of_states_is_the_one_the_code_has() -> None:
    told = {row[0].strip("`"): words(row[1]) for row in section("States") if "`" in row[0]}
    assert told == {str(state): set(map(str, ways)) for state, ways in NEXT.items()}


def test_its_table_of_resources_names_every_filter() -> None:
    told = {row[0].strip("`"): words(row[3]) for row in section("Resources") if "`" in row[0]}
    for resource, query in QUERIES.items():
        assert told[resource] == set(query.model_fields) - set(PageQuery.model_fields)


def test_its_table_of_errors_names_every_kind_there_is() -> None:
    told = {kind for row in section("Errors") for kind in words(row[1]) if kind != "type"}
    source = "\n".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    conflicts = set(re.findall(r'ConflictError\(\s*"([a-z-]+)"', source))
    named = set(re.findall(r'kind="([a-z-]+)"', source))
    others = {error.kind for error in (ChangedError, KeyReusedError, ReferenceMissingError)}
    missing = {f"{what}-missing" for what in ("node", "service", "release", "deployment", "event")}
    by_condition = {"state-not-allowed", "schema-missing", "database-unavailable"}
    assert told == conflicts | named | others | missing | by_condition
    assert issubclass(MissingError, LookupError)
