"""`/sms status`: what works, what waits, what failed, and what to do about each."""

from playground.carrier.faults import Fault, Kind
from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, World, open_world

OURS = "15162065575"


async def test_when_everything_works_it_is_short(sqlite_url: str):
    """The numbers with what they can, nothing that waits or failed, and how texts from phones come."""
    async with open_world(sqlite_url, sms_help_contact="help@example.com") as world:
        await world.know_numbers()
        told = await world.whispered(" STATUS ")

    assert told.splitlines() == [
        "Everything works",
        "",
        "Numbers that can text",
        "Sales (207) 815-2557 · SMS and MMS · texts to it go to <#C0GENERAL>",
        "(516) 206-5574 · SMS, no MMS · texts to it go to <#C0GENERAL>",
        "Support (516) 206-5575 · SMS and MMS · texts to it go to <#C0GENERAL>",
        "",
        "Texts to phones",
        "None waits",
        "None failed in 24 hours",
        "",
        "Texts from phones",
        "None came in the last 30 days",
        "No callback has come in the last 30 days; CarrierX's records are read every 2 minutes",
    ]


async def test_what_is_not_set_is_said_with_what_to_set(sqlite_url: str):
    async with open_world(sqlite_url, sms_inbound_channel="") as world:
        await world.know_numbers()
        told = await world.whispered("status")

    assert told.startswith("2 problems")
    assert "SMS_INBOUND_CHANNEL is not set" in told
    assert "SMS_HELP_CONTACT is not set" in told
    assert "texts to it go to the administrators" in told


async def test_what_waits_and_what_failed_is_counted_by_reason(each_world: World):
    """With the oldest; failures in the words that the threads have."""
    world = each_world
    await world.know_numbers()
    root = await world.text("one")
    post = await world.posted()
    world.carrier.fail(post.sid, "undelivered")
    await world.shown(root, "failed")
    world.carrier.arm(Fault(Kind.THROTTLED, times=None, retry_after="600"))
    waits = await world.text("two", channel="vip")
    await world.shown(waits, "CarrierX asks us to slow down")
    told = await world.whispered("status")

    assert "1 not gone yet, the oldest from {time}" in told
    assert "1: CarrierX asks us to slow down" in told
    assert "1 failed in the last 24 hours" in told
    assert "1: The phone's network could not deliver it." in told


async def test_texts_held_up_by_carrierx_are_not_called_well(database_url: str):
    """However short it lasts so far; what waits only for an earlier text to the same phone is counted apart."""
    async with open_world(database_url, sms_help_contact="help@example.com") as world:
        await world.know_numbers()
        world.carrier.arm(Fault(Kind.THROTTLED, times=None, retry_after="600"))
        first = await world.text("one")
        await world.shown(first, "CarrierX asks us to slow down")
        await world.text("two")
        await world.replied(first, "the text before it")
        told = await world.whispered("status")

    assert told.startswith("Texts wait for CarrierX")
    assert "1: CarrierX asks us to slow down" in told
    assert "1: an earlier text to the same phone, which goes first" in told
    assert "just going" not in told


async def test_callbacks_that_do_not_arrive_are_seen(database_url: str):
    """Texts come by the records then, late; it says where to look."""
    async with open_world(database_url, sms_callback_wait_seconds=1) as world:
        world.carrier.inbound(DIGITS, OURS, "by callback", at=world.clock.now())
        root = await world.root("general")
        before = await world.whispered("status")
        for text in ("lost", "lost too"):
            world.carrier.inbound(DIGITS, OURS, text, at=world.clock.now(), lost=True)
        world.clock.move(130)
        await world.shown(root, "lost too", place=1)
        after = await world.whispered("status")

    assert "0 of 1 in the last 24 hours came only by records" in before
    assert "The last callback came {time}" in before
    assert "Callbacks do not arrive: 2 of 3 texts from phones within a day came only by records." in after
    assert "callback URL in CarrierX's portal" in after


async def test_without_callbacks_it_says_how_often_carrierx_is_asked(sqlite_url: str):
    async with open_world(sqlite_url, carrierx_callback_secret=()) as world:
        await world.know_numbers()
        told = await world.whispered("status")

    assert "No callback is set: CarrierX is asked every 30 s, every 3 s while texts go and come" in told


async def test_whether_carrierx_answers_for_texts_by_id_is_told(sqlite_url: str):
    """Which is not documented."""
    async with open_world(sqlite_url, carrierx_verify_callbacks=True) as world:
        before = await world.whispered("status")
        world.carrier.inbound(DIGITS, OURS, "hello")
        await world.root("general")
        after = await world.whispered("status")

    assert "Whether CarrierX answers for them by id: it has not been asked yet" in before
    assert "Whether CarrierX answers for them by id: yes" in after


async def test_token_that_is_refused_is_the_first_thing_said(world: World):
    """As `/readyz` has it, with what to do."""
    await world.know_numbers()
    world.carrier.arm(Fault(Kind.UNAUTHORIZED, times=None, on="any"))
    root = await world.text()
    await world.shown(root, "CarrierX refuses our token")
    told = await world.whispered("status")
    async with world.http.get(f"{world.url}/readyz") as answer:
        ready = await answer.text()

    assert "CarrierX refuses CARRIERX_TOKEN since {time}; texts wait. Make a new token" in told
    assert "1: CarrierX refuses our token" in told
    assert "degraded: CarrierX refuses CARRIERX_TOKEN since 20" in ready


async def test_anybody_of_the_workspace_may_read_it_but_no_guest(world: World):
    outcome = await world.command("status", user="gus")
    member = await world.whispered("status", user="ben")

    assert outcome.ephemeral is not None
    assert "Numbers that can text" not in read(outcome.ephemeral)
    assert "Numbers that can text" in member
