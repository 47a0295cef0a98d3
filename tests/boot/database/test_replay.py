"""A fallback's journal in PostgreSQL: what is applied, what is parked, and nothing by force."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, null, text, update
from sqlalchemy.orm import Session

from app.models import Node
from boot.database import conflicts, replay
from boot.database.replay_batch import Batch
from boot.database.schema_error import SchemaError
from boot.database.url import PostgresUrl
from tests.support.apps import depot
from tests.support.apps.depot import Colour, parts, shelves
from tests.support.fallback import Fallback
from tests.support.postgres import PostgresServer, free_port

pytestmark = pytest.mark.postgres
DEPOT = "tests.support.apps.depot:metadata"
ID = uuid.UUID("018f4b6e-0000-7000-8000-000000000001")
EAST = dt.timezone(dt.timedelta(hours=5))
NOON = dt.datetime(2026, 3, 29, 12, 30, 15, 123456)  # noqa: DTZ001  # a naive column's


@pytest.fixture
def fallback(tmp_path: Path, postgres_url: str) -> Fallback:
    return Fallback(tmp_path / "fallback.db", postgres_url, DEPOT)


def part(fallback: Fallback, name: str, **values: Any) -> None:
    """Add a part in the fallback."""
    with fallback.here() as here:
        here.execute(insert(parts).values(id=name, **values))


def change(fallback: Fallback, name: str, **values: Any) -> None:
    """Change a part in the fallback."""
    with fallback.here() as here:
        here.execute(update(parts).where(parts.c.id == name).values(**values))


VALUES: dict[str, list[Any]] = {
    "uuid": [ID],
    "uuid_text": [str(ID)],
    "string": ["", "plain", "ö\U0001f980'\"%s\\"],
    "unicode": ["ünïcode"],
    "text": ["two\nlines", "x" * 100_000],
    "small": [-32768, 0],
    "integer": [2**31 - 1],
    "big": [2**63 - 1, -(2**63)],
    "boolean": [True, False],
    "numeric": [Decimal("12345678.1234"), Decimal(-7)],
    "numeric_float": [1.25],
    "float": [0.1, 5.0],
    "double": [1e300, -0.1],
    "date": [dt.date(2024, 2, 29)],
    "time": [dt.time(23, 59, 59, 999999)],
    "naive": [NOON],
    "stamp": [NOON.replace(microsecond=0)],
    "moment": [
        NOON.replace(tzinfo=dt.UTC),
        NOON.replace(tzinfo=dt.timezone(dt.timedelta(hours=5))),
    ],
    "interval": [dt.timedelta(days=40, seconds=3, microseconds=7), dt.timedelta(days=-1)],
    "enum": [Colour.RED],
    "enum_text": [Colour.BLUE],
    "enum_words": ["down"],
    "binary": [b"", b"\0\xff bytes"],
    "pickle": [{"a": {1, 2}}],
    "json": [{"a": [1, 2.5, None, "ö"]}, "word", 7, 1.5, True, [], None],
    "json_null": [{"b": 1}],
    "jsonb": [{"a": {"b": [True]}}, "word", 5, None],
    "lines": [["a", "b"], []],
    "array": [["a", "b"], []],
    "inet": ["10.0.0.1"],
}


def test_there_is_a_value_of_every_type() -> None:
    assert VALUES.keys() == depot.TYPES.keys()


def test_a_value_of_any_type_is_in_postgres_what_it_was_in_the_fallback(
    fallback: Fallback,
) -> None:
    given = [(f"a_{name}", value) for name, values in VALUES.items() for value in values]
    with fallback.here() as here:
        for number, (column, value) in enumerate(given):
            here.execute(insert(depot.types).values({"id": uuid.UUID(int=number), column: value}))
    assert replay.run(fallback.request, fallback.path) == (len(given), 0, 0, ())
    found = fallback.rows(depot.types)
    assert found == fallback.rows_here(depot.types)
    assert [row._mapping[column] for row, (column, _) in zip(found, given, strict=True)] == [
        value for _, value in given
    ]


def test_nothing_and_the_null_of_json_stay_two_things(fallback: Fallback) -> None:
    with fallback.here() as here:
        here.execute(insert(depot.types).values(id=ID, a_json=None, a_jsonb=null()))
    replay.run(fallback.request, fallback.path)
    assert fallback.ask("SELECT a_json::text, a_jsonb::text, a_string FROM types") == [
        ("null", None, None)
    ]


def test_words_of_sql_keys_of_columns_and_computed_columns_do_no_harm(fallback: Fallback) -> None:
    order = depot.order
    rows = [{"choice": "a%(b)s", "from": number, "mixed": "%s"} for number in range(3)]
    with fallback.here() as here:
        here.execute(insert(order), rows)
        here.execute(update(order).where(order.c["from"] == 1).values(mixed=None, note="mine"))
        here.execute(delete(order).where(order.c["from"] == 2))
        # A change of the key is the end of one row and the beginning of another.
        here.execute(update(order).where(order.c["from"] == 0).values({"from": 7}))
    assert replay.run(fallback.request, fallback.path)[:3] == (7, 0, 0)
    assert fallback.rows(order) == [
        ("a%(b)s", 1, None, 2, "new", "mine"),
        ("a%(b)s", 7, "%s", 14, "new", "touched"),
    ]


def test_a_key_that_is_always_generated_is_given_all_the_same(fallback: Fallback) -> None:
    with fallback.here() as here:
        here.execute(insert(depot.numbered).values(id=7, name="a"))
        here.execute(update(depot.numbered).values(name="b"))
    assert replay.run(fallback.request, fallback.path)[:3] == (2, 0, 0)
    assert fallback.rows(depot.numbered) == [(7, "b")]


def test_a_table_of_another_schema_is_found_by_its_name(fallback: Fallback) -> None:
    with fallback.there() as there:
        there.execute(insert(depot.elsewhere).values(id=uuid.UUID(int=0), name="taken"))
    with fallback.here() as here:
        here.execute(insert(depot.elsewhere).values(id=ID, name="taken"))
        here.execute(insert(depot.elsewhere).values(id=uuid.UUID(int=9), name="free"))
    assert replay.run(fallback.request, fallback.path)[:2] == (1, 1)
    theirs = fallback.ask("SELECT theirs->>'id' FROM edgepaas_conflict")
    assert theirs == [(str(uuid.UUID(int=0)),)]


def test_rows_that_need_each_other_come_in_together(fallback: Fallback) -> None:
    with fallback.here() as here:
        here.execute(insert(depot.knives).values(id="k", fork="f"))
        for number in range(2 * replay.USUAL):
            here.execute(insert(parts).values(id=str(number)))
        here.execute(insert(depot.forks).values(id="f", knife="k"))
    assert replay.run(fallback.request, fallback.path)[:2] == (2 * replay.USUAL + 2, 0)


def test_a_row_whose_partner_never_comes_is_parked_alone(fallback: Fallback) -> None:
    with fallback.here() as here:
        here.execute(insert(depot.knives).values(id="k", fork="nowhere"))
        here.execute(insert(parts).values(id="a"))
    assert replay.run(fallback.request, fallback.path)[:2] == (1, 1)
    assert [name for name, *_ in fallback.conflicts()] == ["knives"]


CONFLICTS: dict[str, tuple[Callable[[Fallback], None], str]] = {
    "the key is taken": (lambda it: part(it, "theirs", label="new"), "parts_pkey"),
    "a unique value is taken": (lambda it: part(it, "new", label="taken"), "parts_label_key"),
    "a unique pair is taken": (
        lambda it: part(it, "new", shelf="s", amount=5),
        "one_of_an_amount",
    ),
    "what it refers to is not there": (
        lambda it: part(it, "new", shelf="nowhere"),
        'not present in table "shelves"',
    ),
    "a check fails": (
        lambda it: in_sql(it, "INSERT INTO parts (id, amount) VALUES ('n', -1)"),
        "debt",
    ),
    "a value is too long": (lambda it: part(it, "new", label="x" * 9), "too long"),
    "a number is too large": (lambda it: part(it, "new", amount=2**31), "out of range"),
    "a text has a NUL": (lambda it: part(it, "new", label="a\0b"), "NUL"),
    "a key has a NUL": (lambda it: part(it, "a\0b"), "NUL"),
    "JSON has a NUL": (lambda it: part(it, "new", about={"a": "\0"}), "\\u0000"),
    "JSON is none": (
        lambda it: in_sql(it, "INSERT INTO parts (id, about) VALUES ('n', '{')"),
        "about is no JSON",
    ),
    "a text is not UTF-8": (
        lambda it: in_sql(it, "INSERT INTO parts (id, label) VALUES ('n', CAST(x'ff' AS TEXT))"),
        "surrogates not allowed",
    ),
    "a number is a word": (
        lambda it: in_sql(it, "INSERT INTO parts (id, amount) VALUES ('n', 'many')"),
        "invalid input syntax",
    ),
    "a trigger raises": (lambda it: part(it, "cursed"), "not on my watch"),
    "a trigger takes the row away": (lambda it: part(it, "vanishing"), "did not keep the row"),
    "an index cannot hold it": (
        lambda it: in_sql(it, "INSERT INTO parts (id) VALUES (hex(randomblob(20000)))"),
        "index row requires",
    ),
}


def in_sql(fallback: Fallback, sql: str) -> None:
    """Do in the fallback what no type of SQLAlchemy would."""
    with fallback.here() as here:
        here.exec_driver_sql("PRAGMA ignore_check_constraints = on")
        here.exec_driver_sql(sql)


TRIGGER = """
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.id = 'cursed' THEN RAISE 'not on my watch'; END IF;
    IF NEW.id = 'fatal' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    RETURN CASE WHEN NEW.id = 'vanishing' THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER guard BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION guard();
