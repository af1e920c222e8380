"""What administrators set, look at, lift and erase; alice is a member, ben an admin."""

import pytest

from bot.store.engine import open_database
from playground.slack.workspace import Ephemeral, Message
from tests.scenarios.reading import read
from tests.scenarios.world import DIGITS, PHONE, SHOWN, World, open_world
from tests.services.ledger import read_ledger

OURS = "15162065575"
OURS_SHOWN = "Support (516) 206-5575"


async def whispered(world: World, *fragments: str, user: str = "ben") -> Ephemeral:
    """What one person alone reads."""
    who = world.slack.workspace.person(user).id
    found = await world.slack.until(
        lambda slack: [
            said for said in slack.ephemerals if said.user == who and all(part in read(said) for part in fragments)
        ]
    )
    return found[-1]


async def asked(world: World, text: str, user: str = "ben") -> Ephemeral:
    """What is to be confirmed after a command."""
    outcome = await world.command(text, user=user)
    assert outcome.ephemeral is not None, outcome
    return outcome.ephemeral


async def from_phone(world: World, said: str) -> Message:
    """A text from the usual phone; its conversation's root.

    The first reading of CarrierX's records takes STOPs from before; this one must not be among them.
    """
    await world.carrier.until(lambda carrier: any("message_drs" in request.path for request in carrier.requests))
    world.carrier.inbound(DIGITS, OURS, said, at=world.clock.now())
    return await world.root("general")


async def opted_out(world: World) -> Message:
    """The usual phone says STOP, and has the confirmation."""
    root = await from_phone(world, "STOP")
    await world.posted()
    await world.headed(root, "Opted out")
    return root


ORDERS = [
    "route +15162065575 #support",
    "mode auto",
    "hours +15162065575 off",
    "optouts",
    f"optin {PHONE} why",
    f"erase {PHONE}",
]


@pytest.mark.parametrize("order", ORDERS, ids=[order.split()[0] for order in ORDERS])
async def test_member_is_refused_in_words_and_nothing_changes(world: World, order: str):
    """Setting, opt-outs and erasing are the administrators'."""
    await world.know_numbers()
    before = [await world.whispered(look) for look in ("routes", "mode", "hours")]
    said = await world.whispered(order)

    assert said == "Only an admin or owner of this workspace can do this. Nothing was changed."
    assert [await world.whispered(look) for look in ("routes", "mode", "hours")] == before
    assert await world.whispered("optouts", user="ben") == "Nobody is opted out."


async def test_only_those_who_are_named_are_administrators(sqlite_url: str):
    """SMS_ADMINS replaces the workspace's admins and owners."""
    async with open_world(sqlite_url, sms_admins=("U0ALICE",)) as world:
        refused = await world.whispered("mode auto", user="ben")
        done = await world.whispered("mode auto", user="alice")

    assert refused == "Only whoever SMS_ADMINS names can do this. Nothing was changed."
    assert done == "Replies in threads here are texted by themselves, except notes (auto)."


async def test_guest_sees_nothing(world: World):
    assert await world.whispered("routes", user="gus") == (
        "Guests cannot send texts. Ask a full member of this workspace to send it."
    )


async def test_texts_to_a_number_go_where_its_route_says(each_world: World):
    """A conversation that has a thread keeps it; the bot joins the channel."""
    world = each_world
    await world.know_numbers()
    first = await from_phone(world, "hello?")
    said = await world.whispered("route (516) 206-5575 #random", user="ben")
    shown = await world.whispered("routes")
    world.carrier.inbound("12075550123", OURS, "a new one")
    new = await world.root("random")
    await from_phone(world, "still there?")
    await world.shown(first, "still there?")
    await world.whispered("route +15162065575 off", user="ben")
    world.carrier.inbound("12075550124", OURS, "another new one")
    await world.slack.until(lambda slack: len(slack.channel("general").messages) == 2)

    assert said == (
        f"New conversations with {OURS_SHOWN} are shown in <#C0RANDOM> from now on. "
        "Conversations that have a thread stay in it."
    )
    assert shown.splitlines() == [
        "Where new conversations are shown",
        f"{OURS_SHOWN}: <#C0RANDOM>",
        "All other numbers: <#C0GENERAL>",
        "/sms route NUMBER #channel sets one.",
    ]
    assert "a new one" in read(new)
    assert world.slack.channel("random").has_bot


