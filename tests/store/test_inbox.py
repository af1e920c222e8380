"""Each text of a phone is stored once, in its conversation, with what follows from its words, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Origin, Purpose
from bot.services.ports import InboundText
from bot.services.receiving import Answers, Arrival
from bot.store.consent import ConsentStore
from bot.store.inbox import InboxStore
from bot.store.tables import batch, consent, conversation, inbound, message

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OURS, OTHER = "+15162065575", "+12078152557"
ANNA, BERT, CLEO = "+12125550123", "+13475550142", "+14155550133"
ANSWERS = Answers(stop="No more texts.", help="Call us.", start="Welcome back.")


@pytest.fixture
def inbox(engine: AsyncEngine) -> InboxStore:
    return InboxStore(engine, revive=timedelta(days=3))


def arrival(
    sid: str,
    text: str = "ok",
    *,
    sender: str = ANNA,
    ours: str = OURS,
    members: tuple[str, ...] = (),
    at: datetime = NOW,
    now: datetime | None = None,
    from_record: bool = False,
) -> Arrival:
    """A text that CarrierX received at `at` and that is stored at `now`."""
    group = (ours, sender, *members) if members else ()
    told = InboundText(sid, sender, ours, group, text, (), "sms", at)
    everybody = tuple(sorted({sender, *members}))
    return Arrival(told, ours, everybody, "T1", "C0HOME", ANSWERS, from_record=from_record, now=now or at)


async def stored(engine: AsyncEngine) -> list[tuple[str | None, str | None, str]]:
    """What is stored, in the order in which it is shown: the message's id, the record's, the text."""
    rows = select(inbound.c.message_sid, inbound.c.record_sid, inbound.c.text).join(batch, batch.c.id == inbound.c.id)
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(rows.order_by(batch.c.accepted_at))]


async def answers(engine: AsyncEngine) -> list[tuple[str, str]]:
    """To whom we have answered by ourselves, and what for."""
    rows = select(message.c.recipient, message.c.purpose).where(message.c.purpose != Purpose.PERSONAL)
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(rows.order_by(message.c.seq))]


async def test_a_callback_that_comes_twice_is_one_text(engine: AsyncEngine, inbox: InboxStore):
    await inbox.receive(arrival("m1"))
    await inbox.receive(arrival("m1", now=NOW + MINUTE))

    assert await stored(engine) == [("m1", None, "ok")]


async def test_the_same_callback_at_two_processes_at_once_is_one_text(engine: AsyncEngine, inbox: InboxStore):
    other = InboxStore(engine, revive=timedelta(days=3))

    await asyncio.gather(*(each.receive(arrival("m1")) for each in (inbox, other) * 3))

    assert await stored(engine) == [("m1", None, "ok")]


async def test_two_honest_oks_are_two_texts(engine: AsyncEngine, inbox: InboxStore):
    """Callbacks are told apart by their ids alone, however alike and close they are, in one transaction too."""
    await asyncio.gather(inbox.receive(arrival("m1")), inbox.receive(arrival("m2")))

    assert sorted(await stored(engine)) == [("m1", None, "ok"), ("m2", None, "ok")]


@pytest.mark.parametrize("record_first", [True, False])
async def test_a_record_of_the_same_id_is_the_same_text(
    engine: AsyncEngine,
    inbox: InboxStore,
    record_first: bool,  # noqa: FBT001 -- a table
):
    pair = [arrival("m1"), arrival("m1", from_record=True)]
    for each in reversed(pair) if record_first else pair:
        await inbox.receive(each)

    assert await stored(engine) == [("m1", "m1", "ok")]


@pytest.mark.parametrize("record_first", [True, False])
async def test_a_record_of_another_id_is_paired_by_what_it_says(
    engine: AsyncEngine,
    inbox: InboxStore,
    record_first: bool,  # noqa: FBT001 -- a table
):
    pair = [arrival("m1"), arrival("r1", at=NOW + 4 * SECOND, from_record=True)]
    for each in reversed(pair) if record_first else pair:
        await inbox.receive(each)

    assert await stored(engine) == [("m1", "r1", "ok")]


@pytest.mark.parametrize(
    "unlike",
    [
        arrival("r1", "no", from_record=True),
        arrival("r1", at=NOW + 6 * SECOND, from_record=True),
        arrival("r1", sender=BERT, from_record=True),
        arrival("r1", ours=OTHER, from_record=True),
    ],
    ids=["other words", "another time", "another phone", "another number of ours"],
)
async def test_a_record_of_another_text_is_another_text(engine: AsyncEngine, inbox: InboxStore, unlike: Arrival):
    await inbox.receive(arrival("m1"))
    await inbox.receive(unlike)

    assert len(await stored(engine)) == 2


async def test_records_are_paired_one_to_one(engine: AsyncEngine, inbox: InboxStore):
    """Three texts that say the same, two callbacks: the third record is the text whose callback was lost."""
    await inbox.receive(arrival("m1"))
    await inbox.receive(arrival("m2", at=NOW + SECOND))
    for number in range(3):
        await inbox.receive(arrival(f"r{number}", at=NOW + number * SECOND, from_record=True))
    for number in range(3):
        await inbox.receive(arrival(f"r{number}", at=NOW + number * SECOND, from_record=True))

    assert await stored(engine) == [("m1", "r0", "ok"), ("m2", "r1", "ok"), (None, "r2", "ok")]


async def test_one_conversation_for_a_pair_and_one_for_a_group(engine: AsyncEngine, inbox: InboxStore):
    """Whoever of a group writes, it is the group's; the same person alone is another conversation."""
    await inbox.receive(arrival("m1"))
    await inbox.receive(arrival("m2", at=NOW + MINUTE))
    await inbox.receive(arrival("m3", ours=OTHER))
    await inbox.receive(arrival("m4", members=(BERT,)))
    await inbox.receive(arrival("m5", sender=BERT, members=(ANNA,)))

    async with engine.connect() as connection:
        pairs = sorted((await connection.execute(select(conversation.c.pair))).scalars())
    assert pairs == sorted([f"{OURS}>{ANNA}", f"{OTHER}>{ANNA}", f"{OURS}>{ANNA},{BERT}"])


