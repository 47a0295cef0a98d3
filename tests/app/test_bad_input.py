"""What a client may send that no client should: the server says so, and serves on."""

import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.app.conftest import Serve, settings_for
from tests.support.api import API, JSON, NOBODY, is_problem, node, service
from tests.support.postgres import free_port

MEGABYTE = 1 << 20
BODIED = [
    ("POST", f"{API}/nodes"),
    ("POST", f"{API}/services"),
    ("POST", f"{API}/releases"),
    ("POST", f"{API}/deployments"),
    ("PATCH", f"{API}/nodes/{NOBODY}"),
    ("PATCH", f"{API}/services/{NOBODY}"),
    ("PATCH", f"{API}/deployments/{NOBODY}"),
]
NO_JSON = {
    "nothing": b"",
    "half an object": b'{"name": "a"',
    "a comma too many": b'{"name": "a",}',
    "no UTF-8": b'{"name": "\xff"}',
    "a NUL": b"\x00",
    "lists without an end": b"[" * 100_000,
    "deep lists": b"[" * 50_000 + b"]" * 50_000,
    "objects without an end": b'{"a":' * 100_000,
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "a number of 50,000 digits": b'{"name": ' + b"9" * 50_000 + b"}",
    "a huge exponent": b'{"name": 1e999999}',
    "infinity": b'{"name": Infinity}',
    "a list": b"[]",
    "a string": b'"name"',
    "null": b"null",
    "80,000 keys": b"{" + b",".join(b'"%d":0' % i for i in range(80_000)) + b"}",
    "one key twice and one unknown": b'{"name": "a", "name": "b", "nmae": "c"}',
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_a_body_that_makes_no_sense_is_400_or_422_wherever_one_is_taken(
    refusing_client: httpx.Client, body: bytes
) -> None:
    for method, path in BODIED:
        answer = refusing_client.request(method, path, content=body, headers=JSON)
        assert answer.status_code in {400, 422}, (method, path, answer.text[:300])
        is_problem(answer, answer.status_code)
        assert len(answer.content) < 100_000


NUL = "a\x00b"
SURROGATE = "\ud800"


@pytest.mark.parametrize("text", [NUL, SURROGATE], ids=["NUL", "half a surrogate"])
@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("POST", "nodes", {"name": "{}", "region": "x"}),
        ("POST", "nodes", {"name": "n", "region": "{}"}),
        ("POST", "nodes", {"name": "n", "region": "x", "labels": {"a": "{}"}}),
        ("POST", "nodes", {"name": "n", "region": "x", "labels": {"{}": "a"}}),
        ("PATCH", "nodes/{node}", {"region": "{}"}),
        ("POST", "services", {"name": "{}"}),
        ("POST", "services", {"name": "s", "description": "{}"}),
        ("POST", "releases", {"service_id": "{service}", "version": "{}", "image": "x"}),
        ("POST", "releases", {"service_id": "{service}", "version": "1", "image": "{}"}),
        ("POST", "releases", {"service_id": "{}", "version": "1", "image": "x"}),
        ("POST", "deployments", {"node_id": "{node}", "release_id": "{}", "slot": "blue"}),
        ("PATCH", "deployments/{node}", {"state": "failed", "reason": "{}"}),
    ],
)
def test_text_that_postgresql_cannot_hold_is_422_on_either_database(
    api: httpx.Client, method: str, path: str, fields: dict[str, object], text: str
) -> None:
    words = {"{node}": node(api)["id"], "{service}": service(api)["id"]}
    body = json.dumps(fields)
    for name, value in {**words, "{}": json.dumps(text)[1:-1]}.items():
        body, path = body.replace(name, value), path.replace(name, value)
    answer = api.request(method, f"{API}/{path}", content=body, headers=JSON)
    is_problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("resource", ["nodes", "services", "releases", "deployments"])
@pytest.mark.parametrize(
    "asked",
    [
        {"name": NUL},
        {"region": NUL},
        {"label": f"a={NUL}"},
        {"version": NUL},
        {"cursor": NUL},
        {"limit": NUL},
        {NUL: "x"},
    ],
)
def test_a_nul_in_a_question_is_422(
    api: httpx.Client, resource: str, asked: dict[str, str]
) -> None:
    is_problem(api.get(f"{API}/{resource}", params=asked), 422, "invalid-request")


IDS = ["1", "x", "9" * 400, f"{NOBODY}0", "%00", "%FF", "..%2f..%2fetc", "'%20OR%20'1'='1", "-1"]


