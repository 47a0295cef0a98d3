import asyncio
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket

from app.websock import QUEUE_EVENTS, Hub


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

    @property
    def closed_with(self) -> int | None:
        codes = [message["code"] for message in self.sent if message["type"] == "websocket.close"]
        return codes[0] if codes else None


def test_a_hub_that_closes_sends_1012_to_everybody() -> None:
    async def run() -> list[int | None]:
        hub, peers = Hub(), [Peer(), Peer(reads=False)]
        hub.open()
        serving = [asyncio.create_task(hub.serve(peer.websocket, {})) for peer in peers]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await hub.close()
        await asyncio.gather(*serving)
        return [peer.closed_with for peer in peers]

    assert asyncio.run(run()) == [1012, 1012]


def test_a_client_that_comes_after_the_close_is_sent_away() -> None:
    async def run() -> int | None:
        hub, peer = Hub(), Peer()
        hub.open()
        await hub.close()
        await hub.serve(peer.websocket, {})
        return peer.closed_with

    assert asyncio.run(run()) == 1012


def test_no_more_than_a_queue_waits_for_a_client_that_does_not_read() -> None:
    async def run() -> tuple[int | None, int]:
        hub, peer = Hub(), Peer(reads=False)
        hub.open()
        serving = asyncio.create_task(hub.serve(peer.websocket, {}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in range(QUEUE_EVENTS * 3):
            hub.publish({"number": number})
        await asyncio.wait_for(serving, 10)
        return peer.closed_with, len(peer.sent)

    code, sent = asyncio.run(run())
    assert code == 1013
    assert sent <= 3  # accept, at most one event in flight, close


def test_publishing_to_nobody_and_without_a_loop_is_fine() -> None:
    Hub().publish({"a": 1})

    async def run() -> None:
        hub = Hub()
        hub.open()
        hub.publish({"a": 1})
        await hub.close()
        hub.publish({"a": 2})

    asyncio.run(run())


def test_cancelling_a_conversation_leaves_no_task() -> None:
    async def run() -> set[asyncio.Task[Any]]:
        hub, peer = Hub(), Peer()
        hub.open()
        serving = asyncio.create_task(hub.serve(peer.websocket, {}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(run()) == set()
