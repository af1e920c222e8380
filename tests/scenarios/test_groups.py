"""Group MMS: one thread, each speaker named, a reply to all, and who said STOP left out."""

from datetime import UTC

import pytest

from bot.domain.rules import ChannelRule, Mode
from bot.store.engine import open_database
from bot.store.rules import RuleStore
from playground.carrier import Post
from playground.slack.workspace import Ephemeral, Message
from tests.scenarios.reading import read
from tests.scenarios.world import World, open_world

OURS = "15162065575"
ANNA, BERT, CLEO, DORA = "12125550123", "13475550142", "14155550132", "15162065576"
FOUR = (ANNA, BERT, CLEO, DORA)
SHOWN = {ANNA: "(212) 555-0123", BERT: "(347) 555-0142", CLEO: "(415) 555-0132", DORA: "(516) 206-5576"}
ALL_FOUR = "to all 4: (212) 555-0123, (347) 555-0142, (415) 555-0132 and (516) 206-5576."


async def text_group(world: World, *numbers: str, text: str = "The lift is out of order") -> tuple[Message, Post]:
    """One group MMS from the form; the channel message, and what CarrierX got."""
    known, shown = len(world.carrier.posts), len(world.slack.channel("support").messages)
    view = await world.form()
    await world.fill(view, to=", ".join(f"+{each}" for each in numbers), how="group", text=text)
    await world.slack.submit("alice")
    post = await world.posted(known + 1)
    await world.slack.until(lambda slack: len(slack.channel("support").messages) > shown, 10)
    return await world.root(), post


def say(world: World, speaker: str, text: str, *media: str, group: tuple[str, ...] = FOUR) -> None:
    """A phone writes to its group."""
    others = [each for each in group if each != speaker]
    world.carrier.inbound(speaker, OURS, text, media, others, at=world.clock.now())


async def asked(world: World, root: Message, text: str) -> Ephemeral:
    """Alice writes in the thread; what she alone reads."""
    known = len(world.slack.ephemerals)
    await world.slack.say("alice", "support", text, thread_ts=root.ts)
    said = await world.slack.until(lambda slack: slack.ephemerals[known:])
    return said[0]


async def answer(world: World, root: Message, text: str) -> Post:
    """Alice writes in the thread and sends it; what CarrierX got."""
    known = len(world.carrier.posts)
    await world.slack.press("alice", await asked(world, root, text), "sms_text_reply")
    return await world.posted(known + 1)


async def stop(world: World, root: Message, *phones: str) -> None:
    """Each says STOP to the group, and its answer goes."""
    for phone in phones:
        known = len(world.carrier.posts)
        say(world, phone, "STOP")
        await world.posted(known + 1)
        await world.replied(root, f"{SHOWN[phone]} texted", "STOP", "Replies here leave it out.")


async def in_mode(url: str, mode: Mode) -> None:
    """What an administrator would have set before."""
    async with open_database(url) as engine:
        await RuleStore(engine).set_channel_rule("C0SUPPORT", ChannelRule(mode))


async def test_group_is_one_thread_with_its_speakers(each_world: World):
    """Whoever of them writes, in whatever order CarrierX names them; an answer goes to all as one group MMS."""
    world = each_world
    root, _ = await text_group(world, *FOUR)
    await world.headed(root, "A reply goes to all 4.")
    say(world, BERT, "Which one?")
    await world.replied(root, "Which one?")
    say(world, DORA, "Ours again?", group=(DORA, CLEO, BERT, ANNA))
    await world.replied(root, "Ours again?")
    whisper = await asked(world, root, "The left one")
    await world.slack.press("alice", whisper, "sms_text_reply")
    post = await world.posted(2)

    assert [said for said in world.replies(root) if "texted" in said] == [
        f"{SHOWN[BERT]} texted\nWhich one?",
        f"{SHOWN[DORA]} texted\nOurs again?",
    ]
    assert f"Your reply stays in Slack until you send it. It goes {ALL_FOUR}" in read(whisper)
    assert "[Send to all 4]" in read(whisper)
    assert (post.group, sorted(post.recipients), post.text) == (True, sorted(FOUR), "The left one")
    assert len(world.slack.channel("support").messages) == 1


