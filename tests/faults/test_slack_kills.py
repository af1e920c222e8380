"""kill -9 while Slack has a request of ours: one channel message and one status each, and the final state."""

import asyncio

import pytest

from playground.slack import Hold
from tests.faults.ground import Ground, says

pytestmark = pytest.mark.faults


async def test_killed_while_slack_has_the_request(ground: Ground) -> None:
    """Held before and after it takes effect, for new messages and for changes."""
    slack, carrier = ground.slack, ground.carrier
    carrier.behave(moves=False)
    bot = await ground.start()
    await ground.type(1, "its change is held", channel="vip")
    await slack.until(lambda _: len(ground.messages("its change is held")) == 2)
    change = slack.fault(Hold(), "chat.update", 1)
    carrier.deliver(carrier.posts[0].sid)
    await change.arrived.wait()
    early = slack.fault(Hold(), "chat.postMessage", 1)
    await ground.type(2, "its post is held before", channel="general")
    await early.arrived.wait()
    done = slack.fault(Hold(after=True), "chat.postMessage", 1)
    await ground.type(3, "its post is held after", channel="support")
    await done.arrived.wait()
    lost = slack.fault(Hold(), "chat.postMessage", 1)
    await ground.type(4, "its post is never made", channel="random")
    await lost.arrived.wait()
    form = slack.fault(Hold(), "views.open", 1)
    opening = asyncio.create_task(slack.command("ben", "general"))
    await form.arrived.wait()

    await bot.kill()
    early.release()
    await slack.until(lambda _: ground.messages("its post is held before"))
    await ground.start_again(bot)
    carrier.behave(moves=True)
    await carrier.until(lambda carrier: len(carrier.posts) == 4)
    for post in carrier.posts[1:]:
        carrier.deliver(post.sid)
    await ground.settle()
    await ground.until_shown()

    assert (await opening).shown == "/sms failed with the error “dispatch_failed”"
    for text in ("its change is held", "its post is held before", "its post is held after", "its post is never made"):
        root, status = ground.messages(text)
        assert says(root, "delivered")
        assert says(status, "delivered")
    assert await ground.wrongs() == []
