"""The page in a real Chromium."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from app.settings import Settings
from tests.app.conftest import Serve, components_of, serving
from tests.support.skip import skip_or_fail

pytestmark = pytest.mark.browser
NODES = "/api/v1/nodes"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        skip_or_fail("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser had to complain about in its console."""
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A page whose script errors and policy violations are collected."""

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page = browser.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()


@pytest.fixture
def shown(page: Page, sqlite_client: httpx.Client, complaints: list[str]) -> Iterator[Page]:
    """The page, live; nothing may have been complained about when the test is over."""
    page.goto(str(sqlite_client.base_url))
    expect(page.locator("#live")).to_have_text("live")
    yield page
    assert complaints == []


def create(client: httpx.Client, name: str, **fields: object) -> str:
    node = client.post(NODES, json={"name": name, "region": "eu", **fields}).json()
    return str(node["id"])


def test_a_new_node_appears_by_itself_in_the_place_of_its_name(
    shown: Page, sqlite_client: httpx.Client
) -> None:
    expect(shown.locator("#empty")).to_be_visible()
    for name in ("b", "c", "a"):
        create(sqlite_client, name)
    expect(shown.locator("#rows tr")).to_have_count(3)
    assert shown.locator("#rows th").all_text_contents() == ["a", "b", "c"]
    expect(shown.locator("#empty")).to_be_hidden()
    expect(shown.locator("#count-offline")).to_have_text("3")


def test_changes_and_deletions_are_shown_by_themselves(
    shown: Page, sqlite_client: httpx.Client
) -> None:
    node = create(sqlite_client, "a", labels={"rack": "b7", "spare": ""})
    row = shown.locator("#rows tr")
    expect(row.locator(".status")).to_have_text("offline")
    sqlite_client.put(f"{NODES}/{node}/heartbeat")
    expect(row.locator(".status")).to_have_text("online")
    expect(shown.locator("#count-online")).to_have_text("1")
    assert row.locator(".label").all_text_contents() == ["rack=b7", "spare"]
    sqlite_client.patch(f"{NODES}/{node}", json={"name": "z"})
    expect(row.locator("th")).to_have_text("z")
    sqlite_client.delete(f"{NODES}/{node}")
    expect(row).to_have_count(0)
    expect(shown.locator("#empty")).to_be_visible()


def test_text_of_a_node_that_arrives_live_is_never_markup(
    shown: Page, sqlite_client: httpx.Client
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    create(sqlite_client, "a", region=evil, labels={"k": evil})
    expect(shown.locator("#rows td").nth(1)).to_have_text(evil)
    assert shown.locator("#rows img").count() == 0


def test_the_row_a_script_makes_is_the_row_the_server_makes(
    shown: Page, sqlite_client: httpx.Client
) -> None:
    node = create(sqlite_client, "a", labels={"rack": "b7", "spare": ""})
    sqlite_client.put(f"{NODES}/{node}/heartbeat")
    expect(shown.locator("#rows time")).to_be_visible()
    cells = "cells => cells.map(cell => [cell.tagName, cell.innerText.trim()])"
    live = shown.locator("#rows tr > *").evaluate_all(cells)
    shown.route("**/app.js", lambda route: route.fulfill(body=""))
    shown.reload()
    assert shown.locator("#rows tr > *").evaluate_all(cells) == live
    shown.unroute_all()


def test_a_status_ages_while_nothing_is_heard(
    page: Page, serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(replace(sqlite_settings, node_late_after=timedelta(seconds=1)))
    page.goto(str(client.base_url))
    node = create(client, "a")
    client.put(f"{NODES}/{node}/heartbeat")
    expect(page.locator("#rows .status")).to_have_text("online")
    expect(page.locator("#rows .status")).to_have_text("late", timeout=15_000)


def test_after_a_restart_the_page_finds_back_and_takes_up_what_it_missed(
    page: Page, sqlite_settings: Settings
) -> None:
    with ExitStack() as first:
        client = first.enter_context(serving(sqlite_settings))
        port = client.base_url.port
        assert port is not None
        page.goto(str(client.base_url))
        expect(page.locator("#live")).to_have_text("live")
        first.close()
        expect(page.locator("#live")).to_have_text("reconnecting")
    other = replace(sqlite_settings, slot="green", build_id="f00")
    with serving(other, at=port) as client:
        create(client, "missed")
        expect(page.locator("#live")).to_have_text("live", timeout=20_000)
        expect(page.locator("#rows th")).to_have_text(["missed"])
        expect(page.locator("#slot")).to_have_text("green")
        expect(page.locator("#build")).to_have_text("f00")


def test_the_keyboard_reaches_the_nodes_first(shown: Page) -> None:
    shown.keyboard.press("Tab")
    skip = shown.locator(":focus")
    expect(skip).to_have_text("Skip to the nodes")
    expect(skip).to_be_in_viewport()
    shown.keyboard.press("Enter")
    expect(shown.locator("main")).to_be_focused()


def test_the_command_is_copied_by_its_button(shown: Page, sqlite_client: httpx.Client) -> None:
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.get_by_role("button", name="Copy").click()
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied == shown.locator("#create-command").text_content()
    assert str(sqlite_client.base_url).rstrip("/") in copied


def test_landmarks_headings_and_the_table_have_names(
    shown: Page, sqlite_client: httpx.Client
) -> None:
    create(sqlite_client, "a")
    expect(shown.get_by_role("banner")).to_be_visible()
    expect(shown.get_by_role("main")).to_be_visible()
    expect(shown.get_by_role("contentinfo")).to_be_visible()
    expect(shown.get_by_role("heading", level=1)).to_have_text("Edge nodes")
    expect(shown.get_by_role("table", name="Nodes by name")).to_be_visible()
    expect(shown.get_by_role("rowheader", name="a", exact=True)).to_be_visible()


def test_a_thousand_nodes_and_their_heartbeats_stay_quick(
    page: Page, sqlite_client: httpx.Client, make_nodes: Callable[..., None]
) -> None:
    make_nodes(components_of(sqlite_client).database, 1000)
    page.goto(str(sqlite_client.base_url))
    expect(page.locator("#live")).to_have_text("live")
    nodes = sqlite_client.get(NODES, params={"limit": 1000}).json()["items"]
    for node in nodes[:100]:
        sqlite_client.put(f"{NODES}/{node['id']}/heartbeat")
    expect(page.locator("#count-online")).to_have_text("100", timeout=10_000)
    expect(page.locator("#rows tr")).to_have_count(1000)
    seconds = page.evaluate(
        "() => { const t = performance.now(); count(); return performance.now() - t; }"
    )
    assert seconds < 250
