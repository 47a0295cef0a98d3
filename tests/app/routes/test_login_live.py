"""The login in a real Chromium."""

from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.access.sessions import COOKIE
from app.access.tokens import parse
from app.settings import Settings
from tests.app.conftest import Serve, serving

pytestmark = pytest.mark.browser
TOKEN = "canary-0123456789abcdef"
NODE = {"name": "a", "region": "eu"}


@pytest.fixture
def closed(sqlite_settings: Settings) -> Settings:
    return replace(sqlite_settings, tokens=parse(f"write:ci:{TOKEN}"))


@pytest.fixture
def client(serve: Serve, closed: Settings) -> httpx.Client:
    return serve(closed)


@pytest.fixture
def inside(page: Page, client: httpx.Client) -> Page:
    """The page, live, after a login by keyboard."""
    page.goto(str(client.base_url))
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("live")
    return page


def test_whoever_opens_the_page_is_asked_for_a_token_and_then_sees_it_live(
    page: Page, client: httpx.Client, complaints: list[str]
) -> None:
    page.goto(str(client.base_url))
    expect(page).to_have_url(str(client.base_url.join("/login")))
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(str(client.base_url.join("/")))
    expect(page.locator("#live")).to_have_text("live")
    client.post("/api/v1/nodes", json=NODE, headers={"authorization": f"Bearer {TOKEN}"})
    expect(page.locator("#rows th")).to_have_text(["a"])
    assert complaints == []


def test_a_wrong_token_is_told_and_the_next_may_be_right(page: Page, client: httpx.Client) -> None:
    page.goto(str(client.base_url))
    page.get_by_label("Token").fill("canary-of-yesterday")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This token is not known.")
    expect(page.get_by_label("Token")).to_have_value("")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("live")


def test_no_script_sees_the_session_and_with_it_no_script_changes_anything(inside: Page) -> None:
    assert inside.evaluate("document.cookie") == ""
    ask = "path => fetch(path, {method: 'POST', body: '{}'}).then(answer => answer.status)"
    assert inside.evaluate(ask, "api/v1/nodes") == 401
    assert TOKEN not in str(inside.context.cookies())


def test_after_the_logout_the_page_is_closed(inside: Page, client: httpx.Client) -> None:
    inside.get_by_role("button", name="Log out").click()
    expect(inside.get_by_label("Token")).to_be_visible()
    inside.goto(str(client.base_url))
    expect(inside.get_by_label("Token")).to_be_visible()


def test_a_session_lives_through_a_restart_and_ends_with_its_token(
    page: Page, closed: Settings
) -> None:
    with serving(closed) as client:
        port = client.base_url.port
        assert port
        page.goto(str(client.base_url))
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#live")).to_have_text("live")
    with serving(closed, at=port):
        expect(page.locator("#live")).to_have_text("live", timeout=20_000)
    with serving(replace(closed, tokens=parse("read:another-token-of-ours")), at=port):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.get_by_label("Token")).to_be_visible()


def test_a_page_of_another_origin_on_the_same_host_hears_nothing(
    inside: Page, client: httpx.Client
) -> None:
    """Cookies do not tell ports apart, so this browser sends ours along; origins do."""
    listen = """url => new Promise(resolve => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
    })"""
    url = str(client.base_url.join("/ws/events").copy_with(scheme="ws"))
    assert inside.evaluate(listen, url) == "open"
    inside.route("http://127.0.0.1:1/", lambda route: route.fulfill(body="<p>another site"))
    inside.goto("http://127.0.0.1:1/")
    assert [each["name"] for each in inside.context.cookies("http://127.0.0.1:1/")] == [COOKIE]
    assert inside.evaluate(listen, url) == "refused"
