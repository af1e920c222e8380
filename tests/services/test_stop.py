"""STOP arrives at each step of a text's life, on each kind of database.

The law: after the block is committed nothing goes to that phone but the one confirmation. What had been marked
`sending` before may be with CarrierX already, and nobody is told that it was not sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.failures import show_failure
from bot.domain.message import Cause, ReplyState, Status, Wait
from bot.domain.rules import ChannelRule, Mode
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
    RefusedError,
)
from bot.services.hours import Hours
from bot.services.outbox import Claims
from bot.services.ports import Hold, InboundText, NewBatch, NewMessage
from bot.services.receiving import Answers, Arrival
from bot.services.replying import Replying, Written
from bot.services.sending import How
from bot.store.inbox import InboxStore
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from bot.store.tables import conversation
from tests.conftest import FakeClock
from tests.services.texting import ANNA, BERT, CLEO, OURS, Silence, Texting, make_texting

ROOT = "1795650000.000100"
NOT_SENT = "They asked for no more texts before it left, so it was not sent."
REFUSED = (
    "(516) 206-5574 has asked for no more texts, so nothing was sent. "
    "They get texts again when they text START to your number."
)
CONFIRMED = ("You are opted out.", (ANNA,))


@dataclass
class Stage:
    """Texts to Anna, and Anna, who says STOP."""

    texting: Texting
    inbox: InboxStore
    replies: ReplyStore
    replying: Replying

    @property
    def posts(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(post.text, post.recipients) for post in self.texting.carrier.posts]

    @property
    def personal(self) -> list[tuple[str, tuple[str, ...]]]:
        """What went but for the confirmation, which may wait behind a text in doubt until it is too late for one."""
        confirmed = [post for post in self.posts if post == CONFIRMED]
        assert len(confirmed) < 2
        return [post for post in self.posts if post != CONFIRMED]

    async def say(self, said: str, number: str = ANNA) -> None:
        """A phone texts us."""
        now = self.texting.clock.now()
        text = InboundText(str(uuid4()), number, OURS, (), said, (), "sms", now)
        answers = Answers("You are opted out.", "help", "You are back.")
        await self.inbox.receive(Arrival(text, OURS, (number,), "T1", "C1", answers, from_record=False, now=now))

    async def stop(self) -> None:
        await self.say("STOP")

    async def put(self, hold: Hold) -> str:
        """A text that is accepted and waits on purpose."""
        new = NewBatch(
            id=str(uuid4()),
            key=str(uuid4()),
            team="T1",
            user_id="U1",
            user_name="ana",
            channel="C1",
            response_url="",
            sender=OURS,
            text="hi",
            media_urls=(),
            accepted_at=self.texting.clock.now(),
            messages=(NewMessage(str(uuid4()), (ANNA,), group=False, hold=hold),),
        )
        await self.texting.batches.accept(new)
        return new.id

    async def write(self, mode: Mode = Mode.ASK) -> str:
        """A reply in the thread of Anna's conversation; its id."""
        await self.say("hello")
        async with self.texting.engine.begin() as connection:
            await connection.execute(update(conversation).values(thread_ts=ROOT))
        await RuleStore(self.texting.engine).set_channel_rule("C1", ChannelRule(mode))
        await self.replying.write(Written("T1", "C1", "2.0", ROOT, "U1", "ana", "hi"))
        reply = await self.replies.find("C1", "2.0")
        assert reply is not None
        return reply.id

    async def fail(self, error: CarrierError) -> str:
        """A text that CarrierX does not take at first."""
        batch = await self.texting.accept()
        self.texting.carrier.script = [lambda _: error]
        await self.texting.hand_over()
        self.texting.carrier.posts.clear()
        return batch

    async def go_on(self) -> None:
        """Let the day go by, and everything that is due in it happen."""
        for seconds in (0, 20, 61, 301, 901, 30_000):
            self.texting.clock.move(seconds)
            await self.texting.follower.turn()
            await self.texting.hand_over(rounds=2)

    async def fate(self, batch_id: str) -> tuple[Status, Cause | None, str | None]:
        """Where a text stands, and why, in the words that its sender reads."""
        failure = (await self.texting.one(batch_id)).recipients[0].failure
        status = await self.texting.status(batch_id)
        return (status, None, None) if failure is None else (status, failure.cause, show_failure(failure)[0])


