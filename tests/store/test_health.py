"""What `/readyz` asks the database."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.health import HealthStore
from tests.conftest import FakeClock


async def test_processes_that_are_asked_at_once_can_all_write(engine: AsyncEngine, clock: FakeClock):
    """A load balancer asks all of them in the same moment."""
    store = HealthStore(engine)
    await store.write(clock.now())

    for second in range(5):
        await asyncio.gather(*(store.write(clock.now() + timedelta(seconds=second)) for _ in range(8)))