@pytest.mark.parametrize("wrong", IDS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nodes/{}"),
        ("PUT", "nodes/{}/heartbeat"),
        ("DELETE", "services/{}"),
        ("GET", "releases/{}"),
        ("POST", "deployments/{}/switch"),
    ],
)
def test_an_id_that_is_none_is_422_or_404(
    refusing_client: httpx.Client, method: str, path: str, wrong: str
) -> None:
    answer = refusing_client.request(method, f"{API}/{path.format(wrong)}")
    assert answer.status_code in {404, 422}, answer.text
    is_problem(answer, answer.status_code)


@pytest.mark.parametrize(
    "hostile",
    ["'; DROP TABLE nodes; --", "1' OR '1'='1", "%s %(x)s {x} :x ?", "\\'; SELECT pg_sleep(99)"],
)
def test_sql_in_a_value_is_only_text(api: httpx.Client, hostile: str) -> None:
    made = node(api, region=hostile, labels={"note": hostile})
    for asked in ({"region": hostile}, {"label": f"note={hostile}"}):
        found = api.get(f"{API}/nodes", params={"name": made["name"], **asked}).json()["items"]
        assert [one["region"] for one in found] == [hostile]
    for asked in ({"region": f"{hostile}'"}, {"label": f"note={hostile}'"}):
        found = api.get(f"{API}/nodes", params={"name": made["name"], **asked}).json()["items"]
        assert found == []


def test_a_body_of_100_megabytes_is_413_before_it_is_sent(refusing_client: httpx.Client) -> None:
    for method, path in BODIED:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {100 * MEGABYTE}\r\n\r\n"
        )
        with connected(refusing_client) as client:
            client.sendall(head.encode())
            assert b" 413 " in client.recv(4096)


def test_a_body_of_100_megabytes_that_is_not_declared_is_413_after_one(
    refusing_client: httpx.Client,
) -> None:
    head = (
        f"POST {API}/nodes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with connected(refusing_client) as client:
        client.sendall(head.encode() + chunk * (MEGABYTE // 0x10000 + 1))
        assert b" 413 " in client.recv(4096)
        before = memory()
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(99 * MEGABYTE // 0x10000):
                client.sendall(chunk)
        assert memory() - before < 30 * MEGABYTE


def memory() -> int:
    """Return the most bytes of memory this process, which serves, ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def connected(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=30)


def test_who_never_reads_and_who_never_ends_a_request_keep_no_place(
    serve: Serve, sqlite_settings: Settings
) -> None:
    """More of each than there are places for requests that use the database."""
    client = serve(sqlite_settings)
    for _ in range(3):
        service(client)
    path = f"{API}/services"
    asking = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100
    half = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        'Content-Length: 1000\r\n\r\n{"name": "'
    )
    with ExitStack() as stack:
        for _ in range(2 * sqlite_settings.database_pool_size):
            deaf = stack.enter_context(connected(client))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(asking)
            stack.enter_context(connected(client)).sendall(half.encode())
            stack.enter_context(connected(client)).sendall(half[:20].encode())
        assert len(client.get(path).json()["items"]) == 3
        assert service(client)["name"]


def requests_of_the_description(client: httpx.Client) -> Iterator[tuple[str, str]]:
    described = client.get("/openapi.json").json()
    for path, operations in described["paths"].items():
        if path.startswith(API):
            for method in operations:
                filled = path.replace("{", "").replace("}", "")
                parts = [NOBODY if part.endswith("_id") else part for part in filled.split("/")]
                yield method.upper(), "/".join(parts)


def test_every_operation_is_503_with_retry_after_while_the_database_is_down(
    serve: Serve, tmp_path: Path
) -> None:
    client = serve(settings_for(f"postgresql://u@127.0.0.1:{free_port()}/d", tmp_path))
    bodies = {
        f"{API}/nodes": {"name": "a", "region": "x"},
        f"{API}/services": {"name": "a"},
        f"{API}/releases": {"service_id": NOBODY, "version": "1", "image": "x"},
        f"{API}/deployments": {"node_id": NOBODY, "release_id": NOBODY, "slot": "blue"},
        f"{API}/deployments/{NOBODY}": {"state": "ready"},
    }
    asked = 0
    for method, path in requests_of_the_description(client):
        body = bodies.get(path, {}) if method in {"POST", "PATCH"} else None
        answer = client.request(method, path, json=body)
        is_problem(answer, 503, "database-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        asked += 1
    assert asked > 20
