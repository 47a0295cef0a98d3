"""The first page of a running container, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from scripts.checkout import build_directory
from tests.support import nodes
from tests.support.container import Container
from tests.support.image_fixtures import Run

pytestmark = [pytest.mark.browser, pytest.mark.engine]
LIVE_MILLISECONDS = 5000


@pytest.fixture
def fresh(run: Run, image: str) -> Container:
    """A ready container without data.

    One worker: a worker tells the pages connected to it of the changes it makes itself.
    """
    return run(image, env={"SLOT": "blue", "WEB_CONCURRENCY": "1"}).ready()


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page whose console must stay without a complaint."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", hear)
    yield page
    assert not complaints


def test_the_first_page_is_empty_and_a_node_made_through_the_api_appears_live(
    fresh: Container, quiet_page: Page
) -> None:
    quiet_page.goto(fresh.url("/"))
    expect(quiet_page).to_have_title("EdgePaaS")
    expect(quiet_page.get_by_text("No node yet")).to_be_visible()
    nodes.add(fresh, "edge-berlin-1")
    row = quiet_page.get_by_role("row").filter(has_text="edge-berlin-1")
    expect(row).to_be_visible(timeout=LIVE_MILLISECONDS)
    expect(row).to_contain_text("eu-west")
    expect(quiet_page.get_by_text("No node yet")).to_be_hidden()
    quiet_page.screenshot(path=build_directory() / "first-page.png", full_page=True)
    quiet_page.reload()
    expect(row).to_be_visible()


def test_the_page_tells_the_slot_and_the_database(fresh: Container, quiet_page: Page) -> None:
    quiet_page.goto(fresh.url("/"))
    expect(quiet_page.locator("body")).to_contain_text("blue")
    expect(quiet_page.locator("body")).to_contain_text("SQLite")
