import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.settings import Settings
from tests.app.conftest import Serve, components_of, settings_for
from tests.support.api import is_problem
from tests.support.postgres import free_port

NODES = "/api/v1/nodes"
EDGE = {"name": "edge-1", "region": "eu-west", "labels": {"rack": "b7"}}
NOBODY = "0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60"
LARGER_THAN_ALLOWED = (1 << 20) + 1


def created(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(NODES, json={**EDGE, **fields})
    assert answer.status_code == 201, answer.text
    node: dict[str, Any] = answer.json()
    return node


def test_a_node_is_created_read_changed_and_deleted(client: httpx.Client) -> None:
    answer = client.post(NODES, json=EDGE)
    assert answer.status_code == 201
    node = answer.json()
    assert uuid.UUID(node["id"]).version == 7
    assert answer.headers["location"] == f"{NODES}/{node['id']}"
    assert {key: node[key] for key in EDGE} == EDGE
    assert (node["status"], node["heartbeat_at"]) == ("offline", None)

    where = answer.headers["location"]
    assert client.get(where).json() == node
    changed = client.patch(where, json={"region": "eu-north", "labels": {}}).json()
    assert (changed["name"], changed["region"], changed["labels"]) == ("edge-1", "eu-north", {})
    assert changed["updated_at"] > node["updated_at"]
    assert changed["created_at"] == node["created_at"]

    gone = client.delete(where)
    assert (gone.status_code, gone.content) == (204, b"")
    is_problem(client.get(where), 404)


def test_a_heartbeat_makes_a_node_online(client: httpx.Client) -> None:
    node = created(client)
    beaten = client.put(f"{NODES}/{node['id']}/heartbeat").json()
    assert beaten["status"] == "online"
    age = datetime.now(UTC) - datetime.fromisoformat(beaten["heartbeat_at"])
    assert timedelta(0) <= age < timedelta(seconds=30)
    assert beaten["updated_at"] == node["updated_at"]


@pytest.mark.parametrize(
    ("late", "offline", "status"), [(60, 300, "online"), (0, 300, "late"), (0, 0, "offline")]
)
def test_the_status_follows_from_the_age_of_the_heartbeat(
    serve: Serve, sqlite_settings: Settings, late: int, offline: int, status: str
) -> None:
    settings = replace(
        sqlite_settings,
        node_late_after=timedelta(seconds=late),
        node_offline_after=timedelta(seconds=offline),
    )
    client = serve(settings)
    node = created(client)
    client.put(f"{NODES}/{node['id']}/heartbeat")
    assert client.get(f"{NODES}/{node['id']}").json()["status"] == status


def test_every_time_is_utc_with_its_offset(client: httpx.Client) -> None:
    node = created(client)
    for name in ("created_at", "updated_at"):
        moment = datetime.fromisoformat(node[name])
        assert moment.utcoffset() == timedelta(0), name


def test_the_pages_hold_every_node_once_in_the_order_of_their_making(client: httpx.Client) -> None:
    names = [created(client, name=f"edge-{number}")["name"] for number in (3, 1, 2, 5, 4)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    pages = 0
    while True:
        page = client.get(NODES, params=query).json()
        seen += [node["name"] for node in page["items"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert (seen, pages) == (names, 3)


def test_an_empty_list_has_no_next_page(client: httpx.Client) -> None:
    assert client.get(NODES).json() == {"items": [], "next_cursor": None}


def test_a_name_is_given_once(client: httpx.Client) -> None:
    created(client)
    other = created(client, name="edge-2")
    assert "edge-1" in is_problem(client.post(NODES, json=EDGE), 409)["detail"]
    renamed = client.patch(f"{NODES}/{other['id']}", json={"name": "edge-1"})
    is_problem(renamed, 409)
    assert client.get(f"{NODES}/{other['id']}").json()["name"] == "edge-2"


def test_of_twenty_who_want_one_name_one_gets_it(client: httpx.Client) -> None:
    statuses: list[int] = []

    def post() -> None:
        with httpx.Client(base_url=client.base_url, timeout=30) as own:
            statuses.append(own.post(NODES, json=EDGE).status_code)

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 19


def test_heartbeats_and_a_deletion_at_once_never_fail_otherwise_than_404(
    client: httpx.Client,
) -> None:
    node = created(client)
    statuses: set[int] = set()

    def beat() -> None:
        with httpx.Client(base_url=client.base_url, timeout=30) as own:
            for _ in range(10):
                statuses.add(own.put(f"{NODES}/{node['id']}/heartbeat").status_code)

    threads = [threading.Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert client.delete(f"{NODES}/{node['id']}").status_code == 204
    for thread in threads:
        thread.join()
    assert statuses <= {200, 404}


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "PUT"])
def test_a_node_nobody_recorded_is_404(client: httpx.Client, method: str) -> None:
    path = f"{NODES}/{NOBODY}" + ("/heartbeat" if method == "PUT" else "")
    body = {"region": "x"} if method == "PATCH" else None
    assert NOBODY in is_problem(client.request(method, path, json=body), 404)["detail"]


BAD_BODIES = {
    "no body": b"",
    "not json": b"{",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "no name": b'{"region": "x"}',
    "an unknown field": b'{"name": "a", "region": "x", "nmae": "b"}',
    "a NUL in the name": b'{"name": "a\\u0000b", "region": "x"}',
    "a NUL in the region": b'{"name": "a", "region": "x\\u0000y"}',
    "a NUL in a label": b'{"name": "a", "region": "x", "labels": {"a": "\\u0000"}}',
    "a NUL in a label's name": b'{"name": "a", "region": "x", "labels": {"\\u0000": "a"}}',
    "half a surrogate": b'{"name": "a", "region": "\\ud800"}',
    "half a surrogate as a label": b'{"name": "a", "region": "x", "labels": {"\\udfff": "a"}}',
    "half a surrogate as a field": b'{"name": "a", "region": "x", "\\ud800": 1}',
    "sql for a name": b'{"name": "a\'); DROP TABLE nodes;--", "region": "x"}',
    "a huge number for a name": b'{"name": ' + b"9" * 4000 + b', "region": "x"}',
    "a number too long to read": b'{"name": ' + b"9" * 50_000 + b', "region": "x"}',
    "infinity": b'{"name": Infinity, "region": NaN}',
    "an empty region": b'{"name": "a", "region": "   "}',
    "a long name": b'{"name": "' + b"a" * 64 + b'", "region": "x"}',
    "a nested label": b'{"name": "a", "region": "x", "labels": {"a": {"b": "c"}}}',
    "too many labels": json.dumps(
        {"name": "a", "region": "x", "labels": {f"l{i}": "" for i in range(33)}}
    ).encode(),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_the_clients_fault(refusing_client: httpx.Client, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = refusing_client.post(NODES, content=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    is_problem(answer, answer.status_code)
    assert refusing_client.get(NODES).json()["items"] == []


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe\x00"])
def test_json_that_cannot_be_parsed_is_400_or_422(
    refusing_client: httpx.Client, body: bytes
) -> None:
    answer = refusing_client.post(NODES, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    is_problem(answer, answer.status_code)


def test_the_wrong_value_is_named_but_not_repeated(refusing_client: httpx.Client) -> None:
    body = {"name": "s3cret value", "region": "x", "labels": {"a/b": 1}}
    problem = is_problem(refusing_client.post(NODES, json=body), 422)
    assert [wrong["pointer"] for wrong in problem["errors"]] == ["/name", "/labels/a~1b"]
    assert "s3cret" not in json.dumps(problem)


def test_text_comes_back_as_it_was_sent(client: httpx.Client) -> None:
    text_of_all_kinds = "'; DROP TABLE nodes; -- %s {x} \\ 🛰 <b>é</b>"
    node = created(client, region=text_of_all_kinds, labels={"note": text_of_all_kinds})
    assert node["region"] == text_of_all_kinds
    assert client.get(f"{NODES}/{node['id']}").json() == node


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "9" * 400, "1e3", "x", ""])
def test_a_limit_out_of_bounds_is_422(refusing_client: httpx.Client, limit: str) -> None:
    is_problem(refusing_client.get(NODES, params={"limit": limit}), 422)


@pytest.mark.parametrize("cursor", ["x", "!", "é", "A" * 21, "A" * 23, "A" * 500, "\0", "="])
def test_a_cursor_we_did_not_make_is_422(refusing_client: httpx.Client, cursor: str) -> None:
    is_problem(refusing_client.get(NODES, params={"cursor": cursor}), 422)


@pytest.mark.parametrize("wrong", ["1", "x", "9" * 400, f"{NOBODY}0", "%00", "'%20OR%201=1"])
def test_an_id_that_is_no_uuid_is_422(refusing_client: httpx.Client, wrong: str) -> None:
    is_problem(refusing_client.get(f"{NODES}/{wrong}"), 422)


def test_a_declared_body_that_is_too_large_is_413(refusing_client: httpx.Client) -> None:
    body = b" " * LARGER_THAN_ALLOWED
    answer = refusing_client.post(NODES, content=body, headers={"content-type": "application/json"})
    is_problem(answer, 413)
    assert "content-security-policy" in answer.headers


def test_an_undeclared_body_that_grows_too_large_is_413(refusing_client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * (1 << 16)

    answer = refusing_client.post(
        NODES, content=chunks(), headers={"content-type": "application/json"}
    )
    is_problem(answer, 413)


def test_an_empty_change_changes_nothing_but_the_time(client: httpx.Client) -> None:
    node = created(client)
    changed = client.patch(f"{NODES}/{node['id']}", json={}).json()
    assert {**changed, "updated_at": None} == {**node, "updated_at": None}


@pytest.mark.parametrize("field", ["name", "region", "labels"])
def test_null_is_not_a_value(sqlite_client: httpx.Client, field: str) -> None:
    node = created(sqlite_client)
    is_problem(sqlite_client.patch(f"{NODES}/{node['id']}", json={field: None}), 422)


def test_a_missing_schema_is_503_and_says_what_to_run(
    serve: Serve, empty_database_url: str, tmp_path: Path
) -> None:
    client = serve(settings_for(empty_database_url, tmp_path))
    answer = client.get(NODES)
    assert "alembic -c app/alembic.ini upgrade head" in is_problem(answer, 503)["detail"]
    assert answer.headers["retry-after"] == "5"
    is_problem(client.post(NODES, json=EDGE), 503)


def test_a_database_that_is_down_is_503_without_its_password(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d"
    client = serve(settings_for(url, tmp_path))
    answer = client.post(NODES, json=EDGE)
    is_problem(answer, 503)
    assert answer.headers["retry-after"] == "5"
    assert "refused" in caplog.text
    assert "hunter2" not in caplog.text + answer.text


def test_when_every_connection_is_in_use_the_answer_is_503_in_bounded_time(
    serve: Serve, settings: Settings
) -> None:
    small = replace(settings, database_pool_size=1, database_wait=0.2)
    client = serve(small)
    with components_of(client).database.reading() as session:
        session.execute(text("SELECT 1"))
        is_problem(client.get(NODES), 503)
        assert client.get("/health/ready").status_code == 200
    assert client.get(NODES).status_code == 200


def test_an_error_nobody_foresaw_is_500_with_its_id_in_the_log(
    sqlite_client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*args: object, **more: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("app.crud.nodes.list_page", fail)
    answer = sqlite_client.get(NODES, headers={"x-request-id": "my-id"})
    problem = is_problem(answer, 500)
    assert problem["request_id"] == "my-id"
    assert "secret detail" not in answer.text
    assert "content-security-policy" in answer.headers
    records = [record for record in caplog.records if record.exc_info]
    assert len(records) == 1
    assert vars(records[0])["fields"]["request_id"] == "my-id"


def test_a_thousand_nodes_fit_on_one_page(
    client: httpx.Client, make_nodes: Callable[..., None]
) -> None:
    make_nodes(components_of(client).database, 1000)
    page = client.get(NODES, params={"limit": 1000}).json()
    assert (len(page["items"]), page["next_cursor"]) == (1000, None)
