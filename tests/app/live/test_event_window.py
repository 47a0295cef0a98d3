import json
import uuid

from app.live.event_log import ORIGIN, ORIGIN_ID, Entry, Place
from app.live.event_window import FRAME_EVENTS, WINDOW_BYTES, WINDOW_EVENTS, Window


def entries(first: int, last: int, size: int = 2) -> list[Entry]:
    return [
        Entry(Place(0, each), uuid.uuid4(), '"' + "x" * size + '"') for each in range(first, last)
    ]


def window(*given: Entry) -> Window:
    made = Window(ORIGIN, ORIGIN_ID)
    made.append(given)
    return made


def test_who_has_nothing_gets_all_in_order_and_then_nothing_more() -> None:
    given = entries(1, FRAME_EVENTS * 2 + 6)
    kept, place, heard = window(*given), ORIGIN, 0
    while found := kept.frame(place):
        heard += len(json.loads(found.text)["events"])
        place = found.last.place
    assert heard == len(given)
    assert place == given[-1].place


def test_clients_at_the_same_place_share_a_message() -> None:
    kept = window(*entries(1, 10))
    assert kept.frame(ORIGIN) is kept.frame(ORIGIN)


def test_a_message_is_made_anew_when_there_is_more_to_say() -> None:
    kept = window(*entries(1, 2))
    kept.frame(ORIGIN)
    kept.append(entries(2, 3))
    found = kept.frame(ORIGIN)
    assert found is not None
    assert found.last.place == Place(0, 2)


def test_a_big_event_is_sent_alone_and_not_left_out() -> None:
    kept = window(*entries(1, 3, size=1_000_000))
    first = kept.frame(ORIGIN)
    assert first is not None
    assert first.last.place == Place(0, 1)


def test_the_oldest_leave_and_the_floor_is_the_last_that_left() -> None:
    given = entries(1, WINDOW_EVENTS + 11)
    kept = window(*given)
    assert kept.floor == given[9].place
    assert kept.place_of(given[9].id) == given[9].place
    assert kept.place_of(given[8].id) is None
    assert kept.place_of(ORIGIN_ID) is None
    assert kept.behind(kept.floor).events == WINDOW_EVENTS


def test_memory_is_bounded_in_bytes_too() -> None:
    kept = window(*entries(1, 101, size=WINDOW_BYTES // 10))
    assert kept.behind(kept.floor).size <= WINDOW_BYTES
    assert kept.last == Place(0, 100)


def test_a_place_beyond_the_newest_has_nothing_to_wait_for_yet() -> None:
    """A client that read the table may be ahead of what is in memory."""
    kept = window(*entries(1, 3))
    assert kept.frame(Place(0, 5)) is None
    kept.append(entries(3, 8))
    found = kept.frame(Place(0, 5))
    assert found is not None
    assert len(json.loads(found.text)["events"]) == 2
