"""What this installation's files are named with, and who removes which."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.storeroom import StoreroomStore, read_mark
from bot.store.tables import batch, stored
from tests.conftest import FakeClock
from tests.services.ledger import read_rows

DAY = timedelta(days=1)


async def test_the_mark_is_one_for_all_processes(engine: AsyncEngine):
    """Also at the first start of several at once, and for ever."""
    marks = {*await asyncio.gather(*(read_mark(engine) for _ in range(5))), await read_mark(engine)}

    assert len(marks) == 1


async def test_a_file_is_removed_by_one_process(engine: AsyncEngine, clock: FakeClock):
    """Until that one must be dead."""
    now = clock.now()
    store = StoreroomStore(engine)
    async with engine.begin() as connection:
        rows = [{"sid": f"f{place}", "ends_at": now + DAY, "due_at": now} for place in range(20)]
        await connection.execute(stored.insert(), rows)
    claims = await asyncio.gather(*(store.claim(now, now + DAY, 5) for _ in range(4)))
    nothing = await store.claim(now, now + DAY, 20)
    later = await store.claim(now + DAY, now + 2 * DAY, 20)

    taken = [sid for claim in claims for sid in claim]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(later)
    assert set(taken).isdisjoint(nothing)
    assert len(later) == 20


async def test_what_is_known_is_told_apart(engine: AsyncEngine, clock: FakeClock):
    """A released file is known too: it is removed in its turn."""
    now = clock.now()
    store = StoreroomStore(engine)
    async with engine.begin() as connection:
        row = {"id": "b1", "key": "k", "team": "T1", "user_id": "U1", "user_name": "ana", "channel": "C1"}
        more = {"asked_in": "C1", "sender": "+15162065575", "response_url": "", "accepted_at": now, "show_at": now}
        await connection.execute(batch.insert().values(row | more))
    await store.note("kept", "b1", now, now + DAY)
    await store.note("released", "b1", now, now + DAY)
    await store.release(["released"])
    unknown = await store.unknown(["a", "kept", "b", "released"])

    assert unknown == ["a", "b"]
    assert [(row.sid, row.batch_id) for row in await read_rows(engine, stored)] == [("kept", "b1"), ("released", None)]
