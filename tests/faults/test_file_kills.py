"""kill -9 at each step of a file's way from Slack to the phone: one text with its picture, and no orphan in the end."""

import asyncio
from datetime import timedelta

import pytest

from playground.carrier.faults import Endpoint, Fault, Kind
from playground.carrier.picture import draw
from playground.slack import Hold
from tests.faults.books import until_found
from tests.faults.ground import Ground, phone

pytestmark = pytest.mark.faults

_FREE = "UPDATE parcel SET lease_until = NULL, due_at = 0; UPDATE stored SET due_at = 0"
_EMPTY = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM stored)"
_SENT = "SELECT 1 FROM message WHERE status = 'delivered'"


async def send(ground: Ground) -> None:
    """Alice sends a picture by the form."""
    person = ground.slack.workspace.person("alice")
    file = ground.slack.files.add(person, "harbour.png", draw("harbour.png"))
    await ground.slack.command("alice", "general")
    view = ground.slack.views.stack(person.id)[-1]
    for block_id, value in {"to": phone(1), "text": "look", "files": [file]}.items():
        await ground.slack.type_in(view, block_id, "", value)
    ground.note("look", await ground.slack.submit("alice"))


async def revive(ground: Ground) -> None:
    """Start the killed bot, a quarter of an hour later."""
    await ground.books.execute(_FREE)
    for file in ground.carrier.stored:
        file.modified_at -= timedelta(minutes=15)
    await ground.start_again(ground.bots[0])
    await until_found(ground.books, _SENT)
    await ground.settle()


async def check(ground: Ground) -> None:
    """The phone has one text with one picture; in storage lies neither that nor what was stored beside it."""
    assert await ground.wrongs() == []
    [post] = ground.carrier.posts
    [copy] = ground.carrier.received(post.sid)
    assert copy.content == draw("harbour.png")
    await ground.carrier.until(lambda carrier: not carrier.stored)
    await until_found(ground.books, _EMPTY)


async def die_at(ground: Ground, fault: Fault) -> None:
    """Kill the bot while CarrierX holds one of its requests, which then gets no answer, and start it again."""
    bot = await ground.start()
    held = ground.carrier.arm(fault)
    await send(ground)
    async with asyncio.timeout(15):
        await held.arrived.wait()
    await bot.kill()
    held.drop()
    await revive(ground)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_while_slack_is_asked_for_a_file(ground: Ground, after: bool) -> None:  # noqa: FBT001 -- a table
    bot = await ground.start()
    held = ground.slack.fault(Hold(after=after), "files.info", 1)
    await send(ground)
    async with asyncio.timeout(15):
        await held.arrived.wait()
    await bot.kill()
    held.release()

    await revive(ground)
    await check(ground)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("storage", Kind.HOLD_BEFORE),
        ("storage", Kind.HOLD_AFTER),
        ("upload", Kind.HOLD_BEFORE),
        ("upload", Kind.HOLD_AFTER),
        ("send", Kind.HOLD_AFTER),
    ],
)
async def test_killed_while_carrierx_has_a_file(ground: Ground, step: Endpoint, kind: Kind) -> None:
    """While its place is asked for, while it is stored, and while its text is handed over."""
    await die_at(ground, Fault(kind, on=step))
    await check(ground)


@pytest.mark.parametrize("kind", [Kind.HOLD_BEFORE, Kind.HOLD_AFTER])
async def test_killed_while_a_file_is_removed(ground: Ground, kind: Kind) -> None:
    """It is removed once more, which does no harm."""
    await die_at(ground, Fault(kind, on="removal"))
    await check(ground)
