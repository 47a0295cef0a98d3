"""/ws/events over real sockets."""

import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed

from app.db import Database, UnavailableError
from app.live.event_log import ORIGIN_ID
from app.live.event_tail import FIRST_EVENTS
from app.live.event_window import WINDOW_EVENTS
from app.settings import Settings
from app.sre.metrics import WEBSOCKET_CLOSES, WEBSOCKETS
from tests.app.conftest import Serve, components_of, serving
from tests.support.events import Follower, event, following, greeted, record
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

HANDSHAKE = (
    b"GET /ws/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def clients_now() -> int:
    return int(WEBSOCKETS._value.get())


def test_the_greeting_names_build_slot_and_the_place_to_come_back_to(
    serve: Serve, settings: Settings, database: Database
) -> None:
    client = serve(settings)
    with following(client.base_url) as follower:
        assert follower.message() == {
            "type": "hello",
            "build": "0123456789abcdef",
            "slot": "blue",
            "after": str(ORIGIN_ID),
        }
    last = record(database, 1)[-1]
    wait_until(lambda: greeting(client.base_url) == str(last), 10, "the newest event as the place")


def greeting(base_url: object) -> str:
    with greeted(base_url) as (_, after):
        return after


def test_what_another_process_commits_is_sent_to_all_in_order(
    serve: Serve, settings: Settings, database: Database
) -> None:
    client = serve(settings)
    with greeted(client.base_url) as (first, _), greeted(client.base_url) as (second, _):
        record(database, 1)
        record(database, 2, 3)
        assert first.numbers(3) == second.numbers(3) == [1, 2, 3]


def test_what_this_process_commits_is_sent(serve: Serve, settings: Settings) -> None:
    client = serve(settings)
    with greeted(client.base_url) as (follower, _):
        ids = record(components_of(client).database, 1)
        assert follower.event()["id"] == str(ids[0])


def test_who_comes_back_gets_what_it_missed_and_nothing_twice(
    serve: Serve, settings: Settings, database: Database
) -> None:
    client = serve(settings)
    with greeted(client.base_url) as (follower, _):
        record(database, 1, 2)
        seen = follower.event()["id"]
    record(database, 3)
    with greeted(client.base_url, seen) as (follower, after):
        assert after == seen
        record(database, 4)
        assert follower.numbers(3) == [2, 3, 4]


def test_who_heard_of_no_event_yet_misses_none(
    serve: Serve, settings: Settings, database: Database
) -> None:
    client = serve(settings)
    after = greeting(client.base_url)
    record(database, 1, 2)
    with greeted(client.base_url, after) as (follower, _):
        assert follower.numbers(2) == [1, 2]


def test_what_is_older_than_memory_is_read_from_the_table(
    serve: Serve, settings: Settings, database: Database
) -> None:
    """On the seam between table and memory nothing is lost or doubled."""
    first = record(database, *range(FIRST_EVENTS * 3))[0]
    client = serve(settings)
    with greeted(client.base_url, str(first)) as (follower, _):
        record(database, -1, -2)
        expected = [*range(1, FIRST_EVENTS * 3), -1, -2]
        assert follower.numbers(len(expected)) == expected


def test_a_burst_larger_than_memory_reaches_a_client_that_reads(
    serve: Serve, settings: Settings, database: Database
) -> None:
    client = serve(settings)
    with greeted(client.base_url) as (follower, _):
        count = WINDOW_EVENTS * 2
        record(database, *range(count))
        assert follower.numbers(count) == list(range(count))


@pytest.mark.postgres
def test_transactions_that_commit_out_of_order_lose_nothing(
    serve: Serve, postgres_settings: Settings, postgres_database: Database
) -> None:
    client = serve(postgres_settings)
    with greeted(client.base_url) as (follower, _):
        with Session(postgres_database.engine) as slow:
            slow.add(event(1))
            slow.flush()
            record(postgres_database, 2)
            follower.connection.ping().wait(10)
            slow.commit()
        assert follower.numbers(2) == [1, 2]


@pytest.mark.parametrize(
    ("after", "code"),
    [("nonsense", 4400), ("", 4400), ("0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60", 4404)],
)
def test_an_id_that_is_none_or_not_known_is_closed_with_a_code_of_its_own(
    serve: Serve, sqlite_settings: Settings, after: str, code: int
) -> None:
    client = serve(sqlite_settings)
    with following(client.base_url, after) as follower:
        assert follower.close_code() == code


def test_a_client_that_stops_reading_delays_nobody_is_closed_with_1013_and_can_resume(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings)
    database = Database(sqlite_settings)
    with greeted(client.base_url) as (slow, after), greeted(client.base_url) as (quick, _):
        count, before = 0, closes(1013)
        while closes(1013) == before:
            record(database, *range(count, count + 20), text="x" * 50_000)
            assert quick.numbers(20) == list(range(count, count + 20))
            count += 20
        assert slow.close_code() == 1013
    with greeted(client.base_url, after) as (slow, _):
        assert slow.numbers(count) == list(range(count))
    database.dispose()


def closes(code: int) -> float:
    """Return how many clients were closed with a code so far."""
    return float(WEBSOCKET_CLOSES.labels(code)._value.get())


def test_a_few_words_of_a_client_are_not_answered_and_do_not_matter(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings)
    with greeted(client.base_url) as (follower, _):
        follower.connection.send("hello")
        follower.connection.send(b"\x00\xff")
        record(components_of(client).database, 1)
        assert follower.numbers(1) == [1]


def test_a_message_of_ten_megabytes_closes_its_client_and_no_other(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings)
    with greeted(client.base_url) as (loud, _), greeted(client.base_url) as (other, _):
        with suppress(ConnectionClosed):
            loud.connection.send("x" * 10_000_000)
        assert loud.close_code() == 1009
        record(components_of(client).database, 1)
        assert other.numbers(1) == [1]


def test_a_client_that_floods_is_closed_with_1008(serve: Serve, sqlite_settings: Settings) -> None:
    client = serve(sqlite_settings)
    with greeted(client.base_url) as (follower, _):
        with suppress(ConnectionClosed):
            for _ in range(100_000):
                follower.connection.send("x")
        assert follower.close_code() == 1008


def test_clients_that_vanish_without_a_word_are_forgotten(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings)
    before = clients_now()
    with greeted(client.base_url) as (follower, _):
        assert clients_now() == before + 1
        linger = struct.pack("ii", 1, 0)
        follower.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        follower.connection.socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: clients_now() == before, 5, "the end of a client that vanished")


