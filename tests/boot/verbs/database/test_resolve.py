"""edgepaas db resolve: contested rows listed, and settled as the operator says."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, insert, update

from boot.database import replay
from tests.support.apps.depot import parts
from tests.support.fallback import Fallback
from tests.support.postgres import PASSWORD

if TYPE_CHECKING:
    from tests.boot.verbs.database.conftest import Db

pytestmark = pytest.mark.postgres


def here(fallback: Fallback, *statements: Any) -> None:
    """Do it in the fallback, and replay it."""
    with fallback.here() as connection:
        for statement in statements:
            connection.execute(statement)
    replay.run(fallback.request, fallback.path)


@pytest.fixture
def contested(fallback: Fallback) -> Fallback:
    """Rows a and b that both sides made, a changed here once more; c is nobody else's."""
    with fallback.there() as there:
        there.execute(insert(parts), [{"id": name, "label": "theirs-" + name} for name in "ab"])
    here(
        fallback,
        insert(parts).values([{"id": name, "label": "ours-" + name} for name in "abc"]),
        update(parts).where(parts.c.id == "a").values(amount=7),
    )
    return fallback


def labels(fallback: Fallback) -> dict[str, tuple[str | None, int | None]]:
    return {row.id: (row.label, row.amount) for row in fallback.rows(parts)}


BEFORE = {"a": ("theirs-a", None), "b": ("theirs-b", None), "c": ("ours-c", None)}


def listed(db: "Db") -> list[dict[str, Any]]:
    result = db("resolve", "--json")
    assert result.status == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.output)
    return found


def test_a_row_is_listed_with_both_versions_and_the_reason(contested: Fallback, db: "Db") -> None:
    first, second = listed(db)
    assert (first["table"], first["key"], first["changes"]) == ("parts", ["a"], 2)
    assert (first["postgres"]["label"], first["fallback"]["label"]) == ("theirs-a", "ours-a")
    assert first["fallback"]["amount"] == 7
    assert "parts_pkey" in first["reason"]
    assert second["key"] == ["b"]
    for_people = db("resolve").output
    assert f'{first["id"]}  parts ["a"]  2 changes' in for_people
    assert "theirs-b" in for_people
    assert PASSWORD not in for_people


def test_postgres_leaves_the_row_and_settles_its_whole_chain(contested: Fallback, db: "Db") -> None:
    result = db("resolve", str(listed(db)[0]["id"]), "--take", "postgres")
    assert result.status == 0, result.output
    assert labels(contested) == BEFORE
    assert [row["key"] for row in listed(db)] == [["b"]]


def test_fallback_writes_the_last_version_and_nothing_else(contested: Fallback, db: "Db") -> None:
    assert db("resolve", str(listed(db)[0]["id"]), "--take", "fallback").status == 0
    assert labels(contested) == {**BEFORE, "a": ("ours-a", 7)}
    assert [row["key"] for row in listed(db)] == [["b"]]


def test_a_row_taken_from_a_fallback_that_still_serves_follows_it_from_then_on(
    contested: Fallback, db: "Db"
) -> None:
    db("resolve", str(listed(db)[0]["id"]), "--take", "fallback")
    here(contested, update(parts).where(parts.c.id == "a").values(amount=8))
    assert labels(contested)["a"] == ("ours-a", 8)


def test_a_row_left_to_postgres_is_not_followed(contested: Fallback, db: "Db") -> None:
    db("resolve", str(listed(db)[0]["id"]), "--take", "postgres")
    here(contested, update(parts).where(parts.c.id == "a").values(amount=8))
    assert labels(contested) == BEFORE
    assert len(listed(db)) == 2


def test_a_row_that_is_gone_in_the_fallback_goes_if_the_fallback_is_taken(
    contested: Fallback, db: "Db"
) -> None:
    here(contested, delete(parts).where(parts.c.id == "b"))
    row = listed(db)[1]
    assert row["fallback"] is None
    assert "(no such row)" in db("resolve").output
    assert db("resolve", str(row["id"]), "--take", "fallback").status == 0
    assert labels(contested) == {name: BEFORE[name] for name in "ac"}


def test_a_version_that_postgres_refuses_is_77_and_changes_nothing(
    contested: Fallback, db: "Db"
) -> None:
    with contested.there() as there:
        there.execute(insert(parts).values(id="d", label="ours-a"))
    before = labels(contested)
    result = db("resolve", str(listed(db)[0]["id"]), "--take", "fallback")
    assert result.status == 77
    assert "parts_label_key" in result.output
    assert labels(contested) == before
    assert len(listed(db)) == 2


def test_all_can_be_left_to_postgres_but_not_overwritten(contested: Fallback, db: "Db") -> None:
    assert db("resolve", "--all", "--take", "fallback").status == 64
    assert len(listed(db)) == 2
    assert db("resolve", "--all", "--take", "postgres").status == 0
    assert listed(db) == []
    assert labels(contested) == BEFORE
    assert db("resolve").output == "no contested rows\n"


def test_a_row_that_is_not_there_is_64(contested: Fallback, db: "Db") -> None:
    assert db("resolve", "4711", "--take", "postgres").status == 64


def test_a_database_that_no_replay_has_been_to_has_no_contested_rows(
    fallback: Fallback, db: "Db"
) -> None:
    assert db("resolve").output == "no contested rows\n"
    assert db("resolve", "1", "--take", "fallback").status == 64
    assert db("resolve", "--all", "--take", "postgres").status == 0


@pytest.mark.parametrize(
    "words", [["1"], ["1", "--take"], ["1", "--take", "mine"], ["x", "--take", "postgres"]]
)
def test_half_a_command_line_is_64(db: "Db", words: list[str]) -> None:
    assert db("resolve", *words).status == 64


def test_without_postgres_it_is_78(db: "Db") -> None:
    assert db("resolve", EDGEPAAS_DB_MODE="sqlite").status == 78
