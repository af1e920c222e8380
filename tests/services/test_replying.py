"""What becomes of a reply whose author changes their mind, whose thread is known late, or whose evening ends."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import ReplyState, Status
from bot.domain.quiet_hours import parse_quiet_hours
from bot.domain.rules import ChannelRule, Mode
from bot.errors import CarrierRejectedError, CarrierUnavailableError
from bot.services.hours import Hours
from bot.services.ports import InboundText
from bot.services.receiving import Answers, Arrival
from bot.services.replying import Replying, Say, Written
from bot.store.inbox import InboxStore
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from bot.store.tables import conversation
from tests.conftest import FakeClock
from tests.services.texting import ANNA, OURS, Silence, Texting, make_texting

ROOT, TS = "1795650000.000100", "1795650001.000100"
UNDO = 5  # seconds
EVENING = datetime(2031, 1, 15, 1, 59, 58, tzinfo=UTC)  # 20:59:58 in New York, where the phone is


@dataclass
class Stage:
    """A conversation with Anna in a channel whose replies go by themselves."""

    texting: Texting
    inbox: InboxStore
    replies: ReplyStore
    replying: Replying

    async def begin(self) -> None:
        """Anna texts us."""
        now = self.texting.clock.now()
        text = InboundText("m1", ANNA, OURS, (), "hello", (), "sms", now)
        answers = Answers("stop", "help", "start")
        await self.inbox.receive(Arrival(text, OURS, (ANNA,), "T1", "C1", answers, from_record=False, now=now))
        await RuleStore(self.texting.engine).set_channel_rule("C1", ChannelRule(Mode.AUTO))

    async def show(self) -> None:
        """The bot learns what Slack calls her thread."""
        async with self.texting.engine.begin() as connection:
            await connection.execute(update(conversation).values(thread_ts=ROOT))

    async def go_on(self, *seconds: int) -> list[str]:
        """What is due as time goes by; what has reached CarrierX since the start."""
        for step in seconds:
            self.texting.clock.move(step)
            await self.texting.follower.turn()
            await self.texting.hand_over(rounds=2)
        return [post.text for post in self.texting.carrier.posts]

    async def status(self) -> Status | None:
        found = await self.replies.find("C1", TS)
        assert found is not None
        return found.status


def write(text: str = "at nine", *, ours: bool = False) -> Written:
    return Written("T1", "C1", TS, ROOT, "U1", "ana", text, ours=ours)


@pytest.fixture
async def stage(engine: AsyncEngine, clock: FakeClock) -> Stage:
    usual = parse_quiet_hours("21:00-08:00")
    texting = await make_texting(engine, clock, usual=usual)
    replies, rules = ReplyStore(engine), RuleStore(engine)
    replying = Replying(
        replies=replies,
        batches=texting.batches,
        rules=rules,
        sending=texting.sending,
        hours=Hours(rules=rules, writers=replies, clock=clock, usual=usual, zone="America/New_York"),
        clock=clock,
        announcer=Silence(),
        wake_outbox=Silence().wake,
        undo=timedelta(seconds=UNDO),
    )
    clock.move((EVENING - timedelta(hours=30) - clock.now()).total_seconds())
    stage = Stage(texting, InboxStore(engine, revive=timedelta(days=3)), replies, replying)
    await stage.begin()
    return stage


async def test_time_to_undo_takes_no_reply_into_the_night(stage: Stage):
    """Written two seconds before nine to somebody who has not written for a day, it would leave after nine."""
    await stage.show()
    stage.texting.clock.move(timedelta(hours=30).total_seconds())
    await stage.replying.write(write())

    assert await stage.go_on(UNDO + 1, 600) == []
    assert await stage.go_on(11 * 3600) == ["at nine"]


async def test_reply_that_carrierx_does_not_take_before_nine_waits_for_the_morning(stage: Stage):
    """The wait to be undone does not cost it its deadline."""
    await stage.show()
    stage.texting.clock.move(timedelta(hours=29, minutes=55).total_seconds())
    stage.texting.carrier.script = [lambda _: CarrierUnavailableError("CarrierX is not answering.")]
    await stage.replying.write(write())
    await stage.go_on(UNDO + 1)
    stage.texting.carrier.posts.clear()

    assert await stage.go_on(600, 600) == []
    assert await stage.go_on(11 * 3600) == ["at nine"]


@pytest.mark.parametrize(
    ("said", "mentions", "say"),
    [("// is she a customer?", False, None), ("@ben can you?", True, None), ("", False, Say.HELD)],
)
async def test_what_becomes_a_note_in_time_stays(stage: Stage, said: str, mentions: bool, say: Say | None):  # noqa: FBT001 -- a row of the table
    """An edit is judged as the reply was; one that cannot be texted is not texted either."""
    await stage.show()
    await stage.replying.write(write())
    told = await stage.replying.edit("C1", TS, said, mentions=mentions)

    assert (told and told.say) == say
    assert await stage.status() is Status.CANCELED
    assert await stage.go_on(UNDO + 1, 60) == []


async def test_reply_that_was_deleted_before_its_thread_was_known_is_not_texted(stage: Stage):
    await stage.replying.write(write(ours=True))
    await stage.replying.delete("C1", TS)
    await stage.show()
    [_ async for _ in stage.replying.take_strays()]

    assert await stage.replies.find("C1", TS) is None
    assert await stage.go_on(UNDO + 1, 60) == []


@pytest.mark.parametrize(("said", "posts"), [("at ten", ["at ten"]), ("// never", [])])
async def test_reply_that_was_changed_before_its_thread_was_known_goes_as_it_is(
    stage: Stage, said: str, posts: list[str]
):
    await stage.replying.write(write(ours=True))
    await stage.replying.edit("C1", TS, said)
    await stage.show()
    [_ async for _ in stage.replying.take_strays()]

    assert await stage.go_on(UNDO + 1, 60) == posts


async def test_who_is_to_be_told_is_told_before_the_next_is_taken(stage: Stage):
    """The database may go away between the two."""
    await stage.replying.write(write(ours=True))
    await stage.show()
    taking = stage.replying.take_strays()
    told = await anext(taking)
    await taking.aclose()
    left = await stage.replies.strays(stage.texting.clock.now() - timedelta(days=1))

    assert told.say is Say.UNDO
    assert [each.ts for each in left] == [TS]


async def test_nobody_reads_that_the_phone_keeps_what_never_arrived(stage: Stage):
    """Of a text that failed; who deletes it needs no words."""
    await stage.show()
    stage.texting.carrier.script = [lambda _: CarrierRejectedError("CarrierX refused it.", status=400)]
    await stage.replying.write(write())
    await stage.go_on(UNDO + 1)
    edited = await stage.replying.edit("C1", TS, "at ten")

    assert await stage.status() is Status.FAILED
    assert edited is not None
    assert "did not reach the phone" in edited.why
    assert await stage.replying.delete("C1", TS) is None


async def test_change_to_a_reply_that_waits_for_carrierx_says_what_goes(stage: Stage):
    """It goes as it was; it has not gone yet."""
    await stage.show()
    stage.texting.carrier.script = [lambda _: CarrierUnavailableError("CarrierX is not answering.")]
    await stage.replying.write(write())
    await stage.go_on(UNDO + 1)
    told = await stage.replying.edit("C1", TS, "at ten")

    assert await stage.status() is Status.ACCEPTED
    assert told is not None
    assert "unless you delete it" in told.why


async def test_reply_that_slack_tells_of_after_its_deletion_is_not_texted(stage: Stage):
    """Slack repeats what we could not store, and nothing keeps its events in order."""
    await stage.show()
    await stage.replying.delete("C1", TS, unseen=write(""))
    told = await stage.replying.write(write())

    assert told is None
    assert await stage.go_on(UNDO + 1, 60) == []


@pytest.mark.parametrize(
    ("said", "say", "held"), [("// is she a customer?", None, ReplyState.NOTE), ("at ten", Say.ASK, ReplyState.HELD)]
)
async def test_reply_that_slack_tells_of_after_its_edit_is_not_texted_as_it_was(
    stage: Stage, said: str, say: Say | None, held: ReplyState
):
    """What was internal talk in the end stays among colleagues; of anything else its author is asked."""
    await stage.show()
    ts = str(stage.texting.clock.now().timestamp())
    told = await stage.replying.edit("C1", ts, said, unseen=replace(write(said), ts=ts))
    await stage.replying.write(replace(write(), ts=ts))

    assert (told and told.say) == say
    assert await stage.go_on(UNDO + 1, 60) == []
    found = await stage.replies.find("C1", ts)
    assert found is not None
    assert (found.reply.state, found.reply.text) == (held, said)


async def test_edit_of_what_was_written_long_ago_asks_for_nothing(stage: Stage):
    """It was written before its channel texted, or is forgotten by now: Slack will not tell of it."""
    await stage.show()
    ts = str((stage.texting.clock.now() - timedelta(minutes=11)).timestamp())

    assert await stage.replying.edit("C1", ts, "at ten", unseen=replace(write("at ten"), ts=ts)) is None
    assert await stage.replies.find("C1", ts) is None
