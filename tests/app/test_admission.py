import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from app.admission import Admission
from app.db import UnavailableError

FOR_EVER = 3600.0


async def hold(admission: Admission, until: asyncio.Event) -> None:
    async with admission.place():
        await until.wait()


async def settle(states: Callable[[], bool]) -> None:
    """Let other tasks run until something is so."""
    async with asyncio.timeout(5):
        while not states():  # noqa: ASYNC110 - what is waited for tells of no change
            await asyncio.sleep(0)


def run(case: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(case())  # type: ignore[arg-type]  # every case is a coroutine function


def test_no_more_than_the_places_are_ever_taken() -> None:
    async def case() -> None:
        admission, done = Admission(2, FOR_EVER), asyncio.Event()
        tasks = [asyncio.create_task(hold(admission, done)) for _ in range(5)]
        await settle(lambda: admission.waiting == 3)
        assert admission.taken == 2
        done.set()
        await asyncio.gather(*tasks)
        assert (admission.taken, admission.waiting) == (0, 0)

    run(case)


def test_who_finds_no_place_in_time_is_refused_and_leaves_nothing() -> None:
    async def case() -> None:
        admission, done = Admission(1, 0.01), asyncio.Event()
        holder = asyncio.create_task(hold(admission, done))
        await settle(lambda: admission.taken == 1)
        with pytest.raises(UnavailableError, match="in use"):
            await hold(admission, done)
        assert admission.waiting == 0
        done.set()
        await holder
        async with admission.place():
            assert admission.taken == 1

    run(case)


def test_a_place_is_given_back_whatever_happens_in_it() -> None:
    async def fail(admission: Admission) -> None:
        async with admission.place():
            raise ZeroDivisionError

    async def case() -> None:
        admission = Admission(1, 0.01)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await fail(admission)
        holder = asyncio.create_task(hold(admission, asyncio.Event()))
        await settle(lambda: admission.taken == 1)
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        async with admission.place():
            assert admission.taken == 1

    run(case)


def test_who_writes_waits_for_a_turn_and_for_a_place() -> None:
    async def change(admission: Admission, until: asyncio.Event) -> None:
        async with admission.turn():
            await until.wait()

    async def case() -> None:
        admission, done = Admission(3, FOR_EVER, writers=1), asyncio.Event()
        tasks = [asyncio.create_task(change(admission, done)) for _ in range(3)]
        await settle(lambda: admission.waiting == 2)
        assert admission.taken == 1
        tasks += [asyncio.create_task(hold(admission, done)) for _ in range(3)]
        await settle(lambda: admission.waiting == 3)
        assert admission.taken == 3  # those who read do not wait for those who write
        done.set()
        await asyncio.gather(*tasks)
        assert (admission.taken, admission.waiting) == (0, 0)

    run(case)


def test_a_turn_that_does_not_come_in_time_is_refused_and_leaves_nothing() -> None:
    async def case() -> None:
        admission = Admission(2, 0.01, writers=1)
        async with admission.turn():
            with pytest.raises(UnavailableError, match="before this one took too long"):
                async with admission.turn():
                    """Not reached."""
            assert (admission.taken, admission.waiting) == (1, 0)
        async with admission.turn():
            assert admission.taken == 1

    run(case)


def test_a_change_waits_no_longer_for_turn_and_place_than_others_for_a_place() -> None:
    refused: list[str] = []

    async def vain(name: str, place: AbstractAsyncContextManager[None]) -> None:
        with pytest.raises(UnavailableError):
            async with place:
                """Not reached."""
        refused.append(name)

    async def case() -> None:
        admission, done = Admission(1, 0.3, writers=1), asyncio.Event()
        async with admission.turn():
            change = asyncio.create_task(vain("change", admission.turn()))
            await settle(lambda: admission.waiting == 1)
            holder = asyncio.create_task(hold(admission, done))
            await settle(lambda: admission.waiting == 2)
            reader = asyncio.create_task(vain("asked later", admission.place()))
            await settle(lambda: admission.waiting == 3)
        await asyncio.gather(change, reader)  # it had the turn meanwhile, but no place
        done.set()
        await holder

    run(case)
    assert refused == ["change", "asked later"]


def test_who_stops_waiting_takes_no_place() -> None:
    async def case() -> None:
        admission, done = Admission(1, FOR_EVER), asyncio.Event()
        holder = asyncio.create_task(hold(admission, done))
        await settle(lambda: admission.taken == 1)
        waiting = asyncio.create_task(hold(admission, done))
        await settle(lambda: admission.waiting == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        done.set()
        await holder
        assert (admission.taken, admission.waiting) == (0, 0)

    run(case)
