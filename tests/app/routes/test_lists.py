"""Lists of all resources: pages and filters."""

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app.settings import Settings
from tests.app.conftest import Serve
from tests.support.api import (
    API,
    NOBODY,
    Fields,
    deployment,
    is_problem,
    node,
    pair,
    release,
    service,
    unique,
)


def ids(client: httpx.Client, resource: str, **asked: object) -> list[str]:
    """Return the ids on all pages of two."""
    found: list[str] = []
    query: Fields = {"limit": 2, **asked}
    while True:
        answer = client.get(f"{API}/{resource}", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert 0 < len(page["items"]) <= 2 or found == []
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def test_pages_hold_every_row_once_in_the_order_of_their_making(api: httpx.Client) -> None:
    owner, region = service(api), unique("region")
    places = [node(api, region=region) for _ in range(5)]
    releases = [release(api, owner, str(number)) for number in (3, 1, 2, 5, 4)]
    deployments = [deployment(api, on=place, of=releases[0]) for place in places]
    for resource, made, asked in (
        ("nodes", places, {"region": region}),
        ("releases", releases, {"service_id": owner["id"]}),
        ("deployments", deployments, {"service_id": owner["id"]}),
    ):
        assert ids(api, resource, **asked) == [one["id"] for one in made], resource


def test_what_is_made_or_removed_between_two_pages_moves_nothing(api: httpx.Client) -> None:
    """An offset would show a row twice, or never."""
    region = unique("region")
    first, second, third = (node(api, region=region)["id"] for _ in range(3))
    asked: Fields = {"region": region, "limit": 2}
    page = api.get(f"{API}/nodes", params=asked).json()
    assert [item["id"] for item in page["items"]] == [first, second]
    api.delete(f"{API}/nodes/{first}")
    fourth = node(api, region=region)["id"]
    page = api.get(f"{API}/nodes", params={**asked, "cursor": page["next_cursor"]}).json()
    assert [item["id"] for item in page["items"]] == [third, fourth]


def test_nodes_are_found_by_name_region_and_label(api: httpx.Client) -> None:
    region = unique("region")
    one = node(api, region=region, labels={"rack": "b7", "role": "a=b", "note": "50%_'"})
    two = node(api, region=region, labels={"rack": "b8"})
    assert ids(api, "nodes", name=one["name"]) == [one["id"]]
    assert ids(api, "nodes", region=region) == [one["id"], two["id"]]
    assert ids(api, "nodes", region=region, label="rack=b8") == [two["id"]]
    assert ids(api, "nodes", region=region, label="role=a=b") == [one["id"]]
    assert ids(api, "nodes", region=region, label="note=50%_'") == [one["id"]]
    assert ids(api, "nodes", region=region, label="rack=b") == []
    assert ids(api, "nodes", region=region, label="nothing=") == []
    assert ids(api, "nodes", name=two["name"], label="rack=b7") == []


@pytest.mark.parametrize("name", ["a.b", "a/b", "1", "a-b_c"])
def test_a_labels_name_is_no_path_into_the_labels(api: httpx.Client, name: str) -> None:
    made = node(api, labels={name: "v", "other": "w"})
    found = ids(api, "nodes", name=made["name"], label=f"{name}=v")
    assert found == [made["id"]]
    assert ids(api, "nodes", name=made["name"], label=f"{name}=w") == []


def test_nodes_are_found_by_status(serve: Serve, settings: Settings) -> None:
    client = serve(settings)
    never, beaten = node(client)["id"], node(client)["id"]
    client.put(f"{API}/nodes/{beaten}/heartbeat")
    later = serve(replace(settings, node_late_after=timedelta(0)))
    gone = serve(replace(settings, node_late_after=timedelta(0), node_offline_after=timedelta(0)))
    for served, expected in (
        (client, {"online": [beaten], "late": [], "offline": [never]}),
        (later, {"online": [], "late": [beaten], "offline": [never]}),
        (gone, {"online": [], "late": [], "offline": [never, beaten]}),
    ):
        assert {status: ids(served, "nodes", status=status) for status in expected} == expected
        for status, found in expected.items():
            for one in found:
                assert served.get(f"{API}/nodes/{one}").json()["status"] == status


def test_services_and_releases_are_found_by_what_names_them(api: httpx.Client) -> None:
    one, two = service(api), service(api)
    first, other = release(api, one, "1.0"), release(api, two, "1.0")
    second = release(api, one, "2.0")
    assert ids(api, "services", name=one["name"]) == [one["id"]]
    assert ids(api, "services", name=unique("none")) == []
    assert ids(api, "releases", service_id=one["id"]) == [first["id"], second["id"]]
    assert ids(api, "releases", service_id=two["id"], version="1.0") == [other["id"]]
    assert ids(api, "releases", service_id=one["id"], version="3.0") == []
    assert ids(api, "releases", service_id=NOBODY) == []


def test_deployments_are_found_by_what_they_refer_to_and_by_state(api: httpx.Client) -> None:
    blue, green = pair(api, "live", "ready")
    node_id, service_id = blue["node_id"], blue["service_id"]
    elsewhere = deployment(api, "failed", of={"id": blue["release_id"]})
    both = [blue["id"], green["id"]]
    assert ids(api, "deployments", node_id=node_id) == both
    assert ids(api, "deployments", service_id=service_id) == [*both, elsewhere["id"]]
    assert ids(api, "deployments", release_id=green["release_id"]) == [green["id"]]
    assert ids(api, "deployments", node_id=node_id, slot="green") == [green["id"]]
    assert ids(api, "deployments", service_id=service_id, state="failed") == [elsewhere["id"]]
    assert ids(api, "deployments", service_id=service_id, state=["live", "ready"]) == both
    assert ids(api, "deployments", node_id=node_id, state="stopped") == []


WRONG: dict[str, list[Fields]] = {
    "nodes": [{"label": "rack"}, {"label": "=x"}, {"status": "gone"}, {"region": ""}],
    "services": [{"name": "a b"}, {"name": ""}],
    "releases": [{"service_id": "1"}, {"version": "'"}],
    "deployments": [
        {"node_id": "x"},
        {"slot": "red"},
        {"state": "gone"},
        {"state": ["live"] * 7},
    ],
}
EVERYWHERE: list[Fields] = [
    {"limit": "0"},
    {"limit": "1001"},
    {"limit": "9" * 400},
    {"limit": "1.5"},
    {"cursor": "x"},
    {"cursor": "A" * 23},
    {"nmae": "misspelt"},
    {"offset": "1"},
]


@pytest.mark.parametrize("resource", WRONG)
def test_what_cannot_be_asked_of_a_list_is_422(
    refusing_client: httpx.Client, resource: str
) -> None:
    for asked in [*EVERYWHERE, *WRONG[resource]]:
        answer = refusing_client.get(f"{API}/{resource}", params=asked)
        problem = is_problem(answer, 422, "invalid-request")
        (pointer,) = {wrong["pointer"].split("/")[2] for wrong in problem["errors"]}
        assert pointer in asked


@pytest.mark.parametrize("resource", WRONG)
def test_a_cursor_that_no_row_has_is_the_place_between_rows(
    refusing_client: httpx.Client, resource: str
) -> None:
    answer = refusing_client.get(f"{API}/{resource}", params={"cursor": "A" * 22})
    assert answer.json() == {"items": [], "next_cursor": None}