async def test_receipts_stand_for_each_phone(world: World):
    """Of the text that begins the thread, and of an answer in it; who failed, and why."""
    root, first = await text_group(world, *FOUR)
    for phone in (ANNA, BERT, CLEO):
        world.carrier.deliver(first.sid, to=phone)
    world.carrier.fail(first.sid, "undelivered", to=DORA)
    await world.headed(root, "3 of 4 delivered · 1 failed · group mms")
    await world.shown(root, f"{SHOWN[ANNA]}: delivered", f"{SHOWN[DORA]}: failed")
    await world.replied(
        root, "Your text was not delivered to 1 of 4 phones.", f"{SHOWN[DORA]}: The phone's network could not"
    )
    second = await answer(world, root, "It works again")
    await world.replied(root, "0 of 4 delivered · 4 queued · group mms")
    for phone in (ANNA, BERT, CLEO):
        world.carrier.deliver(second.sid, to=phone)
    world.carrier.fail(second.sid, "undelivered", to=DORA)
    said = await world.slack.until(lambda slack: [each for each in slack.thread(root.ts) if "It works" in each.text])

    assert await world.replied(root, "3 of 4 delivered · 1 failed", f"{SHOWN[DORA]}: failed")
    await world.slack.until(lambda slack: slack.channel("support").history[said[0].ts].reacted("warning"), seconds=10)


@pytest.mark.parametrize("mode", [Mode.ASK, Mode.AUTO])
async def test_who_said_stop_is_left_out(database_url: str, mode: Mode):
    """It is said where the thread begins, before a reply goes, and after; the others' answers come into the thread."""
    await in_mode(database_url, mode)
    async with open_world(database_url, sms_undo_seconds=600) as world:
        root, _ = await text_group(world, *FOUR)
        await stop(world, root, BERT)
        without = f"to 3 of 4, without {SHOWN[BERT]}, who has asked for no more texts."
        await world.headed(root, f"A reply goes {without}")
        whisper = await asked(world, root, "It works again")
        if mode is Mode.ASK:
            await world.slack.press("alice", whisper, "sms_text_reply")
        else:
            world.clock.move(601)
        post = await world.posted(3)
        await world.replied(root, f"Not sent to {SHOWN[BERT]}, who has asked for no more texts.")
        say(world, CLEO, "Thanks", group=(ANNA, CLEO, DORA))
        await world.replied(root, f"{SHOWN[CLEO]} texted\nThanks")

        assert without in read(whisper)
        assert ("[Send to 3 of 4]" in read(whisper)) is (mode is Mode.ASK)
        assert (post.group, sorted(post.recipients)) == (True, sorted([ANNA, CLEO, DORA]))
        assert [each.recipients for each in world.carrier.posts if not each.group] == [(BERT,)]
        assert not world.slack.channel("general").messages


async def test_start_brings_them_back(world: World):
    """Also when they say so elsewhere: the thread's beginning follows."""
    root, _ = await text_group(world, *FOUR)
    world.carrier.inbound(BERT, OURS, "STOP")
    await world.headed(root, "A reply goes to 3 of 4")
    world.carrier.inbound(BERT, OURS, "START")
    await world.headed(root, "A reply goes to all 4.")
    known = len(world.carrier.posts)
    post = await answer(world, root, "Welcome back")

    assert (len(world.carrier.posts), sorted(post.recipients)) == (known + 1, sorted(FOUR))


async def test_last_one_gets_a_plain_text_and_then_nobody(world: World):
    """One who is left is texted alone, which is said; their answer is their own. Nobody left is a refusal."""
    root, _ = await text_group(world, *FOUR)
    await stop(world, root, ANNA, BERT, CLEO)
    alone = f"to {SHOWN[DORA]} alone: all others have asked for no more texts."
    await world.headed(root, f"A reply goes {alone}")
    whisper = await asked(world, root, "Only you now")
    await world.slack.press("alice", whisper, "sms_text_reply")
    post = await world.posted(5)
    await world.replied(root, "Not sent to (212) 555-0123, (347) 555-0142 and (415) 555-0132, who have asked for no")
    world.carrier.inbound(DORA, OURS, "Just me?")
    own = await world.root("general")
    await stop(world, root, DORA)
    await world.headed(root, "A reply goes to nobody: all 4 have asked for no more texts.")
    held = await asked(world, root, "Anybody?")

    assert f"It goes {alone}" in read(whisper)
    assert (post.group, post.recipients) == (False, (DORA,))
    assert read(own).startswith(f"{SHOWN[DORA]} texted Support")
    assert read(held).startswith("Your reply stays in Slack. 4 of the numbers have asked for no more texts")
    assert len(world.carrier.posts) == 6


