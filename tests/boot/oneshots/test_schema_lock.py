"""schema-bootstrap waits for the lock: who holds it, how long, and where there is none to hold."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2.extras import wait_select

from boot.database import schema_times
from tests.support.oneshot import ended
from tests.support.pgbouncer import pgbouncer
from tests.support.shop import Shop, Store, lines, only_error
from tests.support.wait import wait_until

if TYPE_CHECKING:
    import subprocess

KEY = int.from_bytes(b"edgepaas")
AT_ONCE = 20
QUEUED = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
pytestmark = pytest.mark.postgres


def queued(store: Store, name: str) -> Any:
    """Return an asynchronous connection: it can stand in a queue while the test goes on."""
    return psycopg2.connect(store.url.replace("+psycopg2", ""), application_name=name, async_=True)


@contextmanager
def holder(store: Store, name: str) -> Iterator[Any]:
    """Hold the lock as a session of that name; yield its pid."""
    with closing(store.server.connect(store.name)) as connection, connection.cursor() as cursor:
        cursor.execute("SET application_name = %s", [name])
        cursor.execute("SELECT pg_advisory_lock(%s)", [KEY])
        yield connection.info.backend_pid


def next_line_with(words: str, process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"it ended without {words!r}")


def test_the_deadline_s_error_names_who_holds_the_lock(shop: Shop, store: Store) -> None:
    with holder(store, "edgepaas-migration/green/d4/f00") as pid:
        result = shop.step(EDGEPAAS_MIGRATION_LOCK_TIMEOUT="0")
    assert result.status == 75
    message = only_error(result)["message"]
    assert f"edgepaas-migration/green/d4/f00 (pid {pid}, connected for " in message
    assert store.tables() == set()


def test_who_holds_it_is_told_and_told_again_when_it_is_another(shop: Shop, store: Store) -> None:
    with closing(queued(store, "second")) as second:
        with holder(store, "first"):
            process = shop.start_step()
            assert "first (pid" in next_line_with("waiting", process)
            wait_select(second)
            second.cursor().execute("SELECT pg_advisory_lock(%s)", [KEY])
            wait_until(lambda: store.ask(QUEUED), 10, "the second in the queue")
        assert "second (pid" in next_line_with("waiting", process)
    assert ended(process).status == 0
    assert store.revision() == "c3"
    times = schema_times.read(shop.run_dir)
    assert times
    assert times.lock_wait_seconds > 0 < times.migration_seconds


def test_of_another_role_s_session_at_least_the_name_is_told(shop: Shop, store: Store) -> None:
    store.ask("CREATE ROLE narrow LOGIN PASSWORD 'n'")
    try:
        with holder(store, "somebody"):
            result = shop.step(
                DATABASE_URL=store.server.url(store.name, user="narrow", password="n"),
                EDGEPAAS_MIGRATION_LOCK_TIMEOUT="0",
            )
        assert result.status == 75
        assert "somebody (pid" in only_error(result)["message"]
    finally:
        store.server.execute("DROP ROLE narrow")


def test_twenty_at_once_on_an_empty_database_all_succeed_and_one_migrates(
    shop: Shop, store: Store
) -> None:
    results = [ended(process) for process in [shop.start_step() for _ in range(AT_ONCE)]]
    assert [result.status for result in results] == [0] * AT_ONCE
    assert [line for result in results for line in lines(result) if line["level"] != "INFO"] == []
    assert len([result for result in results if "migrating: a1" in result.output]) == 1
    assert store.revision() == "c3"


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_shares_servers_is_78_and_a_direct_url_helps(
    shop: Shop, store: Store, mode: str
) -> None:
    with pgbouncer(store.server, mode) as pooler:
        through = pooler.url(store.name)
        result = shop.step(DATABASE_URL=through)
        assert result.status == 78, result.output
        assert "EDGEPAAS_MIGRATION_DATABASE_URL" in only_error(result)["message"]
        assert store.tables() == set()
        assert (
            shop.step(DATABASE_URL=through, EDGEPAAS_MIGRATION_DATABASE_URL=store.url).status == 0
        )
        at_head = shop.step(DATABASE_URL=through)
        assert at_head.status == 0, "nothing is to migrate, so the pooler is nobody's matter"


def test_a_pooler_in_session_mode_will_do(shop: Shop, store: Store) -> None:
    with pgbouncer(store.server, "session") as pooler:
        result = shop.step(DATABASE_URL=pooler.url(store.name))
    assert result.status == 0, result.output
    assert store.revision() == "c3"


def test_the_migrator_s_connection_says_who_it_is(shop: Shop, store: Store) -> None:
    name = "current_setting('application_name')"
    shop.add("d4", "c3", f'op.execute("CREATE TABLE seen AS SELECT {name} AS name")')
    assert shop.step(SLOT="green", EDGEPAAS_BUILD_ID="f00").status == 0
    assert store.ask("SELECT name FROM seen") == [("edgepaas-migration/green/d4/f00",)]


def test_a_migration_url_that_leads_elsewhere_is_78(shop: Shop, store: Store) -> None:
    other = store.server.new_database()
    try:
        result = shop.step(EDGEPAAS_MIGRATION_DATABASE_URL=store.server.url(other))
        assert result.status == 78
        assert "DATABASE_URL leads to is at nothing" in only_error(result)["message"]
    finally:
        store.server.drop_database(other)
