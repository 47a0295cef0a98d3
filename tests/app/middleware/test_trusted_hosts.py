from dataclasses import replace

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.settings import Settings
from tests.app.conftest import Serve


@pytest.fixture
def client(serve: Serve, sqlite_settings: Settings) -> httpx.Client:
    return serve(replace(sqlite_settings, allowed_hosts=("edge.example.org",)))


def test_only_our_names_are_answered(client: httpx.Client) -> None:
    ours = client.get("/version", headers={"host": "edge.example.org:8443"})
    assert ours.status_code == 200
    refused = client.get("/version", headers={"host": "evil.example.org"})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert "EDGEPAAS_ALLOWED_HOSTS" in refused.json()["detail"]
    assert "evil" not in refused.text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_a_probe_may_ask_by_address(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_websocket_too(client: httpx.Client) -> None:
    url = str(client.base_url.join("/ws/events").copy_with(scheme="ws"))
    with pytest.raises(InvalidStatus) as refused, connect(url):
        pass
    assert refused.value.response.status_code == 400


def test_behind_a_proxy_that_renames_us_our_names_are_not_foreign(
    serve: Serve, sqlite_settings: Settings
) -> None:
    settings = replace(sqlite_settings, allowed_hosts=("edge.example.org", "127.0.0.1"))
    client = serve(settings)
    node = {"name": "a", "region": "r"}
    ours = client.post("/api/v1/nodes", json=node, headers={"origin": "https://edge.example.org"})
    assert ours.status_code == 201
    other = client.post("/api/v1/nodes", json=node, headers={"origin": "https://other.example.org"})
    assert other.status_code == 403
