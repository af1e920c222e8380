"""What whoever runs the bot reads at `/readyz` while something does not work."""

import asyncio

from playground.carrier import Fault, Kind
from playground.carrier.model import Did
from tests.scenarios.world import World, open_world

VOICE = Did("17207217011", "Front", capabilities=4)


async def until_ready_says(world: World, fragment: str) -> str:
    """The answer as soon as it says that; it is no failure."""
    async with asyncio.timeout(5):
        while True:
            async with world.http.get(f"{world.url}/readyz") as answer:
                said = await answer.text()
                assert answer.status == 200
            if fragment in said:
                return said
            await asyncio.sleep(0.05)


async def test_account_without_a_number_that_can_text(sqlite_url: str):
    async with open_world(sqlite_url, dids=(VOICE,), sms_default_from=None) as world:
        said = await until_ready_says(world, "Nobody can text.")
        told = await world.whispered("5162065576 hi")

    reason = "The CarrierX account has no number that can send texts. Switch messaging on for one in its portal."
    assert reason in said
    assert told == reason


async def test_numbers_that_only_a_setting_leaves_out(sqlite_url: str):
    async with open_world(sqlite_url, sms_numbers=("+12025550100",), sms_default_from=None) as world:
        await until_ready_says(world, "None of the numbers in SMS_NUMBERS can send texts.")
        told = await world.whispered("5162065576 hi")

    assert told.startswith("None of the numbers in SMS_NUMBERS can send texts.")


async def test_records_that_may_not_be_read(sqlite_url: str):
    async with open_world(sqlite_url, prepare=lambda world: world.carrier.behave(receipts_lost=True)) as world:
        world.carrier.arm(Fault(Kind.HOLD_AFTER))
        world.carrier.arm(Fault(Kind.FORBIDDEN, on="records", times=None, sentence="no scope"))
        root = await world.text()

        said = await until_ready_says(world, "CarrierX's records cannot be read, so doubts stay open:")
        world.clock.move(2 * 3600)
        await world.shown(root, "its records could not be read")

    assert "no scope" in said
