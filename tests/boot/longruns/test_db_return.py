"""db-return: when PostgreSQL counts as back, and what follows; the unit alone."""

import logging
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from boot.database.outcome import Outcome, Verdict
from boot.longruns.db_return import NotNowError, Return, World
from tests.support.notify_socket import NotifySocket
from tests.support.oneshot import Container, ended
from tests.support.postgres import free_port
from tests.support.wait import wait_until

OK, REFUSED, AUTH = Verdict.OK, Verdict.REFUSED, Verdict.AUTH
PATIENCE = 20.0


class Over(Exception):  # noqa: N818  # the end of a played world, no error
    """The world has nothing more to say."""


class Played:
    """A world that answers from a list, and notes what happens in it."""

    def __init__(self, *answers: Verdict, pending: int = 0) -> None:
        self.answers = list(answers)
        self.now = 0.0
        self.events: list[str] = []
        self.told: list[str] = []
        self.waiting = pending
        self.hurdles: list[str] = []
        self.replayed = 0

    def world(self) -> World:
        return World(
            ask=self.ask,
            replay=self.replay,
            pending=lambda: self.waiting,
            go_back=lambda: self.events.append("back"),
            tell=self.told.append,
            clock=lambda: self.now,
            pause=self.pause,
            random=lambda: 0.5,
        )

    def ask(self) -> Outcome:
        if not self.answers:
            raise Over
        self.events.append("asked")
        return Outcome(self.answers.pop(0), "")

    def replay(self) -> None:
        self.events.append("replayed")
        if self.hurdles:
            raise NotNowError(self.hurdles.pop(0))
        self.waiting = self.replayed

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.events.append(f"{seconds:g}")

    def play(self, *, manual: bool = False) -> list[str]:
        with pytest.raises(Over):
            Return(self.world(), manual=manual).run()
        return self.events


def test_two_good_answers_a_second_apart_are_a_return() -> None:
    assert Played(OK, OK).play()[:5] == ["asked", "1", "asked", "replayed", "back"]


@pytest.mark.parametrize("second", [REFUSED, AUTH])
def test_one_good_answer_is_none(second: Verdict) -> None:
    assert "back" not in Played(OK, second).play()


def test_the_text_says_since_when() -> None:
    played = Played(REFUSED, REFUSED, AUTH)
    played.play()
    assert played.told == [
        "PostgreSQL: refused for 0 s",
        "PostgreSQL: refused for 3 s",
        "PostgreSQL: auth for 6 s",
    ]


def test_manual_offers_once_and_keeps_the_count(caplog: pytest.LogCaptureFixture) -> None:
    played = Played(OK, OK, OK, OK, pending=7)
    events = played.play(manual=True)
    assert not {"replayed", "back"} & set(events)
    assert played.told == ["PostgreSQL is back; 7 changes wait for `edgepaas db back`"] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "edgepaas db back" in caplog.text


def test_a_fallback_that_lasts_is_told_again_every_ten_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Played(*[REFUSED] * 402, pending=7).play()  # one each three seconds: 20 minutes
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert [record.message for record in caplog.records] == [
        "FALLBACK: SQLite stands in for 10 min by now, 7 changes wait in it; "
        "PostgreSQL: refused for 600 s",
        "FALLBACK: SQLite stands in for 20 min by now, 7 changes wait in it; "
        "PostgreSQL: refused for 1200 s",
    ]


def test_a_hurdle_is_told_once_and_tried_again_ever_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    played = Played(*[OK] * 8)
    played.hurdles = ["locked", "locked", "other"]
    with caplog.at_level(logging.WARNING):
        events = played.play()
    assert [record.message for record in caplog.records] == ["locked", "other"]
    pauses = [after for before, after in pairwise(events) if before == "replayed"]
    assert pauses == ["5", "10", "20", "back"]


def test_it_goes_back_only_when_little_is_left_to_replay() -> None:
    played = Played(OK, OK, pending=5000)
    played.replayed = 100
    assert played.play().count("replayed") == 1


@pytest.mark.parametrize("written", [101, 6000], ids=["as fast", "faster"])
def test_an_application_that_writes_as_fast_as_it_replays_is_not_followed_for_ever(
    written: int,
) -> None:
    busy = Played(OK, OK, pending=5000)
    busy.replayed = written
    events = busy.play()
    assert events.count("replayed") <= 3
    assert events.count("back") == 1


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(
        tmp_path,
        DATABASE_URL=f"sqlite:///{tmp_path}/data/fallback.db",
        EDGEPAAS_POSTGRES_URL=f"postgresql://u:canary@127.0.0.1:{free_port()}/d",
        EDGEPAAS_DB_RETURN="auto",
    )


def mapped(pid: int) -> str:
    """Return the names of the files a process has in its memory."""
    return Path(f"/proc/{pid}/maps").read_text()


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_waiting_takes_little_and_ends_at_once(container: Container) -> None:
    with NotifySocket(container.directory / "notify.sock") as pid1:
        process = container.start("-m", "boot.longruns.db_return", NOTIFY_SOCKET=str(pid1.path))
        status = "STATUS=PostgreSQL: refused for 0 s"
        wait_until(lambda: status in pid1.read(), PATIENCE, "a first look")
    assert pid1.lines[0] == "READY=1"
    assert resident_kib(process.pid) < 25_000
    assert "sqlite" not in mapped(process.pid)
    process.send_signal(signal.SIGTERM)
    result = ended(process)
    assert (result.status, result.output) == (-signal.SIGTERM, "")


@pytest.mark.parametrize(
    "variables",
    [
        {"EDGEPAAS_POSTGRES_URL": "sqlite:////x.db"},
        {"EDGEPAAS_POSTGRES_URL": ""},
        {"DATABASE_URL": "postgresql://h/d"},
    ],
)
def test_started_where_there_is_no_fallback_it_says_so(
    container: Container, variables: dict[str, str]
) -> None:
    result = container.run("-m", "boot.longruns.db_return", **variables)
    assert result.status == 78
    assert "no fallback" in result.output
    assert "Traceback" not in result.output
