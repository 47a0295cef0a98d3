"""edgepaas db export: the journal as lines of JSON."""

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert

from boot.database import replay
from tests.support.apps.depot import types
from tests.support.fallback import Fallback
from tests.support.oneshot import Container

if TYPE_CHECKING:
    from tests.boot.verbs.database.conftest import Db

postgres = pytest.mark.postgres


@postgres
def test_every_operation_is_a_line_waiting_or_kept(fallback: Fallback, db: "Db") -> None:
    with fallback.here() as here:
        here.execute(insert(types).values(a_text="ö\0", a_float=0.5, a_binary=b"\xff"))
        here.execute(delete(types))
    exported = db("export")
    assert exported.status == 0, exported.output
    new, gone = map(json.loads, exported.output.splitlines())
    assert (new["table"], new["base_token"], gone["token"], gone["row"]) == ("types",) + (None,) * 3
    assert new["key"] == gone["key"] == [new["row"]["id"]]
    assert new["token"] == gone["base_token"]
    values = [new["row"][name] for name in ("a_text", "a_float", "a_binary")]
    assert values == ["ö\0", {"real": "0.5"}, {"blob": "FF"}]
    assert new["epoch"] == fallback.journal.epoch().id  # type: ignore[union-attr]

    replay.at_boot(fallback.request, fallback.path)
    (kept,) = fallback.path.parent.glob("fallback-*.db")
    assert db("export", "--file", str(kept)).output == exported.output
    assert "nothing waits" in db("export").output


def test_without_a_fallback_it_is_empty_and_no_error(db: "Db") -> None:
    result = db("export")
    assert result.status == 0
    assert "nothing waits" in result.output


def test_a_file_that_is_not_a_fallback_is_64(container: Container, db: "Db") -> None:
    missing = container.data / "missing.db"
    assert db("export", "--file", str(missing)).status == 64
    assert not missing.exists()
