"""The playground as a whole, without a browser."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientSession

from playground.slack import PretendSlack
from playground.stage import QUICK, Playground


@asynccontextmanager
async def open_playground() -> AsyncIterator[Playground]:
    """A playground whose bot knows our numbers and who is who: with CarrierX gone from the start it would know none."""
    async with Playground(settings=QUICK) as playground:
        async with asyncio.timeout(40):
            while "SMS and MMS" not in str((await playground.slack.command("alice", "support", "status")).ephemeral):
                pass
        yield playground


async def text(playground: Playground, said: str) -> None:
    """Type `/sms` to a phone."""
    outcome = await playground.slack.command("alice", "support", f"(212) 555-0123 {said}")
    assert outcome.ephemeral is None, outcome.ephemeral
    assert not outcome.shown, outcome.shown


async def test_a_bot_that_ends_is_told_of_and_started_again() -> None:
    """The page says that the bot ended, and nothing any more when it is back."""
    said: list[str] = []
    async with open_playground() as playground, ClientSession() as session:
        before = playground.bot.pid
        async with asyncio.timeout(40), session.get(f"{playground.page.url}api/events") as stream:
            await playground.bot.kill()
            async for line in stream.content:
                if line.startswith(b"data: "):
                    said.append(json.loads(line.removeprefix(b"data: "))["status"])
                if said[-1:] == [""] and any("ended" in each for each in said):
                    break
        after = playground.bot.pid

    assert any("ended with code -9 and is being started again" in each for each in said)
    assert before != after


async def test_an_accepted_text_survives_the_bots_death() -> None:
    """What was accepted while CarrierX was down goes out once after a kill -9, when CarrierX is up again."""

    def waits(slack: PretendSlack) -> bool:
        return "CarrierX is not answering" in str(slack.channel("support").history.values())

    async with open_playground() as playground:
        await playground.carrier.go_down()
        await text(playground, "still here")
        await playground.slack.until(waits, 40)  # killed in the middle of its request it would be looked for first
        await playground.bot.kill()
        await playground.carrier.come_up()
        await playground.carrier.until(lambda carrier: len(carrier.posts) == 1, within=40)
        [channel_message] = await playground.slack.until(
            lambda slack: (
                slack.channel("support").messages if "delivered" in str(slack.channel("support").messages) else ()
            ),
            40,
        )

    assert "delivered" in channel_message.text
    assert len(playground.carrier.posts) == 1


async def test_the_bots_clock_is_moved_with_the_playgrounds() -> None:
    """A text that has waited for four days, as the bot sees it, is given up."""

    def said(word: str) -> Callable[[PretendSlack], bool]:
        return lambda slack: word in str(slack.channel("support").history.values())

    async with open_playground() as playground:
        await text(playground, "here")
        await playground.carrier.until(lambda carrier: bool(carrier.posts), within=40)
        await playground.carrier.go_down()
        await text(playground, "still here")
        await playground.slack.until(said("waiting"), 40)

        playground.clock.move("days")

        await playground.slack.until(said("failed"), 40)


async def test_a_text_of_the_evening_goes_out_in_the_morning() -> None:
    """The demo begins by day, keeps the bot's own quiet hours, and its clock leads through the night."""

    def said(word: str) -> Callable[[PretendSlack], bool]:
        return lambda slack: word in str(slack.channel("support").history.values())

    async with open_playground() as playground:
        playground.clock.move("evening")
        await text(playground, "sleep well")
        await playground.slack.until(said("Waits until 8:00 their time"), 40)
        before = len(playground.carrier.posts)

        playground.clock.move("morning")

        await playground.carrier.until(lambda carrier: len(carrier.posts) == 1, within=40)

    assert before == 0
