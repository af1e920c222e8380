"""CarrierX's records bring what no callback brought, and nothing twice."""

from typing import Any

import pytest

from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, SHOWN, World, open_world

OURS = "15162065575"
QUICK: dict[str, Any] = {"sms_catch_up_seconds": 1.0, "sms_callback_wait_seconds": 1.0}


async def told(world: World, count: int) -> list[str]:
    """What the conversation says, once so much is there."""
    root = await world.root("general")
    await world.slack.until(lambda slack: len(slack.thread(root.ts)) >= count - 1, 10)
    return [read(world.slack.channel("general").history[root.ts]), *map(read, world.slack.thread(root.ts))]


@pytest.mark.parametrize("same", [True, False])
async def test_callback_and_record_of_a_text_are_one_post(sqlite_url: str, same: bool):  # noqa: FBT001 -- a table
    """Whether or not CarrierX names both alike; and two texts that say the same stay two."""
    async with open_world(sqlite_url, **QUICK) as world:
        world.carrier.behave(dr_sid_is_message_sid=same)
        for _ in range(2):
            world.carrier.inbound(DIGITS, OURS, "ok", at=world.clock.now())
        await told(world, 2)
        world.clock.move(30)
        world.carrier.inbound(DIGITS, OURS, "last", at=world.clock.now(), lost=True)
        said = await told(world, 3)

    assert [line.splitlines()[1] for line in said] == ["ok", "ok", "last"]


async def test_lost_callback_is_made_up_for_and_says_so(database_url: str):
    """Marked with when CarrierX received it."""
    async with open_world(database_url, **QUICK) as world:
        # A text of before the first reading of the records would be history.
        await world.carrier.until(lambda carrier: any("message_drs" in request.path for request in carrier.requests))
        world.carrier.inbound(DIGITS, OURS, "lost", at=world.clock.now(), lost=True)
        root = await world.root("general")

    assert read(root) == f"{SHOWN} texted Support (516) 206-5575\nlost\nReceived {{time}}, shown late."


async def test_without_callbacks_records_are_the_way_in(sqlite_url: str):
    """No public address is needed to read what customers answer."""
    async with open_world(sqlite_url, carrierx_callback_secret=()) as world:
        root = await world.text("hello")
        await world.posted()
        world.carrier.inbound(DIGITS, OURS, "hi", at=world.clock.now())
        await world.shown(root, "hi", place=1)


async def test_callback_that_is_late_finds_its_record_shown(sqlite_url: str):
    """It says nothing new, whatever id it has."""
    async with open_world(sqlite_url, **QUICK) as world:
        world.carrier.behave(dr_sid_is_message_sid=False)
        inbound = world.carrier.inbound(DIGITS, OURS, "slow", at=world.clock.now(), lost=True)
        world.clock.move(30)
        await told(world, 1)
        world.carrier.call_back(inbound.sid)
        await world.carrier.until(lambda carrier: len(carrier.callbacks_of(inbound.sid)) == 1)
        world.carrier.inbound(DIGITS, OURS, "next", at=world.clock.now())
        said = await told(world, 2)

    assert [line.splitlines()[1] for line in said] == ["slow", "next"]


async def test_verified_callback_is_shown_and_a_forged_one_is_not(sqlite_url: str):
    """With CARRIERX_VERIFY_CALLBACKS what CarrierX does not confirm is never shown, and opts nobody out."""
    async with open_world(sqlite_url, carrierx_verify_callbacks=True) as world:
        forged = {"message_sid": "0", "direction": "inbound", "from": DIGITS, "to": OURS, "message": "STOP"}
        status = await world.receipt(forged)
        world.carrier.inbound(DIGITS, OURS, "really", at=world.clock.now())
        root = await world.root("general")
        await world.command(f"+{DIGITS} hello")
        await world.posted()

    assert status == 200
    assert read(root).splitlines()[1] == "really"
