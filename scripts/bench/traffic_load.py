"""Clients of five kinds at once, each answer accounted for: `python -m scripts.bench.traffic_load`.

Arguments: host, port, and `proxy` where no connection may fail. Writes a JSON line of the figures
ten times a second until its stdin ends, and one at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

CLIENTS = {"fresh": 4, "kept": 4, "slow": 6, "upload": 4, "websocket": 6}
PAUSE = 0.03
BACK_OFF = 0.05
PATIENCE = 600.0  # longer than any stop: how long it took is told, and no loss
SLOW_SECONDS = 0.6
PARTS, PART_BYTES, PART_PAUSE = 12, 16_384, 0.05
COME_BACK = 1012
OK = 200


class Answer(NamedTuple):
    """Status, body, and whether the server keeps the connection."""

    status: int
    body: bytes
    kept: bool


class WrongError(Exception):
    """No answer to a request on a connection that had been made; says what happened."""


class TurnedAwayError(Exception):
    """No connection could be made."""


class Account:
    """What became of every request."""

    def __init__(self, *, proxied: bool) -> None:
        self.proxied = proxied
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.turned_away = 0
        self.longest = 0.0
        self.going = True

    def answer(self, kind: str, began: float) -> None:
        """Note a good answer."""
        self.answered[kind] += 1
        self.longest = max(self.longest, time.monotonic() - began)

    def away(self, why: str) -> None:
        """Note a connection that could not be made: a failure where a proxy stands before us."""
        self.turned_away += 1
        if self.proxied:
            self.failed[f"connect: {why}"] += 1

    def line(self) -> str:
        """Return the figures as JSON."""
        return json.dumps(
            {
                "answered": sum(self.answered.values()),
                "by_kind": self.answered,
                "failed": sum(self.failed.values()),
                "failures": self.failed,
                "clients": sum(CLIENTS.values()),
                "turned_away": self.turned_away,
                "longest": round(self.longest, 3),
            }
        )


class Client:
    """One client; `connection` is kept as long as the server keeps it and we want to."""

    def __init__(self, account: Account, host: str, port: int) -> None:
        self.account = account
        self.host, self.port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, kind: str) -> None:
        """Ask until told to stop."""
        while self.account.going:
            began = time.monotonic()
            try:
                async with asyncio.timeout(None if kind == "websocket" else PATIENCE):
                    await getattr(self, kind)()
            except TurnedAwayError as why:
                self.account.away(str(why))
                await asyncio.sleep(BACK_OFF)
            except WrongError as wrong:
                self.account.failed[f"{kind}: {wrong}"] += 1
                self._drop()
                await asyncio.sleep(BACK_OFF)
            except TimeoutError:
                self.account.failed[f"{kind}: no answer within {PATIENCE:g} s"] += 1
                self._drop()
            else:
                self.account.answer(kind, began)
            await asyncio.sleep(PAUSE)
        self._drop()

    async def fresh(self) -> None:
        """One request on a connection of its own."""
        await self._expect(await self._ask("GET", "/version", close=True))
        self._drop()

    async def kept(self) -> None:
        """One request on a connection that is kept."""
        await self._expect(await self._ask("GET", "/version"))

    async def slow(self) -> None:
        """An answer that takes its time."""
        answer = await self._ask("GET", f"/slow?seconds={SLOW_SECONDS}")
        await self._expect(answer, b"begun finished")

    async def upload(self) -> None:
        """A body that takes its time."""
        part = self.host.encode() * (PART_BYTES // len(self.host))
        answer = await self._ask("POST", "/upload", part)
        await self._expect(answer, hashlib.sha256(part * PARTS).hexdigest().encode())

    async def websocket(self) -> None:
        """A WebSocket until it is told to come back; counted when it was told properly."""
        await self._connection()
        self._drop()  # tells who is turned away from who is let down
        url = f"ws://{self.host}:{self.port}/ws/events"
        try:
            async with connect(url, open_timeout=PATIENCE, compression=None) as socket:
                async with asyncio.timeout(PATIENCE):
                    await socket.recv()
                await self._listen(socket)
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != COME_BACK:
                raise WrongError(f"closed by {closed.rcvd}") from None
        except (OSError, WebSocketException, EOFError) as error:
            if isinstance(error, ConnectionRefusedError):
                raise TurnedAwayError(type(error).__name__) from None
            raise WrongError(told(error)) from None

    async def _listen(self, socket: ClientConnection) -> None:
        while self.account.going:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await socket.recv()

    async def _expect(self, answer: Answer, body: bytes = b"") -> None:
        if answer.status != OK or body not in answer.body:
            raise WrongError(f"status {answer.status}")
        if not answer.kept:
            self._drop()

    async def _ask(
        self, method: str, path: str, part: bytes = b"", *, close: bool = False
    ) -> Answer:
        reader, writer = await self._connection()
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host}"]
        head += ["Connection: close"] if close else []
        head += [f"Content-Length: {len(part) * PARTS}"] if part else []
        try:
            writer.write("\r\n".join([*head, "", ""]).encode())
            for _ in range(PARTS if part else 0):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(PART_PAUSE)
            return await read_answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            raise WrongError(told(error)) from None

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection, kept or new. A kept one that the server has closed is not used."""
        if self._streams and self._streams[0].at_eof():
            self._drop()
        if not self._streams:
            try:
                self._streams = await asyncio.open_connection(self.host, self.port)
            except OSError as error:
                raise TurnedAwayError(told(error)) from None
        return self._streams

    def _drop(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one answer to its end. Raises OSError, IncompleteReadError, ValueError."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split()[1])
    if "transfer-encoding: chunked" in head:
        body = b"".join([chunk async for chunk in chunks(reader)])
    else:
        length = head.partition("content-length:")[2].split("\r\n")[0].strip()
        body = await reader.readexactly(int(length))
    return Answer(status, body, "connection: close" not in head)


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the chunks of a body."""
    while size := int(await reader.readline() or b"none", 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)


def told(error: BaseException) -> str:
    """Return an error without what differs from case to case."""
    return type(error).__name__


async def main(host: str, port: int, *, proxied: bool) -> None:
    """Load until stdin ends."""
    account = Account(proxied=proxied)
    running = [
        asyncio.create_task(Client(account, host, port).run(kind))
        for kind, count in CLIENTS.items()
        for _ in range(count)
    ]
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not ended.done():
        print(account.line(), flush=True)
        await asyncio.sleep(0.1)
    account.going = False
    await asyncio.gather(*running)
    print(account.line(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), proxied=sys.argv[3:] == ["proxy"]))