@pytest.fixture
async def stage(engine: AsyncEngine, clock: FakeClock) -> Stage:
    texting = await make_texting(engine, clock, rate=0.1)
    replies, rules = ReplyStore(engine), RuleStore(engine)
    replying = Replying(
        replies=replies,
        batches=texting.batches,
        rules=rules,
        sending=texting.sending,
        hours=Hours(rules=rules, writers=replies, clock=clock, usual=None, zone="America/New_York"),
        clock=clock,
        announcer=Silence(),
        wake_outbox=Silence().wake,
        undo=timedelta(seconds=5),
    )
    return Stage(texting, InboxStore(engine, revive=timedelta(days=3)), replies, replying)


Step = Callable[[Stage], Awaitable[str]]


async def accepted(stage: Stage) -> str:
    return await stage.texting.accept()


async def until_the_morning(stage: Stage) -> str:
    now = stage.texting.clock.now()
    return await stage.put(Hold(Wait.QUIET, now + timedelta(hours=8), now + timedelta(hours=20)))


async def until_it_cannot_be_undone(stage: Stage) -> str:
    return await stage.write(Mode.AUTO)


async def for_its_numbers_pace(stage: Stage) -> str:
    await stage.texting.accept(BERT, "first")
    batch = await stage.texting.accept()
    await stage.texting.hand_over()
    assert (await stage.texting.one(batch)).wait is Wait.PACING
    stage.texting.carrier.posts.clear()
    return batch


async def for_its_turn(stage: Stage) -> str:
    await stage.fail(CarrierOutcomeUnknownError("no answer"))
    return await stage.texting.accept(text="hi again")


async def until_carrierx_answers(stage: Stage) -> str:
    return await stage.fail(CarrierUnavailableError("CarrierX does not answer."))


async def until_carrierx_has_room(stage: Stage) -> str:
    return await stage.fail(CarrierThrottledError("slow down", retry_after=30.0))


async def for_a_good_token(stage: Stage) -> str:
    return await stage.fail(CarrierUnauthorizedError("Bad credentials"))


async def claimed_by_a_process_that_died(stage: Stage) -> str:
    batch, now = await stage.texting.accept(), stage.texting.clock.now()
    await stage.texting.outgoing.claim(owner="gone", now=now, until=now + timedelta(seconds=30), limit=10)
    return batch


WAITING: list[Step] = [
    accepted,
    until_the_morning,
    until_it_cannot_be_undone,
    for_its_numbers_pace,
    for_its_turn,
    until_carrierx_answers,
    until_carrierx_has_room,
    for_a_good_token,
    claimed_by_a_process_that_died,
]


@pytest.mark.parametrize("step", WAITING, ids=lambda step: step.__name__)
async def test_text_that_waits_does_not_go_after_stop(stage: Stage, step: Step):
    """Whatever it waits for; its sender reads why."""
    batch = await step(stage)
    await stage.stop()
    at_once = await stage.fate(batch)
    await stage.go_on()

    assert stage.personal == []
    assert at_once == await stage.fate(batch) == (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)


@pytest.mark.parametrize("late", [False, True], ids=["it waits", "its request is under way"])
async def test_answer_to_start_does_not_go_after_another_stop(stage: Stage, late: bool):  # noqa: FBT001 -- a row of the table
    """Who is left alone is not welcomed back."""
    await stage.stop()
    await stage.go_on()
    carrier = stage.texting.carrier
    carrier.posts.clear()
    await stage.say("START")
    carrier.held, carrier.script = asyncio.Event(), [lambda _: CarrierThrottledError("slow down", retry_after=30.0)]
    outbox = stage.texting.new_outbox()
    await outbox.turn()
    await carrier.arrived.wait()
    if late:
        await stage.stop()
    carrier.held.set()
    await outbox.finish()
    if not late:
        await stage.stop()
    carrier.posts.clear()
    await stage.go_on()

    assert stage.posts == [CONFIRMED]


class Interrupted:
    """An outbox's table, in which something happens right after a claim or right after a mark."""

    def __init__(self, stage: Stage, *, after: str) -> None:
        self._stage = stage
        self._after = after
        self.record = stage.texting.outgoing.record
        self.free_stranded = stage.texting.outgoing.free_stranded

    async def claim(self, **kwargs: Any) -> Claims:
        claims = await self._stage.texting.outgoing.claim(**kwargs)
        await self._happen("claim")
        return claims

    async def mark_sending(self, *args: Any, **kwargs: Any) -> frozenset[int]:
        marked = await self._stage.texting.outgoing.mark_sending(*args, **kwargs)
        await self._happen("mark")
        return marked

    async def _happen(self, what: str) -> None:
        if what == self._after:
            await self._stage.stop()


