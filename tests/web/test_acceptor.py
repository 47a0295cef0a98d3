"""Who takes a connection from a socket that several listen on, in one event loop."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from web.acceptor import Acceptor

CLIENTS = 20
SECONDS = 20.0

Share = Callable[[], bool]


class Names(asyncio.Protocol):
    """Tells each client who took it."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.name)
        transport.close()


@asynccontextmanager
async def accepting(**shares: Share) -> AsyncIterator[int]:
    """Yield a port that acceptors of these names and shares listen on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptors = [
            Acceptor(listener.dup(), partial(Names, name.encode()), share)
            for name, share in shares.items()
        ]
        yield listener.getsockname()[1]
        for each in acceptors:
            each.close()


async def who_takes(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    name = await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()
    return name.decode()


@pytest.mark.parametrize("first", ["full", "free"])  # the system may prefer either
def test_who_has_its_share_leaves_all_to_the_others(first: str) -> None:
    shares: dict[str, Share] = {"full": lambda: True, "free": lambda: False}
    shares = {first: shares[first], **shares}

    async def run() -> Counter[str]:
        async with accepting(**shares) as port:
            return Counter([await who_takes(port) for _ in range(CLIENTS)])

    assert asyncio.run(run()) == {"free": CLIENTS}


def test_where_the_others_take_nobody_everybody_is_taken_all_the_same() -> None:
    async def run() -> Counter[str]:
        async with accepting(full=lambda: True) as port:
            return Counter(await asyncio.gather(*(who_takes(port) for _ in range(CLIENTS))))

    assert asyncio.run(run()) == {"full": CLIENTS}


def test_who_is_closed_takes_nobody_any_more() -> None:
    async def run() -> str:
        async with accepting(free=lambda: False) as port:
            assert await who_takes(port) == "free"
        try:
            return await who_takes(port)
        except ConnectionRefusedError:
            return "refused"

    assert asyncio.run(run()) == "refused"
