import uuid

import httpx
import pytest

from tests.support.api import (
    API,
    NOBODY,
    at_once,
    deployment,
    is_problem,
    node,
    record,
    release,
    service,
    unique,
)

SERVICES = f"{API}/services"
RELEASES = f"{API}/releases"


def test_a_service_is_recorded_read_changed_and_removed(api: httpx.Client) -> None:
    given = {"name": unique("service"), "description": "takes the money"}
    answer = api.post(SERVICES, json=given)
    assert answer.status_code == 201
    made = answer.json()
    assert uuid.UUID(made["id"]).version == 7
    assert {key: made[key] for key in given} == given
    where = answer.headers["location"]
    assert where == f"{SERVICES}/{made['id']}"
    assert api.get(where).json() == made

    changed = api.patch(where, json={"description": ""}).json()
    assert (changed["name"], changed["description"]) == (given["name"], "")
    assert changed["updated_at"] > made["updated_at"]
    assert changed["created_at"] == made["created_at"]

    assert api.delete(where).status_code == 204
    is_problem(api.get(where), 404, "service-missing")


def test_a_services_name_is_given_once(api: httpx.Client) -> None:
    first, second = service(api), service(api)
    taken = {"name": first["name"]}
    assert first["name"] in is_problem(api.post(SERVICES, json=taken), 409, "name-taken")["detail"]
    is_problem(api.patch(f"{SERVICES}/{second['id']}", json=taken), 409, "name-taken")
    assert api.get(f"{SERVICES}/{second['id']}").json()["name"] == second["name"]


def test_a_service_with_releases_stays(api: httpx.Client) -> None:
    made = release(api)
    where = f"{SERVICES}/{made['service_id']}"
    is_problem(api.delete(where), 409, "service-in-use")
    assert api.delete(f"{RELEASES}/{made['id']}").status_code == 204
    assert api.delete(where).status_code == 204


def test_a_release_is_recorded_read_and_removed(api: httpx.Client) -> None:
    owner = service(api)
    given = {"service_id": owner["id"], "version": "1.4.2+b7", "image": "shop/checkout:1.4.2"}
    answer = api.post(RELEASES, json=given)
    assert answer.status_code == 201
    made = answer.json()
    assert {key: made[key] for key in given} == given
    assert made["service"] == owner["name"]
    where = answer.headers["location"]
    assert where == f"{RELEASES}/{made['id']}"
    assert api.get(where).json() == made
    assert api.delete(where).status_code == 204
    is_problem(api.get(where), 404, "release-missing")


def test_a_release_never_changes(api: httpx.Client) -> None:
    answer = api.patch(f"{RELEASES}/{release(api)['id']}", json={"image": "other"})
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "GET, DELETE"


def test_a_version_is_given_once_in_a_service_and_again_in_another(api: httpx.Client) -> None:
    owner = service(api)
    release(api, owner, "1.0")
    again = {"service_id": owner["id"], "version": "1.0", "image": "x"}
    is_problem(api.post(RELEASES, json=again), 409, "version-taken")
    release(api, service(api), "1.0")


def test_a_release_of_a_service_nobody_recorded_is_422_and_names_the_field(
    api: httpx.Client,
) -> None:
    given = {"service_id": NOBODY, "version": "1", "image": "x"}
    problem = is_problem(api.post(RELEASES, json=given), 422, "reference-missing")
    assert problem["errors"] == [
        {"pointer": "/service_id", "detail": f"there is no service {NOBODY}"}
    ]


def test_a_release_is_removed_only_once_its_deployments_have_ended(api: httpx.Client) -> None:
    made = release(api)
    open_one = deployment(api, of=made)
    where = f"{RELEASES}/{made['id']}"
    is_problem(api.delete(where), 409, "release-in-use")
    api.patch(f"{API}/deployments/{open_one['id']}", json={"state": "failed"})
    assert api.delete(where).status_code == 204
    is_problem(api.get(f"{API}/deployments/{open_one['id']}"), 404, "deployment-missing")


def test_a_removed_node_takes_its_deployments_along(api: httpx.Client) -> None:
    place = node(api)
    made = deployment(api, "live", on=place)
    assert api.delete(f"{API}/nodes/{place['id']}").status_code == 204
    is_problem(api.get(f"{API}/deployments/{made['id']}"), 404, "deployment-missing")
    assert api.get(f"{RELEASES}/{made['release_id']}").status_code == 200


def test_a_release_and_the_end_of_its_service_at_once_leave_both_or_none(
    api: httpx.Client,
) -> None:
    for _ in range(5):
        owner = service(api)
        given = {"service_id": owner["id"], "version": "1", "image": "x"}

        def ask(client: httpx.Client, index: int, given: dict[str, str] = given) -> int:
            if index:
                return client.post(RELEASES, json=given).status_code
            return client.delete(f"{SERVICES}/{given['service_id']}").status_code

        statuses = sorted(at_once(api, 2, ask))
        assert statuses in ([201, 409], [204, 422]), statuses


@pytest.mark.parametrize("resource", ["nodes", "services", "releases", "deployments"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_nobody_recorded_is_404(api: httpx.Client, resource: str, method: str) -> None:
    if (resource, method) in {("releases", "PATCH"), ("deployments", "DELETE")}:
        is_problem(api.request(method, f"{API}/{resource}/{NOBODY}"), 405)
        return
    body = {"state": "ready"} if resource == "deployments" else {}
    sent = body if method == "PATCH" else None
    answer = api.request(method, f"{API}/{resource}/{NOBODY}", json=sent)
    kind = resource.removesuffix("s") + "-missing"
    assert NOBODY in is_problem(answer, 404, kind)["detail"]


def test_recorded_text_comes_back_as_it_was_sent(api: httpx.Client) -> None:
    hostile = "'; DROP TABLE services; -- %s {x} \\ 🛰 <b>é</b>"
    made = service(api, description=hostile)
    assert api.get(f"{SERVICES}/{made['id']}").json()["description"] == hostile
    image = "x:1'--;%s"
    kept = record(api, "releases", service_id=made["id"], version="1", image=image)
    assert api.get(f"{RELEASES}/{kept['id']}").json()["image"] == image
