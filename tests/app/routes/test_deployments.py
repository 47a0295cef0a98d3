"""Deployments: what they may become, and the switch from one to another."""

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.live.event_log import ORIGIN_ID
from tests.app.conftest import components_of
from tests.support.api import (
    API,
    NOBODY,
    TO,
    Fields,
    at_once,
    deployment,
    events_of,
    is_problem,
    node,
    pair,
    release,
    service,
)

DEPLOYMENTS = f"{API}/deployments"
ALLOWED = {
    "starting": {"ready", "failed"},
    "ready": {"live", "failed"},
    "live": {"draining", "failed"},
    "draining": {"stopped", "failed"},
    "stopped": set(),
    "failed": set(),
}
WAYS = [(state, wanted) for state in ALLOWED for wanted in ALLOWED]


def read(client: httpx.Client, made: Fields) -> Fields:
    answer = client.get(f"{DEPLOYMENTS}/{made['id']}")
    assert answer.status_code == 200
    return {**answer.json(), "etag": answer.headers["etag"]}


def switch(client: httpx.Client, made: Fields, **headers: str) -> httpx.Response:
    return client.post(f"{DEPLOYMENTS}/{made['id']}/switch", headers=headers)


def test_a_deployment_begins_as_starting_and_names_all_it_refers_to(api: httpx.Client) -> None:
    place, owner = node(api), service(api)
    what = release(api, owner, "2.0")
    given = {"node_id": place["id"], "release_id": what["id"], "slot": "green"}
    answer = api.post(DEPLOYMENTS, json=given)
    assert answer.status_code == 201
    made = answer.json()
    assert {key: made[key] for key in given} == given
    assert (made["state"], made["reason"]) == ("starting", "")
    assert (made["node"], made["service"]) == (place["name"], owner["name"])
    assert (made["version"], made["image"]) == ("2.0", what["image"])
    assert made["service_id"] == owner["id"]
    assert answer.headers["location"] == f"{DEPLOYMENTS}/{made['id']}"
    assert api.get(answer.headers["location"]).json() == made


@pytest.mark.parametrize(("state", "wanted"), WAYS)
def test_a_deployment_goes_only_where_it_may(api: httpx.Client, state: str, wanted: str) -> None:
    made = deployment(api, state)
    answer = api.patch(f"{DEPLOYMENTS}/{made['id']}", json={"state": wanted, "reason": "why"})
    if wanted in ALLOWED[state]:
        assert answer.status_code == 200, answer.text
        assert (answer.json()["state"], answer.json()["reason"]) == (wanted, "why")
        assert answer.headers["etag"] != made["etag"]
        return
    problem = is_problem(answer, 409, "state-not-allowed")
    assert problem["state"] == state
    assert set(problem["allowed"]) == ALLOWED[state]
    assert read(api, made) == made
    assert len(events_of(api, deployment_id=made["id"])) == len(TO[state]) + 1


@pytest.mark.parametrize(("field", "what"), [("node_id", "node"), ("release_id", "release")])
def test_a_deployment_of_what_nobody_recorded_is_422_and_names_the_field(
    api: httpx.Client, field: str, what: str
) -> None:
    given = {"node_id": node(api)["id"], "release_id": release(api)["id"], "slot": "blue"}
    problem = is_problem(
        api.post(DEPLOYMENTS, json={**given, field: NOBODY}), 422, "reference-missing"
    )
    assert problem["errors"] == [{"pointer": f"/{field}", "detail": f"there is no {what} {NOBODY}"}]


@pytest.mark.parametrize("state", ["starting", "ready", "live", "draining"])
def test_a_slot_holds_one_deployment_until_that_has_ended(api: httpx.Client, state: str) -> None:
    place, owner = node(api), service(api)
    first = deployment(api, state, on=place, of=release(api, owner, "1"))
    other = release(api, owner, "2")
    given = {"node_id": place["id"], "release_id": other["id"], "slot": "blue"}
    problem = is_problem(api.post(DEPLOYMENTS, json=given), 409, "slot-taken")
    assert place["name"] in problem["detail"]
    deployment(api, on=place, of=release(api))
    deployment(api, on=node(api), of=other)
    api.patch(f"{DEPLOYMENTS}/{first['id']}", json={"state": "failed"})
    assert api.post(DEPLOYMENTS, json=given).status_code == 201


def test_of_twenty_who_want_one_slot_one_gets_it(api: httpx.Client) -> None:
    given = {"node_id": node(api)["id"], "release_id": release(api)["id"], "slot": "blue"}

    def post(client: httpx.Client, _index: int) -> int:
        return client.post(DEPLOYMENTS, json=given).status_code

    assert sorted(at_once(api, 20, post)) == [201] + [409] * 19


def test_a_switch_where_nothing_is_live(api: httpx.Client) -> None:
    made = deployment(api, "ready")
    answer = switch(api, made)
    assert answer.status_code == 200
    switched = answer.json()
    assert (switched["live"]["state"], switched["draining"]) == ("live", None)
    assert read(api, made) == {**switched["live"], "etag": answer.headers["etag"]}