ROUTES = [
    ("route +15162065575 #nowhere", "Slack knows no channel #nowhere that you may see"),
    ("route +15162065575 C0LEADSXXXX", "I cannot see that channel: invite me there first"),
    ("route +15162065575 #leads", "I cannot see that channel: invite me there first"),
    ("route +15162065575 #old-deals", "That channel is archived: choose another one."),
    ("route +15162065575 #globex", "Another company sees this channel"),
    (f"route {PHONE} #support", f"{SHOWN} is none of your numbers: type"),
]


async def test_route_that_cannot_work_is_refused(world: World):
    """Nothing is set, and the sentence says what to do."""
    await world.know_numbers()
    said = {typed: await world.whispered(typed, user="ben") for typed, _ in ROUTES}

    assert {typed: part in said[typed] for typed, part in ROUTES} == {typed: True for typed, _ in ROUTES}
    assert "All numbers: <#C0GENERAL>" in await world.whispered("routes")


async def test_private_channel_with_the_bot_in_it_is_fine(world: World):
    """It is joined by invitation, which has been."""
    await world.know_numbers()
    said = await world.whispered("route +15162065575 #vip", user="ben")
    world.carrier.inbound("12075550123", OURS, "a new one")

    assert "<#C0VIP>" in said
    assert "a new one" in read(await world.root("vip"))


async def test_mode_is_followed_at_once(world: World):
    """In this channel and in no other."""
    root = await from_phone(world, "hello?")
    done = (await asked_in(world, "mode auto", "general")).splitlines()
    shown = await world.whispered("mode", channel="general")
    elsewhere = await world.whispered("mode")
    await world.slack.say("alice", "general", "on my way", thread_ts=root.ts)
    post = await world.posted()

    assert done == ["Replies in threads here are texted by themselves, except notes (auto)."]
    assert shown.splitlines()[0] == done[0]
    assert elsewhere.splitlines()[0] == "Replies in threads here are texted when their author says so (ask)."
    assert post.text == "on my way"


async def asked_in(world: World, text: str, channel: str) -> str:
    return await world.whispered(text, user="ben", channel=channel)


async def test_hours_are_shown_and_set(sqlite_url: str):
    async with open_world(sqlite_url, sms_quiet_hours="21:00-08:00") as world:
        await world.know_numbers()
        before = await world.whispered("hours")
        done = await world.whispered("hours +15162065575 off", user="ben")
        shown = await world.whispered("hours")
        usual = await world.whispered("hours +15162065575 default", user="ben")

    assert before.splitlines()[1] == "All numbers: 21:00-08:00"
    assert done == f"{OURS_SHOWN} has no quiet hours: people may be texted first from it at any hour."
    assert shown.splitlines()[1:3] == [f"{OURS_SHOWN}: none", "All other numbers: 21:00-08:00"]
    assert usual == (
        f"Nobody is texted first from {OURS_SHOWN} at 21:00-08:00 by the phone's clock, as for all others."
    )


async def test_opt_outs_show_words_that_do_nothing(world: World):
    """Since when, by what words, on which of our numbers, or whose decision it was."""
    await world.know_numbers()
    await opted_out(world)
    world.carrier.inbound("12075550123", OURS, "please stop texting me <!channel> *now*")
    asking = await world.slack.until(lambda slack: slack.channel("general").messages[1:])
    await world.slack.press("alice", asking[0], "sms_opt_out")
    await world.headed(asking[0], "opted them out")
    said = await world.whispered("optouts", user="ben")

    assert said.splitlines() == [
        "2 numbers are opted out.",
        (
            f"(207) 555-0123 since {{time}}, by “please stop texting me <!channel> *now*” to {OURS_SHOWN}, "
            "decided by <@U0ALICE>"
        ),
        f"{SHOWN} since {{time}}, by “STOP” to {OURS_SHOWN}",
        "/sms optin NUMBER REASON lifts one, when they have asked you for it.",
    ]
    # Who decided is named to one person alone; what the phone said names nobody.
    assert {user for ping in world.slack.pings for user in ping.people} == {"U0ALICE"}


