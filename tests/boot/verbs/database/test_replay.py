"""edgepaas db replay: the job that brings a fallback's rows into PostgreSQL."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from boot.database import claim
from tests.support.apps.depot import parts
from tests.support.fallback import Fallback
from tests.support.oneshot import Container, Ended
from tests.support.postgres import PASSWORD, free_port

if TYPE_CHECKING:
    from tests.boot.verbs.database.conftest import Db

postgres = pytest.mark.postgres


def write(fallback: Fallback, *names: str) -> None:
    with fallback.here() as here:
        here.execute(insert(parts), [{"id": name, "label": name} for name in names])


def logged(result: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]


@postgres
def test_rows_come_into_postgres_and_the_file_is_kept(fallback: Fallback, db: "Db") -> None:
    write(fallback, "a", "b")
    result = db("replay")
    assert result.status == 0, result.output
    assert [row.id for row in fallback.rows(parts)] == ["a", "b"]
    assert not fallback.path.exists()
    assert len(list(fallback.path.parent.glob("fallback-*.db"))) == 1
    assert any("2 applied, 0 parked" in line["message"] for line in logged(result))
    assert PASSWORD not in result.output


@postgres
def test_a_second_time_there_is_nothing_to_do(fallback: Fallback, db: "Db") -> None:
    write(fallback, "a")
    db("replay")
    result = db("replay")
    assert result.status == 0
    assert "nothing to replay" in result.output


@postgres
def test_a_kept_file_comes_in_again_where_postgres_was_restored_to_before_it(
    fallback: Fallback, db: "Db"
) -> None:
    """As docs/database.md, The kept file, tells it."""
    write(fallback, "a", "b")
    db("replay")
    fallback.ask_nothing(
        "DELETE FROM parts; DELETE FROM edgepaas_applied WHERE operation IN ("
        "SELECT operation FROM edgepaas_applied LIMIT 1)"
    )
    (kept,) = fallback.path.parent.glob("fallback-*.db")
    kept.chmod(0o660)
    kept.rename(fallback.path)
    result = db("replay")
    assert result.status == 0, result.output
    assert any("1 applied, 0 parked" in line["message"] for line in logged(result))
    assert not fallback.path.exists()


@postgres
def test_a_file_that_serves_is_replayed_and_stays_and_the_tail_is_promised(
    fallback: Fallback, db: "Db"
) -> None:
    write(fallback, "a")
    web = claim.Holder("b00t", "blue", "host", "2026-01-01T00:00:00+00:00", exclusive=True)
    with claim.take(fallback.path, web):
        result = db("replay")
    assert result.status == 0, result.output
    assert fallback.path.exists()
    assert [row.id for row in fallback.rows(parts)] == ["a"]
    assert any("the rest follows at its return" in line["message"] for line in logged(result))


@postgres
def test_another_database_is_78_unless_it_is_wanted(
    fallback: Fallback, container: Container, db: "Db"
) -> None:
    write(fallback, "a")
    elsewhere = fallback.postgres.replace("127.0.0.1", "localhost")
    refused = db("replay", DATABASE_URL=elsewhere)
    assert refused.status == 78
    assert "--into-another" in refused.output
    assert fallback.rows(parts) == []
    assert db("replay", "--into-another", DATABASE_URL=elsewhere).status == 0
    assert len(fallback.rows(parts)) == 1


@postgres
def test_a_schema_that_is_behind_is_76_and_names_the_job(fallback: Fallback, db: "Db") -> None:
    write(fallback, "a")
    fallback.ask_nothing("ALTER TABLE parts DROP COLUMN about")
    result = db("replay")
    assert result.status == 76
    assert "edgepaas migrate" in result.output
    assert fallback.journal.pending() == 1


@postgres
def test_a_postgres_that_is_away_is_69_and_loses_nothing(fallback: Fallback, db: "Db") -> None:
    write(fallback, "a")
    away = f"postgresql://u:canary@127.0.0.1:{free_port()}/d"
    result = db("replay", DATABASE_URL=away, EDGEPAAS_DB_WAIT_TIMEOUT="1")
    assert result.status == 69
    assert "canary" not in result.output
    assert fallback.journal.pending() == 1


def test_without_a_fallback_nobody_is_asked(db: "Db") -> None:
    result = db("replay", DATABASE_URL=f"postgresql://u:p@127.0.0.1:{free_port()}/d")
    assert result.status == 0
    assert "nothing to replay" in result.output


def test_a_word_it_does_not_know_is_64(db: "Db") -> None:
    assert db("replay", "--now").status == 64
