"""schema-bootstrap, run as the process it is: what the database holds, whatever happens."""

import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.oneshot import REPOSITORY, Container, ended
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.shop import STEP, Shop, Store, lines, only_error
from tests.support.wait import wait_until

NewServer = Callable[..., PostgresServer]
ASLEEP = (
    "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
)
MIGRATORS = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'edgepaas-migration/%'"
postgres = pytest.mark.postgres


@postgres
def test_an_empty_postgresql_is_brought_to_head(shop: Shop, store: Store) -> None:
    result = shop.step()
    assert result.status == 0, result.output
    assert store.tables() == {"alembic_version", "customers", "edgepaas_schema", "orders"}
    assert store.revision() == "c3"
    messages = [line["message"] for line in lines(result)]
    assert messages[0] == "migrating: a1 (customers)"
    assert messages[-1] == "migrated to head: c3"
    assert PASSWORD not in result.output


@postgres
def test_at_head_nothing_heavy_is_imported(shop: Shop, store: Store) -> None:
    shop.step()
    listing = (
        f"import sys; import {STEP} as step; assert step.main() == 0; "
        "heavy = {'alembic', 'sqlalchemy', 'shop', 'random', 'ast'} & sys.modules.keys(); "
        "sys.exit(' '.join(heavy) or 0)"
    )
    result = shop.run("-c", listing)
    assert result.status == 0, result.output
    assert [line["message"] for line in lines(result)] == ["at head: c3"]


@postgres
def test_an_older_schema_is_brought_forward_with_its_rows(shop: Shop, store: Store) -> None:
    newest = shop.versions / "c3_email.py"
    kept = newest.read_text()
    newest.unlink()
    assert shop.step().status == 0
    store.ask("INSERT INTO customers VALUES (1, 'Ada')")
    newest.write_text(kept)
    assert shop.step().status == 0
    assert store.ask("SELECT id, name, email FROM customers") == [(1, "Ada", None)]