def test_a_switch_makes_one_live_and_the_other_draining(api: httpx.Client) -> None:
    blue, green = pair(api, "live", "ready")
    switched = switch(api, green).json()
    assert (switched["live"]["id"], switched["live"]["state"]) == (green["id"], "live")
    assert (switched["draining"]["id"], switched["draining"]["state"]) == (blue["id"], "draining")
    assert (read(api, blue)["state"], read(api, green)["state"]) == ("draining", "live")


def test_a_switch_touches_no_other_service_and_no_other_node(api: httpx.Client) -> None:
    blue, green = pair(api, "live", "ready")
    same_node = deployment(api, "live", on={"id": blue["node_id"]}, of=release(api))
    same_release = deployment(api, "live", of={"id": blue["release_id"]})
    assert switch(api, green).status_code == 200
    assert read(api, same_node)["state"] == read(api, same_release)["state"] == "live"


def test_a_way_back_is_another_switch_once_the_old_release_is_ready_again(
    api: httpx.Client,
) -> None:
    blue, green = pair(api, "live", "ready")
    switch(api, green)
    is_problem(switch(api, blue), 409, "state-not-allowed")
    api.patch(f"{DEPLOYMENTS}/{blue['id']}", json={"state": "stopped"})
    again = deployment(
        api, "ready", on={"id": blue["node_id"]}, of={"id": blue["release_id"]}, slot="blue"
    )
    assert switch(api, again).json()["draining"]["id"] == green["id"]


@pytest.mark.parametrize("state", sorted(set(ALLOWED) - {"ready"}))
def test_only_what_is_ready_can_be_switched_to(api: httpx.Client, state: str) -> None:
    made = deployment(api, state)
    problem = is_problem(switch(api, made), 409, "state-not-allowed")
    assert problem["state"] == state
    assert set(problem["allowed"]) == ALLOWED[state]
    assert read(api, made) == made


def test_a_switch_to_what_nobody_recorded_is_404(api: httpx.Client) -> None:
    is_problem(switch(api, {"id": NOBODY}), 404, "deployment-missing")
    is_problem(switch(api, {"id": "blue"}), 422, "invalid-request")


def test_a_switch_may_name_the_version_it_is_meant_for(api: httpx.Client) -> None:
    made = deployment(api, "starting")
    old = made["etag"]
    now = api.patch(f"{DEPLOYMENTS}/{made['id']}", json={"state": "ready"}).headers["etag"]
    is_problem(switch(api, made, **{"if-match": old}), 412, "changed-meanwhile")
    assert read(api, made)["state"] == "ready"
    assert switch(api, made, **{"if-match": now}).status_code == 200


def test_of_twenty_who_switch_at_once_one_wins_and_all_others_are_told_409(
    api: httpx.Client,
) -> None:
    blue, green = pair(api, "live", "ready")
    answers = at_once(api, 20, lambda client, _index: switch(client, green))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    for lost in (answer for answer in answers if answer.status_code == 409):
        assert is_problem(lost, 409, "state-not-allowed")["state"] == "live"
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert (won["live"]["id"], won["draining"]["id"]) == (green["id"], blue["id"])
    kinds = [event["kind"] for event in events_of(api, service_id=blue["service_id"])]
    assert (kinds.count("deployment.live"), kinds.count("deployment.draining")) == (2, 1)


def test_who_switch_to_different_deployments_at_once_leave_one_live(api: httpx.Client) -> None:
    both = pair(api, "ready", "ready")
    answers = at_once(api, 20, lambda client, index: switch(client, both[index % 2]))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert sorted(read(api, one)["state"] for one in both) == ["draining", "live"]
    assert [answer.status_code for answer in answers].count(200) == 2


def test_a_second_live_one_beside_another_is_told_to_switch(api: httpx.Client) -> None:
    _, green = pair(api, "live", "ready")
    answer = api.patch(f"{DEPLOYMENTS}/{green['id']}", json={"state": "live"})
    assert "switch" in is_problem(answer, 409, "live-taken")["detail"]
    assert read(api, green) == green


@pytest.mark.parametrize(
    "state", ["live", "ready"], ids=["a second live one", "a second open one in a slot"]
)
def test_the_database_itself_refuses(api: httpx.Client, state: str) -> None:
    """Whoever writes past the API, too, finds one live and one open deployment at most."""
    made = deployment(api, "live")
    copied = (
        "INSERT INTO deployments (id, node_id, release_id, service_id, slot, state, reason,"
        " created_at, updated_at) SELECT :id, node_id, release_id, service_id, :slot, :state, '',"
        " created_at, updated_at FROM deployments WHERE id = :made"
    )
    slot = "green" if state == "live" else "blue"
    ids = {"id": ORIGIN_ID.hex, "made": made["id"].replace("-", "")}
    with (
        components_of(api).database.writing() as session,
        pytest.raises(IntegrityError, match=r"(?i)unique"),
    ):
        session.execute(text(copied), {**ids, "slot": slot, "state": state})
    assert read(api, made) == made
