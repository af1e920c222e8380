"""What the outbox does with accepted texts, on SQLite and PostgreSQL alike."""

import asyncio
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Cause, Origin, Purpose, Status, Wait
from bot.domain.quiet_hours import QuietHours
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)
from bot.services.outbox import Claims, Taken
from bot.services.ports import NewBatch, NewMessage
from bot.store.tables import message
from tests.conftest import FakeClock
from tests.services.texting import ANNA, BERT, CLEO, OURS, PACE, Texting, make_texting


async def test_an_accepted_text_is_handed_over_once(texting: Texting):
    batch = await texting.accept()

    await texting.hand_over(rounds=3)

    assert [(post.text, post.recipients) for post in texting.carrier.posts] == [("hi", (ANNA,))]
    one = await texting.one(batch)
    assert (one.status, one.kind, one.segments, one.price) == (Status.QUEUED, "sms", 1, "0.01")


async def test_two_outboxes_never_send_the_same(texting: Texting):
    """Two processes share the work through the database."""
    for number in range(20):
        await texting.accept(f"+1415555{number + 1000}")
    outboxes = [texting.new_outbox(), texting.new_outbox()]

    for _ in range(4):
        await asyncio.gather(*(outbox.turn() for outbox in outboxes))
        await asyncio.gather(*(outbox.finish() for outbox in outboxes))

    recipients = [post.recipients for post in texting.carrier.posts]
    assert len(recipients) == len(set(recipients)) == 20


async def test_one_text_at_a_time_goes_to_a_phone_in_order(texting: Texting):
    """A second text waits until the carrier has answered for the first."""
    for text in ("first", "second", "third"):
        await texting.accept(text=text)
    await texting.accept(BERT, "other")

    await texting.hand_over()

    assert [post.text for post in texting.carrier.posts] == ["first", "other"]

    await texting.hand_over(rounds=2)

    assert [post.text for post in texting.carrier.posts] == ["first", "other", "second", "third"]


@pytest.mark.parametrize("second_at", ["night", "morning"])
async def test_texts_go_one_at_a_time_in_the_morning_too(engine: AsyncEngine, clock: FakeClock, second_at: str):
    """Those that waited for it to one phone go in their order, before what has come since, and keep nobody waiting."""
    texting = await make_texting(engine, clock, usual=QuietHours(time(9, 0), time(12, 0)))  # it is 10:00 there
    await texting.accept(text="first")
    if second_at == "night":
        await texting.accept(text="second")
    clock.move(2 * 3600)
    if second_at == "morning":
        await texting.accept(text="second")
    await texting.accept("+15162065570", "other")

    await texting.hand_over()

    assert {post.text for post in texting.carrier.posts} == {"first", "other"}

    await texting.hand_over()

    assert texting.carrier.posts[-1].text == "second"


async def test_our_answers_go_one_at_a_time_and_first(texting: Texting):
    """Somebody who asks for help and then to stop gets both answers; a text that waits for them goes after those."""
    await texting.accept(text="personal")
    await texting.batches.accept(answer("help", Purpose.HELP, texting.clock.now()))
    await texting.batches.accept(answer("stop", Purpose.STOP, texting.clock.now()))
    await texting.accept(BERT, "other")

    await texting.hand_over()

    assert {post.text for post in texting.carrier.posts} == {"help", "other"}

    await texting.hand_over(rounds=2)

    assert [post.text for post in texting.carrier.posts[2:]] == ["stop", "personal"]


async def test_an_answer_of_ours_waits_for_no_text_that_is_not_due(texting: Texting):
    texting.carrier.script = [lambda _: CarrierUnavailableError("no way")]
    await texting.accept(text="personal")
    await texting.hand_over()
    await texting.batches.accept(answer("help", Purpose.HELP, texting.clock.now()))

    await texting.hand_over()

    assert [post.text for post in texting.carrier.posts] == ["personal", "help"]


async def test_an_answer_of_ours_leaves_a_text_alone_that_another_process_is_about_to_send(texting: Texting):
    """Else both would be marked, and what was claimed with the second one would wait for its lease to end."""
    await texting.accept(text="personal")
    now = texting.clock.now()
    theirs = await texting.outgoing.claim(owner="them", now=now, until=now + PACE.lease, limit=10)
    await texting.batches.accept(answer("help", Purpose.HELP, now))

    ours = await texting.outgoing.claim(owner="us", now=now, until=now + PACE.lease, limit=10)

    assert (len(theirs.messages), len(ours.messages), ours.behind) == (1, 0, True)