async def test_text_that_was_claimed_does_not_go_after_stop(stage: Stage):
    """A claim is only a lease; the write that marks it asks again."""
    batch = await stage.texting.accept()
    outbox = stage.texting.new_outbox()
    outbox._outgoing = Interrupted(stage, after="claim")
    await outbox.turn()
    await outbox.finish()
    await stage.go_on()

    assert stage.posts == [CONFIRMED]
    assert await stage.fate(batch) == (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)


async def test_text_that_was_marked_may_go(stage: Stage):
    """From there on it is on its way, and nobody is told that it was not sent."""
    batch = await stage.texting.accept()
    outbox = stage.texting.new_outbox()
    outbox._outgoing = Interrupted(stage, after="mark")
    await outbox.turn()
    await outbox.finish()
    await stage.go_on()

    assert stage.posts == [("hi", (ANNA,)), CONFIRMED]
    assert await stage.fate(batch) == (Status.QUEUED, None, None)


REFUSALS: list[tuple[CarrierError, tuple[Status, Cause | None, str | None]]] = [
    (CarrierThrottledError("slow down", retry_after=1.0), (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)),
    (CarrierUnavailableError("reset"), (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)),
    (CarrierUnauthorizedError("Bad credentials"), (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)),
    (CarrierOutcomeUnknownError("no answer"), (Status.UNCONFIRMED, None, None)),
    (
        CarrierOutcomeUnknownError("503", busy=True),
        (
            Status.FAILED,
            Cause.OPTED_OUT,
            "They asked for no more texts, so it is not tried again; CarrierX was too busy to take it.",
        ),
    ),
]


@pytest.mark.parametrize(
    ("error", "fate"), REFUSALS, ids=["429", "not connected", "401", "no answer", "503 that the records do not know"]
)
async def test_text_that_carrierx_did_not_take_is_not_tried_again_after_stop(
    stage: Stage, error: CarrierError, fate: tuple[Status, Cause | None, str | None]
):
    """STOP came while the request was under way."""
    batch = await stage.texting.accept()
    carrier = stage.texting.carrier
    carrier.held, carrier.script = asyncio.Event(), [lambda _: error]
    outbox = stage.texting.new_outbox()
    await outbox.turn()
    await carrier.arrived.wait()
    await stage.stop()
    carrier.held.set()
    await outbox.finish()
    carrier.posts.clear()
    await stage.go_on()

    assert stage.personal == []
    assert await stage.fate(batch) == fate


@pytest.mark.parametrize("word", ["queued", "sent", "delivered"])
async def test_text_that_carrierx_has_goes_on_after_stop(stage: Stage, word: str):
    """What becomes of it is shown as ever."""
    batch = await stage.texting.accept()
    carrier = stage.texting.carrier
    carrier.held = asyncio.Event()
    outbox = stage.texting.new_outbox()
    await outbox.turn()
    await carrier.arrived.wait()
    await stage.stop()
    carrier.held.set()
    await outbox.finish()
    one = await stage.texting.one(batch)
    await stage.texting.followed.receive(carrier.state(one.id, word), stage.texting.clock.now())
    await stage.go_on()

    assert stage.posts == [("hi", (ANNA,)), CONFIRMED]
    assert await stage.fate(batch) == (Status(word), None, None)


# What people press after it


async def press_try_again(stage: Stage) -> None:
    batch = await stage.fail(CarrierRejectedError("not today", 422))
    await stage.stop()
    await stage.texting.sending.again(batch, key="press", user_id="U1", user_name="ana", response_url="")


async def press_send_again(stage: Stage) -> None:
    batch = await stage.fail(CarrierOutcomeUnknownError("no answer"))
    for seconds in (16, 61, 301):
        await stage.texting.look(seconds)
    assert await stage.texting.status(batch) is Status.UNCONFIRMED
    await stage.stop()
    await stage.texting.sending.again(batch, key="press", user_id="U1", user_name="ana", response_url="")


async def press_send_to_phone(stage: Stage) -> None:
    reply = await stage.replies.get(await stage.write())
    assert reply is not None
    await stage.stop()
    await stage.replying.send(reply, "U1")


async def type_a_text(stage: Stage) -> None:
    await stage.stop()
    await stage.texting.accept()


async def type_a_text_to_several(stage: Stage) -> None:
    await stage.stop()
    await stage.texting.accept(f"{BERT}, {ANNA}, {CLEO}")


