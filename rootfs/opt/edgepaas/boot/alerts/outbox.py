"""Alerts on their way: few at a time, tried again, given up in the end. Never waits for anybody."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from boot.alerts.alert import Alert
from boot.alerts.delivery import Delivery, Result

MOST = 32
ATTEMPTS = 5
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0

log = logging.getLogger(__name__)


class Sending(Protocol):
    """A delivery, as the outbox sees it."""

    def poll(self) -> list[Result] | None:
        """Return what became of each URL; None while that is open."""

    def stop(self) -> None:
        """Give it up."""


class Letter(NamedTuple):
    """An alert, to whom it is still to go, how often that was tried, and when it may be again."""

    alert: Alert
    urls: tuple[str, ...]
    tried: int
    due: float


class Outbox:
    """Sends one alert after the other; what some URLs did not take, goes to these once more."""

    def __init__(
        self,
        urls: Sequence[str],
        send: Callable[[Alert, Sequence[str]], Sending] = Delivery,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.urls = tuple(urls)
        self.send = send
        self.clock = clock
        self._waiting: deque[Letter] = deque()
        self._letter: Letter | None = None
        self._delivery: Sending | None = None

    def put(self, alert: Alert) -> None:
        """Take an alert. Where too many wait, the oldest is given up."""
        log.warning("alert: %s. %s", alert.what, alert.text, extra={"fields": {"alert": alert.key}})
        if len(self._waiting) >= MOST:
            _give_up(self._waiting.popleft(), "too many alerts wait")
        self._waiting.append(Letter(alert, self.urls, 0, self.clock()))

    def pump(self) -> None:
        """Go on: look what became of the one under way, start the next that is due."""
        if self._delivery:
            results = self._delivery.poll()
            if results is None:
                return
            self._delivered(results)
        now = self.clock()
        for letter in self._waiting:
            if letter.due <= now:
                self._waiting.remove(letter)
                self._letter = letter
                self._delivery = self.send(letter.alert, letter.urls)
                return

    def close(self) -> None:
        """Give up what has not been sent, and say so."""
        if self._delivery:
            self._delivery.stop()
        for letter in self._unsent():
            _give_up(letter, "the container stops")

    def _unsent(self) -> Iterator[Letter]:
        if self._letter:
            yield self._letter
        yield from self._waiting

    def _delivered(self, results: Sequence[Result]) -> None:
        letter, self._letter, self._delivery = self._letter, None, None
        if letter is None:
            return
        for result in results:
            if result.sent:
                log.info("alert sent to %s: %s", result.to, letter.alert.what)
        failed = [each for each in zip(letter.urls, results, strict=True) if not each[1].sent]
        if not failed:
            return
        tried = letter.tried + 1
        why = "; ".join(f"{result.to}: {result.why}" for _, result in failed)
        left = letter._replace(urls=tuple(url for url, _ in failed), tried=tried)
        if tried >= ATTEMPTS:
            _give_up(left, f"{tried} attempts failed, the last with {why}")
            return
        pause = min(FIRST_PAUSE * 3 ** (tried - 1), LONGEST_PAUSE)
        log.warning("alert not sent yet, tried again in %g s: %s", pause, why)
        self._waiting.append(left._replace(due=self.clock() + pause))


def _give_up(letter: Letter, why: str) -> None:
    log.error("alert not sent: %s (%s)", letter.alert.what, why)
