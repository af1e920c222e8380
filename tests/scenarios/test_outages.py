"""CarrierX or Slack out of reach, and conversations that wait: what is said of it, where, and how often."""

from collections.abc import AsyncIterator

import pytest

from playground.carrier.faults import Fault, Kind
from playground.slack.faults import Down
from playground.slack.workspace import Message
from tests.faults.books import open_books, until_found
from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, SHOWN, World, open_world

OURS = "15162065575"


def notes(world: World, *fragments: str, channel: str = "general") -> list[str]:
    """What the bot says of itself in a channel, oldest first."""
    said = [read(message) for message in world.slack.channel(channel).messages]
    return [each for each in said if any(fragment in each for fragment in fragments)]


async def said(world: World, *fragments: str, count: int = 1, seconds: float = 10) -> list[str]:
    """The same, once there are so many."""
    await world.slack.until(lambda _: len(notes(world, *fragments)) >= count, seconds)
    return notes(world, *fragments)


async def held_up(world: World, text: str = "first") -> Message:
    """CarrierX is gone, and a text waits for it."""
    await world.know_numbers()
    await world.carrier.go_down()
    root = await world.text(text)
    await world.shown(root, "CarrierX is not answering")
    return root


async def test_outage_of_carrierx_is_said_once_and_so_is_its_end(each_world: World):
    """With since when, and with what waited and what went; the texts need not wait for their next try."""
    world = each_world
    root = await held_up(world)
    before = notes(world, "CarrierX")
    world.clock.move(70)
    [begun] = await said(world, "has not been reachable since")
    await world.text("second")
    await world.shown(root, "second", place=1)
    world.clock.move(130)
    await world.carrier.come_up()
    world.clock.move(20)
    await world.posted(2)
    books = await open_books(world.database_url)
    await until_found(books, "SELECT 1 FROM message WHERE status = 'queued' GROUP BY status HAVING count(*) = 2")
    await books.close()
    world.clock.move(70)
    [over] = await said(world, "was not reachable from")

    assert before == []
    assert begun.startswith("CarrierX has not been reachable since <!date^")
    assert begun.endswith("1 text waits, and goes when it is back.")
    assert over.endswith("2 texts waited; 2 have gone.")
    assert len(notes(world, "CarrierX")) == 2
    assert world.slack.pings == []


async def test_short_outage_is_not_said(world: World):
    """Whoever wrote the text sees in its thread that it waits; nobody else need know."""
    await held_up(world)
    await world.carrier.come_up()
    world.clock.move(20)
    await world.posted()
    world.clock.move(600)
    world.carrier.inbound("12075550123", OURS, "still here?")
    await world.slack.until(lambda slack: slack.channel("general").messages)

    assert notes(world, "CarrierX") == []


async def test_outage_that_holds_nothing_up_is_not_said(world: World):
    """It is in `/readyz` and `/sms status`."""
    await world.know_numbers()
    await world.carrier.go_down()
    world.clock.move(200)
    status = await world.whispered("status")
    world.clock.move(200)
    await world.carrier.come_up()
    world.clock.move(200)
    world.carrier.inbound(DIGITS, OURS, "hello?")
    await world.slack.until(lambda slack: slack.channel("general").messages)

    assert "Numbers that can text" in status
    assert notes(world, "CarrierX") == []


async def test_refused_token_is_said_with_what_to_do(world: World):
    """Its end too, when CarrierX takes the token again."""
    world.carrier.arm(Fault(Kind.UNAUTHORIZED, times=None, on="any"))
    root = await world.text()
    await world.shown(root, "CarrierX refuses our token")
    world.clock.move(400)
    [begun] = await said(world, "has refused our token since")
    world.carrier.clear_faults()
    world.clock.move(400)
    await world.posted()
    world.clock.move(70)
    [over] = await said(world, "refused our token from")

    assert "once CARRIERX_TOKEN is put right" in begun
    assert over.endswith("1 text waited; 1 has gone.")


async def test_what_was_given_up_is_counted(sqlite_url: str):
    """A text that waited longer than it may has failed."""
    async with open_world(sqlite_url, sms_give_up_minutes=10) as world:
        await held_up(world)
        world.clock.move(70)
        await said(world, "has not been reachable since")
        root = await world.root()
        world.clock.move(900)
        await world.headed(root, "failed")
        await world.carrier.come_up()
        world.clock.move(20)
        await world.text("second")
        await world.posted()
        world.clock.move(70)
        [over] = await said(world, "was not reachable from")

    assert "1 was given up" in over


async def test_outage_of_slack_is_one_sentence_when_it_is_back(each_world: World):
    """It says from when to when, and what waited to be shown."""
    world = each_world
    root = await world.text("before")
    await world.posted()
    await world.shown(root, "queued")
    world.clock.move(30)
    down = world.slack.fault(Down())
    world.carrier.inbound(DIGITS, OURS, "anybody?")
    await world.slack.until(lambda _: down.calls > 1)
    world.clock.move(90)
    books = await open_books(world.database_url)
    await until_found(books, "SELECT 1 FROM outage WHERE name = 'slack'")
    await books.close()
    world.slack.clear_faults(down)
    world.clock.move(70)
    await world.shown(root, "anybody?", place=1)
    world.clock.move(70)
    [once] = await said(world, "Slack was not reachable from")

    assert once.endswith("and nothing could be shown. 1 text waited for it; 1 can be seen now.")


@pytest.fixture
async def nudging(database_url: str) -> AsyncIterator[World]:
    async with open_world(database_url, sms_nudge_minutes=30) as world:
        yield world


async def test_conversation_that_waits_gets_one_nudge(nudging: World):
    """Once per burst, in its thread, and not again until they write again."""
    world = nudging
    world.carrier.inbound(DIGITS, OURS, "hello?")
    root = await world.root("general")
    world.carrier.inbound(DIGITS, OURS, "anybody?")
    await world.shown(root, "anybody?")
    world.clock.move(31 * 60)
    first = await world.shown(root, "has waited", place=1)
    world.clock.move(60 * 60)
    world.carrier.inbound(DIGITS, OURS, "please", at=world.clock.now())
    await world.shown(root, "please", place=2)
    world.clock.move(31 * 60)
    await world.shown(root, "has waited", place=3)

    assert first.startswith(f"{SHOWN} has waited 3")
    assert "minutes for an answer, since <!date^" in first
    assert len(world.replies(root)) == 4
    assert len(world.slack.channel("general").messages) == 1
    assert world.slack.pings == []


async def test_no_nudge_for_an_answered_or_an_opted_out_conversation(sqlite_url: str):
    """Nor for a keyword."""
    async with open_world(sqlite_url, sms_nudge_minutes=30) as world:
        world.carrier.inbound(DIGITS, OURS, "hello?")
        root = await world.root("general")
        await world.command(f"+{DIGITS} here we are", channel="general")
        await world.shown(root, "here we are")
        world.carrier.inbound("12075550123", OURS, "STOP")
        await world.slack.until(lambda slack: len(slack.channel("general").messages) == 2)
        world.clock.move(31 * 60)
        world.carrier.inbound("12075550124", OURS, "hi", at=world.clock.now())
        other = await world.slack.until(lambda slack: slack.channel("general").messages[2:])
        world.clock.move(31 * 60)
        await world.shown(other[0], "has waited")

        assert not any("has waited" in said for said in world.replies(root))
        assert not any("has waited" in said for said in world.replies(world.slack.channel("general").messages[1]))
