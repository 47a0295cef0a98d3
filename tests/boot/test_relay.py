"""The relay: bytes of units in, lines of the log out."""

import json
import os
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot.logline import render
from boot.relay import Channel, Relay
from boot.sink import Sink

FINAL = render("INFO", "unit", "words", form="json")


class Log:
    """A relay onto a pipe, and what comes out of it."""

    def __init__(self, form: str = "json", room: int = 1 << 20, *, colour: bool = False) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        os.set_blocking(self.read_end, False)
        self.sink = Sink(self.write_end, room)
        self.relay = Relay(
            self.sink, lambda text: text.replace("s3cret", "***"), form, colour=colour
        )

    def lines(self) -> list[str]:
        """Return the lines written since the last call."""
        return os.read(self.read_end, 1 << 20).decode().splitlines()

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self.write_end)


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    yield made
    made.close()


@pytest.fixture
def text_log() -> Iterator[Log]:
    made = Log("text")
    yield made
    made.close()


@given(st.binary(max_size=200).map(lambda data: data.replace(b"\r", b"")), st.data())
def test_lines_come_out_the_same_however_the_bytes_are_cut(
    data: bytes, cuts: st.DataObject
) -> None:
    places = cuts.draw(st.lists(st.integers(0, len(data))).map(sorted))
    channel = Channel()
    lines = [
        line
        for first, last in pairwise([0, *places, len(data)])
        for line in channel.feed(data[first:last])
    ]
    lines += channel.end()
    whole = data.decode("utf-8", "backslashreplace").removesuffix("\n")
    assert lines == (whole.split("\n") if data else [])


def test_a_line_longer_than_memory_allows_is_cut_in_pieces() -> None:
    channel = Channel(most=10)
    assert channel.feed(b"x" * 25) == ["x" * 10, "x" * 10]
    assert channel.feed(b"\n") == ["x" * 5]


def test_the_two_channels_of_a_unit_do_not_mix(log: Log) -> None:
    log.relay.feed("unit", "stdout", b"out ")
    log.relay.feed("unit", "stderr", b"err\n")
    log.relay.feed("unit", "stdout", b"put\n")
    messages = [json.loads(line) for line in log.lines()]
    assert [(each["message"], each.get("stream")) for each in messages] == [
        ("err", "stderr"),
        ("out put", None),
    ]


def test_blank_lines_are_left_out(log: Log) -> None:
    log.relay.feed("unit", "stdout", b"\n  \nword\r\n")
    (line,) = log.lines()
    assert json.loads(line)["message"] == "word"


def test_secrets_are_masked_in_wrapped_and_in_final_lines(log: Log) -> None:
    log.relay.feed(
        "unit", "stdout", b"s3cret\n" + FINAL.replace("words", "s3cret").encode() + b"\n"
    )
    assert "s3cret" not in "".join(log.lines())


def test_in_text_the_lines_of_a_traceback_stay_with_their_message(text_log: Log) -> None:
    head = "2026-01-01T00:00:00.000+00:00 ERROR web: it broke"
    text_log.relay.feed("web", "stdout", f"{head}\n  Traceback\n".encode())
    assert text_log.lines() == [head, "  Traceback"]


def test_the_last_words_are_the_last_error_rather_than_the_last_line(log: Log) -> None:
    error = {"time": "t", "level": "ERROR", "program": "unit", "message": "the cause s3cret"}
    log.relay.feed("unit", "stdout", f"{json.dumps(error)}\nbye\n".encode())
    assert log.relay.last_words("unit") == "the cause ***"


def test_the_last_words_are_the_last_line_where_there_was_no_error(log: Log) -> None:
    log.relay.feed("unit", "stdout", b"first\nlast\n")
    assert log.relay.last_words("unit") == "last"
    log.relay.begin("unit")
    assert log.relay.last_words("unit") == ""


def test_the_last_words_of_a_long_line_are_short(log: Log) -> None:
    log.relay.feed("unit", "stdout", b"x" * 1000 + b"\n")
    assert len(log.relay.last_words("unit")) == 300


def test_a_traceback_of_a_unit_is_one_line(log: Log) -> None:
    traceback = "Traceback (most recent call last):\n  File x\nValueError: s3cret cause"
    log.relay.feed("unit", "stderr", f"{traceback}\nafter\n".encode())
    one, after = map(json.loads, log.lines())
    assert (one["level"], one["message"]) == ("ERROR", "ValueError: *** cause")
    assert one["traceback"].splitlines()[1] == "  File x"
    assert after["message"] == "after"
    assert log.relay.last_words("unit") == "ValueError: *** cause"


def test_a_traceback_that_its_unit_did_not_end_is_told_with_the_unit_s_end(log: Log) -> None:
    log.relay.feed("unit", "stderr", b"Traceback (most recent call last):\n  File x\n")
    log.relay.end("unit")
    (line,) = log.lines()
    assert json.loads(line)["level"] == "ERROR"


def test_a_final_line_follows_what_was_printed_before_it(log: Log) -> None:
    log.relay.feed("unit", "stdout", f"Fatal Python error: Aborted\n{FINAL}\n".encode())
    assert [json.loads(line)["level"] for line in log.lines()] == ["CRITICAL", "INFO"]


def test_in_text_a_traceback_is_indented_below_its_message(text_log: Log) -> None:
    text_log.relay.feed("unit", "stdout", b"Traceback (most recent call last):\n  File x\nE: y\n")
    first, *rest = text_log.lines()
    assert first.endswith(" ERROR unit: E: y")
    assert rest == ["  Traceback (most recent call last):", "    File x", "  E: y"]


@pytest.mark.parametrize(
    "cut",
    [FINAL[:-1], '{"time": "x"}', '{"time": "x", "level": "no"'],
    ids=["unended", "no level", "unended level"],
)
def test_a_line_that_only_looks_final_is_wrapped(log: Log, cut: str) -> None:
    log.relay.feed("unit", "stdout", f"{cut}\n".encode())
    (line,) = log.lines()
    assert json.loads(line)["message"] == cut


def test_a_terminal_gets_colours_and_everybody_else_none(text_log: Log) -> None:
    terminal = Log("text", colour=True)
    for log in (terminal, text_log):
        log.relay.feed("unit", "stdout", b"words\n")
    (coloured,), (plain,) = terminal.lines(), text_log.lines()
    terminal.close()
    assert "\x1b[32mINFO" in coloured
    assert "\x1b" not in plain
