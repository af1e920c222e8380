"""What runs as long as the bot: one turn after the other, whatever becomes of each."""

import asyncio

import structlog

from bot.services.loop import Loop

LONG = 3600.0  # seconds that no test waits


async def test_turns_follow_one_another_until_nothing_is_due():
    """Then somebody must wake it."""
    due = [True, True, False]
    idle, again = asyncio.Event(), asyncio.Event()

    async def turn() -> bool:
        if not due:
            again.set()
            return False
        more = due.pop(0)
        if not more:
            idle.set()
        return more

    loop = Loop("test", turn, LONG)
    running = asyncio.create_task(loop.run())
    await idle.wait()
    loop.wake()
    await again.wait()
    loop.close()

    await running
    assert due == []


async def test_nobody_needs_to_wake_it():
    """What comes by itself is found at the next sweep."""
    third = asyncio.Event()
    turns: list[None] = []

    async def turn() -> None:
        turns.append(None)
        if len(turns) == 3:
            third.set()

    loop = Loop("test", turn, 0.001)
    running = asyncio.create_task(loop.run())
    await third.wait()
    loop.close()

    await running


async def test_a_turn_that_fails_does_not_end_it():
    """It is logged by the loop's name."""
    failed, again = asyncio.Event(), asyncio.Event()

    async def turn() -> None:
        if failed.is_set():
            again.set()
            return
        failed.set()
        raise RuntimeError("the database is gone")

    loop = Loop("test", turn, 0.001)
    with structlog.testing.capture_logs() as logs:
        running = asyncio.create_task(loop.run())
        await again.wait()
        loop.close()
        await running

    assert [line["event"] for line in logs] == ["test.turn_failed"]


async def test_a_turn_under_way_is_finished():
    """Closing begins nothing more, and breaks nothing off."""
    begun, may_end = asyncio.Event(), asyncio.Event()
    turns: list[str] = []

    async def turn() -> bool:
        turns.append("begun")
        begun.set()
        await may_end.wait()
        turns.append("ended")
        return True

    loop = Loop("test", turn, LONG)
    running = asyncio.create_task(loop.run())
    await begun.wait()
    loop.close()
    may_end.set()

    await running
    assert turns == ["begun", "ended"]


async def test_so_many_turns_at_once_as_it_has_lanes():
    """None waits for another."""
    met = asyncio.Barrier(3)
    turns: list[None] = []

    async def turn() -> None:
        turns.append(None)
        await met.wait()
        loop.close()

    loop = Loop("test", turn, LONG, lanes=3)
    await loop.run()

    assert len(turns) == 3