def answer(text: str, purpose: Purpose, now: datetime) -> NewBatch:
    """One of our own to Anna."""
    return NewBatch(
        id=str(uuid4()),
        key=f"answer:{text}",
        team="T1",
        user_id="",
        user_name="",
        channel="C1",
        response_url="",
        sender=OURS,
        text=text,
        media_urls=(),
        accepted_at=now,
        messages=(NewMessage(str(uuid4()), (ANNA,), group=False, purpose=purpose),),
        origin=Origin.ANSWER,
    )


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (CarrierUnavailableError("no way"), Wait.UNREACHABLE),
        (CarrierThrottledError("slow down", 60.0), Wait.THROTTLED),
    ],
)
async def test_what_surely_was_not_taken_is_tried_again_later(texting: Texting, error: CarrierError, wait: Wait):
    batch = await texting.accept()
    texting.carrier.script = [lambda _: error]

    await texting.hand_over()

    one = await texting.one(batch)
    assert (one.status, one.wait, one.attempts) == (Status.ACCEPTED, wait, 1)
    assert one.not_before is not None
    assert one.not_before > texting.clock.now()
    posts = len(texting.carrier.posts)

    await texting.hand_over()

    assert len(texting.carrier.posts) == posts

    texting.clock.move(61)
    await texting.hand_over()

    assert await texting.status(batch) is Status.QUEUED


async def test_retry_after_is_kept(texting: Texting):
    batch = await texting.accept()
    texting.carrier.script = [lambda _: CarrierThrottledError("slow down", 90.0)]

    await texting.hand_over()

    one = await texting.one(batch)
    assert one.not_before == texting.clock.now() + timedelta(seconds=90)


async def test_a_refusal_fails_with_the_carriers_sentence(texting: Texting):
    batch = await texting.accept()
    texting.carrier.script = [lambda _: CarrierRejectedError("The number is on a block list.", 403)]

    await texting.hand_over()

    one = await texting.one(batch)
    failure = one.recipients[0].failure
    assert one.status is Status.FAILED
    assert failure is not None
    assert (failure.cause, failure.word) == (Cause.REJECTED, "The number is on a block list.")


async def test_no_clear_answer_is_not_repeated(texting: Texting):
    """It stays sending, and nobody sends it again."""
    batch = await texting.accept()
    texting.carrier.script = [lambda _: CarrierOutcomeUnknownError("no answer")]

    await texting.hand_over(rounds=3)

    one = await texting.one(batch)
    assert one.status is Status.SENDING
    assert one.checking_since == texting.clock.now()
    assert len(texting.carrier.posts) == 1


async def test_a_bug_in_the_client_counts_as_no_clear_answer(texting: Texting):
    batch = await texting.accept()
    texting.carrier.script = [lambda _: RuntimeError("surprise")]

    await texting.hand_over(rounds=2)

    assert (await texting.one(batch)).checking_since is not None
    assert len(texting.carrier.posts) == 1


async def test_after_the_lease_nothing_leaves(texting: Texting):
    """A process that slept between the claim and the request gives the text back instead of sending it."""
    batch = await texting.accept()
    sleepy = texting.new_outbox()
    texting.carrier.held = asyncio.Event()
    real = texting.outgoing.mark_sending

    class Sleeping:
        """Marks, then sleeps past the lease."""

        claim = texting.outgoing.claim
        free_stranded = texting.outgoing.free_stranded
        record = texting.outgoing.record

        async def mark_sending(self, *args: object, **kwargs: object) -> frozenset[int]:
            marked = await real(*args, **kwargs)  # type: ignore[arg-type]
            texting.clock.move(PACE.lease.total_seconds() + 1)
            return marked

    sleepy._outgoing = Sleeping()

    await sleepy.turn()
    await sleepy.finish()

    assert texting.carrier.posts == []
    assert await texting.status(batch) is Status.ACCEPTED

    texting.carrier.held = None
    await texting.hand_over()

    assert len(texting.carrier.posts) == 1