async def test_stop_between_question_and_button_counts(world: World):
    """Who was told `all 4` reads afterwards who was left out."""
    root, _ = await text_group(world, *FOUR)
    whisper = await asked(world, root, "It works again")
    await stop(world, root, BERT)
    await world.slack.press("alice", whisper, "sms_text_reply")
    post = await world.posted(3)
    await world.replied(root, f"Not sent to {SHOWN[BERT]}")

    assert ALL_FOUR in read(whisper)
    assert sorted(post.recipients) == sorted([ANNA, CLEO, DORA])


async def test_start_between_question_and_button_asks_anew(world: World):
    """Its author was told that it goes without that phone, and may have written it for the others."""
    root, _ = await text_group(world, *FOUR)
    await stop(world, root, BERT)
    await world.headed(root, "A reply goes to 3 of 4")
    whisper = await asked(world, root, "Bert is behind with the rent")
    say(world, BERT, "START")
    await world.headed(root, "A reply goes to all 4.")
    await world.slack.press("alice", whisper, "sms_text_reply")
    [anew] = await world.slack.until(
        lambda slack: [each for each in slack.ephemerals if "takes texts again" in read(each)]
    )
    before = len(world.carrier.posts)
    await world.slack.press("alice", anew, "sms_text_anyway")
    post = await world.posted(before + 1)

    assert "It goes to 3 of 4, without (347) 555-0142" in read(whisper)
    assert f"Not sent yet: (347) 555-0142 takes texts again since you wrote. It goes {ALL_FOUR}" in read(anew)
    assert (before, sorted(post.recipients)) == (2, sorted(FOUR))


async def test_waiting_text_that_a_stop_ends_can_go_to_the_others(database_url: str):
    """Nothing goes by itself to fewer than its author was told; a button sends it, into the same thread."""
    await in_mode(database_url, Mode.AUTO)
    async with open_world(database_url, sms_undo_seconds=600) as world:
        root, _ = await text_group(world, *FOUR)
        whisper = await asked(world, root, "It works again")
        await stop(world, root, BERT)
        await world.replied(root, f"{SHOWN[BERT]} asked for no more texts before it left", "[Send to the others]")
        world.clock.move(601)
        await world.press(root, "Send to the others")
        post = await world.posted(3)
        await world.replied(root, "texted a group: (212) 555-0123, (415) 555-0132, (516) 206-5576 again")
        say(world, CLEO, "Thanks", group=(ANNA, CLEO, DORA))
        await world.replied(root, f"{SHOWN[CLEO]} texted\nThanks")

        assert f"600 s after you wrote it, it goes {ALL_FOUR}" in read(whisper)
        assert (post.group, sorted(post.recipients)) == (True, sorted([ANNA, CLEO, DORA]))
        assert len(world.carrier.posts) == 3


@pytest.mark.parametrize(
    ("told", "to", "lost"),
    [
        ("recipients", "ours", False),
        ("others", "ours", False),
        ("everybody", "ours", False),
        ("nobody", "ours", False),
        ("nobody", "list", False),
        ("nobody", "commas", False),
        ("others", "list", False),
        ("recipients", "ours", True),
        ("nobody", "list", True),
        ("nobody", "ours", True),
    ],
)
async def test_group_that_we_did_not_begin(sqlite_url: str, told: str, to: str, lost: bool):  # noqa: FBT001 -- a row
    """However CarrierX names its members; where it names none, only the speaker is answered."""
    async with open_world(sqlite_url, sms_catch_up_seconds=1.0, sms_callback_wait_seconds=1.0) as world:
        await world.know_numbers()
        await world.carrier.until(lambda carrier: any("message_drs" in request.path for request in carrier.requests))
        world.carrier.behave(inbound_group=told, inbound_to=to, inbound_lost=lost)
        say(world, BERT, "Is the lift broken?")
        root = await world.root("general")
        await world.slack.say("alice", "general", "The left one", thread_ts=root.ts)
        whisper = (await world.slack.until(lambda slack: slack.ephemerals))[0]
        await world.slack.press("alice", whisper, "sms_text_reply")
        post = await world.posted()

        known = not (told == "nobody" and to == "ours")
        others = " and (212) 555-0123, (415) 555-0132, (516) 206-5576 (a group)" if known else ""
        assert f"{SHOWN[BERT]} texted Support (516) 206-5575{others}\n" in read(root)
        assert ("A reply goes to all 4." in read(root)) is known
        assert (post.group, sorted(post.recipients)) == (known, sorted(FOUR) if known else [BERT])


