"""Clients that write and read without a pause, and keep account of every answer.

Imports nothing of ours.
"""

import http.client
import itertools
import json
import threading
from collections import Counter
from types import TracebackType
from typing import Self

NODES = "/api/v1/nodes"
PATIENCE = 20.0
HEADERS = {"content-type": "application/json"}


class Ledger:
    """Each client records a node, then reads a page, over and over, until told to stop.

    `acknowledged` are the names answered with 201; `wrong` is every answer that is neither a
    success nor a 503 with Retry-After, and every request that got none within PATIENCE seconds.
    """

    def __init__(self, port: int, clients: int) -> None:
        self.port = port
        self.acknowledged: set[str] = set()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads), "a client hangs"

    def count(self, method: str, status: int) -> int:
        """Return how many answers of that kind came so far."""
        with self._lock:
            return self.answers[method, status]

    def _run(self, client: int) -> None:
        for number in itertools.count():
            name = f"edge-{client}-{number}"
            if self._ask("POST", NODES, {"name": name, "region": "eu"}) == http.client.CREATED:
                with self._lock:
                    self.acknowledged.add(name)
            self._ask("GET", f"{NODES}?limit=5")
            if self._stop.is_set():
                return

    def _ask(self, method: str, path: str, body: object = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        status = 0
        try:
            connection.request(method, path, json.dumps(body) if body else None, HEADERS)
            answer = connection.getresponse()
            content, status = answer.read(), answer.status
            told = status == http.client.SERVICE_UNAVAILABLE and answer.headers["retry-after"]
            wrong = "" if told or status in {200, 201} else f"{status} {content[:200]!r}"
        except (OSError, http.client.HTTPException) as error:
            wrong = repr(error)
        finally:
            connection.close()
        with self._lock:
            self.answers[method, status] += 1
            if wrong:
                self.wrong.append(f"{method} {wrong}")
        return status