async def test_a_lease_that_ran_out_is_claimed_by_another(texting: Texting):
    """A crash between claim and `sending` costs only time."""
    batch = await texting.accept()
    now = texting.clock.now()
    claims = await texting.outgoing.claim(owner="gone", now=now, until=now + PACE.lease, limit=10)
    assert len(claims.messages) == 1

    await texting.hand_over()

    assert texting.carrier.posts == []

    texting.clock.move(31)
    await texting.hand_over()

    assert len(texting.carrier.posts) == 1
    late = await texting.outgoing.mark_sending(
        claims.messages, owner="gone", now=texting.clock.now(), check_at=texting.clock.now()
    )
    assert late == frozenset()
    assert await texting.status(batch) is Status.QUEUED


async def test_a_text_behind_another_says_so(texting: Texting):
    """Whoever typed it reads why it has not gone."""
    await texting.accept(text="first")
    second = await texting.accept(text="second")
    texting.carrier.script = [lambda _: CarrierOutcomeUnknownError("no answer")]

    await texting.hand_over()

    assert (await texting.one(second)).wait is Wait.TURN


async def test_a_canceled_text_does_not_go(texting: Texting):
    """Also when it was claimed before the press."""
    batch = await texting.accept()
    now = texting.clock.now()
    claims = await texting.outgoing.claim(owner="me", now=now, until=now + PACE.lease, limit=10)

    result = await texting.sending.cancel(batch)
    marked = await texting.outgoing.mark_sending(claims.messages, owner="me", now=now, check_at=now)

    assert (result, marked) == ("canceled", frozenset())
    assert await texting.status(batch) is Status.CANCELED


async def test_answers_that_come_together_go_to_their_own_texts(texting: Texting):
    """They share a statement, whatever order they come in; one that says less than the others changes none of them."""
    batches = {to: await texting.accept(to) for to in (ANNA, BERT, CLEO)}
    now = texting.clock.now()
    claims = await texting.outgoing.claim(owner="me", now=now, until=now + PACE.lease, limit=10)
    await texting.outgoing.mark_sending(claims.messages, owner="me", now=now, check_at=now)
    said = {ANNA: ("sms", 1, "0.01", now), BERT: ("mms", 3, "0.05", now), CLEO: ("sms", None, "", None)}

    answers = []
    for claim in reversed(claims.messages):
        kind, segments, price, created_at = said[claim.text.recipients[0]]
        state = texting.carrier.queued(claim.text)
        state = replace(state, kind=kind, segments=segments, price=price, created_at=created_at)
        answers.append(Taken(claim, now, state, now + PACE.poll))
    await texting.outgoing.record(answers)

    texts = {to: await texting.one(batch) for to, batch in batches.items()}
    assert {to: (one.kind, one.segments, one.price) for to, one in texts.items()} == {
        to: (kind, segments, price) for to, (kind, segments, price, _) in said.items()
    }
    assert {one.status for one in texts.values()} == {Status.QUEUED}
    sids = {claim.text.id: texting.carrier.queued(claim.text).sid for claim in claims.messages}
    async with texting.engine.connect() as connection:
        rows = (await connection.execute(select(message.c.id, message.c.sid))).all()
    assert {row.id: row.sid for row in rows} == sids


async def test_a_cancel_after_it_left_is_too_late(texting: Texting):
    batch = await texting.accept()
    await texting.hand_over()

    assert await texting.sending.cancel(batch) == "too_late"
    assert await texting.sending.cancel("nothing") == "unknown"
    assert await texting.status(batch) is Status.QUEUED


async def test_a_refused_token_pauses_all_and_loses_nothing(texting: Texting):
    """One text meets the 401; no other is tried until a probe finds the token taken again."""
    batches = [await texting.accept(number) for number in (ANNA, BERT, CLEO)]
    texting.carrier.script = [lambda _: CarrierUnauthorizedError("no")] * 3
    texting.carrier.token = CarrierUnauthorizedError("no")

    await texting.hand_over(rounds=2)
    tried = len(texting.carrier.posts)
    later = await texting.accept("+14155550139")
    texting.clock.move(3)
    await texting.follower.turn()
    await texting.hand_over()

    assert len(texting.carrier.posts) == tried <= 3
    for batch in [*batches, later]:
        one = await texting.one(batch)
        assert (one.status, one.wait) == (Status.ACCEPTED, Wait.UNAUTHORIZED)
    assert texting.carrier.asked.count("token") == 1

    texting.carrier.token = None
    texting.carrier.posts.clear()
    texting.clock.move(10)
    await texting.follower.turn()
    await texting.hand_over()

    assert sorted(post.recipients[0] for post in texting.carrier.posts) == sorted([ANNA, BERT, CLEO, "+14155550139"])