async def test_opt_out_is_lifted_after_a_confirmation(each_world: World):
    """The ledger has who and why; before it nothing goes, after it texts do."""
    world = each_world
    await opted_out(world)
    question = await asked(world, f"optin {PHONE} asked by phone :smile:")
    refused = await world.whispered(f"{PHONE} hello")
    await world.slack.press("ben", question, "sms_opt_in")
    await whispered(world, f"{SHOWN} may be texted again. The ledger has your name and the reason.")
    await world.command(f"{PHONE} hello again")
    post = await world.posted(2)
    again = await world.whispered(f"optin {PHONE} asked by phone", user="ben")
    await world.slack.press("ben", question, "sms_opt_in")
    await whispered(world, f"{SHOWN} may be texted already, so this press did nothing more.")

    assert "Text (516) 206-5576 again?" in read(question)
    assert "by “STOP” to " in read(question)
    assert "“asked by phone 😄”" in read(question)
    assert "has asked for no more texts" in refused
    assert post.text == "hello again"
    assert again == f"{SHOWN} is not opted out, so there is nothing to lift."


async def test_ledger_has_who_lifted_it(sqlite_url: str):
    async with open_world(sqlite_url) as world:
        await opted_out(world)
        question = await asked(world, f"optin {PHONE} asked by phone")
        await world.slack.press("ben", question, "sms_opt_in")
        await whispered(world, "may be texted again")

    async with open_database(sqlite_url) as engine:
        lines = await read_ledger(engine, PHONE)

    assert [(line.action, line.words, line.user_id, line.reason) for line in lines] == [
        ("opted_out", "STOP", "", ""),
        ("opted_in", "", "U0BEN", "asked by phone"),
    ]


@pytest.mark.parametrize("order", [f"optin {PHONE} asked by phone", f"erase {PHONE}"])
async def test_cancel_takes_the_question_away(world: World, order: str):
    root = await opted_out(world)
    question = await asked(world, order)
    await world.slack.press("ben", question, "sms_dismiss")
    await world.slack.until(lambda slack: all("[Confirm]" not in read(said) for said in slack.ephemerals))

    assert "is opted out" in await world.whispered("optouts", user="ben")
    assert "STOP" in await world.headed(root, "Opted out")


@pytest.mark.parametrize(
    ("order", "button"), [(f"optin {PHONE} why not", "sms_opt_in"), (f"erase {PHONE}", "sms_erase")]
)
async def test_press_is_checked_for_its_rights_again(world: World, order: str, button: str):
    """Whoever is no administrator any more changes nothing."""
    root = await opted_out(world)
    question = await asked(world, order)
    await world.slack.change_person("ben", admin=False)
    await world.slack.press("ben", question, button)
    await whispered(world, "Only an admin or owner of this workspace can do this. Nothing was changed.")

    assert "1 number is opted out." in await world.whispered("optouts", user="olivia")
    assert "STOP" in await world.headed(root, "Opted out")


async def test_erased_texts_are_gone_from_slack_and_database(database_url: str):
    """What waited is canceled, a second press does nothing more, the opt-out stands, and the ledger says who."""
    async with open_world(database_url) as world:
        root = await from_phone(world, "my secret")
        await world.command(f"{PHONE} your secret", channel="general")
        await world.posted()
        await world.shown(root, "your secret")
        await from_phone(world, "STOP")
        await world.posted(2)
        await world.shown(root, "Opted out", place=2)
        question = await asked(world, f"erase {PHONE}")
        outcome = await world.slack.press("ben", question, "sms_erase")
        await whispered(world, f"What was written with {SHOWN} is being erased; my messages in Slack follow.")
        await world.slack.redeliver(outcome)
        await whispered(world, f"What was written with {SHOWN} is erased already; nothing more was done.")
        await world.headed(root, f"{SHOWN} texted", "(erased)")
        await world.slack.until(
            lambda slack: (
                not any(
                    word in read(said) for said in slack.thread(root.ts) for word in ("secret", "\nSTOP", "Reply START")
                )
            )
        )
        refused = await world.whispered(f"{PHONE} hello")

    async with open_database(database_url) as engine:
        lines = await read_ledger(engine, PHONE)

    assert "has asked for no more texts" in refused
    assert [(line.action, line.words, line.user_id) for line in lines] == [
        ("opted_out", "STOP", ""),
        ("erased", "", "U0BEN"),
    ]
