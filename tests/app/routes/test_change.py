"""What all changes share: versions, requests sent twice, and what they may consist of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.access.tokens import parse
from app.settings import Settings
from tests.app.conftest import Serve
from tests.support.api import (
    API,
    NOBODY,
    Fields,
    at_once,
    deployment,
    events_of,
    is_problem,
    node,
    release,
    service,
    unique,
)

KEY = "idempotency-key"
REPLAYED = "idempotency-replayed"
MAKERS: dict[str, Callable[..., Fields]] = {
    "nodes": node,
    "services": service,
    "releases": release,
    "deployments": deployment,
}
CHANGES: dict[str, Fields] = {
    "nodes": {"region": "us"},
    "services": {"description": "changed"},
    "deployments": {"state": "ready"},
}
REMOVABLE = ("nodes", "services", "releases")


def new_body(client: httpx.Client, resource: str) -> Fields:
    """Return what a POST needs to make one more of a resource."""
    match resource:
        case "nodes":
            return {"name": unique("node"), "region": "eu", "labels": {"rack": "b7"}}
        case "services":
            return {"name": unique("service")}
        case "releases":
            return {"service_id": service(client)["id"], "version": "1", "image": "x:1"}
    return {"node_id": node(client)["id"], "release_id": release(client)["id"], "slot": "blue"}


@pytest.mark.parametrize("resource", MAKERS)
def test_the_version_is_told_by_every_answer_that_shows_one(
    api: httpx.Client, resource: str
) -> None:
    made = MAKERS[resource](api)
    assert made["etag"].startswith('"')
    read = api.get(f"{API}/{resource}/{made['id']}")
    assert read.headers["etag"] == made["etag"]


@pytest.mark.parametrize("resource", CHANGES)
def test_a_change_meant_for_an_older_version_is_412_and_changes_nothing(
    api: httpx.Client, resource: str
) -> None:
    made = MAKERS[resource](api)
    where, seen = f"{API}/{resource}/{made['id']}", {"if-match": made["etag"]}
    changed = api.patch(where, json=CHANGES[resource], headers=seen)
    assert changed.status_code == 200
    assert changed.headers["etag"] != made["etag"]
    events = events_of(api)
    is_problem(api.patch(where, json=CHANGES[resource], headers=seen), 412, "changed-meanwhile")
    now = api.get(where)
    assert (now.json(), now.headers["etag"]) == (changed.json(), changed.headers["etag"])
    assert events_of(api) == events


@pytest.mark.parametrize("resource", REMOVABLE)
def test_a_removal_may_name_the_version_it_is_meant_for(api: httpx.Client, resource: str) -> None:
    made = MAKERS[resource](api)
    where = f"{API}/{resource}/{made['id']}"
    is_problem(api.delete(where, headers={"if-match": '"other"'}), 412)
    assert api.get(where).status_code == 200
    assert api.delete(where, headers={"if-match": made["etag"]}).status_code == 204


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("*", 200),
        ("{etag}", 200),
        ('"other", {etag}', 200),
        ("W/{etag}", 412),  # weak: never the same, RFC 9110
        ('"other"', 412),
        ("nonsense", 412),
        ("", 412),
        ('"', 412),
    ],
)
def test_if_match_is_read_as_the_standard_says(
    sqlite_client: httpx.Client, named: str, status: int
) -> None:
    made = node(sqlite_client)
    headers = {"if-match": named.format(etag=made["etag"])}
    where = f"{API}/nodes/{made['id']}"
    answer = sqlite_client.patch(where, json={"region": "us"}, headers=headers)
    assert answer.status_code == status


def test_a_heartbeat_leaves_the_version(api: httpx.Client) -> None:
    made = node(api)
    beaten = api.put(f"{API}/nodes/{made['id']}/heartbeat")
    assert beaten.headers["etag"] == made["etag"]


def test_of_twenty_who_change_the_version_they_saw_one_does(api: httpx.Client) -> None:
    made = node(api)

    def change(client: httpx.Client, index: int) -> int:
        headers = {"if-match": made["etag"]}
        body = {"region": f"r{index}"}
        return client.patch(f"{API}/nodes/{made['id']}", json=body, headers=headers).status_code

    assert sorted(at_once(api, 20, change)) == [200] + [412] * 19


@pytest.mark.parametrize("resource", MAKERS)
def test_a_post_sent_twice_under_one_key_is_answered_twice_and_done_once(
    api: httpx.Client, resource: str
) -> None:
    headers, body = {KEY: unique("key")}, new_body(api, resource)
    first = api.post(f"{API}/{resource}", json=body, headers=headers)
    events = events_of(api)
    again = api.post(f"{API}/{resource}", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for name in ("etag", "location", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert events_of(api) == events


def test_a_switch_sent_twice_under_one_key_is_done_once(api: httpx.Client) -> None:
    made = deployment(api, "ready")
    where, headers = f"{API}/deployments/{made['id']}/switch", {KEY: unique("key")}
    first = api.post(where, headers=headers)
    again = api.post(where, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    is_problem(api.post(where), 409)


@pytest.mark.parametrize("changed", ["the body", "the path"])
def test_a_key_that_came_with_another_request_is_422(api: httpx.Client, changed: str) -> None:
    headers, body = {KEY: unique("key")}, new_body(api, "nodes")
    assert api.post(f"{API}/nodes", json=body, headers=headers).status_code == 201
    if changed == "the path":
        path = f"{API}/services"
        other = {"name": unique("service")}
    else:
        path = f"{API}/nodes"
        other = new_body(api, "nodes")
    answer = api.post(path, json=other, headers=headers)
    is_problem(answer, 422, "idempotency-key-reused")
    assert api.get(path, params={"name": other["name"]}).json()["items"] == []


def test_of_twenty_who_send_one_key_at_once_all_get_the_same_answer(api: httpx.Client) -> None:
    headers, body = {KEY: unique("key")}, new_body(api, "nodes")

    def post(client: httpx.Client, _index: int) -> httpx.Response:
        return client.post(f"{API}/nodes", json=body, headers=headers)

    answers = at_once(api, 20, post)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get(REPLAYED) for answer in answers].count("true") == 19
    assert len(events_of(api, node_id=answers[0].json()["id"])) == 1


def test_a_request_that_was_refused_leaves_its_key_free(api: httpx.Client) -> None:
    headers, taken = {KEY: unique("key")}, node(api)
    body = {"name": taken["name"], "region": "eu"}
    is_problem(api.post(f"{API}/nodes", json=body, headers=headers), 409)
    api.delete(f"{API}/nodes/{taken['id']}")
    made = api.post(f"{API}/nodes", json=body, headers=headers)
    assert (made.status_code, REPLAYED in made.headers) == (201, False)


def test_a_key_is_forgotten_after_a_day(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    headers, body = {KEY: unique("key")}, new_body(api, "nodes")
    assert api.post(f"{API}/nodes", json=body, headers=headers).status_code == 201
    monkeypatch.setattr("app.crud.idempotency.KEPT", timedelta(0))
    is_problem(api.post(f"{API}/nodes", json=body, headers=headers), 409, "name-taken")


@pytest.mark.parametrize("key", ["", "x" * 201, "two words", "é"])
def test_a_key_that_is_none_is_422(refusing_client: httpx.Client, key: str) -> None:
    body = {"name": "a", "region": "x"}
    answer = refusing_client.post(f"{API}/nodes", json=body, headers={KEY.encode(): key.encode()})
    is_problem(answer, 422, "invalid-request")


def test_two_clients_may_have_the_same_key(serve: Serve, sqlite_settings: Settings) -> None:
    words = ("write:one:0123456789abcdef-one", "write:two:0123456789abcdef-two")
    client = serve(replace(sqlite_settings, tokens=parse(" ".join(words))))
    for word in words:
        token = {"authorization": f"Bearer {word.split(':')[-1]}", KEY: "1"}
        body = {"name": unique("node"), "region": "x"}
        made = client.post(f"{API}/nodes", json=body, headers=token)
        assert (made.status_code, REPLAYED in made.headers) == (201, False)


BODIED = [("POST", f"{API}/{resource}") for resource in MAKERS] + [
    ("PATCH", f"{API}/{resource}/{NOBODY}") for resource in CHANGES
]


@pytest.mark.parametrize(("method", "path"), BODIED)
@pytest.mark.parametrize(
    "said", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_is_not_said_to_be_json_is_415(
    refusing_client: httpx.Client, method: str, path: str, said: str
) -> None:
    """A browser sends these from a foreign page without asking us first."""
    answer = refusing_client.request(
        method, path, content=b'{"name": "a", "region": "x"}', headers={"content-type": said}
    )
    assert "application/json" in is_problem(answer, 415)["detail"]


@pytest.mark.parametrize(
    "said", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_by_any_of_its_names_is_taken(sqlite_client: httpx.Client, said: str) -> None:
    content = f'{{"name": "{unique("node")}", "region": "x"}}'
    answer = sqlite_client.post(f"{API}/nodes", content=content, headers={"content-type": said})
    assert answer.status_code == 201, answer.text
