"""WebSockets are told to come back one after the other."""

import asyncio
from typing import Any, cast

from web import goodbye

CLIENTS = 50


class Client:
    """Notes when it is dismissed."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def may_be_dismissed(self) -> bool:
        return not self.told

    def dismiss(self) -> None:
        self.told.append(asyncio.get_running_loop().time())


def told(clients: list[Client], seconds: float, gone: int = 0) -> list[float]:
    """Dismiss clients, the last `gone` of which leave before their turn; return the moments."""
    there = clients[: len(clients) - gone]

    async def run() -> None:
        asked = iter([clients])
        await goodbye.spread(lambda: cast("Any", next(asked, there)), seconds)

    asyncio.run(run())
    return [moment for client in clients for moment in client.told]


def test_they_are_told_one_by_one_and_not_in_one_instant() -> None:
    moments = told([Client() for _ in range(CLIENTS)], seconds=60)
    assert len(moments) == CLIENTS
    assert len(set(moments)) == CLIENTS
    assert moments[-1] - moments[0] > (CLIENTS - 1) * goodbye.PAUSE_MOST * 0.9


def test_so_many_that_time_is_short_are_told_all_the_same() -> None:
    assert len(told([Client() for _ in range(1000)], seconds=0.1)) == 1000


def test_who_has_left_meanwhile_is_passed_over() -> None:
    assert len(told([Client() for _ in range(10)], seconds=60, gone=4)) == 6
