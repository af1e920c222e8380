"""The end of the process comes in time, whatever its loops wait for."""

import asyncio

from bot.app import _Loops


async def test_a_loop_that_does_not_end_is_left():
    """It may wait for a database that does not answer, even to be told goodbye."""
    begun, answer = asyncio.Event(), asyncio.Event()

    async def wait_for_the_database() -> None:
        try:
            begun.set()
            await answer.wait()
        finally:
            await answer.wait()

    loops = _Loops()
    loops.start("stuck", wait_for_the_database())
    await begun.wait()

    async with asyncio.timeout(5):
        await loops.finish(0)
    answer.set()
