"""One process speaks of an outage, and counts what it held up."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Cause, Status, Wait
from bot.domain.notices import Waited
from bot.services.notes import NewNote
from bot.services.outages import End, Known
from bot.store.outages import OutageStore
from bot.store.tables import batch, message, note, post

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(engine: AsyncEngine) -> OutageStore:
    return OutageStore(engine)


def a_note(key: str, text: str = "out") -> NewNote:
    return NewNote(key, "T1", "C1", text, NOW)


def an_end(note: NewNote | None) -> End:
    return End(NOW + MINUTE, note, "begun", counts=note is not None)


async def texts(engine: AsyncEngine) -> list[str]:
    """What notes say."""
    async with engine.connect() as connection:
        return list(await connection.scalars(select(note.c.text).order_by(note.c.text)))


async def put(engine: AsyncEngine, name: str, at: datetime = NOW, **known: Any) -> None:
    """A text that was accepted then."""
    entry = {"id": name, "key": name, "team": "T1", "user_id": "U1", "user_name": "Alice", "channel": "C1"}
    entry |= {"asked_in": "C1", "sender": "+12125550100", "response_url": ""}
    text: dict[str, Any] = {
        "id": name,
        "batch_id": name,
        "pair": name,
        "sender": "+12125550100",
        "recipient": "+15162065574",
    }
    text |= {"is_group": False, "text": "", "media_urls": "[]"}
    async with engine.begin() as connection:
        await connection.execute(insert(batch), [entry | {"accepted_at": at, "show_at": at}])
        times = {"accepted_at": at, "not_before": at, "ready_at": at}
        await connection.execute(insert(message), [text | times | known])


async def test_outage_is_known_until_it_ends(store: OutageStore):
    """The first to note it says since when."""
    before = await store.known("carrierx")
    await store.begin("carrierx", NOW)
    await store.begin("carrierx", NOW + MINUTE)
    known = await store.known("carrierx")
    await store.end("carrierx", NOW, an_end(None))

    assert (before, known) == (None, Known(NOW, told=False, last_over=None))
    assert await store.known("carrierx") is None


async def test_one_of_many_tells(store: OutageStore, engine: AsyncEngine):
    """However many see the same at once, of its beginning and of its end."""
    await store.begin("carrierx", NOW)
    told = await asyncio.gather(*(store.tell("carrierx", NOW, a_note("begun")) for _ in range(5)))
    async with engine.begin() as connection:
        shown = select(batch.c.id).where(batch.c.key == "begun")
        entry_id = await connection.scalar(shown)
        values = {"id": "p", "batch_id": entry_id, "kind": "root", "channel": "C1", "state": "posted", "shown": ""}
        await connection.execute(insert(post), [values | {"started_at": NOW}])
    ended = await asyncio.gather(*(store.end("carrierx", NOW, an_end(a_note("over", "back"))) for _ in range(5)))

    assert (sum(told), sum(ended)) == (1, 1)
    assert await texts(engine) == ["back", "out"]


async def test_outage_that_was_said_is_remembered(store: OutageStore):
    """So that the next one, if it comes soon, must last longer to be said."""
    await store.begin("carrierx", NOW)
    await store.end("carrierx", NOW, an_end(a_note("over")))
    await store.begin("carrierx", NOW + 2 * MINUTE)

    assert await store.known("carrierx") == Known(NOW + 2 * MINUTE, told=False, last_over=NOW + MINUTE)


async def test_note_that_nobody_has_read_gives_way(store: OutageStore, engine: AsyncEngine):
    """While Slack was away too, the end is all that is worth saying."""
    await store.begin("carrierx", NOW)
    await store.tell("carrierx", NOW, a_note("begun"))
    await store.end("carrierx", NOW, an_end(a_note("over", "back")))

    assert await texts(engine) == ["back"]


@pytest.mark.parametrize(
    ("known", "counts"),
    [
        ({"wait": Wait.UNREACHABLE}, 1),
        ({"wait": Wait.UNAUTHORIZED}, 1),
        ({"wait": Wait.BUSY}, 1),
        ({"status": Status.SENDING, "checking_since": NOW}, 1),
        ({"wait": Wait.THROTTLED}, 0),
        ({"wait": Wait.PACING}, 0),
        ({"wait": Wait.QUIET}, 0),
        ({"status": Status.SENDING}, 0),
        ({}, 0),
    ],
)
async def test_what_carrierx_keeps_from_leaving_is_counted(
    store: OutageStore, engine: AsyncEngine, known: dict[str, Any], counts: int
):
    """Not what waits for a wish or a clock; and CarrierX that asks us to slow down is there."""
    await put(engine, "a", **known)

    assert await store.waiting() == counts


@pytest.mark.parametrize(
    ("known", "waited"),
    [
        ({"status": Status.DELIVERED, "queued_at": NOW + 3 * MINUTE}, Waited(gone=1)),
        ({"status": Status.FAILED, "cause": Cause.UNDELIVERED, "queued_at": NOW + 3 * MINUTE}, Waited(gone=1)),
        ({"status": Status.FAILED, "cause": Cause.EXPIRED, "final_at": NOW + MINUTE}, Waited(given_up=1)),
        ({"status": Status.FAILED, "cause": Cause.REJECTED, "final_at": NOW + 3 * MINUTE}, Waited(refused=1)),
        ({"status": Status.CANCELED, "final_at": NOW + MINUTE}, Waited(canceled=1)),
        ({"status": Status.SENDING, "sending_at": NOW}, Waited(unclear=1)),
        ({"status": Status.UNCONFIRMED, "sending_at": NOW}, Waited(unclear=1)),
        ({"wait": Wait.UNREACHABLE}, Waited(waiting=1)),
        ({"wait": Wait.QUIET, "ready_at": NOW + timedelta(hours=9)}, Waited()),
        ({"status": Status.DELIVERED, "queued_at": NOW - MINUTE, "final_at": NOW + MINUTE}, Waited()),
        ({"status": Status.UNCONFIRMED, "sending_at": NOW - 2 * MINUTE}, Waited()),
    ],
)
async def test_what_became_of_texts_is_counted(
    store: OutageStore, engine: AsyncEngine, known: dict[str, Any], waited: Waited
):
    """Of those that were due before it ended and had not left when it began."""
    await put(engine, "a", NOW - 5 * MINUTE, **known)
    await put(engine, "afterwards", NOW + 10 * MINUTE)

    assert await store.waited(NOW, NOW + 2 * MINUTE) == waited


async def test_what_waits_for_its_next_try_is_due_at_the_end(store: OutageStore, engine: AsyncEngine):
    """And Slack says so; what waits for the morning goes on waiting."""
    later = NOW + 5 * MINUTE
    await put(engine, "a", wait=Wait.UNREACHABLE)
    await put(engine, "b", wait=Wait.QUIET)
    async with engine.begin() as connection:
        await connection.execute(update(message).values(not_before=later))
        await connection.execute(update(batch).values(wants=0))
    await store.release(NOW)

    async with engine.connect() as connection:
        wanted = select(message.c.not_before, batch.c.wants).join(batch, batch.c.id == message.c.batch_id)
        rows = (await connection.execute(wanted.order_by(message.c.id))).all()
    assert [tuple(row) for row in rows] == [(NOW, 1), (later, 0)]


async def test_what_slack_could_not_show_is_counted(store: OutageStore, engine: AsyncEngine):
    """Those that it shows now, and those that it does not show yet; notes are no texts."""
    for name, wants in {"a": 0, "b": 1, "c": 2}.items():
        await put(engine, name)
        async with engine.begin() as connection:
            await connection.execute(update(batch).where(batch.c.id == name).values(wants=wants))
    await put(engine, "long before", NOW - MINUTE)
    await store.begin("carrierx", NOW)
    await store.tell("carrierx", NOW, a_note("begun"))

    assert await store.entries(NOW, NOW + MINUTE) == (2, 1)
