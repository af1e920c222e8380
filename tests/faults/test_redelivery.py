"""What Slack delivers twice, and what two people do at once: one wish is one text, also across a kill."""

import asyncio

import pytest

from bot.slack.blocks import AGAIN
from playground.carrier import Fault, Kind
from tests.faults.ground import Ground, digits, phone, says

pytestmark = pytest.mark.faults


async def test_delivered_twice_by_slack(ground: Ground) -> None:
    """The same trigger and the same view at once, later, and by a bot that was killed in between."""
    slack = ground.slack
    bot = await ground.start()
    held = ground.carrier.arm(Fault(Kind.HOLD_AFTER, number=digits(4)))
    command = await slack.command("alice", "general", f"{phone(1)} typed once", copies=2)
    await slack.command("alice", "support")
    await slack.type_in("sms_send", "to", "", f"{phone(2)}, {phone(3)}")
    await slack.type_in("sms_send", "how", "", "group")
    await slack.type_in("sms_send", "text", "", "a group, sent once")
    submission = await slack.submit("alice", copies=2)
    unanswered = await slack.command("ben", "vip", f"{phone(4)} in doubt when the bot is killed")
    await held.arrived.wait()

    later = [await slack.redeliver(each) for each in (command, submission, unanswered)]
    await bot.kill()
    await ground.start_again(bot)
    later += [await slack.redeliver(each) for each in (command, submission, unanswered)]
    await ground.settle()

    assert [each.status for each in (*command.copies, *submission.copies, *later)] == [200] * 8
    assert set((await ground.fates()).items()) == {
        ("typed once", ("delivered", 1)),
        ("a group, sent once", ("delivered", 1)),
        ("in doubt when the bot is killed", ("delivered", 1)),
    }
    assert await ground.wrongs() == []


async def test_try_again_by_two_people_at_once(ground: Ground) -> None:
    """Two presses are one new text; a third, after a kill, is none."""
    slack = ground.slack
    bot = await ground.start()
    ground.carrier.decide("failed", "1602", number=digits(1))
    await ground.type(1, "fails at first")
    trouble = await slack.until(lambda _: next((each for each in ground.messages("fails") if says(each, AGAIN)), None))
    assert trouble is not None
    ground.carrier.decide("delivered", number=digits(1))

    await asyncio.gather(*(slack.press(user, trouble, AGAIN) for user in ("alice", "ben")))
    await slack.until(lambda slack: len(slack.ephemerals) == 1)
    await ground.carrier.until(lambda carrier: len(carrier.posts) == 2)
    await bot.kill()
    await ground.start_again(bot)
    await slack.press("ben", trouble, AGAIN)
    await slack.until(lambda slack: len(slack.ephemerals) == 2)
    await ground.settle()

    assert [says_again.text for says_again in slack.ephemerals] == [
        "Already sent again, so this press did nothing more."
    ] * 2
    assert len(ground.carrier.posts) == 2
    assert sorted(ground.carrier.counts.values()) == [1, 1]