async def test_the_probes_of_a_refused_token_grow_rarer(texting: Texting):
    await texting.accept()
    texting.carrier.script = [lambda _: CarrierUnauthorizedError("no")]
    texting.carrier.token = CarrierUnauthorizedError("no")
    await texting.hand_over()

    for _ in range(120):
        await texting.look(1)

    assert 4 <= texting.carrier.asked.count("token") <= 7


async def test_a_refused_token_is_asked_for_again_though_the_clock_was_set_back(texting: Texting):
    """By hours: what waits for a new token does not wait for the clock as well."""
    true_time = texting.clock.now()
    texting.clock.time += timedelta(hours=3)
    batch = await texting.accept()
    texting.carrier.script = [lambda _: CarrierUnauthorizedError("no")]
    texting.carrier.token = CarrierUnauthorizedError("no")
    await texting.hand_over()
    texting.clock.time = true_time
    texting.carrier.token = None

    await texting.follower.turn()
    await texting.hand_over()

    assert await texting.status(batch) is Status.QUEUED


async def test_what_waited_too_long_is_not_sent(texting: Texting):
    """Also after downtime: the clock alone decides."""
    batch = await texting.accept()
    texting.clock.move(60 * 60 + 1)

    await texting.hand_over()
    await texting.follower.turn()

    one = await texting.one(batch)
    assert texting.carrier.posts == []
    assert one.status is Status.FAILED
    assert one.recipients[0].failure is not None
    assert one.recipients[0].failure.cause is Cause.EXPIRED


async def test_a_number_sends_at_its_pace(engine: AsyncEngine, clock: FakeClock):
    """Five a second: slots 0.2 s apart, in order of acceptance."""
    texting = await make_texting(engine, clock, rate=5.0)
    for number in range(12):
        await texting.accept(f"+1415555{number + 1000}", str(number))
    sent = []

    for _ in range(24):
        await texting.hand_over(rounds=2)
        sent.append(len(texting.carrier.posts))
        clock.move(0.1)

    assert sent[:6] == [1, 1, 2, 2, 3, 3]
    assert sent[-1] == 12
    assert [post.text for post in texting.carrier.posts] == [str(number) for number in range(12)]


async def test_a_pause_is_not_made_good_in_a_burst(engine: AsyncEngine, clock: FakeClock):
    """Whatever stood still for a minute: the number goes on at its pace, with those first that have waited longest."""
    texting = await make_texting(engine, clock, rate=5.0)
    for number in range(8):
        await texting.accept(f"+1415555{number + 1000}", str(number))
    now = clock.now()
    await texting.outgoing.claim(owner="gone", now=now, until=now + PACE.lease, limit=100)
    clock.move(60)
    sent = []

    for _ in range(8):
        await texting.hand_over()
        sent.append(len(texting.carrier.posts))
        clock.move(0.2)

    assert sent == list(range(1, 9))
    assert [post.text for post in texting.carrier.posts] == [str(number) for number in range(8)]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_is_set_back_strands_nothing(engine: AsyncEngine, clock: FakeClock, *, restarted: bool):
    """Neither what has a slot already nor what comes then waits until the clock is where it was."""
    texting = await make_texting(engine, clock, rate=5.0)
    for number in range(5):
        await texting.accept(f"+1415555{number + 1000}", str(number))
    await texting.outbox.turn()
    await texting.outbox.finish()
    clock.time -= timedelta(hours=3)
    for number in range(5, 8):
        await texting.accept(f"+1415555{number + 1000}", str(number))
    outbox = texting.new_outbox() if restarted else texting.outbox
    sent = []

    for _ in range(8):
        await outbox.turn()
        await outbox.finish()
        sent.append(len(texting.carrier.posts))
        clock.move(0.2)

    assert sent[-1] == 8
    assert max(later - earlier for earlier, later in pairwise(sent)) == 1


