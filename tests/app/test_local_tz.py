import logging
from datetime import UTC, datetime

import pytest

from app.local_tz import clock, local, now, zone

MOMENT = datetime(2026, 7, 1, 12, 0, 5, tzinfo=UTC)


def test_a_time_is_shown_in_the_zone_asked_for() -> None:
    assert local(MOMENT, "Europe/Berlin") == "2026-07-01 14:00:05 +02:00"
    assert local(MOMENT, "America/New_York") == "2026-07-01 08:00:05 -04:00"


def test_a_time_of_today_is_shown_without_its_date_and_today_is_that_of_the_zone() -> None:
    evening = MOMENT.replace(hour=23)
    assert clock(MOMENT, "UTC", evening) == "12:00:05 +00:00"
    assert clock(MOMENT, "Europe/Berlin", evening) == "2026-07-01 14:00:05 +02:00"


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "\0"])
def test_an_unknown_zone_is_utc_with_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    zone.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert local(MOMENT, name) == "2026-07-01 12:00:05 +00:00"
    assert "TZ" in caplog.text


def test_now_carries_its_offset() -> None:
    assert now().utcoffset() is not None
