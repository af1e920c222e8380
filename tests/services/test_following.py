"""What becomes of texts after the request, on SQLite and PostgreSQL alike."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event

from bot.domain.message import Cause, Message, Status, Wait
from bot.errors import CarrierOutcomeUnknownError
from bot.services.sending import How
from tests.services.texting import ANNA, BERT, CLEO, Texting

UNKNOWN = CarrierOutcomeUnknownError("no answer")
BUSY = CarrierOutcomeUnknownError("503", busy=True)


async def doubted(texting: Texting, error: CarrierOutcomeUnknownError = UNKNOWN) -> tuple[str, Message]:
    """A text whose request got no clear answer."""
    batch = await texting.accept()
    texting.carrier.script = [lambda _: error]
    await texting.hand_over()
    return batch, await texting.one(batch)


class TestReceipts:
    """What CarrierX tells by callback."""

    async def test_move_a_text_on(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)

        for word, status in (("sent", Status.SENT), ("delivered", Status.DELIVERED)):
            texting.clock.move(2)
            await texting.followed.receive(texting.carrier.state(one.id, word), texting.clock.now())

            assert await texting.status(batch) is status

        one = await texting.one(batch)
        assert None not in (one.queued_at, one.sent_at, one.final_at)
        assert one.took == timedelta(seconds=4)

    async def test_never_move_it_back(self, texting: Texting):
        """Late, repeated and out of order."""
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)

        for word in ("delivered", "sent", "queued", "failed", "delivered"):
            await texting.followed.receive(texting.carrier.state(one.id, word), texting.clock.now())

        assert await texting.status(batch) is Status.DELIVERED

    async def test_may_come_before_the_answer(self, texting: Texting):
        """With our id in it, a receipt finds its text while the request is under way."""
        batch = await texting.accept()
        texting.carrier.held = asyncio.Event()
        outbox = texting.new_outbox()
        await outbox.turn()
        await texting.carrier.arrived.wait()
        one = await texting.one(batch)

        await texting.followed.receive(texting.carrier.state(one.id, "sent"), texting.clock.now())
        texting.carrier.held.set()
        await outbox.finish()

        assert await texting.status(batch) is Status.SENT

    async def test_without_our_id_find_their_text_later(self, texting: Texting):
        """One that overtook the answer and names only CarrierX's id is kept until that id is known."""
        batch = await texting.accept()
        one = await texting.one(batch)
        early = texting.carrier.state("", "sent", sid=f"sid-{one.id}")
        await texting.followed.receive(early, texting.clock.now())
        await texting.hand_over()

        assert await texting.status(batch) is Status.QUEUED

        await texting.follower.turn()

        assert await texting.status(batch) is Status.SENT

    async def test_of_others_change_nothing(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()

        await texting.followed.receive(texting.carrier.state("somebody-elses", "failed"), texting.clock.now())
        await texting.followed.receive(texting.carrier.state("", "failed", sid="unknown"), texting.clock.now())
        await texting.look(601)

        assert await texting.status(batch) is Status.QUEUED

    async def test_with_an_unknown_word_are_shown_and_not_final(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)

        await texting.followed.receive(texting.carrier.state(one.id, "pondering"), texting.clock.now())

        one = await texting.one(batch)
        assert (one.status, one.recipients[0].word) == (Status.QUEUED, "pondering")

        await texting.followed.receive(texting.carrier.state(one.id, "delivered"), texting.clock.now())

        one = await texting.one(batch)
        assert (one.status, one.recipients[0].word) == (Status.DELIVERED, "")

    async def test_of_a_failure_keep_word_and_code(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)

        failed = texting.carrier.state(one.id, "undelivered", code="503")
        await texting.followed.receive(failed, texting.clock.now())

        failure = (await texting.one(batch)).recipients[0].failure
        assert failure is not None
        assert (failure.cause, failure.word, failure.code) == (Cause.UNDELIVERED, "undelivered", "503")

    async def test_settle_a_doubt(self, texting: Texting):
        batch, one = await doubted(texting)

        await texting.followed.receive(texting.carrier.state(one.id, "sent"), texting.clock.now())

        assert await texting.status(batch) is Status.SENT
        assert (await texting.one(batch)).checking_since is None

    async def test_that_come_after_we_gave_up_still_count(self, texting: Texting):
        """Our own verdict falls to the carrier's word."""
        batch = await texting.accept()
        await texting.look(60 * 60 + 1)
        one = await texting.one(batch)
        assert one.status is Status.FAILED

        await texting.followed.receive(texting.carrier.state(one.id, "delivered"), texting.clock.now())

        assert await texting.status(batch) is Status.DELIVERED


class TestGroups:
    """A group MMS: one request, a state per phone."""

    async def test_is_one_request(self, texting: Texting):
        batch = await texting.accept(f"{ANNA}, {BERT}, {CLEO}", how=How.GROUP)

        await texting.hand_over(rounds=2)

        (post,) = texting.carrier.posts
        assert (post.group, set(post.recipients)) == (True, {ANNA, BERT, CLEO})
        one = await texting.one(batch)
        assert [phone.status for phone in one.recipients] == [Status.QUEUED] * 3

    async def test_a_receipt_that_names_a_phone_is_about_it(self, texting: Texting):
        batch = await texting.accept(f"{ANNA}, {BERT}, {CLEO}", how=How.GROUP)
        await texting.hand_over()
        one = await texting.one(batch)

        for number, word in ((ANNA, "delivered"), (BERT, "failed")):
            state = texting.carrier.state(one.id, word, recipient=number)
            await texting.followed.receive(state, texting.clock.now())

        one = await texting.one(batch)
        assert [phone.status for phone in one.recipients] == [Status.DELIVERED, Status.FAILED, Status.QUEUED]
        assert one.status is Status.QUEUED

        await texting.followed.receive(texting.carrier.state(one.id, "delivered", recipient=CLEO), texting.clock.now())

        assert await texting.status(batch) is Status.DELIVERED

    async def test_a_receipt_that_names_none_is_about_all(self, texting: Texting):
        batch = await texting.accept(f"{ANNA}, {BERT}", how=How.GROUP)
        await texting.hand_over()
        one = await texting.one(batch)

        await texting.followed.receive(texting.carrier.state(one.id, "delivered"), texting.clock.now())

        one = await texting.one(batch)
        assert [phone.status for phone in one.recipients] == [Status.DELIVERED] * 2

    @pytest.mark.parametrize("seconds", [(), (15, 45, 240)])
    async def test_a_receipt_about_one_phone_proves_that_all_were_taken(
        self, texting: Texting, seconds: tuple[float, ...]
    ):
        """While it is sending as when nobody could tell: it is not sent twice, and no phone stays in doubt."""
        batch = await texting.accept(f"{ANNA}, {BERT}, {CLEO}", how=How.GROUP)
        texting.carrier.script = [lambda _: UNKNOWN]
        await texting.hand_over()
        for wait in seconds:
            await texting.look(wait)
        one = await texting.one(batch)

        await texting.followed.receive(texting.carrier.state(one.id, "sent", recipient=ANNA), texting.clock.now())
        await texting.hand_over(rounds=2)

        one = await texting.one(batch)
        assert (one.status, one.checking_since) == (Status.QUEUED, None)
        assert [phone.status for phone in one.recipients] == [Status.SENT, Status.QUEUED, Status.QUEUED]
        assert len(texting.carrier.posts) == 1


async def test_a_turn_with_nothing_to_do_is_one_question(texting: Texting):
    """It comes every second, for as long as the bot runs."""
    batch = await texting.accept()
    await texting.hand_over()
    said: list[str] = []

    @event.listens_for(texting.engine.sync_engine, "before_cursor_execute")
    def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    await texting.follower.turn()

    assert [statement.split()[0] for statement in said] == ["SELECT"]
    assert await texting.status(batch) is Status.QUEUED


class TestDoubts:
    """Nobody knows whether CarrierX took it."""

    async def test_what_the_records_have_is_adopted(self, texting: Texting):
        """With ids alike, the message is followed by its own id from then on."""
        batch, one = await doubted(texting)
        state = texting.carrier.state(one.id, "sent")
        texting.carrier.listed.append(state)
        texting.carrier.known[state.sid] = state

        await texting.look(15)

        assert await texting.status(batch) is Status.SENT
        assert len(texting.carrier.posts) == 1

    async def test_a_record_with_an_id_of_its_own_is_followed(self, texting: Texting):
        """Whether a record's id is the message's is not documented: here it is not."""
        batch, one = await doubted(texting)
        texting.carrier.listed.append(texting.carrier.state(one.id, "sent", sid="record-1"))

        await texting.look(15)
        texting.carrier.listed[:] = [texting.carrier.state(one.id, "delivered", sid="record-1")]
        await texting.look(61)

        assert await texting.status(batch) is Status.DELIVERED
        assert "record" in texting.carrier.asked

    async def test_a_clock_that_is_set_back_puts_no_look_off(self, texting: Texting):
        """What CarrierX made of the request stands among its records under the true time; nothing is sent twice."""
        true_time = texting.clock.now()
        texting.clock.time += timedelta(hours=3)
        batch, one = await doubted(texting, BUSY)
        texting.clock.time = true_time
        texting.carrier.listed.append(texting.carrier.state(one.id, "sent"))
        await texting.accept(text="next")

        await texting.look(1)
        await texting.hand_over()

        assert await texting.status(batch) is Status.SENT
        assert [post.text for post in texting.carrier.posts] == ["hi", "next"]

    async def test_a_clock_that_is_set_back_makes_no_look_come_early(self, texting: Texting):
        """But for the first; records may lag."""
        true_time = texting.clock.now()
        texting.clock.time += timedelta(hours=3)
        batch, _ = await doubted(texting)
        texting.clock.time = true_time

        seen = []
        for seconds in (1, 1, 43, 1, 239, 1):
            await texting.look(seconds)
            seen.append((texting.carrier.asked.count("records"), await texting.status(batch)))

        assert seen == [
            (1, Status.SENDING),
            (1, Status.SENDING),
            (1, Status.SENDING),
            (2, Status.SENDING),
            (2, Status.SENDING),
            (3, Status.UNCONFIRMED),
        ]

    async def test_records_may_lag(self, texting: Texting):
        """Two looks in vain, the third finds it: nothing is sent again."""
        batch, one = await doubted(texting)

        await texting.look(15)
        await texting.look(45)
        texting.carrier.listed.append(texting.carrier.state(one.id, "delivered"))
        await texting.look(240)

        assert await texting.status(batch) is Status.DELIVERED
        assert len(texting.carrier.posts) == 1

    async def test_not_found_is_unconfirmed_and_never_sent_again(self, texting: Texting):
        batch, _ = await doubted(texting)

        for seconds in (14, 1, 44, 1, 239):
            await texting.look(seconds)

            assert await texting.status(batch) is Status.SENDING

        await texting.look(1)
        await texting.hand_over(rounds=2)

        assert await texting.status(batch) is Status.UNCONFIRMED
        assert len(texting.carrier.posts) == 1

    async def test_a_group_that_is_not_found_is_unconfirmed_for_everybody(self, texting: Texting):
        texting.carrier.script = [lambda _: UNKNOWN]
        batch = await texting.accept(f"{ANNA}, {BERT}", how=How.GROUP)
        await texting.hand_over()
        for seconds in (15, 45, 240):
            await texting.look(seconds)

        one = await texting.one(batch)
        assert [one.status, *(phone.status for phone in one.recipients)] == [Status.UNCONFIRMED] * 3

    async def test_a_503_that_is_not_found_is_tried_again(self, texting: Texting):
        batch, _ = await doubted(texting, BUSY)

        for seconds in (15, 45, 240):
            await texting.look(seconds)

        assert (await texting.one(batch)).wait is Wait.BUSY

        texting.clock.move(2)
        await texting.hand_over()

        assert await texting.status(batch) is Status.QUEUED
        assert len(texting.carrier.posts) == 2

    async def test_a_503_that_was_canceled_and_taken_all_the_same_is_followed(self, texting: Texting):
        """Nobody says that it was not sent, and word from CarrierX moves it on."""
        batch, _ = await doubted(texting, BUSY)
        for seconds in (15, 45, 240):
            await texting.look(seconds)

        await texting.sending.cancel(batch)
        one = await texting.one(batch)

        assert (one.status, one.busy) == (Status.CANCELED, True)

        await texting.followed.receive(texting.carrier.state(one.id, "sent"), texting.clock.now())

        one = await texting.one(batch)
        assert (one.status, one.final_at) == (Status.SENT, None)

        texting.carrier.known[f"sid-{one.id}"] = texting.carrier.state(one.id, "delivered")
        await texting.look(60)

        assert await texting.status(batch) is Status.DELIVERED

    async def test_a_503_that_waited_too_long_is_not_said_to_be_not_sent(self, texting: Texting):
        batch, _ = await doubted(texting, BUSY)
        for seconds in (15, 45, 240, 3600):
            await texting.look(seconds)

        failure = (await texting.one(batch)).recipients[0].failure
        assert failure is not None
        assert (failure.cause, failure.unsure) == (Cause.EXPIRED, True)

    async def test_a_503_before_says_nothing_of_a_crash_in_the_next_request(self, texting: Texting):
        """Nobody knows what became of that one, so it is not made a third time."""
        batch, _ = await doubted(texting, BUSY)
        for seconds in (15, 45, 240):
            await texting.look(seconds)
        texting.clock.move(2)
        now = texting.clock.now()
        claims = await texting.outgoing.claim(owner="gone", now=now, until=now + timedelta(seconds=30), limit=1)
        await texting.outgoing.mark_sending(claims.messages, owner="gone", now=now, check_at=now)

        for seconds in (1, 15, 45, 240):
            await texting.look(seconds)

        assert await texting.status(batch) is Status.UNCONFIRMED

    async def test_a_503_with_a_receipt_in_a_word_unknown_to_us_is_not_tried_again(self, texting: Texting):
        batch, one = await doubted(texting, BUSY)

        await texting.followed.receive(texting.carrier.state(one.id, "in_transit"), texting.clock.now())
        for seconds in (15, 45, 240, 2):
            await texting.look(seconds)
            await texting.hand_over()

        one = await texting.one(batch)
        assert (one.status, one.recipients[0].word) == (Status.QUEUED, "in_transit")
        assert len(texting.carrier.posts) == 1

    async def test_a_record_in_a_word_unknown_to_us_settles_a_doubt(self, texting: Texting):
        """The next text to that phone may go."""
        batch, one = await doubted(texting)
        second = await texting.accept(text="second")
        texting.carrier.listed.append(texting.carrier.state(one.id, "in_transit"))

        await texting.look(15)
        await texting.hand_over()

        one = await texting.one(batch)
        assert (one.status, one.recipients[0].word) == (Status.QUEUED, "in_transit")
        assert await texting.status(second) is Status.QUEUED

    async def test_an_unconfirmed_text_may_still_turn_up(self, texting: Texting):
        """By a receipt, or in the records."""
        by_receipt, first = await doubted(texting)
        for seconds in (15, 45, 240):
            await texting.look(seconds)
        await texting.followed.receive(texting.carrier.state(first.id, "delivered"), texting.clock.now())
        by_record, second = await doubted(texting)
        for seconds in (15, 45, 240):
            await texting.look(seconds)
        texting.carrier.listed.append(texting.carrier.state(second.id, "delivered"))
        await texting.look(3600)

        assert await texting.status(by_receipt) is Status.DELIVERED
        assert await texting.status(by_record) is Status.DELIVERED

    async def test_looks_that_could_not_be_made_do_not_count(self, texting: Texting):
        batch, one = await doubted(texting)
        texting.carrier.down = True
        for _ in range(30):
            await texting.look(15)
        texting.carrier.down = False
        texting.carrier.listed.append(texting.carrier.state(one.id, "sent"))

        await texting.look(60)

        assert await texting.status(batch) is Status.SENT

    async def test_looks_that_could_not_be_made_become_seldom_and_end(self, texting: Texting):
        batch, _ = await doubted(texting)
        texting.carrier.down = True
        asked = []
        for seconds, times in ((15, 240), (15, 240), (900, 96), (3600, 48)):
            texting.carrier.asked.clear()
            for _ in range(times):
                await texting.look(seconds)
            asked.append(texting.carrier.asked.count("records"))
        texting.carrier.asked.clear()
        await texting.look(7200)

        assert asked[0] < 50
        assert asked[1] < 10
        assert texting.carrier.asked == []
        assert await texting.status(batch) is Status.UNCONFIRMED

    async def test_operator_reads_that_no_look_can_be_made(self, texting: Texting):
        await doubted(texting)
        texting.carrier.down = True
        await texting.look(15)

        assert texting.follower.trouble == "CarrierX does not answer."

        texting.carrier.down = False
        await texting.look(15)

        assert texting.follower.trouble == ""

    async def test_records_that_were_never_read_are_not_called_empty(self, texting: Texting):
        batch, _ = await doubted(texting)
        texting.carrier.down = True
        await texting.look(15)
        await texting.look(60 * 60 + 301)

        assert (await texting.one(batch)).unread

        texting.carrier.down = False
        await texting.look(3600)

        one = await texting.one(batch)
        assert (one.status, one.unread) == (Status.UNCONFIRMED, False)

    async def test_an_old_text_keeps_no_young_one_from_being_found(self, texting: Texting):
        """CarrierX has more records since then than may be read; those of the last hours can be."""
        old, _ = await doubted(texting)
        for seconds in (15, 45, 240):
            await texting.look(seconds)
        texting.clock.move(40 * 3600)
        texting.carrier.reach = timedelta(hours=3)
        young, one = await doubted(texting)
        texting.carrier.listed.append(texting.carrier.state(one.id, "sent"))

        await texting.look(15)

        assert (await texting.status(young), await texting.status(old)) == (Status.SENT, Status.UNCONFIRMED)
        assert texting.follower.trouble == "CarrierX has more than 50 pages of detail records."

    async def test_nobody_is_left_waiting_while_no_look_can_be_made(self, texting: Texting):
        batch, _ = await doubted(texting)
        texting.carrier.down = True

        await texting.look(15)
        await texting.look(60 * 60 + 301)

        assert await texting.status(batch) is Status.UNCONFIRMED

    async def test_many_doubts_are_one_question(self, texting: Texting):
        for number in range(30):
            await texting.accept(f"+1415555{number + 1000}")
        texting.carrier.script = [lambda _: UNKNOWN] * 30
        await texting.hand_over(rounds=8)
        texting.carrier.asked.clear()

        await texting.look(15)

        assert texting.carrier.asked == ["records"]

    async def test_ids_of_many_that_were_found_are_asked_for_together(self, texting: Texting):
        """And not all at once: CarrierX may have an opinion of that."""
        batches = [await texting.accept(f"+1415555{number + 1000}") for number in range(20)]
        texting.carrier.script = [lambda _: UNKNOWN] * 20
        await texting.hand_over(rounds=8)
        for batch in batches:
            state = texting.carrier.state((await texting.one(batch)).id, "sent")
            texting.carrier.listed.append(state)
            texting.carrier.known[state.sid] = state
        texting.carrier.meeting = asyncio.Barrier(10)

        async with asyncio.timeout(30):
            await texting.look(15)

        assert max(texting.carrier.asking) == 10
        assert {await texting.status(batch) for batch in batches} == {Status.SENT}

    async def test_what_was_not_found_waits_for_no_question_about_what_was(self, texting: Texting):
        """Those questions may take as long as many answers that do not come."""
        missed, _ = await doubted(texting)
        texting.carrier.script = [lambda _: UNKNOWN]
        found = await texting.accept(BERT)
        await texting.hand_over()
        for seconds in (15, 45):
            await texting.look(seconds)
        state = texting.carrier.state((await texting.one(found)).id, "sent")
        texting.carrier.listed.append(state)
        texting.carrier.meeting = asyncio.Barrier(2)
        texting.carrier.arrived.clear()
        looking = asyncio.create_task(texting.look(240))

        async with asyncio.timeout(30):
            await texting.carrier.arrived.wait()
            status = await texting.status(missed)
            await texting.carrier.meeting.wait()
        await looking

        assert status is Status.UNCONFIRMED

    async def test_the_next_text_to_that_phone_waits_for_the_answer(self, texting: Texting):
        """At most one is sending per conversation, in order."""
        _, one = await doubted(texting)
        second = await texting.accept(text="second")
        await texting.hand_over()

        assert await texting.status(second) is Status.ACCEPTED

        await texting.followed.receive(texting.carrier.state(one.id, "sent"), texting.clock.now())
        await texting.hand_over()

        assert await texting.status(second) is Status.QUEUED


class TestQuestions:
    """Where no receipt comes, CarrierX is asked."""

    async def test_are_asked_on_a_growing_schedule(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)
        texting.carrier.known[f"sid-{one.id}"] = texting.carrier.state(one.id, "sent")
        texting.carrier.asked.clear()

        await texting.look(59)
        assert texting.carrier.asked == []

        await texting.look(1)
        assert texting.carrier.asked == ["message"]
        assert await texting.status(batch) is Status.SENT

        texting.carrier.known[f"sid-{one.id}"] = texting.carrier.state(one.id, "delivered")
        await texting.look(60 * 1.6 + 1)

        assert await texting.status(batch) is Status.DELIVERED

        texting.carrier.asked.clear()
        await texting.look(24 * 3600)

        assert texting.carrier.asked == []

    async def test_end_after_72_hours(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)
        texting.carrier.known[f"sid-{one.id}"] = texting.carrier.state(one.id, "sent")

        for _ in range(90):
            await texting.look(3600)

        one = await texting.one(batch)
        assert (one.status, one.unreceipted) == (Status.SENT, True)

    async def test_a_sid_that_carrierx_does_not_know_is_looked_for_in_the_records(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        one = await texting.one(batch)
        texting.carrier.listed.append(texting.carrier.state(one.id, "delivered", sid="record-1"))

        await texting.look(60)

        assert await texting.status(batch) is Status.DELIVERED

    async def test_many_are_one_list(self, texting: Texting):
        batches = [await texting.accept(f"+1415555{number + 1000}") for number in range(30)]
        await texting.hand_over(rounds=8)
        for batch in batches:
            texting.carrier.listed.append(texting.carrier.state((await texting.one(batch)).id, "delivered"))
        texting.carrier.asked.clear()

        await texting.look(60)

        assert texting.carrier.asked == ["records"]
        assert {await texting.status(batch) for batch in batches} == {Status.DELIVERED}

    async def test_carrierx_away_changes_nothing(self, texting: Texting):
        batch = await texting.accept()
        await texting.hand_over()
        texting.carrier.down = True

        await texting.look(60)

        assert await texting.status(batch) is Status.QUEUED


@pytest.mark.parametrize("status", [Status.SENDING, Status.ACCEPTED])
async def test_a_crash_leaves_only_sending_rows_in_doubt(texting: Texting, status: Status):
    batch = await texting.accept()
    now = texting.clock.now()
    claims = await texting.outgoing.claim(owner="gone", now=now, until=now + timedelta(seconds=30), limit=1)
    if status is Status.SENDING:
        await texting.outgoing.mark_sending(
            claims.messages, owner="gone", now=now, check_at=now + timedelta(seconds=50)
        )

    await texting.look(51)
    await texting.hand_over()

    one = await texting.one(batch)
    if status is Status.SENDING:
        assert (one.status, one.checking_since is None, texting.carrier.posts) == (status, False, [])
    else:
        assert (one.status, len(texting.carrier.posts)) == (Status.QUEUED, 1)
