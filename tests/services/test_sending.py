"""What is accepted, what is refused and in which words, what is sent again, on both databases."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta

import pytest

from bot.domain.message import Status
from bot.domain.quiet_hours import QuietHours
from bot.errors import (
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    InvalidFieldsError,
    NotStoredError,
    RefusedError,
)
from bot.services.hours import Hours
from bot.services.ports import OurNumber
from bot.services.sending import How, Rules, Sending
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from tests.services.texting import ANNA, BERT, CLEO, OURS, PLAIN, Silence, Texting

REJECTED = CarrierRejectedError("No.", 422)


async def failed(texting: Texting, to: str = ANNA, *, how: How = How.SEPARATE) -> str:
    """A batch that CarrierX refused."""
    batch = await texting.accept(to, how=how)
    texting.carrier.script = [lambda _: REJECTED] * 10
    await texting.hand_over()
    texting.carrier.script = []
    texting.carrier.posts.clear()
    return batch


async def again(texting: Texting, batch: str, key: str = "again") -> str:
    acceptance = await texting.sending.again(batch, key=key, user_id="U2", user_name="bo", response_url="")
    return "" if acceptance.repeated else acceptance.batch_id


async def test_the_same_wish_twice_is_one_text(texting: Texting):
    """Slack's redelivery, at once and later: a unique key decides."""
    draft = texting.draft(key="command:T1:1.2.abc")

    both = await asyncio.gather(texting.sending.submit(draft), texting.sending.submit(draft))
    later = await texting.sending.submit(draft)
    await texting.hand_over(rounds=2)

    assert sorted(acceptance.repeated for acceptance in both) == [False, True]
    assert later.repeated
    assert len(texting.carrier.posts) == 1


async def test_one_repeated_wish_does_not_hold_up_the_others(texting: Texting):
    """They share a transaction, and only the repeated one is left out."""
    await texting.sending.submit(texting.draft(key="old"))

    done = await asyncio.gather(
        *(texting.sending.submit(texting.draft(f"+1415555{n + 1000}", key=f"k{n}")) for n in range(5)),
        texting.sending.submit(texting.draft(key="old")),
        *(texting.sending.submit(texting.draft(f"+1415555{n + 2000}", key=f"l{n}")) for n in range(5)),
    )

    assert [acceptance.repeated for acceptance in done] == [False] * 5 + [True] + [False] * 5


async def test_several_recipients_are_several_texts_in_one_batch(texting: Texting):
    batch = await texting.accept(f"{ANNA}\n{BERT}, {ANNA}")

    await texting.hand_over()

    found = await texting.batches.batch(batch)
    assert found is not None
    assert [text.recipients[0].number for text in found.messages] == [ANNA, BERT]
    assert len(texting.carrier.posts) == 2


async def test_every_mistake_is_named_at_once(texting: Texting):
    draft = texting.draft("911", "x" * 1601, media="ftp://x")

    with pytest.raises(InvalidFieldsError) as raised:
        await texting.sending.submit(draft)

    assert set(raised.value.fields) == {"to", "text", "media"}
    assert texting.carrier.posts == []


async def test_mistakes_that_the_caller_knows_of_are_named_with_the_others(texting: Texting):
    with pytest.raises(InvalidFieldsError) as raised:
        await texting.sending.submit(texting.draft("911"), known={"channel": "Another company sees it."})
    with pytest.raises(InvalidFieldsError) as alone:
        await texting.sending.submit(texting.draft(), known={"channel": "Another company sees it."})

    assert set(raised.value.fields) == {"to", "channel"}
    assert alone.value.fields == {"channel": "Another company sees it."}


async def test_a_number_that_sends_no_mms_is_refused_and_another_named(texting: Texting):
    draft = replace(texting.draft(media="https://example.com/a.png"), sender=PLAIN)

    with pytest.raises(InvalidFieldsError) as raised:
        await texting.sending.submit(draft)

    assert raised.value.fields == {
        "from": "(516) 206-5576 cannot send pictures or group texts (MMS). Choose (516) 206-5575, which can."
    }

    with pytest.raises(InvalidFieldsError) as both:
        await texting.sending.submit(replace(draft, media="ftp://x"))

    assert set(both.value.fields) == {"from", "media"}


