"""What was written is not kept for good, over each kind of database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Row, Table, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import SlackFile
from bot.domain.message import Origin, Reply, ReplyState, Status
from bot.errors import CarrierOutcomeUnknownError, RefusedError
from bot.services.fitting import Fitted
from bot.services.ports import InboundText, NewBatch, NewMessage, StoredFile
from bot.services.receiving import Answers, Arrival
from bot.services.retention import Retention
from bot.services.sending import How
from bot.store.arrivals import ArrivalStore
from bot.store.batches import pair_of
from bot.store.erasing import ErasingStore
from bot.store.inbox import InboxStore
from bot.store.parcels import ParcelStore
from bot.store.replies import ReplyStore
from bot.store.tables import arrival, attachment, batch, conversation, cursor, inbound, message, picture, reply
from tests.services.ledger import read_ledger, read_rows
from tests.services.texting import ANNA, BERT, CLEO, OURS, Silence, Texting

KEPT = timedelta(days=365)
YEAR = 366 * 86_400.0


@dataclass
class Desk:
    """Everything that writes texts, and what erases them."""

    texting: Texting
    inbox: InboxStore
    erasing: ErasingStore
    retention: Retention
    replies: ReplyStore
    engine: AsyncEngine = field(repr=False)

    async def from_phone(self, said: str, number: str = ANNA, *, sid: str = "", group: Sequence[str] = ()) -> str:
        """A text from a phone; the conversation's id."""
        now = self.texting.clock.now()
        text = InboundText(
            sid or str(uuid4()), number, OURS, tuple(group), said, ("https://a.example/b.png",), "sms", now
        )
        members = tuple(sorted({number, *group}))
        answers = Answers("stop", "help", "start")
        await self.inbox.receive(Arrival(text, OURS, members, "T1", "C1", answers, from_record=False, now=now))
        pair = pair_of(OURS, members)
        ids: list[str] = [row.id for row in await self.rows(conversation) if row.pair == pair]
        return ids[0]

    async def reply(self, conversation_id: str, said: str, state: ReplyState, ts: str, *texts: NewMessage) -> None:
        """What somebody writes in the conversation's thread."""
        new = NewBatch(
            id=str(uuid4()),
            key=ts,
            team="T1",
            user_id="U1",
            user_name="ana",
            channel="C1",
            response_url="",
            sender=OURS,
            text=said,
            media_urls=(),
            accepted_at=self.texting.clock.now(),
            messages=texts,
            origin=Origin.REPLY,
            conversation_id=conversation_id,
            reply=Reply(ts, "1.0", state, said),
        )
        await self.texting.batches.accept(new)

    async def erase(self, number: str = ANNA) -> int | None:
        """Ask for it and let it be done."""
        now = self.texting.clock.now()
        canceled = await self.erasing.ask(number, "U1", now, now)
        await self.retention.turn()
        return canceled

    async def show(self) -> None:
        """As if Slack showed everything."""
        async with self.engine.begin() as connection:
            await connection.execute(update(batch).values(wants=0))

    async def dirty(self) -> set[str]:
        """What Slack is to be told."""
        return {row.id for row in await self.rows(batch) if row.wants}

    async def rows(self, table: Table) -> Sequence[Row[Any]]:
        return await read_rows(self.engine, table)


@pytest.fixture
async def desk(engine: AsyncEngine, texting: Texting) -> Desk:
    erasing = ErasingStore(engine)
    retention = Retention(erasing=erasing, clock=texting.clock, announcer=Silence(), keep=KEPT)
    return Desk(texting, InboxStore(engine, revive=timedelta(days=3)), erasing, retention, ReplyStore(engine), engine)


