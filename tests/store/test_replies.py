"""A reply that its author changes or takes back follows, or is said to have left: also when two events cross."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import SlackFile
from bot.domain.message import Batch, Origin, Reply, ReplyState, Status, Wait
from bot.services.ports import Hold, NewBatch, NewMessage
from bot.services.replying import StoredReply
from bot.store.batches import BatchStore
from bot.store.entries import EntryStore
from bot.store.parcels import ParcelStore
from bot.store.replies import ReplyStore
from bot.store.tables import conversation, message, reply

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OURS, ANNA = "+15162065575", "+12125550123"
PHOTO = SlackFile("F1", "a.jpg")
UNDO = Hold(Wait.UNDO, NOW + timedelta(seconds=5))


@pytest.fixture
def replies(engine: AsyncEngine) -> ReplyStore:
    return ReplyStore(engine)


async def write(
    engine: AsyncEngine, state: ReplyState, hold: Hold | None = None, files: tuple[SlackFile, ...] = ()
) -> StoredReply:
    """Alice's reply in Anna's thread, as her next event finds it."""
    row = {
        "id": "c1",
        "pair": f"{OURS}>{ANNA}",
        "sender": OURS,
        "members": json.dumps([ANNA]),
        "team": "T1",
        "channel": "C1",
        "asked_in": "C1",
        "thread_ts": "1.0",
        "root_id": "",
        "active_at": NOW,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(conversation), [row])
    texted = (NewMessage(str(uuid4()), (ANNA,), group=False, hold=hold),) if state is ReplyState.TEXTED else ()
    new = NewBatch(
        id="b1",
        key="reply:1",
        team="T1",
        user_id="U0ALICE",
        user_name="alice",
        channel="C1",
        response_url="",
        sender=OURS,
        text="at nine",
        media_urls=(),
        accepted_at=NOW,
        messages=texted,
        origin=Origin.REPLY,
        conversation_id="c1",
        reply=Reply("2.0", "1.0", state, "at nine"),
        files=files,
    )
    await BatchStore(engine).accept(new)
    found = await ReplyStore(engine).find("C1", "2.0")
    assert found is not None
    return found


async def standing(engine: AsyncEngine) -> tuple[ReplyState, str, Status | None, str | None]:
    """The reply's state and words, its text's status and words."""
    both = select(reply.c.state, reply.c.text, message.c.status, message.c.text)
    async with engine.connect() as connection:
        row = (await connection.execute(both.outerjoin(message, message.c.batch_id == reply.c.id))).one()
    return tuple(row)


def a_text() -> NewMessage:
    return NewMessage(str(uuid4()), (ANNA,), group=False)


async def test_a_reply_that_waits_to_be_undone_follows_its_author(engine: AsyncEngine, replies: ReplyStore):
    written = await write(engine, ReplyState.TEXTED, UNDO)

    assert await replies.change(written, "at ten", NOW)
    assert await standing(engine) == ("texted", "at ten", "accepted", "at ten")
    assert await replies.withdraw(written, NOW)
    assert await standing(engine) == ("texted", "at ten", "canceled", "at ten")


async def test_a_reply_that_is_on_its_way_does_not_follow(engine: AsyncEngine, replies: ReplyStore):
    """Accepted without a wait it may leave at any moment: its words stand, but it can still be stopped."""
    written = await write(engine, ReplyState.TEXTED)

    assert not await replies.change(written, "at ten", NOW)
    assert await standing(engine) == ("texted", "at nine", "accepted", "at nine")


async def test_a_held_reply_follows_and_is_texted_as_it_then_is(engine: AsyncEngine, replies: ReplyStore):
    written = await write(engine, ReplyState.HELD)

    assert await replies.change(written, "at ten", NOW)
    assert await replies.text(written, a_text(), NOW)
    assert await standing(engine) == ("texted", "at ten", "accepted", "at ten")
    assert not await replies.text(written, a_text(), NOW)


async def test_a_reply_that_was_taken_back_is_not_texted(engine: AsyncEngine, replies: ReplyStore):
    written = await write(engine, ReplyState.HELD)

    assert await replies.withdraw(written, NOW)
    assert not await replies.text(written, a_text(), NOW)
    assert await standing(engine) == ("withdrawn", "at nine", None, None)


async def test_an_edit_that_looked_before_the_press_changes_nothing_that_has_left(
    engine: AsyncEngine, replies: ReplyStore
):
    """Else the thread would say "at ten" and the phone "at nine"."""
    looked_at = await write(engine, ReplyState.HELD)
    await replies.text(looked_at, a_text(), NOW)

    assert not await replies.change(looked_at, "at ten", NOW)
    assert await standing(engine) == ("texted", "at nine", "accepted", "at nine")


async def test_a_deletion_that_looked_before_the_press_still_stops_the_text(engine: AsyncEngine, replies: ReplyStore):
    looked_at = await write(engine, ReplyState.HELD)
    await replies.text(looked_at, a_text(), NOW)

    assert await replies.withdraw(looked_at, NOW)
    assert await standing(engine) == ("texted", "at nine", "canceled", "at nine")


async def test_a_deletion_after_the_text_has_left_says_so(engine: AsyncEngine, replies: ReplyStore):
    looked_at = await write(engine, ReplyState.HELD)
    await replies.text(looked_at, a_text(), NOW)
    async with engine.begin() as connection:
        await connection.execute(message.update().values(status=Status.QUEUED))

    assert not await replies.withdraw(looked_at, NOW)
    assert await standing(engine) == ("texted", "at nine", "queued", "at nine")


@pytest.mark.parametrize("state", [ReplyState.HELD, ReplyState.NOTE])
async def test_what_has_not_been_texted_can_be_taken_back(engine: AsyncEngine, replies: ReplyStore, state: ReplyState):
    """Once and again; a note never goes anyway."""
    written = await write(engine, state)

    assert [await replies.withdraw(written, NOW) for _ in range(2)] == [True, True]
    assert not await replies.text(written, a_text(), NOW)


async def test_a_reply_whose_files_are_not_ready_follows_its_author(engine: AsyncEngine, replies: ReplyStore):
    """It cannot have left, so nobody is told that the phone keeps what was sent."""
    written = await write(engine, ReplyState.TEXTED, files=(PHOTO,))

    assert await replies.change(written, "at ten", NOW)
    assert await standing(engine) == ("texted", "at ten", "accepted", "at ten")


async def test_a_reply_that_waits_for_its_files_says_so_when_undo_is_over(engine: AsyncEngine):
    """Else it would seem to go in a few seconds for as long as Slack is down."""
    await write(engine, ReplyState.TEXTED, UNDO, (PHOTO,))
    parcels, entries = ParcelStore(engine), EntryStore(engine)
    await parcels.put_off("b1", NOW + timedelta(seconds=2), "Slack is down")
    early = await entries.entry("b1")
    await parcels.put_off("b1", NOW + timedelta(seconds=12), "Slack is down")
    late = await entries.entry("b1")

    assert isinstance(early, Batch)
    assert isinstance(late, Batch)
    assert [each.messages[0].wait for each in (early, late)] == [Wait.UNDO, Wait.MEDIA]