async def test_a_text_that_came_before_the_clock_was_set_back_goes(texting: Texting):
    await texting.accept()
    texting.clock.time -= timedelta(hours=3)

    await texting.hand_over()

    assert len(texting.carrier.posts) == 1


async def test_a_try_that_was_due_before_the_clock_was_set_back_is_made(texting: Texting):
    texting.carrier.script = [lambda _: CarrierUnavailableError("no way")]
    batch = await texting.accept()
    await texting.hand_over()
    texting.clock.time -= timedelta(hours=3)

    await texting.hand_over()

    assert await texting.status(batch) is Status.QUEUED


@pytest.mark.parametrize("error", [CarrierThrottledError("slow down", 3_600.0), CarrierUnavailableError("no way")])
async def test_a_try_is_not_made_before_its_time_by_a_new_process(texting: Texting, error: CarrierError):
    """Which cannot tell whether the clock was set back."""
    texting.carrier.script = [lambda _: error]
    await texting.accept()
    await texting.hand_over()
    before = len(texting.carrier.posts)

    await texting.hand_over()

    assert len(texting.carrier.posts) == before


async def test_a_slot_far_ahead_is_kept_where_as_many_wait(engine: AsyncEngine, clock: FakeClock):
    texting = await make_texting(engine, clock, rate=0.1)
    for number in range(8):
        await texting.accept(f"+1415555{number + 1000}", str(number))
    await texting.hand_over()

    for _ in range(2):
        clock.move(0.1)
        await texting.hand_over()

    assert len(texting.carrier.posts) == 1


async def test_what_waited_for_a_good_token_goes_at_its_numbers_pace(engine: AsyncEngine, clock: FakeClock):
    texting = await make_texting(engine, clock, rate=5.0)
    for number in range(8):
        await texting.accept(f"+1415555{number + 1000}")
    texting.carrier.script = [lambda _: CarrierUnauthorizedError("no")]
    await texting.hand_over()
    texting.carrier.posts.clear()
    await texting.look(60)

    await texting.hand_over(rounds=2)

    assert len(texting.carrier.posts) == 1


async def test_the_next_slot_wakes_the_outbox(engine: AsyncEngine, clock: FakeClock):
    """Pacing does not wait for the sweep."""
    texting = await make_texting(engine, clock, rate=5.0)
    await texting.accept(ANNA)
    await texting.accept(BERT)
    now = clock.now()
    await texting.hand_over()

    claims = await texting.outgoing.claim(owner="me", now=now, until=now, limit=5)

    assert claims.next_at == now + timedelta(seconds=0.2)


async def test_a_start_as_the_only_process_takes_up_where_a_crash_left(texting: Texting):
    """Leased texts go at once; what was sending is looked for at once."""
    leased, sending = await texting.accept(ANNA), await texting.accept(BERT)
    now = texting.clock.now()
    claims = await texting.outgoing.claim(owner="gone", now=now, until=now + PACE.lease, limit=10)
    await texting.outgoing.mark_sending(claims.messages[1:], owner="gone", now=now, check_at=now + timedelta(minutes=1))

    await texting.outgoing.recover(now)
    await texting.follower.turn()
    await texting.hand_over()

    assert await texting.status(leased) is Status.QUEUED
    assert (await texting.one(sending)).checking_since == now
    assert [post.recipients for post in texting.carrier.posts] == [(ANNA,)]


async def test_what_the_database_did_not_confirm_as_sending_is_no_doubt(texting: Texting):
    """The mark may have been written; as nothing left, the text goes later and exactly once."""
    batch = await texting.accept()
    outbox = texting.new_outbox()
    real = texting.outgoing.mark_sending

    class Unsure:
        """Writes the mark and breaks before it says so."""

        claim = texting.outgoing.claim
        free_stranded = texting.outgoing.free_stranded
        record = texting.outgoing.record

        async def mark_sending(self, *args: object, **kwargs: object) -> frozenset[int]:
            await real(*args, **kwargs)  # type: ignore[arg-type]
            raise ConnectionError

    outbox._outgoing = Unsure()

    await outbox.turn()

    assert await texting.status(batch) is Status.ACCEPTED

    await texting.hand_over()

    assert len(texting.carrier.posts) == 1


