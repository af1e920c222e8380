"""kill -9 at each step of a picture's way from the phone into Slack: it stands in its thread, and once."""

import asyncio

import pytest

from playground.slack import Hold
from playground.slack.workspace import Message
from tests.faults.books import Books, until_found
from tests.faults.ground import Ground, digits

pytestmark = pytest.mark.faults

OURS = "15162065575"
_FREE = "UPDATE picture SET lease_until = NULL, due_at = 0 WHERE state IN ('wanted', 'fetched', 'sharing')"
_SETTLED = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM picture WHERE state NOT IN ('shared', 'failed'))"


async def free_pictures(books: Books) -> None:
    """Make what a dead process had taken up free, and due, as two minutes' wait would."""
    await books.execute(_FREE)


def shown(ground: Ground) -> list[tuple[str, Message]]:
    """Every file in the channel, with the message that it stands in."""
    history = ground.slack.channel("general").history.values()
    return [(file["id"], message) for message in history for file in message.files]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_killed_while_slack_has_a_picture(ground: Ground, step: str, after: bool) -> None:  # noqa: FBT001 -- a table
    """Before Slack has done what it was asked, or after it has and before we know."""
    settings = {"SMS_INBOUND_CHANNEL": "C0GENERAL"}
    bot = await ground.start(**settings)
    held = ground.slack.fault(Hold(after=after), step, 1)
    ground.carrier.inbound(digits(1), OURS, "look", [f"{ground.carrier.origin}/media/harbour.png"])
    async with asyncio.timeout(15):
        await held.arrived.wait()

    await bot.kill()
    held.release()
    await free_pictures(ground.books)
    await ground.start_again(bot)
    await until_found(ground.books, _SETTLED)
    await ground.until_shown()

    [root] = ground.slack.channel("general").messages
    assert [message.thread_ts for _, message in shown(ground)] == [root.ts]
    assert await ground.books.fetch("SELECT state, content IS NULL FROM picture") in (
        [("shared", True)],
        [("shared", 1)],
    )
