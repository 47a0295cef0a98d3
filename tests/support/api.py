"""What a client of the API does and sees. Imports nothing of ours."""

import threading
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

API = "/api/v1"
NOBODY = "0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60"
JSON = {"content-type": "application/json"}
TO = {
    "starting": (),
    "ready": ("ready",),
    "live": ("ready", "live"),
    "draining": ("ready", "live", "draining"),
    "stopped": ("ready", "live", "draining", "stopped"),
    "failed": ("failed",),
}

T = TypeVar("T")
Fields = dict[str, Any]


def is_problem(answer: httpx.Response, status: int, kind: str = "") -> Fields:
    """Return the problem an answer tells of; `kind` is the end of its type, if that matters."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: Fields = answer.json()
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["type"].endswith(kind), body
    return body


def unique(word: str) -> str:
    """Return a name that nothing else in a database shared by tests has."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def record(client: httpx.Client, resource: str, **fields: Any) -> Fields:
    """Record one of a resource; return it with its version as `etag`."""
    answer = client.post(f"{API}/{resource}", json=fields)
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "etag": answer.headers["etag"]}


def node(client: httpx.Client, **fields: Any) -> Fields:
    """Record a node."""
    return record(client, "nodes", **{"name": unique("node"), "region": "eu", **fields})


def service(client: httpx.Client, **fields: Any) -> Fields:
    """Record a service."""
    return record(client, "services", **{"name": unique("service"), **fields})


def release(client: httpx.Client, of: Fields | None = None, version: str = "1") -> Fields:
    """Record a release of a service, or of a new one."""
    owner = of or service(client)
    fields = {"service_id": owner["id"], "version": version, "image": f"{owner['name']}:{version}"}
    return record(client, "releases", **fields)


def deployment(
    client: httpx.Client,
    state: str = "starting",
    *,
    on: Fields | None = None,
    of: Fields | None = None,
    slot: str = "blue",
) -> Fields:
    """Bring a deployment to a state, on a node and of a release, or new ones."""
    fields = {
        "node_id": (on or node(client))["id"],
        "release_id": (of or release(client))["id"],
        "slot": slot,
    }
    made = record(client, "deployments", **fields)
    for step in TO[state]:
        answer = client.patch(f"{API}/deployments/{made['id']}", json={"state": step})
        assert answer.status_code == 200, answer.text
        made = {**answer.json(), "etag": answer.headers["etag"]}
    return made


def pair(client: httpx.Client, first: str, second: str) -> tuple[Fields, Fields]:
    """Return deployments of one service on one node, blue and green, in these states."""
    owner, place = service(client), node(client)
    blue = deployment(client, first, on=place, of=release(client, owner, "1"))
    green = deployment(client, second, on=place, of=release(client, owner, "2"), slot="green")
    return blue, green


def events_of(client: httpx.Client, **ids: str) -> list[Fields]:
    """Return the events about a subject, in the order of their commits."""
    items: list[Fields] = []
    asked: Fields = {"limit": 1000}
    while True:
        page = client.get(f"{API}/events", params=asked).json()
        items += page["items"]
        if page["next_cursor"] is None:
            break
        asked["after"] = page["next_cursor"]
    return [item for item in items if ids.items() <= item.items()]


def at_once(client: httpx.Client, number: int, ask: Callable[[httpx.Client, int], T]) -> list[T]:
    """Return what so many clients with connections of their own get, who all ask together."""
    answers: list[T] = []
    start = threading.Barrier(number)

    def run(index: int) -> None:
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            own.get("/health/live")
            start.wait(60)
            answers.append(ask(own, index))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
