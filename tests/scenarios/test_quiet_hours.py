"""Nobody is texted first at night, by the clock of the phone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, PHONE, World, open_world

OURS = "15162065575"
EVENING = datetime(2031, 1, 15, 2, 30, tzinfo=UTC)  # 21:30 in New York, where the phone is
SET: dict[str, Any] = {"sms_quiet_hours": "21:00-08:00", "sms_callback_wait_seconds": 0}


def at_night(world: World) -> None:
    """Half past nine in the evening."""
    world.clock.move((EVENING - world.clock.now()).total_seconds())


async def test_first_text_waits_for_the_morning(database_url: str):
    """It says until when, and goes then."""
    async with open_world(database_url, prepare=at_night, **SET) as world:
        root = await world.text("Your order is ready")
        await world.shown(root, "waiting", "Waits until 8:00 their time (in 10 h", "[Cancel] [Send now]")
        before = list(world.carrier.posts)
        world.clock.move(timedelta(hours=10, minutes=31).total_seconds())
        post = await world.posted()

    assert before == []
    assert post.text == "Your order is ready"


async def test_send_now_sends_it_all_the_same(sqlite_url: str):
    async with open_world(sqlite_url, prepare=at_night, **SET) as world:
        root = await world.text("Your order is ready")
        await world.shown(root, "[Cancel] [Send now]")
        await world.press(root, "Send now")
        post = await world.posted()

    assert post.text == "Your order is ready"


async def test_send_now_can_be_left_out(sqlite_url: str):
    async with open_world(sqlite_url, prepare=at_night, **SET, sms_send_now=False) as world:
        root = await world.text("Your order is ready")
        said = await world.shown(root, "[Cancel]")

    assert "Send now" not in said


async def test_answer_to_somebody_who_has_just_written_goes_at_once(sqlite_url: str):
    """A conversation is no first contact."""
    async with open_world(sqlite_url, prepare=at_night, **SET) as world:
        world.carrier.inbound(DIGITS, OURS, "are you open?", at=world.clock.now())
        await world.root("general")
        await world.command(f"{PHONE} until ten")
        post = await world.posted()

    assert post.text == "until ten"


async def test_try_again_waits_for_the_morning_too(sqlite_url: str):
    """A text of the day that did not arrive is no reason to text at night."""

    def before_nine(world: World) -> None:
        world.clock.move((EVENING - timedelta(minutes=40) - world.clock.now()).total_seconds())

    async with open_world(sqlite_url, prepare=before_nine, **SET) as world:
        root = await world.text("Your order is ready")
        first = await world.posted()
        world.carrier.fail(first.sid)
        await world.replied(root, "[Try again]")
        world.clock.move(timedelta(minutes=40).total_seconds())
        await world.press(root, "Try again")
        await world.replied(root, "Waits until 8:00 their time", "[Cancel] [Send now]")
        before = len(world.carrier.posts)
        world.clock.move(timedelta(hours=11).total_seconds())
        await world.posted(2)

    assert before == 1


async def test_text_that_misses_the_evening_waits_for_the_morning(sqlite_url: str):
    """CarrierX was down until after nine: it does not leave at 21:05."""

    def before_nine(world: World) -> None:
        world.clock.move((EVENING - timedelta(minutes=40) - world.clock.now()).total_seconds())

    async with open_world(sqlite_url, prepare=before_nine, **SET) as world:
        await world.know_numbers()  # a connection in the making would outlive the end
        await world.carrier.go_down()
        root = await world.text("Your order is ready")
        await world.shown(root, "CarrierX is not answering")
        world.clock.move(timedelta(minutes=30).total_seconds())
        await world.shown(root, "Waits until 8:00 their time")
        await world.carrier.come_up()
        await world.command("+15162065574 somebody else")
        before = list(world.carrier.posts)
        world.clock.move(timedelta(hours=11).total_seconds())
        await world.posted(2)

    assert before == []


async def test_stop_in_the_evening_reaches_the_text_that_waits(sqlite_url: str):
    """Whatever was promised for the morning does not go."""
    async with open_world(sqlite_url, prepare=at_night, **SET) as world:
        root = await world.text("Your order is ready")
        await world.shown(root, "Waits until 8:00")
        world.carrier.inbound(DIGITS, OURS, "stop", at=world.clock.now())
        await world.replied(root, "<@U0ALICE>", "asked for no more texts")
        world.clock.move(timedelta(hours=11).total_seconds())
        await world.command("+15162065574 somebody else")
        await world.carrier.until(lambda carrier: any(post.text == "somebody else" for post in carrier.posts))

    assert all(post.text != "Your order is ready" for post in world.carrier.posts)


async def test_the_form_says_so_before_one_presses_send(database_url: str):
    """As soon as a number can be read; not of somebody who wrote today, nor from a number that has no quiet hours."""
    waits = "It is 21:3", "there: this text waits until 8:00 their time."
    async with open_world(database_url, prepare=at_night, **SET, sms_admins="U0ALICE") as world:
        world.carrier.inbound("12125550123", OURS, "are you open?", at=world.clock.now())
        await world.root("general")
        view = await world.form()
        await world.fill(view, to=PHONE, text="Your order is ready")
        await world.form_says(*waits)
        await world.fill(view, to=f"{PHONE}, 2125550123, 516")
        await world.form_says("1 of 2 texts waits until 8:00 their time: it is 21:3")
        await world.fill(view, to="(212) 555-0123", text="Until ten")
        talking = await world.form_says("· 9 characters")
        await world.fill(view, to=PHONE)
        await world.form_says(*waits)
        await world.slack.submit("alice")
        await world.shown(await world.root(), "Waits until 8:00 their time")
        await world.whispered(f"hours +{OURS} off")
        view = await world.form()
        await world.fill(view, to=PHONE, text="At once")
        free = await world.form_says("· 7 characters")

    assert "wait" not in talking
    assert "wait" not in free


async def test_the_button_under_a_reply_says_so_too(sqlite_url: str):
    """Where Send to phone is offered for somebody who has not written for a day; not while they talk with us."""
    async with open_world(sqlite_url, prepare=at_night, **SET) as world:
        world.carrier.inbound(DIGITS, OURS, "are you open?", at=world.clock.now())
        root = await world.root("general")
        await world.slack.say("alice", "general", "until ten", thread_ts=root.ts)
        await world.slack.until(lambda slack: slack.ephemerals)
        world.clock.move(timedelta(hours=25).total_seconds())
        await world.slack.say("alice", "general", "and tomorrow", thread_ts=root.ts)
        await world.slack.until(lambda slack: len(slack.ephemerals) == 2)
        first, second = map(read, world.slack.ephemerals)

    assert "this text waits" not in first
    assert "this text waits until 8:00 their time." in second