async def test_one_persons_texts_are_blank_and_no_others(desk: Desk):
    """To and from the phone, also in groups with it; what others wrote stays."""
    texting = desk.texting
    theirs = await texting.accept(ANNA, "for Anna", media="https://a.example/a.png")
    many = await texting.accept(f"{ANNA}, {BERT}", "for both")
    group = await texting.accept(f"{ANNA}, {CLEO}", "for the group", how=How.GROUP)
    other = await texting.accept(BERT, "for Bert")
    await texting.hand_over(3)
    await desk.from_phone("from Anna")
    await desk.from_phone("from Anna in the group", group=[CLEO])
    await desk.from_phone("from Cleo in the group", CLEO, group=[ANNA])
    await desk.show()
    await desk.erase()

    texts = {(row.batch_id, row.recipient): (row.text, row.media_urls, row.erased) for row in await desk.rows(message)}
    assert texts == {
        (theirs, ANNA): ("", "[]", True),
        (many, ANNA): ("", "[]", True),
        (many, BERT): ("for both", "[]", False),
        (group, ""): ("", "[]", True),
        (other, BERT): ("for Bert", "[]", False),
    }
    inbounds = {
        row.number: {(each.text, each.erased) for each in await desk.rows(inbound) if each.number == row.number}
        for row in await desk.rows(inbound)
    }
    assert inbounds == {ANNA: {("", True)}, CLEO: {("from Cleo in the group", False)}}
    [cleos] = [row.id for row in await desk.rows(inbound) if row.number == CLEO]
    assert [row.inbound_id for row in await desk.rows(picture)] == [cleos]
    assert other not in await desk.dirty()
    assert await desk.dirty() >= {theirs, many, group}
    assert [line.action for line in await read_ledger(desk.engine, ANNA)] == ["erased"]
    assert [row for row in await desk.rows(cursor) if row.name.startswith("erase:")] == []


async def test_what_waits_is_canceled_and_blank(desk: Desk):
    """Nobody texts a person whose texts were to be gone."""
    waiting = await desk.texting.accept(ANNA, "for Anna")
    canceled = await desk.erase()
    await desk.texting.hand_over()

    text = await desk.texting.one(waiting)
    assert canceled == 1
    assert (text.status, text.text, text.erased) == (Status.CANCELED, "", True)
    assert desk.texting.carrier.posts == []


async def test_text_that_is_just_leaving_keeps_its_words_until_it_is_over(desk: Desk):
    """It may have to go again; then it does not, and is blank."""
    desk.texting.carrier.script = [lambda _: CarrierOutcomeUnknownError("no answer", busy=True)]
    leaving = await desk.texting.accept(ANNA, "for Anna")
    await desk.texting.hand_over()
    await desk.erase()
    during = await desk.texting.one(leaving)
    for _ in range(3):
        await desk.texting.look(400)
    waiting = await desk.texting.one(leaving)
    await desk.retention.turn()
    await desk.texting.hand_over()

    after = await desk.texting.one(leaving)
    assert (during.status, during.text) == (Status.SENDING, "for Anna")
    assert (waiting.status, waiting.text) == (Status.ACCEPTED, "for Anna")
    assert (after.status, after.text, after.erased) == (Status.CANCELED, "", True)
    assert len(desk.texting.carrier.posts) == 1


async def test_replies_and_notes_about_the_phone_are_blank(desk: Desk):
    """A reply that nobody sent cannot be sent any more."""
    anna = await desk.from_phone("from Anna")
    bert = await desk.from_phone("from Bert", BERT)
    await desk.reply(anna, "shall we?", ReplyState.HELD, "1.1")
    await desk.reply(anna, "a bad payer", ReplyState.NOTE, "1.2")
    await desk.reply(anna, "sure", ReplyState.TEXTED, "1.3", NewMessage(str(uuid4()), (ANNA,), group=False))
    await desk.reply(bert, "hello Bert", ReplyState.NOTE, "1.4")
    await desk.texting.hand_over()
    await desk.erase()

    found = {row.ts: (row.text, row.state) for row in await desk.rows(reply)}
    assert found == {
        "1.1": ("", "withdrawn"),
        "1.2": ("", "note"),
        "1.3": ("", "texted"),
        "1.4": ("hello Bert", "note"),
    }


