from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from app.db import Database
from app.models import Node
from app.settings import Settings

BERLIN = timezone(timedelta(hours=2))


def node(moment: datetime) -> Node:
    return Node(name="a", region="r", labels={"k": "ü"}, created_at=moment, updated_at=moment)


def test_a_time_comes_back_in_utc_to_the_microsecond(settings: Settings) -> None:
    database = Database(settings)
    moment = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=BERLIN)
    with database.writing() as session:
        session.add(node(moment))
    with database.reading() as session:
        found = session.query(Node).one()
        assert found.created_at == moment
        assert found.created_at.utcoffset() == timedelta(0)
        assert found.labels == {"k": "ü"}
        assert found.heartbeat_at is None
    database.dispose()


def test_a_time_without_an_offset_is_refused(settings: Settings) -> None:
    database = Database(settings)
    naive = datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(StatementError, match="without an offset"), database.writing() as session:
        session.add(node(naive))
    database.dispose()