INSERT INTO shelves VALUES ('s');
INSERT INTO parts (id, label, shelf, amount) VALUES ('theirs', 'taken', 's', 5);
"""


@pytest.fixture
def guarded(fallback: Fallback) -> Fallback:
    """A PostgreSQL with rows of others and a trigger of its own."""
    fallback.ask_nothing(TRIGGER)
    return fallback


@pytest.mark.parametrize("case", CONFLICTS)
def test_what_postgres_refuses_is_parked_and_the_rest_goes_in(guarded: Fallback, case: str) -> None:
    make, reason = CONFLICTS[case]
    before = guarded.rows(parts)
    in_sql(guarded, "INSERT INTO shelves VALUES ('before')")
    make(guarded)
    in_sql(guarded, "INSERT INTO shelves VALUES ('later')")
    replayed = replay.run(guarded.request, guarded.path)
    assert replayed[:3] == (2, 1, 0)
    ((_, key, said),) = guarded.conflicts()
    assert reason in said
    assert [key] == [json.loads(row_key) for _, row_key in replayed.contested]
    assert guarded.rows(parts) == before
    assert {("before",), ("later",)} < set(guarded.rows(shelves))


@pytest.mark.parametrize("case", list(CONFLICTS)[:3])
def test_a_parked_row_stands_beside_the_one_in_its_way(guarded: Fallback, case: str) -> None:
    CONFLICTS[case][0](guarded)
    replay.run(guarded.request, guarded.path)
    ((theirs, ours),) = guarded.ask("SELECT theirs->>'id', ours->>'id' FROM edgepaas_conflict")
    assert theirs == "theirs"
    assert ours in {"new", "theirs"}


def test_a_table_or_a_column_this_image_does_not_have_is_parked(fallback: Fallback) -> None:
    with fallback.here() as here:
        here.exec_driver_sql("CREATE TABLE strange (id TEXT PRIMARY KEY)")
        here.exec_driver_sql("ALTER TABLE parts ADD COLUMN weight REAL")
    fallback.journal.install(fallback.target, "b00t", "r2")
    in_sql(fallback, "INSERT INTO strange VALUES ('a')")
    in_sql(fallback, "INSERT INTO parts (id, weight) VALUES ('heavy', 1.5)")
    in_sql(fallback, "INSERT INTO parts (id) VALUES ('light')")
    assert replay.run(fallback.request, fallback.path)[:2] == (1, 2)
    assert [reason for _, _, reason in fallback.conflicts()] == [
        "this image has no table strange",
        "this image has no column parts.weight",
    ]


def test_after_its_first_conflict_all_of_a_row_waits_and_nothing_else_does(
    fallback: Fallback,
) -> None:
    with fallback.there() as there:
        there.execute(insert(parts).values(id="b", label="theirs"))
    for name in "abc":
        part(fallback, name)
    for name in "abcb":
        change(fallback, name, label=f"{name}-ours")
    with fallback.here() as here:
        here.execute(delete(parts).where(parts.c.id == "b"))
    part(fallback, "b", label="again")
    replayed = replay.run(fallback.request, fallback.path)
    assert replayed == (4, 5, 0, (("parts", '["b"]'),))
    assert [(row.id, row.label) for row in fallback.rows(parts)] == [
        ("a", "a-ours"),
        ("b", "theirs"),
        ("c", "c-ours"),
    ]


def test_a_row_that_another_writer_changed_as_often_as_we_did_is_not_overwritten(
    fallback: Fallback,
) -> None:
    """With counters both sides would be at version 2, and ours would win in silence."""
    part(fallback, "a", label="one")
    replay.run(fallback.request, fallback.path)
    with fallback.there() as there:
        there.execute(update(parts).values(label="theirs"))
    change(fallback, "a", label="two")
    change(fallback, "a", label="three")
    assert replay.run(fallback.request, fallback.path)[:3] == (0, 2, 0)
    assert fallback.rows(parts)[0].label == "theirs"
    assert fallback.conflicts()[0][2] == "the row was changed in PostgreSQL meanwhile"


def test_a_change_of_a_row_that_is_gone_is_parked_and_brings_nothing_back(
    fallback: Fallback,
) -> None:
    part(fallback, "a")
    replay.run(fallback.request, fallback.path)
    with fallback.there() as there:
        there.execute(delete(parts))
    change(fallback, "a", label="two")
    assert replay.run(fallback.request, fallback.path)[:3] == (0, 1, 0)
    assert fallback.rows(parts) == []


def test_what_is_gone_on_both_sides_is_no_conflict(fallback: Fallback) -> None:
    part(fallback, "a")
    replay.run(fallback.request, fallback.path)
    for transaction in (fallback.there(), fallback.here()):
        with transaction as connection:
            connection.execute(delete(parts))
    assert replay.run(fallback.request, fallback.path)[:3] == (1, 0, 0)


def test_a_row_that_others_refer_to_by_now_is_not_deleted(fallback: Fallback) -> None:
    in_sql(fallback, "INSERT INTO shelves VALUES ('s')")
    replay.run(fallback.request, fallback.path)
    with fallback.there() as there:
        there.execute(insert(parts).values(id="theirs", shelf="s"))
    in_sql(fallback, "DELETE FROM shelves")
    assert replay.run(fallback.request, fallback.path)[:3] == (0, 1, 0)
    assert "still referenced" in fallback.conflicts()[0][2]


def test_a_replay_while_the_application_writes_leaves_only_the_tail_to_the_next(
    fallback: Fallback,
) -> None:
    part(fallback, "a", label="one")
    assert replay.run(fallback.request, fallback.path)[:3] == (1, 0, 0)
    change(fallback, "a", label="two")
    part(fallback, "b")
    assert fallback.journal.pending() == 2
    assert replay.run(fallback.request, fallback.path)[:3] == (2, 0, 0)
    assert fallback.journal.pending() == 0
    assert replay.run(fallback.request, fallback.path)[:3] == (0, 0, 0)


def test_a_journal_that_knows_nothing_of_a_replay_is_not_applied_twice(fallback: Fallback) -> None:
    part(fallback, "a", amount=1)
    change(fallback, "a", amount=2)
    replay.run(fallback.request, fallback.path)
    fallback.journal.advance(0, 0, 0)
    assert replay.run(fallback.request, fallback.path)[:3] == (0, 0, 2)
    assert fallback.journal.progress() == (2, 2, 0)


def test_a_postgres_that_lost_what_it_had_gets_it_again(fallback: Fallback) -> None:
    part(fallback, "a")
    replay.run(fallback.request, fallback.path)
    fallback.ask_nothing("DELETE FROM parts; DELETE FROM edgepaas_applied")
    assert replay.run(fallback.request, fallback.path)[:3] == (1, 0, 0)
    assert len(fallback.rows(parts)) == 1


def test_two_replays_at_once_share_the_work(fallback: Fallback) -> None:
    for number in range(200):
        part(fallback, str(number))
    with ThreadPoolExecutor(4) as pool:
        again = [pool.submit(replay.run, fallback.request, fallback.path) for _ in range(4)]
    assert sum(each.result().applied for each in again) == 200
    assert len(fallback.rows(parts)) == 200


def test_a_journal_of_another_database_is_refused_unless_told_otherwise(
    fallback: Fallback,
) -> None:
    part(fallback, "a")
    other = {**fallback.parameters, "host": "localhost"}
    request = fallback.request._replace(target=PostgresUrl(other))
    with pytest.raises(SchemaError, match="holds rows for the PostgreSQL 127") as caught:
        replay.run(request, fallback.path)
    assert caught.value.status == 78
    assert "--into-another" in caught.value.advice
    assert replay.run(request, fallback.path, into_another=True).applied == 1


def test_a_row_that_stays_locked_ends_it_with_75_and_loses_nothing(fallback: Fallback) -> None:
    part(fallback, "a")
    replay.run(fallback.request, fallback.path)
    change(fallback, "a", label="two")
    parameters = {**fallback.parameters, "options": "-c lock_timeout=50ms"}
    request = fallback.request._replace(migration_target=PostgresUrl(parameters), lock_seconds=0.2)
    with fallback.there() as there:
        there.execute(text("SELECT * FROM parts FOR UPDATE"))
        with pytest.raises(SchemaError, match="lock timeout") as caught:
            replay.run(request, fallback.path)
    assert caught.value.status == 75
    assert replay.run(fallback.request, fallback.path)[:3] == (1, 0, 0)


def test_a_connection_lost_in_the_middle_ends_it_with_75_and_loses_nothing(
    guarded: Fallback,
) -> None:
    part(guarded, "fatal")
    part(guarded, "harmless")
    with pytest.raises(SchemaError, match="the replay stopped") as caught:
        replay.run(guarded.request, guarded.path)
    assert caught.value.status == 75
    guarded.ask_nothing("DROP TRIGGER guard ON parts")
    assert replay.run(guarded.request, guarded.path)[:3] == (2, 0, 0)


def test_a_server_that_is_away_is_75(fallback: Fallback) -> None:
    part(fallback, "a")
    parameters = {**fallback.parameters, "port": str(free_port())}
    with pytest.raises(SchemaError, match="refused") as caught:
        replay.run(
            fallback.request._replace(migration_target=PostgresUrl(parameters)), fallback.path
        )
    assert caught.value.status == 75


def test_a_role_without_rights_is_77_and_told_what_to_grant(
    fallback: Fallback, postgres_server: PostgresServer
) -> None:
    part(fallback, "a")
    role = f"guest_{uuid.uuid4().hex[:8]}"
    fallback.ask_nothing(f"CREATE ROLE {role} LOGIN PASSWORD 'canary'")
    parameters = {**fallback.parameters, "user": role, "password": "canary"}
    request = fallback.request._replace(migration_target=PostgresUrl(parameters))
    try:
        with pytest.raises(SchemaError) as caught:
            replay.run(request, fallback.path)
    finally:
        fallback.ask_nothing(f"DROP ROLE {role}")
    assert caught.value.status == 77
    assert "GRANT" in caught.value.advice


def test_a_file_without_a_journal_or_with_an_empty_one_asks_nobody(
    tmp_path: Path, fallback: Fallback
) -> None:
    nowhere = PostgresUrl({"host": "127.0.0.1", "port": str(free_port())})
    request = fallback.request._replace(target=nowhere, migration_target=nowhere)
    assert replay.run(request, tmp_path / "no.db") == (0, 0, 0, ())
    assert replay.run(request, fallback.path) == (0, 0, 0, ())


def test_at_boot_the_file_is_kept_and_the_log_names_the_contested_rows(
    fallback: Fallback, caplog: pytest.LogCaptureFixture
) -> None:
    with fallback.there() as there:
        there.execute(insert(parts).values(id="b"))
    for name in "ab":
        part(fallback, name, label=f"secret-{name}")
    with caplog.at_level("INFO"):
        replay.at_boot(fallback.request, fallback.path)
    first, second = (record for record in caplog.records if record.name == replay.__name__)
    assert "1 applied, 1 parked; the file is kept: " in first.message
    assert first.levelname == "INFO"
    assert second.levelname == "WARNING"
    assert second.message == (
        'contested rows wait for a decision: parts ["b"]; see `edgepaas db resolve`'
    )
    assert "secret" not in caplog.text
    assert not fallback.path.exists()
    replay.at_boot(fallback.request, fallback.path)


def test_at_boot_the_log_counts_what_was_replayed_before_while_it_served(
    fallback: Fallback, caplog: pytest.LogCaptureFixture
) -> None:
    part(fallback, "a")
    replay.run(fallback.request, fallback.path)
    part(fallback, "b")
    with caplog.at_level("INFO"):
        replay.at_boot(fallback.request, fallback.path)
    assert "1 applied, 0 parked, 1 by an earlier replay; the file is kept" in caplog.text


def test_the_row_whose_value_is_in_the_way_stays_beside_a_chain_that_goes_on(
    fallback: Fallback,
) -> None:
    with fallback.there() as there:
        there.execute(insert(parts).values(id="theirs", label="taken"))
    part(fallback, "ours", label="taken")
    change(fallback, "ours", amount=3)
    replay.run(fallback.request, fallback.path)
    (row,) = (each.as_document() for each in conflicts.waiting(PostgresUrl(fallback.parameters)))
    assert (row["changes"], row["postgres"]["id"], row["fallback"]["amount"]) == (2, "theirs", 3)


def test_a_database_that_lacks_a_letter_gets_the_rest_and_keeps_the_row_aside(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    name = f"latin_{uuid.uuid4().hex[:8]}"
    postgres_server.execute(f"CREATE DATABASE {name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    try:
        fallback = Fallback(tmp_path / "fallback.db", postgres_server.url(name), DEPOT)
        for key, label in (("a", "ö"), ("b", "€"), ("€", "c")):
            part(fallback, key, label=label)
        assert replay.run(fallback.request, fallback.path)[:2] == (1, 2)
        assert fallback.conflicts()[1][1] == ["€"]
        assert fallback.rows(parts)[0].label == "ö"
    finally:
        postgres_server.drop_database(name)


def test_the_rows_of_our_own_application_come_over_as_they_are(
    tmp_path: Path, postgres_url: str
) -> None:
    fallback = Fallback(tmp_path / "fallback.db", postgres_url, "app.models:Base.metadata")
    now = NOON.replace(tzinfo=dt.UTC)
    told = {"region": "eu", "labels": {"a": "ö"}, "created_at": now, "updated_at": now}
    with fallback.here() as here, Session(here) as session:
        nodes = [Node(name=f"node-{number}", **told) for number in range(3)]
        session.add_all(nodes)
        session.flush()
        nodes[0].heartbeat_at = now
        session.delete(nodes[1])
        session.flush()
        session.execute(update(Node).values(region="us"))
    assert replay.run(fallback.request, fallback.path).parked == 0
    assert fallback.rows(Node.__table__) == fallback.rows_here(Node.__table__)
    assert len(fallback.rows(Node.__table__)) == 2


def test_it_ends_though_the_application_writes_faster(
    fallback: Fallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came after its beginning is the next replay's."""
    part(fallback, "first")
    deal_with = Batch.deal_with

    def and_one_more(batch: Batch, *arguments: Any, **options: Any) -> Any:
        part(fallback, uuid.uuid4().hex)
        return deal_with(batch, *arguments, **options)

    monkeypatch.setattr(Batch, "deal_with", and_one_more)
    assert replay.run(fallback.request, fallback.path).applied == 1
    assert fallback.journal.pending() == 1