async def test_an_answer_that_says_failed_is_believed(texting: Texting):
    """CarrierX may refuse in a 200."""
    batch = await texting.accept()
    texting.carrier.script = [lambda text: texting.carrier.state(text.id, "failed")]
    await texting.hand_over()
    one = await texting.one(batch)
    texting.carrier.known[f"sid-{one.id}"] = texting.carrier.state(one.id, "failed")

    await texting.follower.turn()

    assert await texting.status(batch) is Status.FAILED


async def test_closing_finishes_what_is_in_flight(texting: Texting):
    batch = await texting.accept()
    texting.carrier.held = asyncio.Event()
    outbox = texting.new_outbox()
    running = asyncio.create_task(outbox.run())
    await texting.carrier.arrived.wait()

    outbox.close()
    texting.carrier.held.set()
    await running

    assert await texting.status(batch) is Status.QUEUED


async def test_nothing_leaves_that_was_claimed_while_the_signal_came(texting: Texting):
    """What is in flight then has all the time until the end; what begins later might end as a doubt."""
    batch = await texting.accept()
    outbox = texting.new_outbox()

    class Claiming:
        """Is closed while the database answers the claim."""

        free_stranded = texting.outgoing.free_stranded
        mark_sending = texting.outgoing.mark_sending

        async def claim(self, **kwargs: Any) -> Claims:
            claims = await texting.outgoing.claim(**kwargs)
            outbox.close()
            return claims

    outbox._outgoing = Claiming()  # type: ignore[assignment]  # records nothing

    await outbox.run()

    assert (texting.carrier.posts, await texting.status(batch)) == ([], Status.ACCEPTED)


async def test_what_was_marked_while_the_signal_came_is_given_back(texting: Texting):
    """It is no doubt, and whoever comes next sends it."""
    batch = await texting.accept()
    outbox = texting.new_outbox()

    class Marking:
        """Is closed while the database answers the mark."""

        claim = texting.outgoing.claim
        free_stranded = texting.outgoing.free_stranded
        record = texting.outgoing.record

        async def mark_sending(self, *args: Any, **kwargs: Any) -> frozenset[int]:
            marked = await texting.outgoing.mark_sending(*args, **kwargs)
            outbox.close()
            return marked

    outbox._outgoing = Marking()

    await outbox.run()
    sent = len(texting.carrier.posts)
    await texting.hand_over()

    assert (sent, len(texting.carrier.posts)) == (0, 1)
    assert await texting.status(batch) is Status.QUEUED


async def test_outcomes_that_are_being_written_hold_up_few_texts(texting: Texting):
    """The database takes its time, and meanwhile others go; but not without end, should it take nothing any more."""
    for number in range(3 * PACE.concurrency):
        await texting.accept(f"+1415555{number + 1000}")
    outbox = texting.new_outbox()
    written = asyncio.Event()

    class Slow:
        """Writes no outcome before it is told to."""

        claim = texting.outgoing.claim
        mark_sending = texting.outgoing.mark_sending
        free_stranded = texting.outgoing.free_stranded

        async def record(self, outcomes: Any) -> None:
            await written.wait()
            await texting.outgoing.record(outcomes)

    outbox._outgoing = Slow()
    running = asyncio.create_task(outbox.run())

    async with asyncio.timeout(30):
        while len(texting.carrier.posts) < 2 * PACE.concurrency:
            texting.carrier.arrived.clear()
            await texting.carrier.arrived.wait()
        await asyncio.wait([running], timeout=0.05)
        sent = len(texting.carrier.posts)
        written.set()
        while len(texting.carrier.posts) < 3 * PACE.concurrency:
            texting.carrier.arrived.clear()
            await texting.carrier.arrived.wait()
        outbox.close()
        await running

    assert sent == 2 * PACE.concurrency


async def test_nothing_is_claimed_after_the_signal(texting: Texting):
    """Also when it came while the outbox waited for room."""
    batches = [await texting.accept(f"+1415555{number + 1000}") for number in range(PACE.concurrency + 1)]
    texting.carrier.held = asyncio.Event()
    outbox = texting.new_outbox()
    await outbox.turn()
    waiting = asyncio.create_task(outbox.turn())
    await asyncio.sleep(0)

    outbox.close()
    texting.carrier.held.set()
    await waiting
    await outbox.finish()

    assert len(texting.carrier.posts) == PACE.concurrency
    assert await texting.status(batches[-1]) is Status.ACCEPTED