async def test_what_is_written_after_the_wish_stays(desk: Desk):
    """Erasing may take a while, and life goes on."""
    now = desk.texting.clock.now()
    await desk.erasing.ask(ANNA, "U1", now, now)
    desk.texting.clock.move(1)
    new = await desk.texting.accept(ANNA, "a new beginning")
    await desk.texting.hand_over()
    await desk.from_phone("yes")
    await desk.retention.turn()

    assert (await desk.texting.one(new)).text == "a new beginning"
    assert [row.text for row in await desk.rows(inbound)] == ["yes"]


async def test_record_of_an_erased_text_does_not_bring_it_back(desk: Desk):
    """It says what the callback said, under another id."""
    await desk.from_phone("secret", sid="callback")
    await desk.erase()
    now = desk.texting.clock.now()
    text = InboundText("record", ANNA, OURS, (), "secret", (), "sms", now)
    answers = Answers("stop", "help", "start")
    await desk.inbox.receive(Arrival(text, OURS, (ANNA,), "T1", "C1", answers, from_record=True, now=now))

    assert [(row.text, row.record_sid) for row in await desk.rows(inbound)] == [("", "record")]


async def test_words_that_wait_to_be_believed_are_blank_but_for_those_of_the_law(desk: Desk):
    """STOP must not get lost by it."""
    now = desk.texting.clock.now()
    for said, number in (("secret", ANNA), ("Stop!", ANNA), ("hello", BERT)):
        text = InboundText(said, number, OURS, (), said, (), "sms", now)
        await ArrivalStore(desk.engine).note_records([text], now, now)
    await desk.erase()

    texts = {row.sid: json.loads(row.body)["text"]["text"] for row in await desk.rows(arrival)}
    assert texts == {"secret": "", "Stop!": "Stop!", "hello": "hello"}


async def test_erased_text_is_not_sent_again(desk: Desk):
    """Try again has nothing left to send."""
    desk.texting.carrier.script = [lambda _: CarrierOutcomeUnknownError("no answer")]
    unconfirmed = await desk.texting.accept(ANNA, "for Anna")
    await desk.texting.hand_over()
    for _ in range(3):
        await desk.texting.look(400)
    await desk.erase()

    with pytest.raises(RefusedError, match="erased, so it cannot be sent again"):
        await desk.texting.sending.again(unconfirmed, key="k", user_id="U1", user_name="ana", response_url="")


async def test_old_texts_are_blank_and_slack_is_left_alone(desk: Desk):
    """In the database only: thousands of edits would keep Slack busy for days."""
    old = await desk.texting.accept(ANNA, "old")
    await desk.texting.hand_over()
    state = desk.texting.carrier.state((await desk.texting.one(old)).id, "delivered")
    await desk.texting.followed.receive(state, desk.texting.clock.now())
    anna = await desk.from_phone("old")
    await desk.reply(anna, "old", ReplyState.NOTE, "1.1")
    await desk.from_phone("STOP", BERT)
    await desk.show()
    desk.texting.clock.move(YEAR)
    await desk.from_phone("new", CLEO)
    await desk.show()
    await desk.retention.turn()

    assert {(row.text, row.erased) for row in await desk.rows(message) if row.batch_id == old} == {("", True)}
    assert sorted((row.number, row.text, row.erased) for row in await desk.rows(inbound)) == [
        (BERT, "", True),
        (CLEO, "new", False),
        (ANNA, "", True),
    ]
    assert [row.text for row in await desk.rows(reply)] == [""]
    assert await desk.dirty() == set()
    assert [line.words for line in await read_ledger(desk.engine, BERT)] == ["STOP"]


