"""So much among several: nobody takes more than there is, and nobody waits for ever."""

import asyncio

import pytest

from bot.services.allowance import Allowance


async def test_who_came_first_goes_first():
    """A small one does not slip past a large one that waits."""
    allowance = Allowance(10)
    order: list[str] = []
    first_done = asyncio.Event()

    async def take(name: str, amount: int) -> None:
        async with allowance.take(amount):
            order.append(name)
            if name == "first":
                await first_done.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(take("first", 6))
        group.create_task(take("large", 10))
        group.create_task(take("small", 1))
        await asyncio.sleep(0)
        first_done.set()

    assert order == ["first", "large", "small"]


async def test_who_wants_more_than_there_is_gets_all():
    """Alone."""
    allowance = Allowance(10)

    async with asyncio.timeout(5), allowance.take(11):
        pass
    async with asyncio.timeout(5), allowance.take(10):
        pass


async def test_what_failed_gives_back():
    """And so does who gave up waiting."""
    allowance = Allowance(1)
    with pytest.raises(ZeroDivisionError):
        async with allowance.take(1):
            raise ZeroDivisionError
    async with allowance.take(1):
        waiting = asyncio.create_task(allowance.take(1).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    async with asyncio.timeout(5), allowance.take(1):
        pass
