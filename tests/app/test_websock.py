import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from app import websock
from app.db import UnavailableError
from app.live.event_history import PAGE_EVENTS
from app.live.event_log import ORIGIN, ORIGIN_ID, Entry, Place
from app.live.event_window import WINDOW_EVENTS, Window
from app.settings import Settings, load
from app.websock import QUEUE_BYTES, QUEUE_EVENTS, Hub

SECONDS = 10.0


class Peer:
    """The server's end of a WebSocket: it sends, and blocks when the client does not read."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent: list[Message] = []
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.readable = asyncio.Event()
        if reads:
            self.readable.set()

    @property
    def websocket(self) -> WebSocket:
        return WebSocket({"type": "websocket", "headers": []}, self.incoming.get, self.send)

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            await self.readable.wait()
        self.sent.append(message)

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(each["text"]) for each in self.sent if each["type"] == "websocket.send"]

    @property
    def positions(self) -> list[int]:
        told = [each["events"] for each in self.messages if each["type"] == "events"]
        return [event["position"] for events in told for event in events]

    @property
    def closed_with(self) -> int | None:
        codes = [message["code"] for message in self.sent if message["type"] == "websocket.close"]
        return codes[0] if codes else None


class Tail:
    """Follows nothing; a test tells the hub itself."""

    def __init__(self) -> None:
        self.followed = 0
        self.closed = False

    def follow(self, _: Hub) -> None:
        self.followed += 1

    def close(self) -> None:
        self.closed = True


class History:
    """A table in memory. `trouble` makes it fail so many times."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.trouble = 0
        self.reads = 0
        self.rows = 0

    async def place_of(self, event_id: uuid.UUID) -> Place | None:
        await self._read()
        return next((entry.place for entry in self.entries if entry.id == event_id), None)

    async def page(self, after: Place) -> list[Entry]:
        await self._read()
        found = [entry for entry in self.entries if entry.place > after][:PAGE_EVENTS]
        self.rows += len(found)
        return found

    async def _read(self) -> None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.trouble:
            self.trouble -= 1
            raise UnavailableError("away")


class Stage:
    """A hub, and what is around it."""

    def __init__(self, settings: Settings) -> None:
        self.tail, self.history = Tail(), History()
        self.hub = Hub(settings, self.history, self.tail)  # type: ignore[arg-type]
        self.serving: list[asyncio.Task[None]] = []

    async def seat(self, peer: Peer, after: str | None = None) -> asyncio.Task[None]:
        task = asyncio.create_task(self.hub.serve(peer.websocket, {"type": "hello"}, after))
        self.serving.append(task)
        for _ in range(5):
            await asyncio.sleep(0)
        return task

    async def begin(self, *entries: Entry, floor: Place = ORIGIN) -> None:
        window = Window(floor, ORIGIN_ID if floor == ORIGIN else uuid.uuid4())
        window.append(entries)
        await self.hub.begin(window)


def entry(position: int, size: int = 0) -> Entry:
    text = json.dumps({"position": position, "text": "x" * size})
    return Entry(Place(0, position), uuid.uuid4(), text)


async def until(predicate: Callable[[], Any]) -> None:
    async with asyncio.timeout(SECONDS):
        while not predicate():  # noqa: ASYNC110 - whatever it looks at tells nobody
            await asyncio.sleep(0.001)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load({}), run_dir=tmp_path)


@asynccontextmanager
async def staged(settings: Settings) -> AsyncIterator[Stage]:
    stage = Stage(settings)
    yield stage
    await asyncio.wait_for(stage.hub.close(), SECONDS)
    assert stage.tail.closed
    await asyncio.wait_for(asyncio.gather(*stage.serving, return_exceptions=True), SECONDS)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_nothing_is_followed_before_the_first_client(settings: Settings) -> None:
    async def run() -> None:
        async with staged(settings) as stage:
            assert stage.tail.followed == 0
            await stage.seat(Peer())
            await stage.seat(Peer())
            assert stage.tail.followed == 1

    asyncio.run(run())


def test_a_hub_that_closes_sends_1012_to_everybody(settings: Settings) -> None:
    peers = [Peer(), Peer(reads=False)]

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin(entry(1))
            for peer in peers:
                await stage.seat(peer, str(ORIGIN_ID))
        late = Peer()
        await (await stage.seat(late))
        peers.append(late)

    asyncio.run(run())
    assert [peer.closed_with for peer in peers] == [1012, 1012, 1012]


