"""Deployments recorded in a real ledger app; one that is away costs a warning."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access import tokens
from app.settings import load
from scripts.bluegreen.config import LedgerPlace
from scripts.bluegreen.ledger import Ledger
from scripts.bluegreen.state import Operation, Release
from tests.app.conftest import serving
from tests.support.ports import free_port

TOKEN = "a-token-of-the-deploy-script"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a ledger whose writers need a token."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    settings = replace(load({}), data_dir=tmp_path, database_url=url)
    settings = replace(settings, tokens=tokens.parse(f"write:deploy:{TOKEN}"))
    with serving(settings) as client:
        client.headers["authorization"] = f"Bearer {TOKEN}"
        yield client


@pytest.fixture
def ledger(client: httpx.Client, tmp_path: Path) -> Ledger:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    url = str(client.base_url).rstrip("/")
    return Ledger(LedgerPlace(url, file, "shop", "edge-1", "eu"))


def operation(build: str, slot: str) -> Operation:
    release = Release("shop:1", f"sha256:{build}", build, "1.0")
    return Operation(build, "deploy", slot, None, release, "", "start")


def states(client: httpx.Client) -> list[tuple[str, str, str]]:
    items: list[dict[str, Any]] = client.get("/api/v1/deployments").json()["items"]
    return [(one["version"], one["slot"], one["state"]) for one in items]


def test_a_deploy_and_the_one_after_it(ledger: Ledger, client: httpx.Client) -> None:
    first = ledger.begin(operation("f1", "blue"))
    assert states(client) == [("f1", "blue", "starting")]
    ledger.ready(first)
    ledger.switched(first)
    ledger.drained(first)
    assert states(client) == [("f1", "blue", "live")]
    second = ledger.begin(operation("f2", "green"))
    ledger.ready(second)
    ledger.switched(second)
    assert states(client) == [("f1", "blue", "draining"), ("f2", "green", "live")]
    ledger.drained(second)
    again = ledger.begin(operation("f1", "blue"))
    ledger.failed(again, "never became ready\nand more")
    assert states(client) == [
        ("f1", "blue", "stopped"),
        ("f2", "green", "live"),
        ("f1", "blue", "failed"),
    ]


def test_what_an_earlier_deploy_left_open_in_the_slot_is_closed(
    ledger: Ledger, client: httpx.Client
) -> None:
    ledger.begin(operation("f1", "blue"))
    ledger.begin(operation("f2", "blue"))
    assert states(client) == [("f1", "blue", "failed"), ("f2", "blue", "starting")]


def test_a_ledger_that_is_away_or_refuses_is_a_warning(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = Ledger(replace(ledger.place, url=f"http://localhost:{free_port()}"))
    assert away.begin(operation("f1", "blue")) == ""
    assert "warning: not recorded in the ledger" in capsys.readouterr().out
    (tmp_path / "token").write_text("wrong")
    assert ledger.begin(operation("f1", "blue")) == ""
    told = capsys.readouterr().out
    assert "401" in told
    assert "wrong" not in told.replace("wrong token", "")
    (tmp_path / "token").unlink()
    ledger.ready("")
    assert ledger.begin(operation("f1", "blue")) == ""


def test_without_a_ledger_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Ledger(LedgerPlace("", None, "shop", "edge-1", "eu"))
    assert nowhere.begin(operation("f1", "blue")) == ""
    nowhere.failed("x", "y")
    assert capsys.readouterr().out == ""
