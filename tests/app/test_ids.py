import time
import uuid

from app.ids import uuid7


def test_it_is_a_version_7_uuid_of_this_moment() -> None:
    made = uuid7()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs((made.int >> 80) / 1000 - time.time()) < 5


def test_later_ones_sort_after_earlier_ones() -> None:
    made = []
    for _ in range(200):
        made.append(uuid7())
        began = time.time_ns()
        while time.time_ns() - began < 1000:  # the resolution is a quarter of a microsecond
            pass
    assert made == sorted(made)


def test_many_made_at_once_differ() -> None:
    assert len({uuid7() for _ in range(100_000)}) == 100_000
