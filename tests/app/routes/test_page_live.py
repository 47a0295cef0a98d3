"""The page in a real Chromium."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from alembic import command
from playwright.sync_api import Browser, Page, expect

from app.settings import Settings
from tests.app.conftest import Serve, alembic_config, components_of, serving, settings_for
from tests.support.fleet import Fleet
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser
NODES = "/api/v1/nodes"
BACK = 30_000
WATCH = """
() => {
  window.changed = new Set();
  new MutationObserver((records) => {
    for (const { target } of records) changed.add(target.closest("tr")?.dataset.name ?? target.id);
  }).observe(document.getElementById("rows"), { childList: true, subtree: true, attributes: true });
}
"""
LONG_TASKS = """
() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  }).observe({ type: "longtask" });
}
"""
# WCAG's contrast of every text on what is painted behind it, in whatever notation colours come.
CONTRASTS = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const painted = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const low = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) {
      behind.unshift(getComputedStyle(at).backgroundColor);
    }
    const ground = luminance(painted(behind));
    const ink = luminance(painted([...behind, getComputedStyle(element).color]));
    const ratio = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
    if (ratio < 4.5) low.push(`${texts.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return low;
}
"""


@pytest.fixture
def fleet(sqlite_client: httpx.Client) -> Fleet:
    return Fleet(sqlite_client)


@pytest.fixture
def own_server(new_postgres_server: Callable[..., PostgresServer]) -> PostgresServer:
    """A running server that a test may kill."""
    server = new_postgres_server()
    server.start()
    return server


@pytest.fixture
def mortal(serve: Serve, own_server: PostgresServer, tmp_path: Path) -> httpx.Client:
    """A client of an app on that server."""
    url = own_server.url(own_server.new_database())
    command.upgrade(alembic_config(url), "head")
    return serve(settings_for(url, tmp_path))


@pytest.fixture
def shown(page: Page, sqlite_client: httpx.Client, complaints: list[str]) -> Iterator[Page]:
    """The page, live; nothing may have been complained about when the test is over."""
    open_live(page, sqlite_client)
    yield page
    assert complaints == []


def open_live(page: Page, client: httpx.Client) -> None:
    page.goto(str(client.base_url))
    expect(page.locator("#live")).to_have_text("live")


def told(page: Page) -> list[str]:
    return page.locator("#feed .text").all_text_contents()


def test_a_new_node_appears_by_itself_in_the_place_of_its_name(shown: Page, fleet: Fleet) -> None:
    expect(shown.locator("#empty")).to_be_visible()
    for name in ("b", "c", "a"):
        fleet.node(name)
    expect(shown.locator("#rows th")).to_have_text(["a", "b", "c"])
    expect(shown.locator("#empty")).to_be_hidden()
    expect(shown.locator("#count-offline")).to_have_text("3")
    expect(shown).to_have_title("3 need attention · EdgePaaS")


def test_changes_and_deletions_are_shown_by_themselves(
    shown: Page, sqlite_client: httpx.Client, fleet: Fleet
) -> None:
    node = fleet.node("a", labels={"rack": "b7", "spare": ""})
    row = shown.locator("#rows tr")
    expect(row.locator(".status")).to_have_text("offline")
    fleet.beat(node)
    expect(row.locator(".status")).to_have_text("online")
    expect(shown.locator("#count-online")).to_have_text("1")
    expect(row.locator("time")).to_be_visible()
    assert row.locator(".label").all_text_contents() == ["rack=b7", "spare"]
    sqlite_client.patch(f"{NODES}/{node}", json={"name": "z"})
    expect(row.locator("th")).to_have_text("z")
    sqlite_client.delete(f"{NODES}/{node}")
    expect(row).to_have_count(0)
    expect(shown.locator("#empty")).to_be_visible()
    assert told(shown)[:2] == ["z was removed", "z was changed"]


