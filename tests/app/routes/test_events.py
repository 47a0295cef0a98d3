"""/api/v1/events, and that every change writes its event in the same transaction."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.access.tokens import parse
from app.settings import Settings
from tests.app.conftest import Serve, components_of
from tests.support.api import (
    API,
    NOBODY,
    Fields,
    deployment,
    events_of,
    is_problem,
    node,
    pair,
    record,
    release,
    service,
    unique,
)

EVENTS = f"{API}/events"


def kinds(events: list[Fields]) -> list[str]:
    return [event["kind"] for event in events]


def test_what_happens_to_a_node_is_told(api: httpx.Client) -> None:
    made = node(api, labels={"rack": "b7"})
    where = f"{API}/nodes/{made['id']}"
    api.patch(where, json={"region": "us"})
    api.put(f"{where}/heartbeat")
    api.put(f"{where}/heartbeat")
    api.delete(where)
    told = events_of(api, node_id=made["id"])
    assert kinds(told) == ["node.created", "node.updated", "node.online", "node.deleted"]
    assert told[0]["payload"] == {
        "by": "anybody",
        "name": made["name"],
        "region": "eu",
        "labels": {"rack": "b7"},
        "heartbeat_at": None,
    }
    assert told[1]["payload"]["region"] == "us"
    for event in told:
        at = datetime.fromisoformat(event["at"])
        assert timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=5)
        assert at.utcoffset() == timedelta(0)


def test_what_happens_to_a_service_and_its_releases_is_told(api: httpx.Client) -> None:
    owner = service(api, description="takes the money")
    api.patch(f"{API}/services/{owner['id']}", json={"description": ""})
    made = release(api, owner, "1.0")
    api.delete(f"{API}/releases/{made['id']}")
    api.delete(f"{API}/services/{owner['id']}")
    told = events_of(api, service_id=owner["id"])
    assert kinds(told) == [
        "service.created",
        "service.updated",
        "release.created",
        "release.deleted",
        "service.deleted",
    ]
    assert told[0]["payload"]["description"] == "takes the money"
    assert told[2]["release_id"] == made["id"]
    assert told[2]["payload"] == {
        "by": "anybody",
        "service": owner["name"],
        "version": "1.0",
        "image": made["image"],
    }


def test_what_happens_to_a_deployment_is_told(api: httpx.Client) -> None:
    blue, green = pair(api, "live", "ready")
    api.post(f"{API}/deployments/{green['id']}/switch")
    api.patch(
        f"{API}/deployments/{blue['id']}", json={"state": "failed", "reason": "out of memory"}
    )
    told = events_of(api, deployment_id=blue["id"])
    words = ["starting", "ready", "live", "draining", "failed"]
    assert kinds(told) == [f"deployment.{word}" for word in words]
    last = told[-1]
    assert {name: last[name] for name in ("node_id", "service_id", "release_id")} == {
        name: blue[name] for name in ("node_id", "service_id", "release_id")
    }
    assert last["payload"] == {
        "by": "anybody",
        **{name: blue[name] for name in ("node", "service", "version", "image", "slot")},
        "state": "failed",
        "reason": "out of memory",
    }
    assert kinds(events_of(api, deployment_id=green["id"]))[-1] == "deployment.live"


def test_events_tell_by_the_name_of_a_token_who_did_it(
    serve: Serve, sqlite_settings: Settings
) -> None:
    settings = replace(sqlite_settings, tokens=parse("write:deploy:0123456789abcdef"))
    client = serve(settings)
    client.headers["authorization"] = "Bearer 0123456789abcdef"
    made = node(client)
    (told,) = events_of(client, node_id=made["id"])
    assert told["payload"]["by"] == "deploy"


CHANGES = {
    "a new node": ("POST", "nodes", {"name": "{name}", "region": "x"}),
    "a new service": ("POST", "services", {"name": "{name}"}),
    "a changed node": ("PATCH", "nodes/{node}", {"region": "us"}),
    "a heartbeat": ("PUT", "nodes/{node}/heartbeat", None),
    "a removed node": ("DELETE", "nodes/{node}", None),
    "a switch": ("POST", "deployments/{green}/switch", None),
    "a failed deployment": ("PATCH", "deployments/{green}", {"state": "failed"}),
}


@pytest.mark.parametrize(("method", "path", "body"), CHANGES.values(), ids=CHANGES)
def test_a_change_whose_event_cannot_be_written_is_not_made(
    api: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    body: dict[str, str] | None,
) -> None:
    blue, green = pair(api, "live", "ready")
    words = {"node": blue["node_id"], "green": green["id"], "name": unique("x")}
    paths = [f"nodes/{blue['node_id']}", f"deployments/{blue['id']}", f"deployments/{green['id']}"]
    before = [api.get(f"{API}/{one}").json() for one in paths]

    def fail(*_args: object) -> NoReturn:
        raise ZeroDivisionError

    filled = body and {name: value.format(**words) for name, value in body.items()}
    with monkeypatch.context() as broken:
        broken.setattr("app.crud.events.record", fail)
        answer = api.request(method, f"{API}/{path.format(**words)}", json=filled)
    is_problem(answer, 500)
    assert [api.get(f"{API}/{one}").json() for one in paths] == before
    for resource in ("nodes", "services"):
        found = api.get(f"{API}/{resource}", params={"name": words["name"]})
        assert found.json()["items"] == []


def test_a_change_and_its_events_have_one_commit(api: httpx.Client) -> None:
    """Both events of a switch stand in one transaction, next to each other."""
    _, green = pair(api, "live", "ready")
    api.post(f"{API}/deployments/{green['id']}/switch")
    last = events_of(api)[-2:]
    assert kinds(last) == ["deployment.draining", "deployment.live"]
    query = text("SELECT xid FROM edgepaas_event_order ORDER BY position DESC LIMIT 2")
    with components_of(api).database.reading() as session:
        assert len(set(session.scalars(query))) == 1


@pytest.mark.parametrize("statement", ["UPDATE events SET kind = 'x'", "DELETE FROM events"])
def test_events_are_never_changed_or_removed(api: httpx.Client, statement: str) -> None:
    node(api)
    before = events_of(api)
    with (
        components_of(api).database.writing() as session,
        pytest.raises(DBAPIError, match="events are append-only"),
    ):
        session.execute(text(statement))
    assert events_of(api) == before


def test_the_pages_hold_every_event_once_in_order_and_go_on_from_any(client: httpx.Client) -> None:
    names = [f"edge-{number}" for number in range(5)]
    for name in names:
        record(client, "nodes", name=name, region="eu")
    seen: list[str] = []
    asked: Fields = {"limit": 2}
    while True:
        page = client.get(EVENTS, params=asked).json()
        seen += [event["payload"]["name"] for event in page["items"]]
        if page["next_cursor"] is None:
            break
        asked["after"] = page["next_cursor"]
    assert seen == names
    third = client.get(EVENTS).json()["items"][2]
    rest = client.get(EVENTS, params={"after": third["id"]}).json()["items"]
    assert [event["payload"]["name"] for event in rest] == names[3:]


def test_an_event_nobody_recorded_is_404(api: httpx.Client) -> None:
    is_problem(api.get(EVENTS, params={"after": NOBODY}), 404, "event-missing")


@pytest.mark.parametrize(
    "asked", [{"after": "x"}, {"limit": "0"}, {"limit": "1001"}, {"before": NOBODY}]
)
def test_what_cannot_be_asked_of_events_is_422(api: httpx.Client, asked: dict[str, str]) -> None:
    is_problem(api.get(EVENTS, params=asked), 422, "invalid-request")


def test_a_deployments_end_by_its_nodes_removal_is_told_by_the_nodes(api: httpx.Client) -> None:
    place = node(api)
    deployment(api, "live", on=place)
    api.delete(f"{API}/nodes/{place['id']}")
    assert kinds(events_of(api, node_id=place["id"]))[-1] == "node.deleted"
