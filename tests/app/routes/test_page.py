import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.app.conftest import Serve, components_of, settings_for


def is_hidden(page: str, element: str) -> bool:
    found = re.search(rf"<[a-z]+ [^>]*id=\"{element}\"[^>]*>", page)
    assert found, element
    return "hidden" in found.group()


def test_the_page_names_version_build_slot_and_database(
    client: httpx.Client, settings: Settings
) -> None:
    page = client.get("/").text
    name = {"postgres": "PostgreSQL", "sqlite": "SQLite"}[settings.database_backend]
    for shown in ("0123456789ab", ">blue<", f"<dd>{name}</dd>"):
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
    assert 'data-timezone="Asia/Kolkata"' in page
    shown = re.search(r'<time datetime="([^"]+)">([^<]+)</time>', page)
    assert shown
    assert shown.group(1).endswith("+00:00")
    assert shown.group(1)[11:16] != shown.group(2)[11:16]


def test_a_fallback_has_its_banner_with_the_reason(serve: Serve, sqlite_settings: Settings) -> None:
    fallback = replace(sqlite_settings, fallback_active=True, database_reason="refused <by> host")
    page = serve(fallback).get("/").text
    assert "Running on the SQLite fallback" in page
    assert "refused &lt;by&gt; host" in page


def test_without_a_fallback_there_is_no_banner(sqlite_client: httpx.Client) -> None:
    assert "fallback" not in sqlite_client.get("/").text


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
    assert page.count("<tr data-id") == 1000
    assert "the first 1000 only" in page


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
