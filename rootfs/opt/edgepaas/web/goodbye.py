"""Telling WebSocket clients to come back elsewhere, not all of them in one instant."""

import asyncio
from collections.abc import Callable, Collection

from web.protocol import DrainWebSocket

PAUSE_MOST = 0.01


async def spread(clients: Callable[[], Collection[DrainWebSocket]], seconds: float) -> None:
    """Dismiss those that are there now, one by one: a hundred in a second, more where so many
    would not all be told within `seconds`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    waiting = list(clients())
    for remaining, client in zip(range(len(waiting), 0, -1), waiting, strict=True):
        if client in clients() and client.may_be_dismissed():
            client.dismiss()
        await asyncio.sleep(min(PAUSE_MOST, (deadline - loop.time()) / remaining))
