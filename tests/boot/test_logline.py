"""A log line's time is right in any zone, and costs little where it is UTC."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot import logline
from tests.support.oneshot import LAYER

SECONDS = st.floats(min_value=-2e9, max_value=4e9)


@pytest.fixture(autouse=True, scope="module")
def utc() -> Iterator[None]:
    """The zone of the contract's default, whatever the machine's is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        yield


@given(SECONDS)
def test_utc_is_spelt_as_any_zone_would_be(seconds: float) -> None:
    moment = datetime.fromtimestamp(round(seconds * 1_000_000) / 1_000_000, UTC)
    difference = datetime.fromisoformat(logline.timestamp(seconds)) - moment
    assert -1001 <= difference.total_seconds() * 1_000_000 <= 1
    assert logline.timestamp(seconds).endswith("+00:00")


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2026-03-29T00:59:59.987+00:00"),
        ("Europe/Berlin", "2026-03-29T01:59:59.987+01:00"),
        ("Asia/Kathmandu", "2026-03-29T06:44:59.987+05:45"),
    ],
)
def test_a_zone_is_kept_to_the_millisecond(
    monkeypatch: pytest.MonkeyPatch, zone: str, expected: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    assert logline.timestamp(datetime.fromisoformat(expected).timestamp()) == expected


def test_an_unknown_zone_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Nowhere/Atlantis")
    assert datetime.fromisoformat(logline.timestamp(1.5)).timestamp() == pytest.approx(1.5)


def test_a_line_in_utc_needs_no_calendar() -> None:
    program = (
        "import sys; from boot import logline; logline.configure('x'); "
        "import logging; logging.info('words'); "
        "sys.exit(' '.join({'datetime', 'zoneinfo'} & sys.modules.keys()) or 0)"
    )
    environ = {"PYTHONPATH": str(LAYER), "TZ": "UTC"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_lines_in_their_final_form_are_known() -> None:
    for form in ("json", "text"):
        assert logline.is_final(logline.render("INFO", "a-b.c", "words", form=form))
    assert not logline.is_final("INFO a: words")


def test_control_characters_do_nothing_to_a_terminal() -> None:
    line = logline.render("INFO", "a", "red \x1b[31m\r\x07\n\tnext", {"x": "\x1b"}, form="text")
    assert "\x1b" not in line
    assert "red \\x1b[31m\\r\\x07\n  \tnext" in line


def test_what_stands_in_a_record_s_context_is_in_its_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "words", (), None)
    record.context = {"request_id": "abc"}
    record.fields = {"rows": 3}
    line = json.loads(logline.Formatter("x").format(record))
    assert (line["request_id"], line["rows"]) == ("abc", 3)