async def test_member_of_two_groups_and_alone(world: World):
    """Three threads: each group's, and their own; nobody reads what was not written to them."""
    pair, _ = await text_group(world, ANNA, BERT, text="To two")
    four, _ = await text_group(world, *FOUR, text="To four")
    say(world, ANNA, "in four")
    await world.replied(four, f"{SHOWN[ANNA]} texted\nin four")
    say(world, ANNA, "in two", group=(BERT, ANNA))
    await world.replied(pair, f"{SHOWN[ANNA]} texted\nin two")
    world.carrier.inbound(ANNA, OURS, "between us")
    own = await world.root("general")

    assert read(own) == f"{SHOWN[ANNA]} texted Support (516) 206-5575\nbetween us"
    assert [sum("in " in said for said in world.replies(root)) for root in (pair, four)] == [1, 1]


async def test_unknown_speaker_is_another_group(world: World):
    """Somebody has taken a fifth phone in: an answer to them reaches that one too, so it has a thread of its own."""
    four, _ = await text_group(world, *FOUR)
    say(world, "19175550111", "Count me in", group=FOUR)
    five = await world.root("general")

    assert read(five).startswith("(917) 555-0111 texted Support (516) 206-5575 and (212) 555-0123, ")
    assert "A reply goes to all 5." in read(five)
    assert not any("Count me in" in said for said in world.replies(four))


async def test_picture_from_a_member_is_in_the_thread(world: World):
    """With its speaker, as of any phone."""
    root, _ = await text_group(world, *FOUR)
    say(world, CLEO, "Look", f"{world.carrier.origin}/media/harbour.png")
    await world.replied(root, f"{SHOWN[CLEO]} texted\nLook", "Its file is below.")

    assert any(reply.files for reply in world.slack.thread(root.ts))


async def test_group_waits_until_it_is_day_for_all(sqlite_url: str):
    """At nine in the morning in New York it is six in San Francisco."""
    async with open_world(sqlite_url, sms_quiet_hours="21:00-08:00") as world:
        now = world.clock.now()
        morning = now.astimezone(UTC).replace(hour=14, minute=0, second=0)
        world.clock.move((morning - now).total_seconds() + (0 if morning > now else 86_400))
        view = await world.form()
        await world.fill(view, to=f"+{ANNA}, +{CLEO}", how="group", text="Good morning")
        await world.slack.submit("alice")
        root = await world.root()
        await world.headed(root, "0 of 2 delivered · 2 waiting", "Waits until 8:00 in Los Angeles, 11:00 in New York")
        before = list(world.carrier.posts)
        world.clock.move(2 * 3600 + 600)
        post = await world.posted()

        assert before == []
        assert sorted(post.recipients) == [ANNA, CLEO]


async def test_tenth_phone_is_one_too_many(world: World):
    """Under its field, before anything is sent."""
    view = await world.form()
    ten = ", ".join(f"+1212555010{at}" for at in range(10))
    await world.fill(view, to=ten, how="group", text="hi")
    outcome = await world.slack.submit("alice")

    assert "A group MMS takes 9 people besides you, and these are 10." in str(outcome.body)
    assert world.carrier.posts == []


async def test_waiting_group_is_nudged_also_without_who_said_stop(sqlite_url: str):
    """An answer to the others is an answer."""
    async with open_world(sqlite_url, sms_nudge_minutes=30) as world:
        root, _ = await text_group(world, *FOUR)
        await stop(world, root, BERT)
        say(world, CLEO, "anybody?")
        await world.replied(root, "anybody?")
        world.clock.move(31 * 60)
        await world.replied(root, "have waited")
        say(world, CLEO, "and now?")
        await world.replied(root, "and now?")
        await answer(world, root, "yes")
        world.clock.move(31 * 60)
        world.carrier.inbound("12075550124", OURS, "hi", at=world.clock.now())
        other = await world.root("general")
        world.clock.move(31 * 60)
        await world.shown(other, "has waited")

        assert sum("have waited" in said for said in world.replies(root)) == 1


async def test_wish_to_stop_that_a_person_grants_counts_for_the_group(world: World):
    """Opt out says what it means where it was said."""
    root, _ = await text_group(world, *FOUR)
    say(world, BERT, "please stop texting me")
    await world.replied(root, "This may be a wish for no more texts.")
    await world.press(root, "Opt out")
    await world.replied(root, "opted them out. Replies here leave it out.")
    await world.headed(root, f"A reply goes to 3 of 4, without {SHOWN[BERT]}")
