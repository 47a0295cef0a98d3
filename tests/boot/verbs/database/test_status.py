"""edgepaas db status: what serves, what waits, what is contested, what is kept."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from boot import environment
from boot.database import claim, replay
from tests.support.apps.depot import parts
from tests.support.fallback import Fallback
from tests.support.oneshot import Container
from tests.support.postgres import PASSWORD, free_port

if TYPE_CHECKING:
    from tests.boot.verbs.database.conftest import Db

postgres = pytest.mark.postgres


def told(db: "Db", **variables: str) -> dict[str, Any]:
    result = db("status", "--json", **variables)
    assert result.status == 0, result.output
    assert PASSWORD not in result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


@postgres
def test_a_fallback_is_told_from_its_first_row_to_the_kept_file(
    container: Container, fallback: Fallback, db: "Db"
) -> None:
    with fallback.there() as there:
        there.execute(insert(parts).values(id="a"))
    with fallback.here() as here:
        here.execute(insert(parts), [{"id": "a"}, {"id": "b"}])
    before = told(db)
    assert before["serving"] is None
    assert (before["fallback"]["pending"], before["contested"]["rows"]) == (2, 0)
    assert before["fallback"]["stands_in_for"] == fallback.target
    assert "2 operations wait" in db("status").output

    replay.at_boot(fallback.request, fallback.path)
    after = told(db)
    assert after["fallback"] is None
    assert after["contested"] == {"rows": 1, "problem": None}
    ((applied, parked),) = [(each["applied"], each["parked"]) for each in after["kept"]]
    assert (applied, parked) == (1, 1)
    shown = db("status").output
    assert "1, waiting for a decision: edgepaas db resolve" in shown
    assert after["kept"][0]["file"] in shown


def test_what_serves_is_what_the_boot_decided(container: Container, db: "Db") -> None:
    decided = {
        "EDGEPAAS_DB_BACKEND": "sqlite",
        "EDGEPAAS_DB_FALLBACK_ACTIVE": "1",
        "EDGEPAAS_DB_REASON": "PostgreSQL: refused",
        "DATABASE_URL": "sqlite:////data/fallback.db",
    }
    environment.write_all(decided, environment.directory_in(container.run_dir))
    assert told(db)["serving"] == {
        "backend": "sqlite",
        "fallback": True,
        "url": "sqlite:////data/fallback.db",
        "reason": "PostgreSQL: refused",
    }
    assert "sqlite as a FALLBACK: sqlite:////data/fallback.db" in db("status").output


@postgres
def test_who_has_the_file_in_use_is_named(fallback: Fallback, db: "Db") -> None:
    web = claim.Holder("b00t", "blue", "host", "2026-01-01T00:00:00+00:00", exclusive=True)
    with claim.take(fallback.path, web):
        assert "boot b00t" in told(db)["fallback"]["in_use_by"]
    assert told(db)["fallback"]["in_use_by"] is None


def test_a_postgres_that_is_away_is_said_and_no_failure(db: "Db") -> None:
    away = f"postgresql://u:canary@127.0.0.1:{free_port()}/d"
    found = told(db, DATABASE_URL=away)["contested"]
    assert found["rows"] is None
    assert "refused" in found["problem"]
    shown = db("status", DATABASE_URL=away)
    assert shown.status == 0
    assert "contested  not known" in shown.output
    assert "canary" not in shown.output


def test_a_file_that_is_no_database_is_said_and_no_failure(container: Container, db: "Db") -> None:
    (container.data / "fallback.db").write_text("this is no database, but it is long enough" * 99)
    assert "not a database" in told(db)["fallback"]["problem"]


def test_a_word_it_does_not_know_is_64(db: "Db") -> None:
    assert db("status", "all").status == 64
