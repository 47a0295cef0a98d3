import re
import shlex
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.event import listen

from app.access.tokens import parse
from app.settings import Settings
from tests.app.conftest import Serve, components_of, settings_for
from tests.support.fleet import Fleet


def is_hidden(page: str, element: str) -> bool:
    found = re.search(rf"<[a-z]+ [^>]*id=\"{element}\"[^>]*>", page)
    assert found, element
    return "hidden" in found.group()


def text_of(page: str) -> str:
    """Return what of a page is not markup, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_page_names_version_build_slot_and_database(
    client: httpx.Client, settings: Settings
) -> None:
    page = client.get("/").text
    name = {"postgres": "PostgreSQL", "sqlite": "SQLite"}[settings.database_backend]
    for shown in ("0123456789ab", ">blue<", f'id="database">{name}</dd>'):
        assert shown in page


def test_an_empty_page_shows_a_command_that_works(sqlite_client: httpx.Client) -> None:
    page = sqlite_client.get("/").text
    assert not is_hidden(page, "empty")
    assert is_hidden(page, "table")
    found = re.search(r'id="create-command">(.*?)</code>', page, re.DOTALL)
    assert found
    argv = shlex.split(unescape(found.group(1)).replace("\\\n", " "))
    subprocess.run([*argv, "--fail", "--silent"], check=True, capture_output=True)
    after = sqlite_client.get("/").text
    assert "edge-1" in after
    assert is_hidden(after, "empty")
    assert not is_hidden(after, "table")


def test_the_command_is_safe_to_paste_whatever_the_host_header_says(
    sqlite_client: httpx.Client,
) -> None:
    for host in ("a';touch x;'", "$(id)", "<script>", "a b", "`id`"):
        page = sqlite_client.get("/", headers={"host": host}).text
        assert re.search(r"curl -X POST http://127\.0\.0\.1:\d+/api/v1/nodes", page), host


def test_text_of_a_node_is_never_markup(sqlite_client: httpx.Client) -> None:
    evil = '<script>alert("x")</script>'
    node = {"name": "a", "region": evil, "labels": {"k": evil}}
    assert sqlite_client.post("/api/v1/nodes", json=node).status_code == 201
    page = sqlite_client.get("/").text
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_times_are_shown_in_the_zone_of_tz(serve: Serve, sqlite_settings: Settings) -> None:
    client = serve(replace(sqlite_settings, timezone="Asia/Kolkata"))
    node = client.post("/api/v1/nodes", json={"name": "a", "region": "r"}).json()
    client.put(f"/api/v1/nodes/{node['id']}/heartbeat")
    page = client.get("/").text
    assert "Times in Asia/Kolkata" in page
    shown = re.search(r'<time datetime="([^"]+)">(\d\d:\d\d:\d\d) \+05:30</time>', page)
    assert shown
    assert shown.group(1).endswith("+00:00")
    assert shown.group(1)[11:16] != shown.group(2)[:5]


def test_a_fallback_has_its_banner_with_the_reason(serve: Serve, sqlite_settings: Settings) -> None:
    fallback = replace(sqlite_settings, fallback_active=True, database_reason="refused <by> host")
    page = serve(fallback).get("/").text
    assert "Running on the SQLite fallback" in page
    assert "refused &lt;by&gt; host" in page


def test_without_a_fallback_there_is_no_banner(sqlite_client: httpx.Client) -> None:
    assert "fallback" not in sqlite_client.get("/").text


def test_an_open_service_says_so_and_one_with_tokens_does_not(
    serve: Serve, sqlite_client: httpx.Client, sqlite_settings: Settings
) -> None:
    assert "Open: no tokens" in sqlite_client.get("/").text
    closed = serve(replace(sqlite_settings, tokens=parse("read:me:0123456789abcdef")))
    page = closed.get("/", headers={"authorization": "Bearer 0123456789abcdef"}).text
    assert "EdgePaaS" in page
    assert "Open: no tokens" not in page


def test_what_runs_is_shown_by_node_and_added_up_by_service(client: httpx.Client) -> None:
    fleet = Fleet(client)
    nodes = [fleet.node(name) for name in ("a", "b")]
    old, new = fleet.release("web", "1.0"), fleet.release("web", "1.1")
    for node in nodes:
        fleet.bring(fleet.deployment(node, old, "blue"), "ready", "live")
    fleet.bring(fleet.deployment(nodes[0], new, "green"), "failed")
    fleet.bring(fleet.deployment(nodes[1], new, "green"), "failed")
    fleet.bring(fleet.deployment(nodes[1], new, "green"), "ready")
    text = text_of(client.get("/").text)
    assert "web live 1.0 on 2 nodes ready 1.1 on 1 node failed 1.1 on 1 node" in text
    assert "a offline eu web 1.0 blue live web 1.1 green failed never" in text
    assert "b offline eu web 1.0 blue live web 1.1 green ready never" in text


def test_what_stopped_is_shown_no_more(sqlite_client: httpx.Client) -> None:
    fleet = Fleet(sqlite_client)
    gone = fleet.deployment(fleet.node("a"), fleet.release("web", "1.0"), "blue")
    fleet.bring(gone, "ready", "live", "draining", "stopped")
    text = text_of(sqlite_client.get("/").text)
    assert "web empty empty" in text
    assert "a offline eu nothing never" in text


def test_events_are_told_in_words_the_newest_first(client: httpx.Client) -> None:
    fleet = Fleet(client)
    fleet.deployment(fleet.node("a"), fleet.release("web", "1.0"), "blue")
    told = re.findall(r'class="text">([^<]*)<', client.get("/").text)
    assert told == [
        "web 1.0 starts in blue on a",
        "web 1.0: a new release",
        "web: a new service",
        "a was recorded",
    ]


def test_the_page_takes_as_many_queries_for_many_nodes_as_for_one(client: httpx.Client) -> None:
    database = components_of(client).database
    fleet = Fleet(client)
    release = fleet.release("web", "1.0")
    statements: list[str] = []

    def note(*call: Any) -> None:
        if threading.current_thread().name.startswith("AnyIO"):  # not the count of the fleet
            statements.append(call[2])

    listen(database.engine, "before_cursor_execute", note)
    counts = []
    for number in (1, 20):
        for index in range(number):
            fleet.deployment(fleet.node(f"n-{number}-{index}"), release, "blue")
        statements.clear()
        assert client.get("/").status_code == 200
        counts.append(len([each for each in statements if each.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 6


def test_only_the_nodes_asked_for_are_rendered_but_all_are_counted(
    sqlite_client: httpx.Client,
) -> None:
    fleet = Fleet(sqlite_client)
    ids = [fleet.node(name) for name in ("a", "b", "c")]
    page = sqlite_client.get("/", params={"only": f"{ids[1]},nonsense"}).text
    assert re.findall(r'data-name="([^"]+)"', page) == ["b"]
    assert 'id="count-offline">3<' in page
    assert 'data-name="' not in sqlite_client.get("/", params={"only": ""}).text


def test_a_page_of_a_thousand_nodes_travels_in_few_bytes(
    sqlite_client: httpx.Client, make_nodes: Callable[..., None]
) -> None:
    make_nodes(components_of(sqlite_client).database, 1000)
    with sqlite_client.stream("GET", "/") as answer:
        size = sum(map(len, answer.iter_raw()))
    assert answer.headers["content-encoding"] == "gzip"
    assert size < 60_000
    plain = sqlite_client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text.count("<tr data-key") == 1000


def test_without_tables_the_page_says_what_to_run(
    serve: Serve, empty_database_url: str, tmp_path: Path
) -> None:
    answer = serve(settings_for(empty_database_url, tmp_path)).get("/")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "alembic -c app/alembic.ini upgrade head" in answer.text
    assert is_hidden(answer.text, "empty")


def test_without_a_database_the_page_says_so(serve: Serve, tmp_path: Path) -> None:
    answer = serve(settings_for("postgresql://u@127.0.0.1:1/d", tmp_path)).get("/")
    assert answer.status_code == 503
    assert "the database does not answer" in answer.text


def test_the_page_asks_nobody_else_for_anything(sqlite_client: httpx.Client) -> None:
    page = sqlite_client.get("/").text
    assets = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert assets
    for asset in assets:
        assert not asset.startswith(("http", "//", "/")), asset
        assert sqlite_client.get(f"/{asset}").status_code == 200, asset
    assert not re.search(r"<script>|<style|style=|\son[a-z]+=", page)


def test_a_thousand_nodes_are_shown_and_one_more_is_told(
    sqlite_client: httpx.Client, make_nodes: Callable[..., None]
) -> None:
    make_nodes(components_of(sqlite_client).database, 1001)
    page = sqlite_client.get("/").text
    assert page.count("<tr data-key") == 1000
    assert "The first 1,000 by name of 1,001" in page


@pytest.mark.parametrize(
    "path",
    [
        "/static/../main.py",
        "/static/%2e%2e/main.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
    ],
)
def test_nothing_but_static_files_is_served(sqlite_client: httpx.Client, path: str) -> None:
    assert sqlite_client.get(path).status_code in {404, 405}


def test_static_files_are_asked_for_again_but_not_sent_again(sqlite_client: httpx.Client) -> None:
    first = sqlite_client.get("/static/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = sqlite_client.get("/static/app.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
