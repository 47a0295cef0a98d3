import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from app.db import Database
from app.live.wakeup import Wakeup
from app.live.wakeup_postgres import CHANNEL, SOURCE, PostgresWakeup
from app.settings import Settings
from app.sre.metrics import EVENT_WAKEUPS
from tests.app.conftest import Serve, components_of
from tests.support.events import greeted, record
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = pytest.mark.postgres


class Process:
    """What one process has: it wakes when others commit."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(replace(settings, database_pool_size=1))
        self.wakeup = Wakeup()
        self.others = PostgresWakeup(settings, self.wakeup)
        self.called: set[str] = set()

    def hears(self) -> bool:
        """Let it do what it has to, once; tell whether its own message came back."""
        self.announce()
        self.called |= self.wakeup.wait(0.01)
        return self.others._hears() and self.others._listener.heard_at > float("-inf")

    def announce(self, *, committed: bool = False) -> None:
        self.others.announce(self.database, committed=committed)


@contextmanager
def process(settings: Settings) -> Iterator[Process]:
    made = Process(settings)
    made.others.start()
    yield made
    made.others.close()
    made.database.dispose()


def test_a_commit_wakes_the_others_and_not_oneself(postgres_settings: Settings) -> None:
    with process(postgres_settings) as one, process(postgres_settings) as other:
        wait_until(lambda: one.hears() and other.hears(), 10, "both hearing themselves")
        one.called.clear()
        one.announce(committed=True)
        wait_until(lambda: other.hears() and SOURCE in other.called, 10, "the other's wake-up")
        wait_until(one.hears, 10, "one more round")
        assert SOURCE not in one.called


def test_many_commits_are_told_at_most_twenty_times_a_second(postgres_settings: Settings) -> None:
    with process(postgres_settings) as one:
        wait_until(one.hears, 10, "hearing oneself")
        began = time.monotonic()
        sent = set()
        for _ in range(1000):
            one.announce(committed=True)
            sent.add(one.others._sent_at)
        assert len(sent) <= 2 + (time.monotonic() - began) * 20
        wait_until(lambda: one.hears() and not one.others._due, 5, "the last commit told")


def test_a_connection_that_dies_is_replaced(
    postgres_settings: Settings, postgres_server: PostgresServer
) -> None:
    with process(postgres_settings) as one:
        wait_until(one.hears, 10, "hearing oneself")
        postgres_server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = %s",
            f"LISTEN {CHANNEL}",
        )
        wait_until(lambda: not one.others._listener.listening, 10, "the death noticed")
        assert one.others.patience() < 1
        wait_until(one.hears, 10, "hearing oneself again")


def test_behind_a_transaction_pooler_it_says_so_once_and_events_still_arrive(
    serve: Serve,
    postgres_settings: Settings,
    postgres_database: Database,
    postgres_server: PostgresServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = postgres_settings.database_url.rpartition("/")[2]
    with pgbouncer(postgres_server, "transaction") as pooler:
        url = pooler.url(name) + "?options="
        client = serve(replace(postgres_settings, database_url=url))
        with greeted(client.base_url) as (follower, _), caplog.at_level(logging.WARNING):
            for number in range(3):
                record(postgres_database, number)
                assert follower.numbers(1) == [number]
            wait_until(lambda: "LISTEN hears nothing" in caplog.text, 15, "the warning")
            record(components_of(client).database, 9)
            assert follower.numbers(1) == [9]
        client.close()
    assert caplog.text.count("LISTEN hears nothing") == 1


def test_past_the_pooler_it_listens(
    postgres_settings: Settings, postgres_server: PostgresServer
) -> None:
    name = postgres_settings.database_url.rpartition("/")[2]
    with pgbouncer(postgres_server, "transaction") as pooler:
        url = pooler.url(name) + "?options="
        direct = postgres_settings.database_url
        with process(replace(postgres_settings, database_url=url, direct_url=direct)) as one:
            wait_until(one.hears, 10, "hearing oneself by the direct connection")


def test_a_notice_is_what_wakes_for_another_process(
    serve: Serve, postgres_settings: Settings
) -> None:
    """Not the poll that is the net under it."""
    writer, reader = serve(postgres_settings), serve(postgres_settings)
    with greeted(reader.base_url) as (follower, _):
        listener = components_of(reader).hub._tail._others
        assert isinstance(listener, PostgresWakeup)
        wait_until(listener._hears, 10, "the listener")
        before = EVENT_WAKEUPS.labels(SOURCE)._value.get()
        record(components_of(writer).database, 1)
        assert follower.numbers(1) == [1]
        assert EVENT_WAKEUPS.labels(SOURCE)._value.get() > before