def test_a_client_that_no_longer_answers_pings_is_forgotten(
    serve: Serve, sqlite_settings: Settings
) -> None:
    """Half-open: the other end is gone and no packet ever said so."""
    client = serve(sqlite_settings, ws_ping_interval=0.2, ws_ping_timeout=0.2)
    before = clients_now()
    with socket.create_connection((client.base_url.host, client.base_url.port)) as mute:
        mute.sendall(HANDSHAKE)
        assert b"101" in mute.recv(1024)
        wait_until(lambda: clients_now() == before, 10, "the end of a client that is mute")


def test_more_clients_than_allowed_are_sent_away(serve: Serve, sqlite_settings: Settings) -> None:
    client = serve(replace(sqlite_settings, websocket_clients=1))
    with greeted(client.base_url), following(client.base_url) as second:
        assert second.close_code() == 1013


def test_the_end_of_the_server_is_told_with_1012(sqlite_settings: Settings) -> None:
    with ExitStack() as server:
        client = server.enter_context(serving(sqlite_settings))
        with greeted(client.base_url) as (follower, _):
            server.close()
            assert follower.close_code() == 1012


def test_a_drain_sends_all_away_with_1012_and_they_may_come_back_after_it(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings)
    drain_file = sqlite_settings.drain_file
    assert drain_file is not None
    with greeted(client.base_url) as (first, _), greeted(client.base_url) as (second, _):
        drain_file.touch()
        assert first.close_code() == second.close_code() == 1012
    with following(client.base_url) as late:
        assert late.close_code() == 1012
    drain_file.unlink()
    wait_until(lambda: answers(client.base_url), 10, "a greeting after the drain")


