"""scripts/heartbeat.sh, run against the app as a node would run it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access import tokens
from app.settings import Settings
from tests.app.conftest import ROOT, Serve, serving
from tests.support.postgres import free_port
from tests.support.wait import wait_until

SCRIPT = ROOT / "scripts/heartbeat.sh"
TOKEN = "a-token-of-an-agent"
NODES = "/api/v1/nodes"
SOON = 30.0

Agent = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """Start agents that beat often; they are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(url: object, **environ: str) -> "subprocess.Popen[bytes]":
        given = {"EDGEPAAS_URL": str(url).rstrip("/"), "NODE": "edge-1", "EVERY": "0.1", **environ}
        with (tmp_path / "agent.log").open("ab") as log:
            process = subprocess.Popen(
                [SCRIPT],
                env={"PATH": os.environ["PATH"], **given},
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def nodes(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(NODES).json()["items"]
    return found


def beats_on(client: httpx.Client) -> None:
    """Wait until the one node is online and has been heard of twice."""
    wait_until(lambda: [node["status"] for node in nodes(client)] == ["online"], SOON, "online")
    first = nodes(client)[0]["heartbeat_at"]
    wait_until(lambda: nodes(client)[0]["heartbeat_at"] > first, SOON, "the next heartbeat")


def test_it_is_ten_lines_and_fine_for_any_shell() -> None:
    lines = SCRIPT.read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= 10
    assert subprocess.run(["sh", "-n", str(SCRIPT)], check=False).returncode == 0
    checker = shutil.which("shellcheck")
    if checker:
        assert subprocess.run([checker, str(SCRIPT)], check=False).returncode == 0


def test_a_node_that_is_missing_is_recorded_and_beats(
    sqlite_client: httpx.Client, agent: Agent
) -> None:
    agent(sqlite_client.base_url, REGION="eu-west")
    beats_on(sqlite_client)
    assert [(node["name"], node["region"]) for node in nodes(sqlite_client)] == [
        ("edge-1", "eu-west")
    ]


def test_a_node_that_is_there_is_taken_up(sqlite_client: httpx.Client, agent: Agent) -> None:
    for name in ("edge-0", "edge-1", "edge-10"):
        sqlite_client.post(NODES, json={"name": name, "region": "r"})
    agent(sqlite_client.base_url)
    wait_until(
        lambda: [node["name"] for node in nodes(sqlite_client) if node["heartbeat_at"]],
        SOON,
        "a heartbeat",
    )
    heard = [node["name"] for node in nodes(sqlite_client) if node["heartbeat_at"]]
    assert heard == ["edge-1"]


def test_a_node_that_was_removed_is_recorded_anew(
    sqlite_client: httpx.Client, agent: Agent
) -> None:
    agent(sqlite_client.base_url)
    beats_on(sqlite_client)
    before = nodes(sqlite_client)[0]["id"]
    sqlite_client.delete(f"{NODES}/{before}")
    wait_until(lambda: nodes(sqlite_client), SOON, "the node")
    beats_on(sqlite_client)
    assert nodes(sqlite_client)[0]["id"] != before


def test_the_token_comes_from_the_environment_and_is_on_no_command_line(
    serve: Serve, sqlite_settings: Settings, agent: Agent, tmp_path: Path
) -> None:
    guarded = replace(sqlite_settings, tokens=tokens.parse(f"write:{TOKEN}"))
    client = serve(guarded)
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    shim = tmp_path / "bin" / "curl"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\nexec {shutil.which("curl")} "$@"\n')
    shim.chmod(0o755)
    agent(client.base_url, EDGEPAAS_TOKEN=TOKEN, PATH=f"{shim.parent}:{os.environ['PATH']}")
    beats_on(client)
    assert TOKEN not in (tmp_path / "words").read_text()
    assert TOKEN not in (tmp_path / "agent.log").read_text()


def test_it_outlives_an_app_that_is_away(
    sqlite_settings: Settings, agent: Agent, tmp_path: Path
) -> None:
    port = free_port()
    process = agent(f"http://127.0.0.1:{port}")
    log = tmp_path / "agent.log"
    wait_until(lambda: log.exists() and log.read_text().count("curl:") >= 2, SOON, "two failures")
    for _ in range(2):
        with serving(sqlite_settings, port) as client:
            beats_on(client)
    assert process.poll() is None


def test_without_an_address_it_says_what_to_set(agent: Agent, tmp_path: Path) -> None:
    assert agent("").wait(SOON) != 0
    assert "EDGEPAAS_URL" in (tmp_path / "agent.log").read_text()
