import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from app.admission import Admission
from app.db import Database, SchemaMissingError, UnavailableError
from app.settings import Settings
from app.sre.database_metrics import operation
from tests.app.conftest import components_of


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def queries(of: str) -> float:
    return value("edgepaas_db_query_duration_seconds_count", operation=of)


def errors(of: str) -> float:
    return REGISTRY.get_sample_value("edgepaas_db_errors_total", {"class": of}) or 0.0


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", "select"),
        ("\n  insert INTO nodes VALUES (1)", "insert"),
        ("PRAGMA query_only", "other"),
        ("", "other"),
    ],
)
def test_a_statement_goes_by_its_first_word(statement: str, expected: str) -> None:
    assert operation(statement) == expected


def test_statements_are_timed_whether_they_succeed_or_not(settings: Settings) -> None:
    database = Database(settings)
    good, bad, before = queries("select"), queries("delete"), value("edgepaas_db_connections")
    with database.reading() as session:
        session.execute(text("SELECT 1"))
        assert value("edgepaas_db_connections") == before + 1
    with pytest.raises(SchemaMissingError), database.writing() as session:
        session.execute(text("DELETE FROM no_such_table"))
    assert (queries("select"), queries("delete")) == (good + 1, bad + 1)
    database.dispose()
    assert value("edgepaas_db_connections") == before


def test_failures_are_counted_by_class(settings: Settings) -> None:
    database = Database(settings)
    schema, other, read_only = errors("schema"), errors("other"), errors("read_only")
    with pytest.raises(UnavailableError), database.writing() as session:
        session.execute(text("DELETE FROM no_such_table"))
    with pytest.raises(Exception, match="nonsense"), database.writing() as session:
        session.execute(text("nonsense"))
    if settings.database_backend == "postgres":
        with pytest.raises(UnavailableError), database.reading() as session:
            session.execute(text("DELETE FROM nodes"))
        assert errors("read_only") == read_only + 1
    assert (errors("schema"), errors("other")) == (schema + 1, other + 1)
    database.dispose()


@pytest.mark.anyio
async def test_places_taken_and_refused_are_shown() -> None:
    admission, refused = Admission(1, 0.0), errors("pool")
    async with admission.place():
        assert value("edgepaas_db_pool_in_use") == 1
        with pytest.raises(UnavailableError):
            async with admission.place():
                pass
    assert value("edgepaas_db_pool_in_use") == value("edgepaas_db_pool_waiting") == 0
    assert errors("pool") == refused + 1


def test_the_size_of_the_pool_is_shown(sqlite_client: httpx.Client) -> None:
    size = components_of(sqlite_client).settings.database_pool_size
    assert value("edgepaas_db_pool_size") == size
