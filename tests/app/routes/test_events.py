import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.settings import Settings
from app.sre.metrics import WEBSOCKETS
from app.websock import QUEUE_EVENTS
from tests.app.conftest import Serve, components_of, serving
from tests.support.wait import wait_until

NODES = "/api/v1/nodes"
BIG = {"type": "test", "text": "x" * 50_000}


@contextmanager
def listening(client: httpx.Client) -> Iterator[ClientConnection]:
    url = str(client.base_url.join("/ws/events").copy_with(scheme="ws"))
    with connect(url, compression=None) as connection:
        hello = json.loads(connection.recv(10))
        assert hello["type"] == "hello"
        yield connection


def heard(connection: ClientConnection) -> dict[str, object]:
    event: dict[str, object] = json.loads(connection.recv(10))
    return event


def clients_now() -> int:
    return int(WEBSOCKETS._value.get())


def close_code(connection: ClientConnection) -> int | None:
    """Read until the connection ends; return the code it was closed with."""
    try:
        while True:
            connection.recv(20)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_the_greeting_names_build_and_slot(client: httpx.Client) -> None:
    url = str(client.base_url.join("/ws/events").copy_with(scheme="ws"))
    with connect(url) as connection:
        assert heard(connection) == {"type": "hello", "build": "0123456789abcdef", "slot": "blue"}


def test_every_change_is_heard_in_order(sqlite_client: httpx.Client) -> None:
    with listening(sqlite_client) as first, listening(sqlite_client) as second:
        node = sqlite_client.post(NODES, json={"name": "a", "region": "r"}).json()
        beaten = sqlite_client.put(f"{NODES}/{node['id']}/heartbeat").json()
        changed = sqlite_client.patch(f"{NODES}/{node['id']}", json={"name": "b"}).json()
        sqlite_client.delete(f"{NODES}/{node['id']}")
        for connection in (first, second):
            assert heard(connection) == {"type": "node.created", "id": node["id"], "node": node}
            assert heard(connection)["node"] == beaten
            assert heard(connection)["node"] == changed
            assert heard(connection) == {"type": "node.deleted", "id": node["id"]}


def test_what_is_refused_is_not_told(sqlite_client: httpx.Client) -> None:
    with listening(sqlite_client) as connection:
        sqlite_client.post(NODES, json={"name": "a", "region": "r"})
        sqlite_client.post(NODES, json={"name": "a", "region": "r"})
        sqlite_client.post(NODES, json={"name": "b", "region": "r"})
        names = [heard(connection)["node"]["name"] for _ in range(2)]  # type: ignore[index]
        assert names == ["a", "b"]


def test_a_client_that_says_things_is_not_answered_and_not_dropped(
    sqlite_client: httpx.Client,
) -> None:
    with listening(sqlite_client) as connection:
        connection.send("hello")
        connection.send(b"\x00\xff")
        sqlite_client.post(NODES, json={"name": "a", "region": "r"})
        assert heard(connection)["type"] == "node.created"


def test_a_client_that_stops_reading_delays_nobody_and_is_closed_with_1013(
    sqlite_client: httpx.Client,
) -> None:
    hub = components_of(sqlite_client).hub
    events = QUEUE_EVENTS * 2
    with listening(sqlite_client) as slow, listening(sqlite_client) as quick:
        for _ in range(events):
            hub.publish(BIG)
            assert heard(quick) == BIG
        wait_until(lambda: clients_now() >= 1, 5, "the quick client's presence")
        assert close_code(slow) == 1013
        hub.publish(BIG)
        assert heard(quick) == BIG


def test_clients_that_vanish_without_a_word_are_forgotten(sqlite_client: httpx.Client) -> None:
    before = clients_now()
    with listening(sqlite_client) as connection:
        assert clients_now() == before + 1
        connection.socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: clients_now() == before, 5, "the end of a client that vanished")
    with listening(sqlite_client) as connection:
        sqlite_client.post(NODES, json={"name": "a", "region": "r"})
        assert heard(connection)["type"] == "node.created"


def test_a_client_that_no_longer_answers_pings_is_forgotten(
    serve: Serve, sqlite_settings: Settings
) -> None:
    """Half-open: the other end is gone and no packet ever said so."""
    client = serve(sqlite_settings, ws_ping_interval=0.2, ws_ping_timeout=0.2)
    before = clients_now()
    address = (client.base_url.host, client.base_url.port)
    with socket.create_connection(address) as mute:
        mute.sendall(
            b"GET /ws/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b"101" in mute.recv(1024)
        wait_until(lambda: clients_now() == before, 10, "the end of a client that is mute")


def test_the_end_of_the_server_is_told_with_1012(sqlite_settings: Settings) -> None:
    with ExitStack() as server:
        client = server.enter_context(serving(sqlite_settings))
        with listening(client) as connection:
            server.close()
            assert close_code(connection) == 1012


def test_a_plain_request_for_events_is_404(sqlite_client: httpx.Client) -> None:
    assert sqlite_client.get("/ws/events").status_code == 404
