"""What is heard of texts from phones is looked at in time, also when the clock has been set back by hours since."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.services.ports import InboundText
from bot.services.receiving import Reading
from bot.store.arrivals import ArrivalStore

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
AHEAD = NOW + timedelta(hours=3)
WAIT, LEASE = timedelta(minutes=1), timedelta(minutes=2)
STOP = InboundText("sid", "+15162065576", "+15162065575", (), "STOP", (), "sms", NOW)


@pytest.fixture
def arrivals(engine: AsyncEngine) -> ArrivalStore:
    return ArrivalStore(engine)


async def test_a_record_waits_for_its_callback_and_no_longer(arrivals: ArrivalStore):
    await arrivals.note_records([STOP], NOW, NOW + WAIT)

    early = await arrivals.due_records(NOW + WAIT / 2, WAIT)
    due = await arrivals.due_records(NOW + WAIT, WAIT)

    assert early == ()
    assert due == (STOP,)


async def test_a_record_that_a_clock_since_set_back_has_put_off_is_due(arrivals: ArrivalStore):
    """It may say STOP."""
    await arrivals.note_records([STOP], AHEAD, AHEAD + WAIT)

    assert await arrivals.due_records(NOW, WAIT) == (STOP,)


async def test_a_callback_is_asked_for_at_once_and_again_later(arrivals: ArrivalStore):
    await arrivals.doubt(STOP, NOW)
    first = await arrivals.doubted(NOW)
    await arrivals.judge(STOP.sid, NOW + timedelta(hours=5))
    early = await arrivals.doubted(NOW + timedelta(hours=4))
    late = await arrivals.doubted(NOW + timedelta(hours=5))

    assert [each.tries for each in (*first, *early, *late)] == [0, 1]
    assert early == ()


@pytest.mark.parametrize("asked", [False, True])
async def test_a_callback_that_a_clock_since_set_back_has_put_off_is_asked_for(arrivals: ArrivalStore, *, asked: bool):
    await arrivals.doubt(STOP, AHEAD)
    if asked:
        await arrivals.doubted(AHEAD)
        await arrivals.judge(STOP.sid, AHEAD + timedelta(hours=5))

    [doubted] = await arrivals.doubted(NOW)

    assert doubted.sid == STOP.sid


async def test_one_process_reads_records_at_a_time(arrivals: ArrivalStore):
    await arrivals.begin_at(NOW)

    first = await arrivals.take_turn(NOW, NOW + LEASE)
    second = await arrivals.take_turn(NOW + LEASE / 2, NOW + LEASE * 1.5)
    third = await arrivals.take_turn(NOW + LEASE, NOW + LEASE * 2)

    assert (first, second, third) == (Reading(NOW, NOW), None, Reading(NOW, NOW))


async def test_reading_goes_on_where_the_clock_was_set_back_during_it(arrivals: ArrivalStore):
    """A crash left the lease, and the first start ever had its time from the wrong clock."""
    await arrivals.begin_at(AHEAD)
    await arrivals.take_turn(AHEAD, AHEAD + LEASE)

    reading = await arrivals.take_turn(NOW, NOW + LEASE)
    await arrivals.end_turn(NOW)

    assert reading == Reading(NOW, NOW)
    assert await arrivals.take_turn(NOW + LEASE, NOW + LEASE * 2) == Reading(NOW, NOW)
