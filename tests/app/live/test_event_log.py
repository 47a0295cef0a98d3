import json
import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import Database
from app.live import event_log
from app.live.event_log import ORIGIN, ORIGIN_ID, Place
from tests.support.events import event, record


def numbers(database: Database, after: Place = ORIGIN, limit: int = 100) -> list[int]:
    with database.reading() as session:
        entries = event_log.page(session, after, limit)
    return [json.loads(entry.text)["payload"]["number"] for entry in entries]


def test_pages_follow_each_other_without_gap_or_overlap(database: Database) -> None:
    record(database, *range(10))
    record(database, *range(10, 15))
    found, place = [], ORIGIN
    while True:
        with database.reading() as session:
            page = event_log.page(session, place, 4)
        if not page:
            break
        found += [json.loads(entry.text)["payload"]["number"] for entry in page]
        place = page[-1].place
    assert found == list(range(15))


def test_the_latest_come_in_order(database: Database) -> None:
    ids = record(database, *range(10))
    with database.reading() as session:
        assert [entry.id for entry in event_log.latest(session, 3)] == ids[-3:]
        assert event_log.place_of(session, ids[-1]) == event_log.latest(session, 1)[0].place


def test_an_unknown_event_has_no_place_and_the_origin_is_before_all(database: Database) -> None:
    record(database, 1)
    with database.reading() as session:
        assert event_log.place_of(session, uuid.uuid4()) is None
        place = event_log.place_of(session, ORIGIN_ID)
    assert place is not None
    assert numbers(database, place) == [1]


def test_an_event_is_told_with_its_time_in_utc_and_all_its_subjects(database: Database) -> None:
    subject = uuid.uuid4()
    with database.writing() as session:
        recorded = event(1)
        recorded.node_id = subject
        session.add(recorded)
    with database.reading() as session:
        told = json.loads(event_log.latest(session, 1)[0].text)
    assert told["at"].endswith("Z")
    assert told["node_id"] == str(subject)
    assert told["service_id"] is told["release_id"] is told["deployment_id"] is None
    assert told["payload"] == {"number": 1, "text": ""}


def waits_for(database: Database) -> int:
    with database.reading() as session:
        return event_log.delay(session, ORIGIN, 10).events


@pytest.mark.postgres
def test_what_commits_late_is_not_passed_over(postgres_database: Database) -> None:
    database = postgres_database
    with Session(database.engine) as first:
        first.add(event(1))
        first.flush()
        record(database, 2)
        assert numbers(database) == []  # 2 is committed, but 1 will come before it
        assert waits_for(database) == 1
        first.commit()
    assert numbers(database) == [1, 2]


@pytest.mark.postgres
def test_what_is_rolled_back_delays_and_is_never_told(postgres_database: Database) -> None:
    database = postgres_database
    with Session(database.engine) as first:
        first.add(event(1))
        first.flush()
        record(database, 2)
        assert numbers(database) == []
        first.rollback()
    assert numbers(database) == [2]


@pytest.mark.postgres
def test_a_reader_that_looked_in_between_gets_the_rest_later(postgres_database: Database) -> None:
    database = postgres_database
    record(database, 0)
    with database.reading() as session:
        place = event_log.latest(session, 1)[0].place
    with Session(database.engine) as slow, Session(database.engine) as quick:
        slow.add(event(1))
        slow.flush()
        quick.add(event(2))
        quick.flush()
        slow.add(event(3))
        slow.flush()
        quick.commit()
        assert numbers(database, place) == []
        slow.commit()
    assert numbers(database, place) == [1, 3, 2]  # in the order of transactions


@pytest.mark.postgres
def test_an_order_from_another_cluster_is_recognized(postgres_database: Database) -> None:
    database = postgres_database
    record(database, 1)
    with database.writing() as session:
        assert not event_log.is_foreign(session)
        session.execute(text("UPDATE edgepaas_event_order SET xid = xid + 1000000000"))
        assert event_log.is_foreign(session)
    assert numbers(database) == []
    with database.writing() as session:  # what the log says
        session.execute(text("UPDATE edgepaas_event_order SET xid = 0"))
    assert numbers(database) == [1]