async def test_a_group_is_ten_numbers_with_the_sender(texting: Texting):
    nine = ",".join(f"+1415555{n + 1000}" for n in range(9))
    await texting.accept(nine, how=How.GROUP)

    with pytest.raises(InvalidFieldsError) as raised:
        await texting.accept(f"{nine},{ANNA}", how=How.GROUP)

    assert set(raised.value.fields) == {"how"}


async def test_the_sending_number_is_no_recipient(texting: Texting):
    with pytest.raises(InvalidFieldsError) as raised:
        await texting.accept(f"{OURS}, {ANNA}")

    assert set(raised.value.fields) == {"to"}


async def test_the_sender_is_the_channels_last_then_the_persons_then_the_default(texting: Texting):
    numbers = texting.numbers
    numbers.note_used("C-other", "U-other", OURS)
    numbers.note_used("C1", "U1", PLAIN)

    chosen = [numbers.choose(*where) for where in (("C1", "U2"), ("C2", "U1"), ("C3", "U3"))]

    assert [ours and ours.number for ours in chosen] == [PLAIN, PLAIN, OURS]


async def test_last_used_numbers_outlive_the_process(texting: Texting):
    await texting.accept()

    channels, people = await texting.numbers.known.last_used(texting.clock.now() - timedelta(days=1))

    assert (channels, people) == ({"C1": OURS}, {"U1": OURS})


async def test_two_presses_of_try_again_make_one_text(texting: Texting):
    batch = await failed(texting)

    first, second = await asyncio.gather(again(texting, batch, "press-1"), again(texting, batch, "press-2"))
    third = await again(texting, batch, "press-3")
    await texting.hand_over(rounds=2)

    assert sorted([bool(first), bool(second)]) == [False, True]
    assert third == ""
    assert len(texting.carrier.posts) == 1


async def test_try_again_is_a_text_of_its_own_for_the_failed_only(texting: Texting):
    batch = await texting.accept(f"{ANNA}, {BERT}, {CLEO}")
    texting.carrier.script = [lambda _: REJECTED]
    await texting.hand_over()
    first = texting.carrier.posts[0]
    texting.carrier.posts.clear()

    repeated = await again(texting, batch)
    await texting.hand_over()

    one = await texting.one(repeated)
    assert one.id != first.id
    assert [post.recipients for post in texting.carrier.posts] == [first.recipients]
    old = await texting.batches.batch(batch)
    assert old is not None
    assert [text.recipients[0].retried for text in old.messages] == [True, False, False]


async def test_what_did_not_fail_is_not_sent_again(texting: Texting):
    batch = await texting.accept()
    await texting.hand_over()

    with pytest.raises(RefusedError):
        await again(texting, batch)
    with pytest.raises(RefusedError):
        await again(texting, "no-such-batch")


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (ANNA, "It did not fail after all; look at its newest state. Nothing was sent again."),
        (
            f"{ANNA}, {BERT}",
            "Not all of it failed after all, so nothing was sent again. Look at its newest state, then press again.",
        ),
    ],
)
async def test_what_was_delivered_meanwhile_is_not_sent_again(texting: Texting, to: str, said: str):
    """A receipt comes between the press and the write."""
    batch = await texting.accept(to)
    texting.clock.move(60 * 60 + 1)
    await texting.follower.turn()
    old = await texting.batches.batch(batch)
    assert old is not None
    await texting.followed.receive(texting.carrier.state(old.messages[0].id, "delivered"), texting.clock.now())

    class Stale:
        """Reads what was true before the receipt."""

        accept = texting.batches.accept
        cancel = texting.batches.cancel

        async def batch(self, _: str) -> object:
            return old

    texting.sending._batches = Stale()  # type: ignore[assignment]

    with pytest.raises(RefusedError) as raised:
        await again(texting, batch)
    await texting.hand_over(rounds=2)

    assert raised.value.user_message == said
    assert texting.carrier.posts == []


async def test_database_that_does_not_answer_is_not_waited_for(texting: Texting):
    """Before anything is stored, and so nothing was sent."""
    never = asyncio.Event()

    class Silent:
        accept = texting.batches.accept
        cancel = texting.batches.cancel

        async def batch(self, _: str) -> object:
            return await never.wait()

    texting.sending._batches = Silent()  # type: ignore[assignment]
    async with asyncio.timeout(5):
        with pytest.raises(NotStoredError):
            await again(texting, "any")