def test_a_switch_made_at_another_server_is_shown(
    page: Page,
    serve: Serve,
    client: httpx.Client,
    settings: Settings,
    complaints: list[str],
) -> None:
    fleet = Fleet(serve(settings))
    node = fleet.node("a")
    old, new = (fleet.release("web", version) for version in ("1.0", "1.1"))
    live = fleet.deployment(node, old, "blue")
    fleet.bring(live, "ready", "live")
    open_live(page, client)
    expect(page.locator(".place")).to_have_text(["web 1.0 blue live"])
    green = fleet.deployment(node, new, "green")
    expect(page.locator(".place")).to_have_text(["web 1.0 blue live", "web 1.1 green starting"])
    fleet.bring(green, "ready")
    fleet.bring(live, "draining")
    fleet.bring(green, "live")
    expect(page.locator(".place")).to_have_text(["web 1.0 blue draining", "web 1.1 green live"])
    service = page.get_by_role("table", name="Services").get_by_role("row", name="web")
    expect(service.get_by_role("cell")).to_have_text(
        ["draining 1.0 on 1 node", "live 1.1 on 1 node"]
    )
    expect(page.locator("#feed .text").first).to_have_text("web 1.1 is live in green on a")
    assert complaints == []


def test_text_of_a_node_that_arrives_live_is_never_markup(shown: Page, fleet: Fleet) -> None:
    evil = "<img src=x onerror=alert(1)>"
    fleet.node("a", region=evil, labels={"k": evil})
    expect(shown.locator("#rows td").nth(1)).to_have_text(f"{evil}k={evil}")
    assert shown.locator("#rows img").count() == 0