@pytest.mark.parametrize(("events", "size"), [(QUEUE_EVENTS + 2, 0), (6, QUEUE_BYTES // 4)])
def test_a_client_that_does_not_read_is_closed_and_the_others_get_all(
    settings: Settings, events: int, size: int
) -> None:
    slow, quick = Peer(reads=False), Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            slow.readable.set()
            await stage.seat(slow)
            slow.readable.clear()
            await stage.seat(quick)
            for position in range(1, events + 1):
                await stage.hub.take([entry(position, size)])
                assert quick.positions[-1] == position
            await until(lambda: slow.closed_with)

    asyncio.run(run())
    assert slow.closed_with == 1013
    assert len(slow.sent) <= 4  # accept, hello, at most one message in flight, close
    assert quick.positions == list(range(1, events + 1))


def test_many_events_at_once_do_not_make_a_client_slow(settings: Settings) -> None:
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            await stage.seat(peer)
            await stage.hub.take([entry(each) for each in range(1, QUEUE_EVENTS * 4)])

    asyncio.run(run())
    assert peer.positions == list(range(1, QUEUE_EVENTS * 4))
    assert peer.closed_with == 1012


def test_a_send_that_never_ends_closes_even_where_nothing_more_happens(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websock, "STALLED_SECONDS", 0.05)
    monkeypatch.setattr(websock, "TICK_SECONDS", 0.01)
    peer = Peer(reads=False)

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            await stage.seat(peer)
            await until(lambda: peer.closed_with)

    asyncio.run(run())
    assert peer.closed_with == 1013


def test_table_and_memory_meet_without_gap_or_overlap(settings: Settings) -> None:
    """Whatever is told while the table is read, and however far the reader is ahead."""
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            stage.history.entries = [entry(each) for each in range(1, 1001)]
            known = stage.history.entries
            await stage.begin(*known[500:510], floor=known[499].place)
            await stage.seat(peer, str(known[0].id))
            for first in range(510, 1000, 7):
                await stage.hub.take(known[first : first + 7])
            await until(lambda: len(peer.positions) >= 999)

    asyncio.run(run())
    assert peer.positions == list(range(2, 1001))


def test_what_a_client_missed_is_read_from_the_table_once(settings: Settings) -> None:
    """What is read and does not go into the next message is read again for the one after it."""
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            stage.history.entries = [entry(each) for each in range(1, 1001)]
            first, *_, last = stage.history.entries
            await stage.begin(floor=last.place)
            await stage.seat(peer, str(first.id))
            await until(lambda: len(peer.positions) == 999)
            assert stage.history.rows == 999

    asyncio.run(run())


def test_who_falls_out_of_memory_goes_on_in_the_table(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websock, "QUEUE_EVENTS", 10**9)
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            await stage.seat(peer)
            peer.readable.clear()
            stage.history.entries = [entry(each) for each in range(1, WINDOW_EVENTS * 2)]
            for first in range(0, WINDOW_EVENTS * 2, 100):
                await stage.hub.take(stage.history.entries[first : first + 100])
            peer.readable.set()
            await until(lambda: len(peer.positions) >= WINDOW_EVENTS * 2 - 1)
            assert stage.history.reads > 0

    asyncio.run(run())
    assert peer.positions == list(range(1, WINDOW_EVENTS * 2))


def test_a_database_that_is_away_delays_a_client_that_comes_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websock, "RETRY_SECONDS", 0.001)
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            stage.history.entries = [entry(each) for each in range(1, 11)]
            stage.history.trouble = 3
            await stage.begin(floor=Place(0, 10))
            await stage.seat(peer, str(stage.history.entries[0].id))
            await until(lambda: len(peer.positions) == 9)

    asyncio.run(run())
    assert peer.positions == list(range(2, 11))


def test_an_outage_is_told_to_all_and_to_who_comes_in_it(settings: Settings) -> None:
    early, late = Peer(), Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            await stage.seat(early)
            await stage.hub.tell_outage("it is away")
            await stage.seat(late)
            await until(lambda: len(early.messages) == 2)
            await stage.hub.tell_outage("")
            await until(lambda: len(early.messages) == 3)

    asyncio.run(run())
    told = [(each["type"], each.get("live")) for each in early.messages]
    assert told == [("hello", None), ("status", False), ("status", True)]
    assert [each["type"] for each in late.messages[:2]] == ["status", "hello"]


def test_a_history_that_changed_sends_all_back_to_the_start(settings: Settings) -> None:
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            await stage.seat(peer)
            await stage.begin()
            await until(lambda: peer.closed_with)

    asyncio.run(run())
    assert peer.closed_with == 4404


def test_a_beat_tells_that_the_connection_lives(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websock, "TICK_SECONDS", 0.001)
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            await stage.seat(peer)
            await until(lambda: {"type": "beat"} in peer.messages)

    asyncio.run(run())


def test_cancelling_a_conversation_leaves_no_task(settings: Settings) -> None:
    async def run() -> None:
        async with staged(settings) as stage:
            await stage.begin()
            serving = await stage.seat(Peer())
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await stage.hub.take([entry(1)])

    asyncio.run(run())


def test_a_fault_of_ours_is_logged_and_closes_with_1011(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer()

    async def run() -> None:
        async with staged(settings) as stage:
            stage.history.entries = None  # type: ignore[assignment]
            await stage.begin(floor=Place(0, 1))
            await stage.seat(peer, str(uuid.uuid4()))
            await until(lambda: peer.closed_with)

    asyncio.run(run())
    assert peer.closed_with == 1011
    assert "a WebSocket failed" in caplog.text
