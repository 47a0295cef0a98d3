"""Sends spans to a collector, from a thread that no request waits for."""

import http.client
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from itertools import islice
from urllib.parse import urlsplit

from app.tracing import otlp
from app.tracing.spans import Recorded

MOST = 4096
BATCH = 512
PERIOD = 2.0
SEND_SECONDS = 5.0
SAY_SECONDS = 60.0
MULTIPLE_CHOICES = 300
MAY_PASS = frozenset({429, 502, 503, 504})

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The collector will never take these spans."""


class Exporter:
    """A bounded queue of spans, emptied every 2 s. What finds no room pushes the oldest out."""

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], resource: Mapping[str, str]
    ) -> None:
        url = urlsplit(endpoint)
        self.secure = url.scheme == "https"
        self.address = url.hostname or "", url.port or (443 if self.secure else 80)
        self.path = url.path.rstrip("/") + otlp.PATH
        self.headers = {**headers, "content-type": "application/json"}
        self.resource = dict(resource)
        self.lost = 0
        self._waiting: deque[Recorded] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._said = -SAY_SECONDS

    def put(self, span: Recorded) -> None:
        """Take a span that ended."""
        with self._lock:
            if len(self._waiting) >= MOST:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(span)
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
                self._thread.start()

    def close(self, seconds: float = 1.0) -> None:
        """Send what waits, for so many seconds at the most."""
        with self._lock:
            self._closing = True
        self._wake.set()
        if self._thread:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(PERIOD)
            self._empty()

    def _empty(self) -> None:
        """Send all there is, as long as that works."""
        while batch := self._first():
            try:
                self._send(batch)
            except RefusedError as error:
                self._forget(batch)
                self.lost += len(batch)
                self._say(str(error))
            except (OSError, http.client.HTTPException) as error:
                self._say(f"{type(error).__name__}: {error}")
                return
            else:
                self._forget(batch)

    def _first(self) -> list[Recorded]:
        with self._lock:
            return list(islice(self._waiting, BATCH))

    def _forget(self, batch: list[Recorded]) -> None:
        """Take a batch out; some of it may have been pushed out meanwhile."""
        gone = set(map(id, batch))
        with self._lock:
            while self._waiting and id(self._waiting[0]) in gone:
                self._waiting.popleft()

    def _send(self, batch: list[Recorded]) -> None:
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(*self.address, timeout=SEND_SECONDS)
        try:
            connection.request("POST", self.path, otlp.encode(batch, self.resource), self.headers)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status in MAY_PASS:
            raise OSError(f"the collector answers {answer.status}")
        if answer.status >= MULTIPLE_CHOICES:
            raise RefusedError(f"the collector refused {len(batch)} spans with {answer.status}")

    def _say(self, why: str) -> None:
        """Log at most once a minute: a collector that is away is nobody's emergency."""
        now = time.monotonic()
        if now - self._said >= SAY_SECONDS:
            self._said = now
            host, port = self.address
            log.warning("traces not sent to %s:%d: %s; %d spans lost", host, port, why, self.lost)