def test_what_a_script_made_is_what_the_server_makes(shown: Page, fleet: Fleet) -> None:
    node = fleet.node("a", labels={"rack": "b7", "spare": ""})
    fleet.beat(node)
    fleet.deployment(node, fleet.release("web", "1.0"), "blue")
    expect(shown.locator("#feed li")).to_have_count(5)
    expect(shown.locator(".place")).to_be_visible()
    markup = "rows => rows.map(row => row.outerHTML)"
    live = shown.locator("#rows tr, #feed li").evaluate_all(markup)
    shown.route("**/app.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    shown.reload()
    assert shown.locator("#rows tr, #feed li").evaluate_all(markup) == live
    shown.unroute_all()


def test_without_scripts_everything_is_there(browser: Browser, sqlite_client: httpx.Client) -> None:
    fleet = Fleet(sqlite_client)
    fleet.deployment(fleet.node("a"), fleet.release("web", "1.0"), "blue")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(str(sqlite_client.base_url))
    expect(page.locator("#rows th")).to_have_text(["a"])
    expect(page.locator(".place")).to_have_text(["web 1.0 blue starting"])
    expect(page.locator("#feed li")).to_have_count(4)
    expect(page.get_by_role("search")).to_be_hidden()
    expect(page.get_by_role("status").first).to_have_text("off")
    context.close()


def test_a_status_ages_while_nothing_is_heard(
    page: Page, serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(replace(sqlite_settings, node_late_after=timedelta(seconds=1)))
    fleet = Fleet(client)
    fleet.beat(fleet.node("a"))
    page.clock.install()
    open_live(page, client)
    expect(page.locator("#rows .status")).to_have_text("online")

    def is_late() -> bool:
        page.clock.run_for(21_000)
        return page.locator("#rows .status").text_content() == "late"

    wait_until(is_late, 15, "a late node")
    expect(page.locator("#count-late")).to_have_text("1")


def test_after_a_restart_the_page_finds_back_and_takes_up_what_it_missed(
    page: Page, sqlite_settings: Settings
) -> None:
    with ExitStack() as first:
        client = first.enter_context(serving(sqlite_settings))
        port = client.base_url.port
        assert port is not None
        Fleet(client).node("before")
        open_live(page, client)
        first.close()
        expect(page.locator("#live")).to_have_text("reconnecting")
        expect(page.locator("#rows th")).to_have_text(["before"])
    with serving(sqlite_settings) as elsewhere:
        fleet = Fleet(elsewhere)
        for number in range(70):
            fleet.node(f"missed-{number:02}")
    other = replace(sqlite_settings, slot="green", build_id="f00")
    resumed: list[str] = []
    page.on("websocket", lambda socket: resumed.append(socket.url))
    with serving(other, at=port):
        expect(page.locator("#live")).to_have_text("live", timeout=BACK)
        expect(page.locator("#rows tr")).to_have_count(71)
        expect(page.locator("#slot")).to_have_text("green")
        expect(page.locator("#build")).to_have_text("f00")
        expect(page.get_by_role("heading", name="Another build answers now")).to_be_visible()
    assert all("?after=" in url for url in resumed)


@pytest.mark.postgres
def test_the_banner_comes_with_an_outage_and_goes_with_it(
    page: Page, mortal: httpx.Client, own_server: PostgresServer
) -> None:
    fleet = Fleet(mortal)
    fleet.node("before")
    open_live(page, mortal)
    own_server.kill()
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("The database cannot serve", timeout=BACK)
    expect(banner).to_contain_text("What is shown is as of 20")
    expect(page.locator("#live")).to_have_text("waiting for the database")
    expect(page.locator("#rows th")).to_have_text(["before"])
    own_server.start()
    expect(banner).to_be_hidden(timeout=BACK)
    fleet.node("after")
    expect(page.locator("#rows th")).to_have_text(["after", "before"], timeout=BACK)
    expect(page.locator("#live")).to_have_text("live")


@pytest.mark.postgres
def test_a_page_opened_during_an_outage_fills_itself_when_it_is_over(
    page: Page, mortal: httpx.Client, own_server: PostgresServer
) -> None:
    Fleet(mortal).node("a")
    own_server.kill()
    answer = page.goto(str(mortal.base_url))
    assert answer
    assert answer.status == 503
    expect(page).to_have_title("No database · EdgePaaS")
    expect(page.get_by_role("alert")).to_contain_text("the database does not answer")
    expect(page.get_by_role("region", name="Nodes")).to_contain_text("Not known while")
    own_server.start()
    expect(page.locator("#rows th")).to_have_text(["a"], timeout=BACK)
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator("#unknown")).to_have_count(0)


def test_the_keyboard_reaches_the_nodes_first_and_sees_where_it_is(
    shown: Page, fleet: Fleet
) -> None:
    fleet.node("a")
    expect(shown.get_by_role("search")).to_be_visible()
    shown.keyboard.press("Tab")
    skip = shown.locator(":focus")
    expect(skip).to_have_text("Skip to the nodes")
    expect(skip).to_be_in_viewport()
    shown.keyboard.press("Enter")
    expect(shown.locator("#nodes")).to_be_focused()
    shown.keyboard.press("Tab")
    search = shown.get_by_role("searchbox", name="Filter")
    expect(search).to_be_focused()
    assert search.evaluate("field => getComputedStyle(field).outlineStyle") == "solid"
    shown.keyboard.press("Tab")
    expect(shown.get_by_role("checkbox", name="needs attention")).to_be_focused()


def test_the_command_is_copied_by_its_button(shown: Page, sqlite_client: httpx.Client) -> None:
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.get_by_role("button", name="Copy").click()
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied == shown.locator("#create-command").text_content()
    assert str(sqlite_client.base_url).rstrip("/") in copied


@pytest.mark.parametrize("width", [1280, 390])
def test_landmarks_headings_and_tables_have_names_on_a_desk_and_on_a_phone(
    page: Page, sqlite_client: httpx.Client, fleet: Fleet, width: int
) -> None:
    fleet.deployment(fleet.node("a"), fleet.release("web", "1.0"), "green")
    page.set_viewport_size({"width": width, "height": 800})
    open_live(page, sqlite_client)
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_be_visible()
    expect(page.get_by_role("main")).to_match_aria_snapshot("""
        - main:
          - heading "The fleet" [level=1]
          - region "Services":
            - heading "Services" [level=2]
            - table "Services":
              - rowgroup:
                - row "Service blue green":
                  - columnheader "Service"
                  - columnheader "blue"
                  - columnheader "green"
              - rowgroup:
                - row /web/:
                  - rowheader "web"
                  - cell "empty"
                  - cell "starting 1.0 on 1 node"
          - region "Events":
            - heading "Events" [level=2]
            - list "Events"
          - region "Nodes":
            - heading "Nodes" [level=2]
            - search "Nodes":
              - searchbox "Filter"
              - checkbox "needs attention"
            - table "Nodes":
              - rowgroup:
                - row "Node Status Region, labels Runs Last heartbeat"
              - rowgroup:
                - row /a offline eu/:
                  - rowheader "a"
                  - cell "offline"
                  - cell "eu"
                  - cell "web 1.0 green starting":
                    - list:
                      - listitem: web 1.0 green starting
                  - cell "never"
    """)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_screen_reader_is_told_of_many_events_in_one_sentence(
    page: Page, sqlite_client: httpx.Client, fleet: Fleet
) -> None:
    page.clock.install()
    open_live(page, sqlite_client)
    for name in ("a", "b", "c"):
        fleet.node(name)
    for _ in range(20):
        page.clock.run_for(100)
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(page.locator("#told")).to_be_empty()
    page.clock.run_for(16_000)
    expect(page.locator("#told")).to_have_text("3 events, the newest: c was recorded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_of_wcag_aa(
    browser: Browser, serve: Serve, sqlite_settings: Settings, scheme: str
) -> None:
    client = serve(replace(sqlite_settings, fallback_active=True, slot="blue"))
    fleet = Fleet(client)
    node = fleet.node("a", labels={"rack": "b7"})
    fleet.beat(fleet.node("b"))
    release = fleet.release("web", "1.0")
    for service, states in (
        ("starting", ()),
        ("ready", ("ready",)),
        ("live", ("ready", "live")),
        ("draining", ("ready", "live", "draining")),
        ("failed", ("failed",)),
    ):
        release = fleet.release(service, "1.0")
        fleet.bring(fleet.deployment(node, release, "green"), *states)
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    open_live(page, client)
    assert page.evaluate(CONTRASTS) == []
    page.close()


def test_the_filter_shows_what_is_looked_for_also_of_what_arrives(
    shown: Page, fleet: Fleet
) -> None:
    fleet.beat(fleet.node("edge-1", region="eu-west"))
    fleet.node("edge-2", region="us-east")
    search = shown.get_by_role("searchbox", name="Filter")
    expect(shown.locator("#rows tr")).to_have_count(2)
    search.fill("EU edge")
    expect(shown.get_by_role("rowheader", name="edge-")).to_have_text(["edge-1"])
    expect(shown.locator("#matches")).to_have_text("1 of 2")
    fleet.node("edge-3", region="eu-north")
    expect(shown.locator("#matches")).to_have_text("2 of 3")
    shown.get_by_role("checkbox", name="needs attention").check()
    expect(shown.get_by_role("rowheader", name="edge-")).to_have_text(["edge-3"])


def test_a_thousand_nodes_stay_quick_and_only_rows_that_changed_are_touched(
    shown: Page, sqlite_client: httpx.Client, make_nodes: Callable[..., None], fleet: Fleet
) -> None:
    make_nodes(components_of(sqlite_client).database, 1000)
    open_live(shown, sqlite_client)
    expect(shown.locator("#rows tr")).to_have_count(1000)
    shown.evaluate(WATCH)
    shown.evaluate(LONG_TASKS)
    nodes = sqlite_client.get(NODES, params={"limit": 1000}).json()["items"]
    beaten = {node["name"] for node in nodes[100:120]}
    for node in nodes[100:120]:
        fleet.beat(node["id"])
    expect(shown.locator("#count-online")).to_have_text("20")
    expect(shown.locator("#rows .online")).to_have_count(20)
    assert set(shown.evaluate("[...changed]")) == beaten
    assert shown.evaluate("longest") < 500


def test_reading_all_of_a_thousand_nodes_anew_touches_none_that_is_the_same(
    page: Page, sqlite_client: httpx.Client, make_nodes: Callable[..., None], fleet: Fleet
) -> None:
    make_nodes(components_of(sqlite_client).database, 1000)
    page.clock.install()
    open_live(page, sqlite_client)
    page.evaluate(WATCH)
    beaten = sqlite_client.get(NODES, params={"limit": 1}).json()["items"][0]
    before = page.locator("#moment").text_content() or ""
    page.clock.run_for(21_000)
    page.clock.run_for(21_000)
    expect(page.locator("#moment")).not_to_have_text(before)
    assert page.evaluate("[...changed]") == []
    fleet.beat(beaten["id"])
    page.clock.run_for(1_000)
    expect(page.locator("#rows .online")).to_have_count(1)
    assert page.evaluate("[...changed]") == [beaten["name"]]