async def test_the_rules_are_checked_again(texting: Texting):
    """The number may have lost its right to text since. Where nothing can be chosen, the command is named."""
    batch = await failed(texting)
    group = await failed(texting, f"{ANNA}, {BERT}", how=How.GROUP)
    texting.numbers._set([OurNumber(OURS, "", "", sms=True, mms=False), OurNumber(PLAIN, "", "", sms=True, mms=True)])

    with pytest.raises(InvalidFieldsError) as no_mms:
        await again(texting, group)
    texting.numbers._set([OurNumber(PLAIN, "", "", sms=True, mms=True)])
    with pytest.raises(InvalidFieldsError) as gone:
        await again(texting, batch)

    assert no_mms.value.fields == {
        "from": (
            "(516) 206-5575 cannot send pictures or group texts (MMS). "
            "Send it anew with `/sms`, from (516) 206-5576, which can."
        )
    }
    assert gone.value.fields == {
        "from": "(516) 206-5575 cannot send texts any more. Send it anew with `/sms`, from another number."
    }


async def test_a_group_that_failed_as_a_whole_goes_again_as_a_group(texting: Texting):
    batch = await failed(texting, f"{ANNA}, {BERT}", how=How.GROUP)

    await again(texting, batch)
    await texting.hand_over()

    assert [(post.group, post.recipients) for post in texting.carrier.posts] == [(True, (ANNA, BERT))]
    assert await again(texting, batch, "later") == ""


async def test_of_a_group_only_the_failed_get_it_again(texting: Texting):
    batch = await texting.accept(f"{ANNA}, {BERT}, {CLEO}", how=How.GROUP)
    await texting.hand_over()
    one = await texting.one(batch)
    await texting.followed.receive(texting.carrier.state(one.id, "failed", recipient=BERT), texting.clock.now())
    texting.carrier.posts.clear()

    await again(texting, batch)
    await texting.hand_over()
    await texting.followed.receive(texting.carrier.state(one.id, "failed", recipient=CLEO), texting.clock.now())
    await again(texting, batch, "later")
    await texting.hand_over()

    assert [(post.group, post.recipients) for post in texting.carrier.posts] == [(False, (BERT,)), (False, (CLEO,))]


async def edit(texting: Texting, batch: str, to: str, *, how: How = How.SEPARATE) -> str:
    """Edit what failed and send it to `to`; the new batch, "" when it was sent again before."""
    offered = (await texting.sending.edit(batch)).to
    draft = replace(texting.draft(to, how=how), edits=batch, edited=offered)
    return (await texting.sending.submit(draft)).batch_id


async def retried(texting: Texting, batch: str) -> list[bool]:
    """Of which of its phones people read that it was sent again."""
    found = await texting.batches.batch(batch)
    assert found is not None
    return [phone.retried for text in found.messages for phone in text.recipients]


async def test_what_failed_is_offered_to_be_edited(texting: Texting):
    """Only the phones that it failed for, and from a number that can send it."""
    group = await failed(texting, f"{ANNA}, {BERT}", how=How.GROUP)
    some = await texting.accept(f"{ANNA}, {BERT}, {CLEO}")
    texting.carrier.script = [lambda _: REJECTED]
    await texting.hand_over()
    [refused] = texting.carrier.posts[0].recipients
    texting.numbers._set([OurNumber(OURS, "", "", sms=True, mms=False), OurNumber(PLAIN, "", "", sms=True, mms=True)])

    whole, one = await texting.sending.edit(group), await texting.sending.edit(some)

    assert (whole.to, whole.how, whole.sender) == ((ANNA, BERT), How.GROUP, PLAIN)
    assert (one.to, one.how, one.sender) == ((refused,), How.SEPARATE, OURS)
    assert (one.text, one.channel, one.media, one.files) == ("hi", "C1", (), ())