async def test_texts_that_come_together_keep_their_order(engine: AsyncEngine, inbox: InboxStore):
    """Also within one microsecond of our clock."""
    said = [f"line {number}" for number in range(20)]

    await asyncio.gather(*(inbox.receive(arrival(f"m{at}", text)) for at, text in enumerate(said)))

    assert [text for _, _, text in await stored(engine)] == said


async def test_stop_blocks_and_is_confirmed_once(engine: AsyncEngine, inbox: InboxStore):
    ledger = ConsentStore(engine)
    await inbox.receive(arrival("m1", "Stop!"))
    await inbox.receive(arrival("m2", "STOP", at=NOW + MINUTE))
    await inbox.receive(arrival("m3", "stop", ours=OTHER, at=NOW + 2 * MINUTE))

    assert await ledger.blocked([ANNA, BERT]) == {ANNA}
    assert await answers(engine) == [(ANNA, "stop")]
    async with engine.connect() as connection:
        lines = (await connection.execute(select(consent.c.words, consent.c.ours).order_by(consent.c.at))).all()
    assert [tuple(line) for line in lines] == [("Stop!", OURS), ("STOP", OURS), ("stop", OTHER)]


async def test_a_start_that_was_overtaken_by_a_stop_lifts_nothing(engine: AsyncEngine, inbox: InboxStore):
    """Keywords count in CarrierX's order, in whichever order they come."""
    ledger = ConsentStore(engine)
    await inbox.receive(arrival("m2", "STOP", at=NOW + SECOND, now=NOW + 2 * SECOND))
    await inbox.receive(arrival("m1", "START", at=NOW, now=NOW + 3 * SECOND))

    assert await ledger.blocked([ANNA]) == {ANNA}
    assert await answers(engine) == [(ANNA, "stop")]