async def test_old_texts_that_are_not_over_keep_their_words(desk: Desk):
    """Neither what waits or is on its way, nor what Slack has not shown; later they go, too."""
    await desk.from_phone("never shown", BERT)
    queued = await desk.texting.accept(ANNA, "queued")
    await desk.texting.hand_over()
    accepted = await desk.texting.accept(CLEO, "waits")
    async with desk.engine.begin() as connection:
        await connection.execute(update(batch).where(batch.c.id.in_([queued, accepted])).values(wants=0))
    desk.texting.clock.move(YEAR)
    await desk.retention.blank_old()
    kept = sorted([row.text for table in (message, inbound) for row in await desk.rows(table)])
    await desk.texting.batches.cancel(accepted, desk.texting.clock.now())
    await desk.show()
    desk.texting.clock.move(3600)
    await desk.retention.blank_old()
    after = sorted([row.text for table in (message, inbound) for row in await desk.rows(table)])

    assert kept == ["never shown", "queued", "waits"]
    assert after == ["", "", "queued"]


async def test_one_process_blanks_at_a_time(desk: Desk):
    """By a lease, which a crash lets run out."""
    now = desk.texting.clock.now()
    first = await desk.erasing.take_turn(now, now + timedelta(minutes=10))
    second = await desk.erasing.take_turn(now, now + timedelta(minutes=10))
    third = await desk.erasing.take_turn(now + timedelta(minutes=11), now + timedelta(minutes=20))

    assert first == third
    assert first is not None
    assert second is None


async def test_many_old_texts_are_blanked_in_small_steps(desk: Desk):
    """Each is a transaction of its own."""
    for place in range(7):
        await desk.texting.accept(",".join(f"+1415555{place:02}{each:02}" for each in range(40)), "old")
    await desk.texting.accept(ANNA, "old")
    for row in await desk.rows(batch):
        await desk.texting.batches.cancel(row.id, desk.texting.clock.now())
    await desk.show()
    before = desk.texting.clock.now() + timedelta(seconds=1)
    steps = [step async for step in desk.erasing.blank(before - KEPT, before)]

    assert len(steps) == 1
    assert {row.text for row in await desk.rows(message)} == {""}


async def send_photo(desk: Desk, to: str) -> None:
    """A text with a file of Slack's, handed over."""
    draft = replace(desk.texting.draft(to, "look"), files=(SlackFile("F1", "knee.jpg"),))
    accepted = await desk.texting.sending.submit(draft)
    stored = StoredFile("s1", "https://c.example/f/s1"), Fitted(b"", "image/jpeg", ".jpg", "")
    await ParcelStore(desk.engine).ready(accepted.batch_id, [stored])
    await desk.texting.hand_over()


async def test_files_go_with_the_last_text_that_they_went_along_with(desk: Desk):
    """Their names and addresses tell as much as a text does."""
    await send_photo(desk, f"{ANNA}, {BERT}")
    await desk.erase()
    between = [(row.name, row.url) for row in await desk.rows(attachment)]
    await desk.erase(BERT)

    assert between == [("knee.jpg", "https://c.example/f/s1")]
    assert await desk.rows(attachment) == []


async def test_files_of_old_texts_go_too(desk: Desk):
    await send_photo(desk, ANNA)
    [sent] = await desk.rows(message)
    await desk.texting.followed.receive(desk.texting.carrier.state(sent.id, "delivered"), desk.texting.clock.now())
    await desk.show()
    desk.texting.clock.move(YEAR)
    await desk.retention.turn()

    assert await desk.rows(attachment) == []


async def test_an_unsent_reply_of_files_alone_cannot_be_sent_any_more(desk: Desk):
    """It has no text that could be gone."""
    anna = await desk.from_phone("from Anna")
    bert = await desk.from_phone("from Bert", BERT)
    await desk.reply(anna, "", ReplyState.HELD, "1.1")
    await desk.reply(bert, "", ReplyState.HELD, "1.2")
    await desk.show()
    await desk.erase()
    erased = {row.ts: row.state for row in await desk.rows(reply)}
    desk.texting.clock.move(YEAR)
    await desk.retention.turn()

    assert erased == {"1.1": "withdrawn", "1.2": "held"}
    assert {row.state for row in await desk.rows(reply)} == {"withdrawn"}