async def test_two_who_edit_one_text_make_one_text(texting: Texting):
    """Whoever is second is told, and so is who presses Try again afterwards."""
    batch = await failed(texting)
    drafts = [replace(texting.draft(CLEO), edits=batch, edited=(ANNA,)) for _ in range(2)]

    both = await asyncio.gather(*map(texting.sending.submit, drafts))
    await texting.hand_over(rounds=2)
    with pytest.raises(RefusedError) as later:
        await texting.sending.edit(batch)

    assert sorted(acceptance.repeated for acceptance in both) == [False, True]
    assert [post.recipients for post in texting.carrier.posts] == [(CLEO,)]
    assert await again(texting, batch) == ""
    assert later.value.user_message == "Already sent again, so there is nothing left to edit."


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize(
    ("to", "sent_again"),
    [
        (f"{ANNA}, {BERT}", [True, True]),
        (ANNA, [True, False]),  # the other one is still to be sent again
        (f"{ANNA}, {CLEO}", [True, True]),  # she stands for the other one
    ],
)
async def test_an_edited_text_stands_for_the_phones_that_it_goes_to(
    texting: Texting, how: How, to: str, sent_again: list[bool]
):
    batch = await failed(texting, f"{ANNA}, {BERT}", how=how)

    await edit(texting, batch, to, how=how)

    assert await retried(texting, batch) == sent_again


async def test_what_arrived_after_all_is_not_edited(texting: Texting):
    """Word of it came while somebody had the form open."""
    batch = await texting.accept()
    await texting.hand_over()

    with pytest.raises(RefusedError, match="It did not fail after all"):
        await texting.sending.edit(batch)
    with pytest.raises(RefusedError, match="It did not fail after all"):
        await texting.sending.submit(replace(texting.draft(), edits=batch, edited=(ANNA,)))
    with pytest.raises(RefusedError, match="no longer known"):
        await texting.sending.submit(replace(texting.draft(), edits="no-such-batch", edited=(ANNA,)))
    await texting.hand_over()

    assert len(texting.carrier.posts) == 1


async def test_unconfirmed_texts_can_be_sent_again_by_a_person(texting: Texting):
    batch = await texting.accept()
    texting.carrier.script = [lambda _: CarrierOutcomeUnknownError("no answer")]
    await texting.hand_over()
    for seconds in (15, 45, 240):
        await texting.look(seconds)

    assert await texting.status(batch) is Status.UNCONFIRMED

    await again(texting, batch)
    await texting.hand_over()

    assert len(texting.carrier.posts) == 2


async def test_what_is_still_being_written_is_foreseen_without_judging_it(texting: Texting):
    """The numbers that can be read so far count, mistakes are nobody's business yet, and CarrierX is not asked."""
    texting.sending = Sending(
        batches=texting.batches,
        numbers=texting.numbers,
        hours=Hours(
            rules=RuleStore(texting.engine),
            writers=ReplyStore(texting.engine),
            clock=texting.clock,
            usual=QuietHours(time(9), time(18)),  # it is ten in the morning
            zone="America/New_York",
        ),
        rules=Rules(region="US", countries=("US", "CA")),
        clock=texting.clock,
        announcer=Silence(),
        wake_outbox=Silence().wake,
    )
    asked = list(texting.carrier.asked)

    half = await texting.sending.foresee(texting.draft("516206557", text=""))
    one = await texting.sending.foresee(texting.draft(f"{ANNA}, 911, 51620", text="x" * 2000))
    several = await texting.sending.foresee(texting.draft(f"{ANNA}, +12125550123"))
    group = await texting.sending.foresee(texting.draft(f"{ANNA}, +12125550123", how=How.GROUP))
    too_many = await texting.sending.foresee(texting.draft(",".join(f"+1212555{n + 1000}" for n in range(51))))
    unsent = await texting.sending.foresee(replace(texting.draft(ANNA), sender=""))

    assert (half, too_many) == (None, None)
    assert [each and (each.total, len(each.waits)) for each in (one, several, group, unsent)] == [
        (1, 1),
        (2, 2),
        (1, 1),
        (1, 1),
    ]
    assert texting.carrier.asked == asked


async def test_a_phone_that_is_added_to_an_edited_text_is_not_tried_again_too(texting: Texting):
    """It failed for another reason, so it was not offered; who typed it has sent it its text."""
    batch = await texting.accept(f"{ANNA}, {BERT}")
    await texting.hand_over()
    found = await texting.batches.batch(batch)
    assert found is not None
    for message, word in zip(found.messages, ("unknown_number", "expired"), strict=True):
        await texting.followed.receive(texting.carrier.state(message.id, word), texting.clock.now())
    texting.carrier.posts.clear()

    offered = (await texting.sending.edit(batch)).to
    await edit(texting, batch, f"{ANNA}, {BERT}")
    await again(texting, batch)
    await texting.hand_over(rounds=2)

    assert offered == (ANNA,)
    assert sorted(post.recipients for post in texting.carrier.posts) == [(BERT,), (ANNA,)]
