"""Each text from a phone is stored once, whatever of its callback and its record comes first, and to whom."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.services.ports import InboundText, NewBatch, NewMessage
from bot.services.receiving import Answers, Arrival
from bot.store.arrivals import ArrivalStore
from bot.store.batches import BatchStore
from bot.store.engine import open_database
from bot.store.inbox import InboxStore
from bot.store.tables import batch, conversation, inbound

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OURS = "+15162065575"
ANNA = "+15162065576"
DAYS = timedelta(days=3)


@pytest.fixture
def inbox(engine: AsyncEngine) -> InboxStore:
    return InboxStore(engine, revive=DAYS)


@pytest.fixture
async def other(postgresql_url: str) -> AsyncIterator[InboxStore]:
    """Another process with the same database."""
    async with open_database(postgresql_url) as engine:
        yield InboxStore(engine, revive=DAYS)


@pytest.fixture
async def one(postgresql_url: str) -> AsyncIterator[AsyncEngine]:
    async with open_database(postgresql_url) as engine:
        yield engine


def a_text(sid: str, said: str = "ok", *, sender: str = ANNA) -> InboundText:
    return InboundText(sid, sender, OURS, (), said, (), "sms", NOW)


async def receive(inbox: InboxStore, text: InboundText, *, from_record: bool = False) -> bool:
    arrival = Arrival(
        text, OURS, (text.sender,), "T1", "C1", Answers("stop", "help", "start"), from_record=from_record, now=NOW
    )
    return await inbox.receive(arrival)


async def settle(inbox: InboxStore, arrivals: ArrivalStore) -> None:
    """Show those records whose callbacks have had their time."""
    for text in await arrivals.due_records(NOW, timedelta(0)):
        await receive(inbox, text, from_record=True)


async def count(engine: AsyncEngine) -> dict[str, int]:
    """How many texts are stored of each phone."""
    counted = select(inbound.c.number, func.count()).group_by(inbound.c.number)
    async with engine.connect() as connection:
        return {row.number: row[1] for row in await connection.execute(counted)}


@pytest.mark.parametrize("same", [True, False], ids=["equal ids", "different ids"])
@pytest.mark.parametrize("lost", [True, False], ids=["the first callback is lost", "both callbacks come"])
async def test_two_texts_that_say_the_same_stay_two(engine: AsyncEngine, inbox: InboxStore, *, same: bool, lost: bool):
    """In whatever order callbacks come, records can be read and are shown."""
    arrivals = ArrivalStore(engine)
    steps = ["tell b", "read a", "read b", "settle"] + ([] if lost else ["tell a"])
    orders = [order for order in permutations(steps) if lost or order.index("tell a") < order.index("tell b")]
    for number, order in enumerate(orders):
        first, second = (a_text(f"{name}{number}", sender=f"+1516207{number:04}") for name in "ab")
        records = [first, second] if same else [replace(each, sid=f"record of {each.sid}") for each in (first, second)]
        readable: list[InboundText] = []
        for step in order:
            match step:
                case "tell a":
                    await receive(inbox, first)
                case "tell b":
                    await receive(inbox, second)
                case "settle":
                    await settle(inbox, arrivals)
                case _:
                    readable.append(records[step == "read b"])
                    await arrivals.note_records(readable, NOW, NOW)
        for _ in range(2):
            await settle(inbox, arrivals)
            await arrivals.note_records(records, NOW, NOW)

    counts = await count(engine)
    assert {order: counts[f"+1516207{number:04}"] for number, order in enumerate(orders)} == dict.fromkeys(orders, 2)


@pytest.mark.postgresql
async def test_bursts_to_two_processes_do_not_hold_each_other_up(one: AsyncEngine, other: InboxStore):
    """Each stores many texts at once, of the same conversations in another order."""
    phones = [f"+1516207{number:04}" for number in range(20)]
    inboxes = (InboxStore(one, revive=DAYS), other)
    for turn in range(5):
        texts = [
            receive(inbox, a_text(f"{turn} {phone} {place}", sender=phone))
            for place, inbox in enumerate(inboxes)
            for phone in phones[:: 1 - 2 * place]
        ]
        stored = await asyncio.gather(*texts)

        assert stored == [True] * len(texts)
    assert await count(one) == dict.fromkeys(phones, 10)


@pytest.mark.postgresql
async def test_callback_and_record_at_once_are_one_text(one: AsyncEngine, other: InboxStore):
    """Two processes have them, in a conversation that is new and in one that is known."""
    inbox = InboxStore(one, revive=DAYS)
    phones = [f"+1516207{number:04}" for number in range(50)]
    for said in ("first", "second"):
        for phone in phones:
            record = a_text(f"record of {phone} {said}", said, sender=phone)
            told = a_text(f"{phone} {said}", said, sender=phone)
            await asyncio.gather(receive(inbox, told), receive(other, record, from_record=True))

    assert await count(one) == dict.fromkeys(phones, 2)


@pytest.mark.postgresql
async def test_first_texts_at_two_processes_begin_one_conversation(one: AsyncEngine, other: InboxStore):
    """Each has one root: what we asked, where that is not shown yet, else what came first."""
    inbox, ours = InboxStore(one, revive=DAYS), BatchStore(one)
    phones = [f"+1516207{number:04}" for number in range(50)]
    for phone in phones[::2]:
        await ours.accept(a_question(phone))
    for phone in phones:
        await asyncio.gather(
            receive(inbox, a_text(f"{phone} 1", "hello", sender=phone)),
            receive(other, a_text(f"{phone} 2", "anybody there?", sender=phone)),
        )

    talks = select(batch.c.origin, func.count()).join(conversation, batch.c.conversation_id == conversation.c.id)
    roots = talks.where(conversation.c.root_id == batch.c.id).group_by(batch.c.origin)
    async with one.connect() as connection:
        assert {tuple(row) for row in await connection.execute(roots)} == {("command", 25), ("inbound", 25)}
    assert await count(one) == dict.fromkeys(phones, 2)


def a_question(phone: str) -> NewBatch:
    return NewBatch(
        id=str(uuid4()),
        key=phone,
        team="T1",
        user_id="U1",
        user_name="Alice",
        channel="C1",
        response_url="",
        sender=OURS,
        text="How are you?",
        media_urls=(),
        accepted_at=NOW,
        messages=(NewMessage(str(uuid4()), (phone,), group=False),),
    )