async def type_a_text_to_a_group(stage: Stage) -> None:
    await stage.stop()
    await stage.texting.accept(f"{BERT}, {ANNA}", how=How.GROUP)


GROUP = " Leave them out, or text the others separately."


@pytest.mark.parametrize(
    ("press", "said"),
    [
        (press_try_again, REFUSED),
        (press_send_again, REFUSED),
        (press_send_to_phone, REFUSED),
        (type_a_text, REFUSED),
        (type_a_text_to_several, REFUSED),
        (type_a_text_to_a_group, REFUSED + GROUP),
    ],
)
async def test_whoever_presses_what_after_stop_reads_why_not(
    stage: Stage, press: Callable[[Stage], Awaitable[None]], said: str
):
    with pytest.raises(RefusedError) as refused:
        await press(stage)
    await stage.go_on()

    assert refused.value.user_message == said
    assert stage.personal == []


async def test_send_now_after_stop_lets_nothing_go(stage: Stage):
    """The button may still be on somebody's screen."""
    batch = await until_the_morning(stage)
    await stage.stop()
    freed = await stage.texting.sending.send_now(batch)
    await stage.go_on()

    assert not freed
    assert stage.posts == [CONFIRMED]


async def test_reply_after_stop_is_held(stage: Stage):
    """Also where replies go by themselves."""
    await stage.stop()
    reply = await stage.replies.get(await stage.write(Mode.AUTO))
    await stage.go_on()

    assert reply is not None
    assert reply.reply.state is ReplyState.HELD
    assert stage.posts == [CONFIRMED]


# Several


async def test_of_several_only_who_said_stop_gets_nothing(stage: Stage):
    """They are texts of their own."""
    batch = await stage.texting.accept(f"{ANNA}, {BERT}")
    await stage.stop()
    await stage.go_on()

    assert sorted(stage.posts) == sorted([CONFIRMED, ("hi", (BERT,))])
    both = await stage.texting.batches.batch(batch)
    assert both is not None
    assert [text.status for text in both.messages] == [Status.FAILED, Status.QUEUED]


async def test_group_that_waits_does_not_go_and_says_who_said_stop(stage: Stage):
    """One blocked member blocks the group."""
    batch = await stage.texting.accept(f"{ANNA}, {BERT}, {CLEO}", how=How.GROUP)
    await stage.say("STOP", BERT)
    await stage.go_on()

    assert stage.posts == [("You are opted out.", (BERT,))]
    group = await stage.texting.one(batch)
    assert {phone.failure and show_failure(phone.failure)[0] for phone in group.recipients} == {
        "(415) 555-0132 asked for no more texts before it left, so it was not sent."
    }


# At once


@pytest.mark.parametrize("round_", range(5))
async def test_text_that_is_accepted_in_the_same_instant_does_not_go(stage: Stage, round_: int):
    """Refused, or accepted and failed: never sent."""
    _, answer = await asyncio.gather(stage.stop(), accept_or_refuse(stage))
    await stage.go_on()

    assert stage.posts == [CONFIRMED]
    assert answer == REFUSED or await stage.fate(answer) == (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)


async def accept_or_refuse(stage: Stage) -> str:
    """The batch, or what the sender reads instead."""
    try:
        return await stage.texting.accept()
    except RefusedError as refused:
        return refused.user_message


@pytest.mark.parametrize("round_", range(5))
async def test_text_that_is_handed_over_in_the_same_instant_has_one_fate(stage: Stage, round_: int):
    """It went, and is shown so; or it did not, and is shown so."""
    batch = await stage.texting.accept()
    await asyncio.gather(stage.stop(), stage.texting.hand_over())
    await stage.go_on()

    went = ("hi", (ANNA,)) in stage.posts
    assert await stage.fate(batch) == (
        (Status.QUEUED, None, None) if went else (Status.FAILED, Cause.OPTED_OUT, NOT_SENT)
    )


async def test_start_brings_no_text_back(stage: Stage):
    """What was not sent stays so; what is sent from then on goes."""
    batch = await until_the_morning(stage)
    await stage.stop()
    stage.texting.clock.move(1)
    await stage.say("START")
    new = await stage.texting.accept(text="welcome back")
    await stage.go_on()

    assert ("welcome back", (ANNA,)) in stage.posts
    assert ("hi", (ANNA,)) not in stage.posts
    assert (await stage.texting.status(batch), await stage.texting.status(new)) == (Status.FAILED, Status.QUEUED)