async def test_start_lifts_what_was_said_before_it(engine: AsyncEngine, inbox: InboxStore):
    ledger = ConsentStore(engine)
    await inbox.receive(arrival("m1", "STOP"))
    await inbox.receive(arrival("m2", "Start please", at=NOW + HOUR + MINUTE))

    assert await ledger.blocked([ANNA]) == frozenset()
    assert await answers(engine) == [(ANNA, "stop"), (ANNA, "start")]


async def test_yes_lifts_a_block_and_is_small_talk_otherwise(engine: AsyncEngine, inbox: InboxStore):
    await inbox.receive(arrival("m1", "yes"))
    assert await answers(engine) == []
    await inbox.receive(arrival("m2", "STOP", at=NOW + MINUTE))
    await inbox.receive(arrival("m3", "Yes", at=NOW + 2 * HOUR))

    assert await ConsentStore(engine).blocked([ANNA]) == frozenset()
    assert await answers(engine) == [(ANNA, "stop"), (ANNA, "start")]


async def test_a_confirmation_that_would_come_late_is_not_sent(engine: AsyncEngine, inbox: InboxStore):
    """The block stands all the same (47 CFR 64.1200(a)(12) allows five minutes for the confirmation)."""
    await inbox.receive(arrival("m1", "STOP", now=NOW + 5 * MINUTE))

    assert await ConsentStore(engine).blocked([ANNA]) == {ANNA}
    assert await answers(engine) == []


async def test_an_answer_is_shown_though_the_clock_was_set_back(engine: AsyncEngine, inbox: InboxStore):
    """Its place in the conversation is behind a text that seems to come from later; it does not wait until then."""
    await inbox.receive(arrival("m1", at=NOW + 3 * HOUR))
    await inbox.receive(arrival("m2", "STOP"))

    async with engine.connect() as connection:
        due = await connection.scalars(select(batch.c.show_at).where(batch.c.origin == Origin.ANSWER))
    assert due.all() == [NOW]


async def test_automatic_answers_go_once_an_hour_to_a_person(engine: AsyncEngine, inbox: InboxStore):
    """But an answer to HELP costs nobody the confirmation of their STOP."""
    await inbox.receive(arrival("m1", "HELP"))
    await inbox.receive(arrival("m2", "help", at=NOW + 59 * MINUTE))
    await inbox.receive(arrival("m3", "help", sender=BERT, at=NOW + 59 * MINUTE))
    await inbox.receive(arrival("m4", "STOP", at=NOW + 59 * MINUTE + SECOND))
    await inbox.receive(arrival("m5", "HELP", at=NOW + 2 * HOUR))

    assert await answers(engine) == [(ANNA, "help"), (BERT, "help"), (ANNA, "stop"), (ANNA, "help")]


async def test_one_of_a_group_stops_for_themselves(engine: AsyncEngine, inbox: InboxStore):
    """The confirmation goes to that person alone."""
    await inbox.receive(arrival("m1", "STOP", members=(BERT, CLEO)))

    assert await ConsentStore(engine).blocked([ANNA, BERT, CLEO]) == {ANNA}
    assert await answers(engine) == [(ANNA, "stop")]


async def test_a_person_opts_them_out_also_while_carrierxs_clock_is_ahead(engine: AsyncEngine, inbox: InboxStore):
    """What somebody decides comes after what the phone has said before, whatever the clocks show."""
    ledger = ConsentStore(engine)
    await inbox.receive(arrival("m1", "STOP", at=NOW - HOUR))
    await inbox.receive(arrival("m2", "START", at=NOW + 2 * SECOND, now=NOW))
    await inbox.receive(arrival("m3", "please stop texting me", at=NOW + 3 * SECOND, now=NOW + SECOND))
    async with engine.connect() as connection:
        asked = (await connection.execute(select(inbound.c.id).where(inbound.c.message_sid == "m3"))).scalar_one()

    assert await ledger.decide(asked, "U1", NOW + SECOND, stop=True)
    assert await ledger.blocked([ANNA]) == {ANNA}
