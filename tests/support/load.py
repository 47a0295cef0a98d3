"""Steady requests from a few threads, counted. Imports nothing of ours."""

import http.client
import threading
from types import TracebackType
from typing import Self


class Load:
    """Clients that ask for `path` until they are told to stop; each failure is kept.

    Half of them keep their connection as long as the server does, half open a new one each time.
    """

    def __init__(self, port: int, path: str = "/count", clients: int = 4) -> None:
        self.port = port
        self.path = path
        self.answered = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number % 2 == 0,)) for number in range(clients)
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
            thread.join()

    def _run(self, keep_alive: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self._stop.is_set():
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                with self._lock:
                    self.failures.append(repr(error))
                continue
            with self._lock:
                self.answered += answer.status == http.HTTPStatus.OK
            if not keep_alive:
                connection.close()
        connection.close()
