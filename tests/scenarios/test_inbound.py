"""Texts from phones: where they are shown, how often, and in what words."""

import pytest

from playground.slack import Down
from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, SHOWN, World

OURS = "15162065575"


async def test_answer_comes_into_the_thread_of_the_text(each_world: World):
    """One conversation has one thread, and each text from the phone one post in it."""
    world = each_world
    root = await world.text("Running ten minutes late")
    await world.posted()
    await world.shown(root, "queued")

    world.carrier.inbound(DIGITS, OURS, "ok")
    world.carrier.inbound(DIGITS, OURS, "ok")
    await world.shown(root, "ok", place=2)

    assert [said for said in world.replies(root) if "ok" in said] == [f"{SHOWN} texted\nok"] * 2
    assert len(world.slack.channel("support").messages) == 1


async def test_first_text_of_a_phone_goes_to_the_inbound_channel(world: World):
    """It begins a thread there; what follows stands in it."""
    world.carrier.inbound(DIGITS, OURS, "<!channel> *Hello* <https://evil.example|bank>")
    root = await world.root("general")
    world.carrier.inbound(DIGITS, OURS, "anybody there?")
    await world.shown(root, "anybody there?")

    assert read(root) == (f"{SHOWN} texted Support (516) 206-5575\n<!channel> *Hello* <https://evil.example|bank>")
    assert world.slack.pings == []


async def test_answer_that_overtakes_its_question_stands_under_it(each_world: World):
    """Slack was down: the text is shown first all the same, then what the phone answered."""
    world = each_world
    world.slack.fault(Down(), "chat.postMessage")
    await world.command(f"+{DIGITS} Are you at home?")
    await world.posted()
    world.carrier.inbound(DIGITS, OURS, "yes")
    await world.slack.until(lambda slack: slack.called("chat.postMessage"))
    world.slack.clear_faults()
    world.clock.move(60)
    root = await world.root()
    await world.replied(root, "yes")

    assert "Are you at home?" in read(root)


@pytest.mark.parametrize("year", ["0001-01-01", "1970-01-01", "9999-12-31"])
async def test_text_from_no_time_at_all_is_shown_and_obeyed(world: World, year: str):
    """Programs write such dates where they know none."""
    body = {"message_sid": "m1", "direction": "inbound", "from": DIGITS, "to": OURS, "message": "STOP"}
    status = await world.receipt(body | {"date_created": f"{year}T00:00:00Z"})
    root = await world.root("general")
    await world.replied(root, "You are opted out")

    assert status == 200
    assert "STOP" in read(root)


async def test_callback_that_comes_twice_is_one_text(world: World):
    world.carrier.inbound(DIGITS, OURS, "twice", copies=2)
    root = await world.root("general")
    world.carrier.inbound(DIGITS, OURS, "once")
    await world.shown(root, "once")

    assert [read(each) for each in world.slack.thread(root.ts)] == [f"{SHOWN} texted\nonce"]
    assert len(world.slack.channel("general").messages) == 1


async def test_channel_that_removed_the_bot_is_left_alone(each_world: World):
    """The conversation goes on in the default with a sentence, the route says so, and nothing is dropped.

    Until somebody types a text there: then the bot is wanted again, and the conversation comes along.
    """
    world = each_world
    await world.know_numbers()
    await world.whispered("route +15162065575 #support", user="ben")
    root = await world.text("Running ten minutes late")
    post = await world.posted()
    await world.shown(root, "queued")
    await world.slack.kick("support")
    routes = await world.whispered("routes")
    world.carrier.inbound(DIGITS, OURS, "ok")
    world.carrier.deliver(post.sid)
    moved = await world.root("general")
    said = read(moved)
    out = not world.slack.channel("support").has_bot
    await world.command(f"+{DIGITS} On my way")
    await world.slack.until(lambda slack: len(slack.channel("support").messages) == 2)
    world.carrier.inbound(DIGITS, OURS, "see you")
    await world.replied(await world.root(), "see you")

    assert "<#C0SUPPORT>, which is archived or not open to me: they go where all others go" in routes
    assert "ok" in said
    assert "goes on here because <#C0SUPPORT> does not have me as a member any more." in said
    assert out
    assert world.slack.channel("support").has_bot
