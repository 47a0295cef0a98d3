"""Alerts on their way: tried again at whom they did not reach, given up in the end."""

import logging
from collections.abc import Sequence

import pytest

from boot.alerts.alert import Alert, Kind
from boot.alerts.delivery import Result
from boot.alerts.outbox import ATTEMPTS, MOST, Outbox

ALERT = Alert("disk", Kind.WARNING, "disk full", "Very.")
URLS = ("json://good", "json://bad")


class Post:
    """Stands in for deliveries: done when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[str, tuple[str, ...]]] = []
        self.bad = {"json://bad"}
        self.answers = True
        self.stopped = 0

    def clock(self) -> float:
        return self.now

    def send(self, alert: Alert, urls: Sequence[str]) -> "Post":
        self.sent.append((alert.what, tuple(urls)))
        return self

    def poll(self) -> list[Result] | None:
        urls = self.sent[-1][1]
        results = [Result(url, url not in self.bad, "no such host") for url in urls]
        return results if self.answers else None

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def outbox(post: Post) -> Outbox:
    return Outbox(URLS, post.send, post.clock)


def pump(outbox: Outbox, post: Post, seconds: int) -> None:
    for _ in range(seconds):
        outbox.pump()
        post.now += 1


def test_what_one_url_did_not_take_goes_to_that_one_again(outbox: Outbox, post: Post) -> None:
    outbox.put(ALERT)
    pump(outbox, post, 12)
    assert post.sent[:2] == [("disk full", URLS), ("disk full", ("json://bad",))]
    post.bad.clear()
    pump(outbox, post, 600)
    assert post.sent[2:] == [("disk full", ("json://bad",))]


def test_after_some_attempts_it_is_said_as_not_sent(
    outbox: Outbox, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.put(ALERT)
    pump(outbox, post, 2000)
    assert len(post.sent) == ATTEMPTS
    assert caplog.records[-1].levelno == logging.ERROR
    assert "alert not sent: disk full" in caplog.text
    assert "no such host" in caplog.text


def test_who_does_not_answer_holds_nobody_and_the_stop_says_what_was_not_sent(
    outbox: Outbox, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.answers = False
    outbox.put(ALERT)
    outbox.put(ALERT._replace(what="second"))
    pump(outbox, post, 5)
    outbox.close()
    assert post.stopped == 1
    for what in ("disk full", "second"):
        assert f"alert not sent: {what} (the container stops)" in caplog.text


def test_an_alert_that_waits_for_its_next_attempt_keeps_no_other_waiting(
    outbox: Outbox, post: Post
) -> None:
    outbox.put(ALERT)
    pump(outbox, post, 2)
    outbox.put(ALERT._replace(what="second"))
    pump(outbox, post, 2)
    assert post.sent[-1][0] == "second"


def test_it_holds_no_more_than_it_may(
    outbox: Outbox, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.answers = False
    for number in range(MOST + 10):
        outbox.put(ALERT._replace(what=f"alert {number}"))
    assert caplog.text.count("too many alerts wait") == 10
    assert "alert not sent: alert 0 (" in caplog.text