def answers(base_url: object) -> bool:
    with following(base_url) as follower:
        try:
            return bool(follower.message()["type"] == "hello")
        except ConnectionClosed:
            return False


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_an_outage_is_told_and_nothing_is_missed(
    serve: Serve,
    own_server: PostgresServer,
    settings_on: Callable[[PostgresServer], Settings],
    how: str,
) -> None:
    settings = settings_on(own_server)
    client = serve(settings)
    with greeted(client.base_url) as (follower, after):
        database = Database(settings)
        record(database, 1)
        assert follower.numbers(1) == [1]
        own_server.kill() if how == "kill" else own_server.pause()
        trouble = follower.message()
        assert (trouble["type"], trouble["live"]) == ("status", False)
        with following(client.base_url, after) as late:
            assert late.message()["live"] is False
            own_server.start() if how == "kill" else own_server.resume()
            assert follower.message() == {"type": "status", "live": True, "detail": "live"}
            wait_until(lambda: wrote(database, 2), 20, "a commit after the outage")
            assert follower.numbers(1) == [2]
            assert skipping_status(late) == "hello"
            assert late.numbers(2) == [1, 2]
        database.dispose()


def wrote(database: Database, number: int) -> bool:
    try:
        record(database, number)
    except UnavailableError:
        return False
    return True


def skipping_status(follower: Follower) -> str:
    """Return what kind of message comes after those about outages."""
    kind = "status"
    while kind == "status":
        kind = follower.message()["type"]
    return kind


def test_without_a_database_a_client_is_told_and_greeted_when_it_comes(
    serve: Serve, sqlite_settings: Settings
) -> None:
    directory = sqlite_settings.data_dir / "later"
    client = serve(replace(sqlite_settings, database_url=f"sqlite:///{directory / 'test.db'}"))
    with following(client.base_url) as follower:
        assert follower.message()["live"] is False
        directory.mkdir()
        (sqlite_settings.data_dir / "test.db").rename(directory / "test.db")
        assert skipping_status(follower) == "hello"


WRITERS, EACH = 4, 400


class Wanderer:
    """A client that leaves in the middle and comes back to any server with what it has."""

    def __init__(self, base_urls: list[object], total: int, seed: int) -> None:
        self.base_urls = base_urls
        self.total = total
        self.random = random.Random(seed)  # noqa: S311 - a course to repeat
        self.after: str | None = None
        self.seen: list[str] = []
        self.failure: BaseException | None = None
        self.began = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while len(self.seen) < self.total:
                self._stay()
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread fails the test
            self.failure = error

    def _stay(self) -> None:
        with greeted(self.random.choice(self.base_urls), self.after) as (follower, after):
            self.after = after
            self.began.set()
            for _ in range(self.random.randint(1, 400)):
                if len(self.seen) == self.total:
                    return
                self.after = follower.event()["id"]
                self.seen.append(self.after)


def test_everything_arrives_exactly_once_whoever_writes_and_however_often_one_leaves(
    serve: Serve, settings: Settings
) -> None:
    """Two servers, four writers, eight clients that come and go."""
    servers = [serve(settings), serve(settings)]
    base_urls: list[object] = [server.base_url for server in servers]
    clients = [Wanderer(base_urls, WRITERS * EACH, seed) for seed in range(8)]
    for client in clients:
        client.thread.start()
        assert client.began.wait(20)
    databases = [components_of(server).database for server in servers]
    databases += [Database(settings), Database(settings)]
    writers = [threading.Thread(target=write, args=(each, EACH)) for each in databases]
    for writer in writers:
        writer.start()
    for thread in [*writers, *(client.thread for client in clients)]:
        thread.join(120)
    for each in databases[2:]:
        each.dispose()
    assert [client.failure for client in clients] == [None] * len(clients)
    assert all(len(client.seen) == WRITERS * EACH for client in clients)
    assert all(client.seen == clients[0].seen for client in clients)
    assert len(set(clients[0].seen)) == WRITERS * EACH


def write(database: Database, count: int) -> None:
    written = 0
    while written < count:
        size = min(1 + written % 3, count - written)
        record(database, *range(written, written + size))
        written += size


def test_a_plain_request_for_events_is_404(serve: Serve, sqlite_settings: Settings) -> None:
    assert serve(sqlite_settings).get("/ws/events").status_code == 404