@postgres
def test_our_own_app_is_brought_to_head_by_its_import_strings(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    container = Container(
        tmp_path,
        REPOSITORY,
        DATABASE_URL=postgres_url,
        EDGEPAAS_SCHEMA_METADATA="app.models:Base.metadata",
        EDGEPAAS_SCHEMA_MIGRATIONS="app:migrations",
    )
    result = container.run("-m", STEP)
    assert result.status == 0, result.output
    assert "nodes" in Store(postgres_server, postgres_url).tables()
    assert container.run("-m", STEP).status == 0


@postgres
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_migrator_ended_in_the_middle_leaves_nothing_and_the_next_completes_it(
    shop: Shop, store: Store, how: signal.Signals
) -> None:
    shop.add(
        "d4", "c3", 'op.execute("CREATE TABLE d4 (id int)"); op.execute("SELECT pg_sleep(60)")'
    )
    process = shop.start_step()
    wait_until(lambda: store.ask(ASLEEP), 20, "the migration's middle")
    process.send_signal(how)
    assert ended(process).status == -how
    assert store.revision() == "c3"
    wait_until(lambda: "d4" not in store.tables(), 10, "the half migration rolled back")
    shop.add("d4", "c3", 'op.execute("CREATE TABLE d4 (id int)")')
    result = shop.step()
    assert result.status == 0, result.output
    assert store.revision() == "d4"
    assert not store.ask(ASLEEP)


@postgres
def test_a_migration_that_fails_halfway_leaves_what_was_before_it(shop: Shop, store: Store) -> None:
    shop.add("d4", "c3", 'op.execute("CREATE TABLE half (id int)"); op.execute("SELECT 1/0")')
    result = shop.step()
    assert result.status == 76
    error = only_error(result)
    assert "d4 (d4 of a test)" in error["message"]
    assert "division by zero" in error["message"]
    assert "traceback" not in error
    assert store.revision() == "c3"
    assert "half" not in store.tables()


@postgres
def test_an_error_in_a_migrations_own_code_is_one_event_with_its_traceback(
    shop: Shop, store: Store
) -> None:
    shop.add("d4", "c3", 'raise RuntimeError("the author erred")')
    result = shop.step()
    assert result.status == 76
    error = only_error(result)
    assert "the author erred" in error["traceback"]
    assert "in migration d4" in error["traceback"]
    assert store.revision() == "c3"


@postgres
def test_a_busy_table_is_tried_again_until_it_is_free(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", 'op.execute("ALTER TABLE customers ADD COLUMN d4 int")')
    url = f"{store.url}?options=-c%20lock_timeout%3D200"
    with closing(store.server.connect(store.name)) as reader, reader.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE customers IN ACCESS SHARE MODE")
        process = shop.start_step(DATABASE_URL=url)
        assert process.stdout is not None
        first = ""
        while "attempt 1" not in first:
            first = process.stdout.readline()
            assert first
        cursor.execute("COMMIT")
    assert ended(process).status == 0
    assert store.revision() == "d4"


@postgres
def test_a_table_that_stays_busy_is_75_and_untouched(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", 'op.execute("ALTER TABLE customers ADD COLUMN d4 int")')
    url = f"{store.url}?options=-c%20lock_timeout%3D100"
    with closing(store.server.connect(store.name)) as reader, reader.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE customers IN ACCESS SHARE MODE")
        result = shop.step(DATABASE_URL=url, EDGEPAAS_MIGRATION_LOCK_TIMEOUT="1")
    assert result.status == 75
    assert "d4" in only_error(result)["message"]
    assert store.revision() == "c3"


@postgres
def test_a_role_without_the_right_to_create_is_77(shop: Shop, store: Store) -> None:
    store.ask("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    store.ask("CREATE ROLE modest LOGIN PASSWORD 'm'")
    try:
        url = store.server.url(store.name, user="modest", password="m")
        result = shop.step(DATABASE_URL=url)
        assert result.status == 77
        assert "GRANT CREATE ON SCHEMA public" in only_error(result)["message"]
        unreadable = shop.step(DATABASE_URL=url, EDGEPAAS_MIGRATION_DATABASE_URL=store.url)
        assert unreadable.status == 77
        assert "alembic_version" in only_error(unreadable)["message"]
        store.ask("GRANT SELECT ON ALL TABLES IN SCHEMA public TO modest")
        assert shop.step(DATABASE_URL=url).status == 0
    finally:
        store.ask("DROP OWNED BY modest")
        store.server.execute("DROP ROLE modest")


@postgres
@pytest.mark.parametrize("policy", ["boot", "job", "off"])
def test_a_newer_schema_is_76_and_untouched(shop: Shop, store: Store, policy: str) -> None:
    assert shop.step().status == 0
    store.ask("UPDATE alembic_version SET version_num = 'z9'")
    result = shop.step(EDGEPAAS_MIGRATE=policy)
    assert result.status == 76
    message = only_error(result)["message"]
    assert "z9" in message
    assert "newer image" in message
    assert store.revision() == "z9"
    assert "customers" in store.tables()


@postgres
@pytest.mark.parametrize(("policy", "status"), [("off", 76), ("job", 75)])
def test_a_schema_that_is_behind_is_never_served(
    shop: Shop, store: Store, policy: str, status: int
) -> None:
    result = shop.step(EDGEPAAS_MIGRATE=policy, EDGEPAAS_MIGRATION_LOCK_TIMEOUT="0")
    assert result.status == status
    assert "docker run IMAGE migrate" in only_error(result)["message"]
    assert store.tables() == set()


@postgres
@pytest.mark.parametrize("policy", ["off", "job"])
def test_a_schema_at_head_is_served_whatever_the_policy(
    shop: Shop, store: Store, policy: str
) -> None:
    assert shop.step().status == 0
    assert shop.step(EDGEPAAS_MIGRATE=policy).status == 0


@postgres
def test_a_container_waits_for_the_job(shop: Shop, store: Store) -> None:
    waiting = shop.start_step(EDGEPAAS_MIGRATE="job")
    assert waiting.stdout is not None
    assert "waiting" in waiting.stdout.readline()
    assert shop.step().status == 0
    assert ended(waiting).status == 0


@postgres
def test_a_database_that_went_away_is_no_traceback(
    shop: Shop, new_postgres_server: NewServer
) -> None:
    server = new_postgres_server()
    result = shop.step(DATABASE_URL=server.url())
    assert result.status == 69
    assert "traceback" not in only_error(result)


@postgres
def test_a_killed_server_in_the_middle_of_a_migration_is_75(
    shop: Shop, new_postgres_server: NewServer
) -> None:
    server = new_postgres_server()
    server.start()
    shop.add("d4", "c3", 'op.execute("SELECT pg_sleep(60)")')
    process = shop.start_step(DATABASE_URL=server.url())
    wait_until(lambda: server.execute(ASLEEP), 20, "the migration's middle")
    server.kill()
    result = ended(process)
    assert result.status == 75, result.output
    assert "traceback" not in only_error(result)


@postgres
def test_two_heads_are_named(shop: Shop, store: Store) -> None:
    shop.add("d4", "c3", "pass")
    shop.add("e5", "c3", "pass")
    result = shop.step()
    assert result.status == 76
    assert "d4 and e5" in only_error(result)["message"]
    assert store.tables() == set()


@pytest.mark.parametrize("database", ["file", pytest.param("postgres", marks=postgres)])
def test_migrations_in_a_circle_are_76_in_one_line(
    shop: Shop, request: pytest.FixtureRequest, database: str
) -> None:
    if database == "postgres":
        request.getfixturevalue("store")
    shop.add("d4", "e5", "pass")
    shop.add("e5", "d4", "pass")
    result = shop.step()
    assert result.status == 76
    assert "circle, or on one: d4, e5" in only_error(result)["message"]


@postgres
def test_a_migration_that_never_ends_is_cut_and_leaves_nothing(shop: Shop, store: Store) -> None:
    shop.add(
        "d4", "c3", 'op.execute("CREATE TABLE half (id int)"); op.execute("SELECT pg_sleep(60)")'
    )
    result = shop.step(DATABASE_URL=f"{store.url}?options=-c%20statement_timeout%3D300")
    assert result.status == 76
    assert "statement_timeout" in only_error(result)["message"]
    assert store.revision() == "c3"
    assert "half" not in store.tables()


@pytest.mark.parametrize(
    "body",
    ["while True: pass", 'op.execute("SELECT pg_sleep(600)")'],
    ids=["loops", "sleeps in a statement"],
)
@postgres
def test_a_migration_is_ended_when_its_time_is_over(shop: Shop, store: Store, body: str) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", f'op.execute("CREATE TABLE half (id int)")\n    {body}')
    result = shop.step(EDGEPAAS_MIGRATION_TIMEOUT="1")
    assert result.status == 76
    assert "migration d4 (d4 of a test)" in only_error(result)["message"]
    assert "EDGEPAAS_MIGRATION_TIMEOUT" in only_error(result)["message"]
    wait_until(lambda: not store.ask(MIGRATORS), 30, "the server notices")
    assert store.revision() == "c3"
    assert "half" not in store.tables()
    shop.without("d4.py")
    assert shop.step().status == 0


def test_a_migration_of_a_file_that_loops_is_ended_and_leaves_it_as_it_was(shop: Shop) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", 'op.execute("CREATE TABLE half (id int)")\n    while True: pass')
    result = shop.step(EDGEPAAS_MIGRATION_TIMEOUT="1")
    assert result.status == 76
    assert "migration d4 (d4 of a test)" in only_error(result)["message"]
    assert shop.in_file("SELECT version_num FROM alembic_version") == [("c3",)]
    assert not shop.in_file("SELECT 1 FROM sqlite_master WHERE name = 'half'")


@postgres
def test_a_full_disk_of_the_server_is_74_and_leaves_what_was(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    full = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'"
    shop.add("d4", "c3", f'op.execute("DO $$ BEGIN {full}; END $$")')
    result = shop.step()
    assert result.status == 74
    assert "free space on the database server" in only_error(result)["message"]
    assert store.revision() == "c3"


@postgres
def test_tables_that_another_role_owns_are_77_and_untouched(shop: Shop, store: Store) -> None:
    assert shop.step().status == 0
    shop.add("d4", "c3", 'op.execute("ALTER TABLE customers ADD COLUMN d4 int")')
    store.ask("CREATE ROLE guest LOGIN PASSWORD 'g'")
    try:
        store.ask("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest")
        result = shop.step(DATABASE_URL=store.server.url(store.name, user="guest", password="g"))
        assert result.status == 77
        message = only_error(result)["message"]
        assert "must be owner of table customers" in message
        assert "EDGEPAAS_MIGRATION_DATABASE_URL" in message
        assert store.revision() == "c3"
    finally:
        store.ask("DROP OWNED BY guest")
        store.server.execute("DROP ROLE guest")


@postgres
def test_a_missing_revision_is_76_in_one_line(shop: Shop, store: Store) -> None:
    shop.without("a1_customers.py")
    result = shop.step()
    assert result.status == 76
    assert "a1" in only_error(result)["message"]
    assert "traceback" not in only_error(result)


def test_an_empty_file_gets_its_tables_from_the_metadata(shop: Shop) -> None:
    result = shop.step()
    assert result.status == 0, result.output
    assert shop.in_file("SELECT version_num FROM alembic_version") == [("c3",)]
    assert shop.in_file("SELECT count(*) FROM customers") == [(0,)]
    assert "created 2 tables" in result.output


def test_the_metadata_and_the_migrations_make_the_same_tables(shop: Shop) -> None:
    """The fixture's own honesty: what create_all makes is what the migrations make."""
    shop.step()
    created = shop.in_file("SELECT name, type FROM pragma_table_info('customers') ORDER BY 1")
    shop.file.unlink()
    kept = {name: (shop.versions / name).read_text() for name in ("b2_orders.py", "c3_email.py")}
    shop.without(*kept)
    old_table = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL)"
    shop.in_file(old_table)
    shop.in_file("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    shop.in_file("INSERT INTO alembic_version VALUES ('a1')")
    for name, text in kept.items():
        (shop.versions / name).write_text(text)
    assert shop.step().status == 0
    assert (
        shop.in_file("SELECT name, type FROM pragma_table_info('customers') ORDER BY 1") == created
    )


def test_a_file_at_head_is_left_alone_and_costs_no_sqlalchemy(shop: Shop) -> None:
    shop.step()
    before = shop.file.read_bytes()
    listing = (
        f"import sys; import {STEP} as step; assert step.main() == 0; "
        "heavy = {'alembic', 'sqlalchemy', 'psycopg2', 'shop', 'random'} & sys.modules.keys(); "
        "sys.exit(' '.join(heavy) or 0)"
    )
    result = shop.run("-c", listing)
    assert result.status == 0, result.output
    assert shop.file.read_bytes() == before


def test_a_file_of_an_older_image_is_migrated_and_a_copy_kept(shop: Shop) -> None:
    shop.step()
    shop.in_file("INSERT INTO customers VALUES (1, 'Ada', NULL)")
    shop.in_file("INSERT INTO orders VALUES (1, 1)")
    shop.add("d4", "c3", "batch_drop_name()")
    migration = shop.versions / "d4.py"
    migration.write_text(
        migration.read_text().replace(
            "    batch_drop_name()",
            '    with op.batch_alter_table("customers", recreate="always") as batch:\n'
            '        batch.alter_column("name", new_column_name="title")',
        )
    )
    result = shop.step()
    assert result.status == 0, result.output
    assert shop.in_file("SELECT title FROM customers") == [("Ada",)]
    assert shop.in_file("SELECT * FROM orders") == [(1, 1)], "the cascade must not have run"
    with closing(sqlite3.connect(shop.data / "edgepaas.db.c3.bak")) as copy:
        assert copy.execute("SELECT name FROM customers").fetchall() == [("Ada",)]


def test_a_migration_of_a_file_that_fails_halfway_leaves_it_as_it_was(shop: Shop) -> None:
    shop.step()
    shop.add("d4", "c3", 'op.execute("CREATE TABLE half (id int)"); op.execute("SELECT nonsense")')
    result = shop.step()
    assert result.status == 76
    assert "d4" in only_error(result)["message"]
    assert shop.in_file("SELECT name FROM sqlite_master WHERE name = 'half'") == []
    assert shop.in_file("SELECT version_num FROM alembic_version") == [("c3",)]


def test_ten_at_once_on_an_empty_file_all_succeed_and_one_creates(shop: Shop) -> None:
    results = [ended(process) for process in [shop.start_step() for _ in range(10)]]
    assert [result.status for result in results] == [0] * 10
    assert len([result for result in results if "created 2 tables" in result.output]) == 1


def test_a_creation_killed_in_the_middle_is_completed_by_the_next(shop: Shop) -> None:
    tables = shop.directory / "path/shop/tables.py"
    whole = tables.read_text()
    trap = (
        "\nfrom sqlalchemy import event\nimport os, signal\n"
        '@event.listens_for(orders, "after_create")\n'
        "def die(*_, **__):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    tables.write_text(whole + trap)
    assert shop.step().status == -signal.SIGKILL
    tables.write_text(whole)
    assert shop.step().status == 0
    assert shop.in_file("SELECT version_num FROM alembic_version") == [("c3",)]


def test_a_file_of_unknown_origin_is_76_and_untouched(shop: Shop) -> None:
    shop.in_file("CREATE TABLE customers (whatever)")
    before = shop.file.read_bytes()
    result = shop.step()
    assert result.status == 76
    assert "alembic stamp" in only_error(result)["message"]
    assert shop.file.read_bytes() == before


def test_a_newer_file_is_76_and_untouched(shop: Shop) -> None:
    shop.step()
    shop.in_file("UPDATE alembic_version SET version_num = 'z9'")
    before = shop.file.read_bytes()
    result = shop.step()
    assert result.status == 76
    assert "z9" in only_error(result)["message"]
    assert shop.file.read_bytes() == before


def test_a_file_that_is_no_database_is_76_and_untouched(shop: Shop) -> None:
    shop.file.write_bytes(b"a letter to grandmother " * 100)
    result = shop.step()
    assert result.status == 76
    assert "move the file away" in only_error(result)["message"]
    assert shop.file.read_bytes().startswith(b"a letter")


def test_a_file_that_is_behind_is_not_served_when_migration_is_off(shop: Shop) -> None:
    assert shop.step(EDGEPAAS_MIGRATE="off").status == 0
    shop.add("d4", "c3", "pass")
    assert shop.step(EDGEPAAS_MIGRATE="off").status == 76


@pytest.mark.parametrize(
    "variables",
    [
        {"EDGEPAAS_SCHEMA_METADATA": "no_such_module:metadata"},
        {"EDGEPAAS_SCHEMA_METADATA": "shop.tables:no_such_name"},
        {"EDGEPAAS_SCHEMA_METADATA": "shop.tables:customers"},
        {"EDGEPAAS_SCHEMA_MIGRATIONS": "shop:nowhere"},
        {"EDGEPAAS_SCHEMA_MIGRATIONS": "no_such_package:alembic"},
        {"DATABASE_URL": "mysql://u:canary@h/d"},
    ],
)
def test_a_wrong_import_string_or_url_is_78_in_one_line(
    shop: Shop, variables: dict[str, str]
) -> None:
    result = shop.step(**variables)
    assert result.status == 78
    assert next(iter(variables)) in only_error(result)["message"]
    assert "canary" not in result.output
