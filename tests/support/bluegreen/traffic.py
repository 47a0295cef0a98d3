"""Clients of every kind at once, and an account of every answer. Imports nothing of ours."""

import hashlib
import http.client
import itertools
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import connect

PATIENCE = 30.0
PAUSE = 0.05
NODES = "/api/v1/nodes"
SLOW_SECONDS = 3
UPLOAD_PARTS, UPLOAD_PART = 30, 8192
JSON_TYPE = {"content-type": "application/json"}
Wrong = (OSError, http.client.HTTPException)


class Traffic:
    """Until it is left: new connections, kept ones, slow answers, slow uploads, writes, events.

    `failed` is whatever was not answered with success. A kept connection that was closed before
    the answer began is no failure for a GET: RFC 9112, 9.3.1 tells clients to send it again; how
    often that was is `resent`. Faults that a test makes are `forgiven` while it says so.
    """

    def __init__(self, port: int, followers: int = 2) -> None:
        self.port = port
        self.answered: Counter[str] = Counter()
        self.failed: list[str] = []
        self.forgiven: list[str] = []
        self.forgiving = threading.Event()
        self.resent = 0
        self.acknowledged: set[str] = set()
        self.attempted: set[str] = set()
        self.followers = [Follower(self) for _ in range(followers)]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        kinds: list[Callable[[], None]] = [
            self._fresh, self._fresh, self._kept, self._kept,
            self._slow, self._slow, self._upload, self._write,
        ]  # fmt: skip
        self._threads = [threading.Thread(target=self._repeat, args=(each,)) for each in kinds]

    def __enter__(self) -> Self:
        for each in self.followers:
            each.start()
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
        for each in self.followers:
            each.finish(self.acknowledged if error is None else set())

    @property
    def total(self) -> int:
        return sum(self.answered.values())

    def told(self) -> str:
        """Return the figures on one line."""
        seen = ", ".join(f"{count} {kind}" for kind, count in sorted(self.answered.items()))
        moves = sum(each.connections - 1 for each in self.followers)
        lost = sum(each.lost for each in self.followers)
        return (
            f"{self.total} requests ({seen}), {len(self.failed)} failed,"
            f" {len(self.forgiven)} during faults, {self.resent} sent again;"
            f" {len(self.acknowledged)} writes, {moves} WebSocket resumptions, {lost} lost"
        )

    def wrong(self, what: str) -> None:
        with self._lock:
            (self.forgiven if self.forgiving.is_set() else self.failed).append(what)

    def _repeat(self, client: Callable[[], None]) -> None:
        while not self._stop.is_set():
            client()
            time.sleep(PAUSE)

    def _count(self, kind: str, answer: http.client.HTTPResponse, body: bytes, wanted: int) -> bool:
        if answer.status != wanted:
            self.wrong(f"{kind}: {answer.status} {body[:200]!r}")
            return False
        with self._lock:
            self.answered[kind] += 1
        return True

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def _once(
        self, kind: str, method: str, path: str, body: Any = None, wanted: int = 200, **headers: str
    ) -> bytes | None:
        connection = self._connection()
        try:
            connection.request(method, path, body, {"connection": "close", **headers})
            answer = connection.getresponse()
            content = answer.read()
        except Wrong as error:
            self.wrong(f"{kind}: {error!r}")
            return None
        finally:
            connection.close()
        return content if self._count(kind, answer, content, wanted) else None

    def _fresh(self) -> None:
        self._once("new", "GET", f"{NODES}?limit=2")

    def _kept(self) -> None:
        """Ask forty times on one connection, as far as it is kept."""
        connection = self._connection()
        used = False
        for _ in range(40):
            try:
                connection.request("GET", "/version")
                answer = connection.getresponse()
                content = answer.read()
            except (http.client.RemoteDisconnected, ConnectionError) as error:
                if not used:
                    self.wrong(f"kept: {error!r}")
                with self._lock:
                    self.resent += used
                used = False
                connection.close()
                continue
            except Wrong as error:
                self.wrong(f"kept: {error!r}")
                break
            self._count("kept", answer, content, 200)
            used = not answer.will_close
            time.sleep(PAUSE)
        connection.close()

    def _slow(self) -> None:
        self._once("slow", "GET", f"/slow?seconds={SLOW_SECONDS}")

    def _upload(self) -> None:
        part = uuid.uuid4().bytes * (UPLOAD_PART // 16)

        def parts() -> Any:
            for _ in range(UPLOAD_PARTS):
                yield part
                time.sleep(SLOW_SECONDS / UPLOAD_PARTS)

        length = str(UPLOAD_PARTS * UPLOAD_PART)
        said = self._once("upload", "POST", "/upload", parts(), 200, **{"content-length": length})
        digest = hashlib.sha256(part * UPLOAD_PARTS).hexdigest()
        if said is not None and json.loads(said)["sha256"] != digest:
            self.wrong("upload: it arrived changed")

    def _write(self) -> None:
        name = f"edge-{uuid.uuid4().hex[:12]}"
        body = json.dumps({"name": name, "region": "eu"})
        with self._lock:
            self.attempted.add(name)
        if self._once("write", "POST", NODES, body, 201, **JSON_TYPE) is not None:
            with self._lock:
                self.acknowledged.add(name)
        time.sleep(2 * PAUSE)


class Follower:
    """A WebSocket client that resumes wherever it was; every event must come once, in order."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.names: Counter[str] = Counter()
        self.connections = 0
        self.lost = 0
        self.doubled = 0
        self._after: str | None = None
        self._greeted = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Connect, and wait until the server has said where the events begin."""
        self._thread.start()
        assert self._greeted.wait(PATIENCE), "no greeting"

    def finish(self, wanted: set[str]) -> None:
        """Wait until every wanted event has come, then count what has not."""
        deadline = time.monotonic() + PATIENCE
        while not wanted <= self.names.keys() and time.monotonic() < deadline:
            time.sleep(PAUSE)
        self._stop.set()
        self._thread.join(2 * PATIENCE)
        self.lost = len(wanted - self.names.keys())
        self.doubled = sum(count - 1 for count in self.names.values())

    def _run(self) -> None:
        for attempt in itertools.count():
            if self._stop.is_set():
                return
            query = f"?after={self._after}" if self._after else ""
            url = f"ws://127.0.0.1:{self.traffic.port}/ws/events{query}"
            try:
                with connect(url, compression=None, max_size=None, open_timeout=PATIENCE) as socket:
                    self.connections += 1
                    self._follow(socket)
            except (OSError, TimeoutError, InvalidHandshake) as error:
                self.traffic.wrong(f"WebSocket, attempt {attempt}: {error!r}")
            except WebSocketException:
                continue  # closed: come back at once, with the last event
            time.sleep(PAUSE)

    def _follow(self, socket: Any) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                self._take(json.loads(socket.recv(0.2)))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "hello":
            self._after = self._after or message["after"]
            self._greeted.set()
        for event in message.get("events", ()):
            self._after = event["id"]
            if event["kind"] == "node.created":
                self.names[event["payload"]["name"]] += 1
