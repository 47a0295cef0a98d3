"""conf.d as it is read: every key, every mistake with its file and line."""

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boot.unit_files import load
from boot.units import Kind, OnFailure, Ready, RestartBudget, Unit, When


def read(directory: Path, text: str, name: str = "10-unit.conf") -> tuple[list[Unit], list[str]]:
    (directory / name).write_text(text)
    units, problems = load(directory)
    return units, [str(problem) for problem in problems]


def with_keys(*lines: str) -> str:
    return "\n".join(["[program:a]", "command = true", "[unit:a]", *lines])


def test_every_key_of_a_longrun_is_read(tmp_path: Path) -> None:
    text = with_keys(
        "type = longrun",
        "requires = b, c  d b",
        "timeout = 7.5",
        "ready = notify",
        "on_failure = ignore",
        "restarts = 3 / 10",
        "watchdog = 4",
        "reload = SIGHUP",
    )
    (unit,), problems = read(tmp_path, text)
    assert not problems
    assert unit.kind is Kind.LONGRUN
    assert unit.requires == ("b", "c", "d")
    assert (unit.timeout, unit.watchdog) == (7.5, 4)
    assert unit.ready is Ready.NOTIFY
    assert unit.on_failure is OnFailure.IGNORE
    assert unit.restarts == RestartBudget(3, 10)
    assert unit.reload == "HUP"
    assert unit.where == "10-unit.conf:3"
    assert unit.program == {"command": "true"}


def test_every_key_of_a_oneshot_is_read(tmp_path: Path) -> None:
    text = with_keys("type = oneshot", "retries = 2", "backoff = 0.5", "when = stop")
    (unit,), problems = read(tmp_path, text)
    assert not problems
    assert (unit.retries, unit.backoff, unit.when) == (2, 0.5, When.STOP)
    assert unit.ready is Ready.EXIT


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "it has no type; write `type = oneshot` or `longrun`"),
        (("type = daemon",), "type = 'daemon'; write `type = ` oneshot or longrun"),
        (("type = oneshot", "timeout = -1"), "timeout = '-1'; write seconds"),
        (("type = oneshot", "timeout = nan"), "timeout = 'nan'; write seconds"),
        (("type = oneshot", "timeout = inf"), "timeout = 'inf'; write seconds"),
        (("type = oneshot", "timeout = 0"), "timeout = 0 leaves it no time"),
        (("type = oneshot", "ready = notify"), "a oneshot cannot be ready by notify"),
        (("type = longrun", "ready = exit"), "a longrun cannot be ready by exit"),
        (("type = oneshot", "restarts = 1/1"), "a oneshot is not restarted"),
        (("type = longrun", "retries = 1"), "a longrun is not retried"),
        (("type = longrun", "restarts = often"), "restarts = 'often'; write COUNT/SECONDS"),
        (("type = oneshot", "retries = -1"), "retries = '-1'; write a whole number"),
        (("type = oneshot", "watchdog = 5"), "a oneshot has no watchdog"),
        (("type = oneshot", "reload = HUP"), "a oneshot cannot reload"),
        (("type = oneshot", "ahead = yes"), "a oneshot cannot start ahead"),
        (("type = longrun", "ahead = yes", "condition = A"), "ahead with a condition; remove one"),
        (("type = longrun", "ahead = maybe"), "ahead = 'maybe'; write `ahead = yes` or `no`"),
        (("type = longrun", "reload = NONSENSE"), "reload = 'NONSENSE'"),
        (("type = oneshot", "listen = HOST PORT"), "a oneshot does not listen"),
        (("type = longrun", "listen = PORT"), "listen = 'PORT'"),
        (("type = longrun", "listen = 0.0.0.0 8000"), "listen = '0.0.0.0 8000'"),
        (("type = longrun", "when = stop"), "a longrun cannot be a stop hook"),
        (("type = oneshot", "requierd = b"), "requierd is not a key of a unit"),
    ],
)
def test_a_wrong_key_is_told_with_what_to_write(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    _, (problem,) = read(tmp_path, with_keys(*lines))
    assert problem.startswith(f"10-unit.conf:3: [unit:a]: {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[program:A]\ncommand=true\n[unit:A]\ntype=oneshot", "1: 'A' cannot be a unit's name"),
        ("[eventlistener:a]\ncommand=true", "1: [eventlistener:a] has no place in conf.d"),
        ("[DEFAULT]\ncommand=true", "1: [DEFAULT] has no place in conf.d"),
        (
            "[program:a]\nuser = root\ncommand=true\n[unit:a]\ntype=oneshot",
            "1: [program:a] sets user",
        ),
    ],
)
def test_a_section_that_does_not_belong_is_told(tmp_path: Path, text: str, said: str) -> None:
    _, problems = read(tmp_path, text)
    assert any(problem.startswith(f"10-unit.conf:{said}") for problem in problems)


def test_a_name_used_twice_is_told_in_the_second_place(tmp_path: Path) -> None:
    read(tmp_path, with_keys("type = oneshot"))
    units, problems = read(tmp_path, with_keys("type = oneshot"), "20-again.conf")
    assert [unit.name for unit in units] == ["a"]
    assert [problem.split(";")[0] for problem in problems] == [
        "20-again.conf:1: [program:a] stands already at 10-unit.conf:1",
        "20-again.conf:3: [unit:a] stands already at 10-unit.conf:3",
    ]


def test_units_come_in_the_order_of_files_and_of_lines(tmp_path: Path) -> None:
    one = "[program:{0}]\ncommand = true\n[unit:{0}]\ntype = oneshot\n"
    (tmp_path / "20.conf").write_text(one.format("c"))
    units, _ = read(tmp_path, one.format("b") + one.format("a"))
    assert [unit.name for unit in units] == ["b", "a", "c"]


def test_a_comment_after_a_header_or_a_value_is_no_part_of_it(tmp_path: Path) -> None:
    text = "[program:a] ; why ]\ncommand = true ; so\n[unit:a] # and\ntype = oneshot\n"
    (unit,), problems = read(tmp_path, text)
    assert not problems
    assert unit.program["command"] == "true"


PIECES = st.sampled_from(
    [
        "[",
        "]",
        "program:",
        "unit:",
        "a",
        "=",
        " ",
        "\n",
        "\n",
        "\x85",
        "\x0c",
        ";",
        "%",
        "type",
        "é",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(string.printable, max_size=60))
def test_no_text_whatever_makes_reading_it_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / "fuzz.conf").write_text(text)
    units, problems = load(tmp_path)
    assert units or problems
