"""What people write in a conversation's thread: what goes to the phone, what stays, and what they are told."""

import pytest

from bot.domain.rules import ChannelRule, Mode
from bot.store.engine import open_database
from bot.store.rules import RuleStore
from playground.slack.delivery import Told
from playground.slack.faults import Fault, Hold
from playground.slack.workspace import Ephemeral, Message
from tests.scenarios.reading import links, read
from tests.scenarios.world import DIGITS, World, open_world

OURS = "15162065575"


async def in_mode(url: str, mode: Mode, *, everyone: bool = False) -> None:
    """What an administrator would have set before."""
    async with open_database(url) as engine:
        await RuleStore(engine).set_channel_rule("C0GENERAL", ChannelRule(mode, everyone))


async def conversation(world: World, text: str = "hello?") -> Message:
    """A phone texts us; the root of its thread."""
    known = len(world.slack.channel("general").messages)
    world.carrier.inbound(DIGITS, OURS, text)
    await world.slack.until(lambda slack: len(slack.channel("general").messages) > known)
    return await world.root("general")


async def whispered(world: World, user: str, *fragments: str) -> Ephemeral:
    """What one person alone reads."""
    who = world.slack.workspace.person(user).id
    found = await world.slack.until(
        lambda slack: [
            said for said in slack.ephemerals if said.user == who and all(part in read(said) for part in fragments)
        ]
    )
    return found[0]


async def marked(world: World, message: Message, name: str) -> None:
    await world.slack.until(lambda slack: slack.channel(message.channel).history[message.ts].reacted(name), seconds=10)


async def test_nothing_goes_until_its_author_says_so(each_world: World):
    """In ask mode, which is the default: a mark, a button, and the phone is told only then."""
    world = each_world
    root = await conversation(world)
    said = await world.slack.say("alice", "general", "*on* my <https://example.com|way>", thread_ts=root.ts)
    await marked(world, said, "no_mobile_phones")
    whisper = await whispered(world, "alice", "stays in Slack until you send it", "[Send to phone]")
    before = list(world.carrier.posts)
    await world.slack.press("alice", whisper, "sms_text_reply")
    post = await world.posted()
    await marked(world, said, "incoming_envelope")

    assert before == []
    assert (post.sender, post.recipients, post.text) == (OURS, (DIGITS,), "on my way (https://example.com)")
    assert len(world.slack.thread(root.ts)) == 1


async def test_reaction_sends_what_the_button_would(world: World):
    """The button can vanish; the author's 📤 does not depend on it, and nobody else's counts."""
    root = await conversation(world)
    said = await world.slack.say("alice", "general", "on my way", thread_ts=root.ts)
    await marked(world, said, "no_mobile_phones")
    await world.slack.react("ben", said, "outbox_tray")
    await world.slack.react("alice", said, "outbox_tray")
    post = await world.posted()
    await world.slack.unreact("alice", said, "outbox_tray")
    await world.slack.react("alice", said, "outbox_tray")
    await whispered(world, "alice", "sent to the phone already")

    assert post.text == "on my way"
    assert len(world.carrier.posts) == 1


async def test_replies_go_by_themselves_where_that_was_set(sqlite_url: str):
    """In auto mode, but for notes; the mark follows the text."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url) as world:
        root = await conversation(world)
        note = await world.slack.say("alice", "general", "// is he a customer?", thread_ts=root.ts)
        mention = await world.slack.say("alice", "general", "<@U0BEN> can you?", thread_ts=root.ts)
        said = await world.slack.say("alice", "general", "on my way", thread_ts=root.ts)
        post = await world.posted()
        world.carrier.deliver(post.sid)
        await marked(world, said, "white_check_mark")
        await marked(world, note, "lock")
        await marked(world, mention, "lock")

        assert [each.text for each in world.carrier.posts] == ["on my way"]


@pytest.mark.parametrize("how", ["button", "reaction", "deletion"])
async def test_reply_can_be_taken_back_for_some_seconds(sqlite_url: str, how: str):
    """An Undo button, the author's ❌, and deleting it do the same; nothing leaves."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url, sms_undo_seconds=600) as world:
        root = await conversation(world)
        said = await world.slack.say("alice", "general", "on my way", thread_ts=root.ts)
        whisper = await whispered(world, "alice", "[Undo]")
        await marked(world, said, "hourglass_flowing_sand")
        if how == "button":
            await world.slack.press("alice", whisper, "sms_undo")
        elif how == "reaction":
            await world.slack.react("alice", said, "x")
        else:
            await world.slack.delete("alice", said)
        second = await world.slack.say("alice", "general", "another", thread_ts=root.ts)
        await whispered(world, "alice", "[Undo]")
        await world.slack.edit("alice", second, "another one")
        world.clock.move(601)
        post = await world.posted()

        assert post.text == "another one"
        assert len(world.carrier.posts) == 1


async def test_reply_that_is_first_heard_of_by_its_edit_waits_for_its_author(sqlite_url: str):
    """Slack's word of the reply itself may still come, and would text what it said before."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url) as world:
        root = await conversation(world)
        events, world.slack.request_url = world.slack.request_url, f"{world.url}/nowhere"
        world.slack.retry_after = ()
        said = await world.slack.say("alice", "general", "what a pest", thread_ts=root.ts)
        told = world.slack.told_of(said)
        world.slack.request_url = events
        await world.slack.edit("alice", said, "on my way")
        await world.slack.redeliver(told, retry=2)
        whisper = await whispered(world, "alice", "stays in Slack until you send it", "[Send to phone]")
        await world.slack.press("alice", whisper, "sms_text_reply")

        assert (await world.posted()).text == "on my way"
        assert len(world.carrier.posts) == 1


async def test_edit_after_the_text_left_gets_a_quiet_word(sqlite_url: str):
    """The phone keeps what was sent."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url, sms_undo_seconds=0) as world:
        root = await conversation(world)
        said = await world.slack.say("alice", "general", "on my way", thread_ts=root.ts)
        await world.posted()
        await world.slack.edit("alice", said, "on my way!")
        whisper = await whispered(world, "alice", "The phone keeps what was sent")

        assert whisper.thread_ts == root.ts
        assert len(world.carrier.posts) == 1


async def test_second_of_two_answers_sees_the_first_before_it_goes(world: World):
    """In ask mode the second author reads what the first has sent, and decides."""
    root = await conversation(world)
    await world.slack.say("alice", "general", "Tuesday at 9", thread_ts=root.ts)
    await world.slack.say("ben", "general", "Wednesday at 10", thread_ts=root.ts)
    first = await whispered(world, "alice", "[Send to phone]")
    second = await whispered(world, "ben", "[Send to phone]")
    await world.slack.press("alice", first, "sms_text_reply")
    await world.posted()
    await world.slack.press("ben", second, "sms_text_reply")
    met = await whispered(world, "ben", "an answer went out after you wrote", "Tuesday at 9", "[Send anyway]")
    before = len(world.carrier.posts)
    await world.slack.press("ben", met, "sms_text_anyway")
    post = await world.posted(2)

    assert before == 1
    assert post.text == "Wednesday at 10"


async def test_redelivered_reply_is_one_text(sqlite_url: str):
    """Slack may tell of a message again, also as another event."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url, sms_undo_seconds=0) as world:
        root = await conversation(world)
        said = await world.slack.say("alice", "general", "on my way", thread_ts=root.ts)
        await world.slack.redeliver(world.slack.told_of(said), retry=1)
        await world.slack.redeliver(world.slack.told_of(said), new_id=True)
        await world.slack.say("alice", "general", "here", thread_ts=root.ts)
        await world.posted(2)

        assert [post.text for post in world.carrier.posts] == ["on my way", "here"]


async def test_guests_and_workflows_are_not_texted(sqlite_url: str):
    """Unless the channel allows it."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url, sms_undo_seconds=0) as world:
        root = await conversation(world)
        await world.slack.post_as_workflow("general", "Good morning", thread_ts=root.ts)
        guest = await world.slack.say("gus", "general", "I am a guest", thread_ts=root.ts)
        await marked(world, guest, "lock")
        await world.slack.say("alice", "general", "a member", thread_ts=root.ts)
        post = await world.posted()

        assert [each.text for each in world.carrier.posts] == ["a member"]
        assert post.text == "a member"


@pytest.mark.parametrize("how", ["button", "reaction", "shortcut"])
async def test_guest_sends_their_own_reply_where_everyone_may(sqlite_url: str, how: str):
    """What an administrator allowed is not refused at the button; somebody else's reply is not theirs to send."""
    await in_mode(sqlite_url, Mode.ASK, everyone=True)
    async with open_world(sqlite_url) as world:
        root = await conversation(world)
        theirs = await world.slack.say("alice", "general", "not the guest's", thread_ts=root.ts)
        said = await world.slack.say("gus", "general", "on my way", thread_ts=root.ts)
        whisper = await whispered(world, "gus", "[Send to phone]")
        await world.slack.message_shortcut("gus", "general", theirs.ts, "sms_send_reply")
        refused = await whispered(world, "gus", "Only who wrote a reply can send it")
        if how == "button":
            await world.slack.press("gus", whisper, "sms_text_reply")
        elif how == "reaction":
            await world.slack.react("gus", said, "outbox_tray")
        else:
            await world.slack.message_shortcut("gus", "general", said.ts, "sms_send_reply")
        await world.posted()
        await marked(world, said, "incoming_envelope")

        assert refused is not None
        assert [post.text for post in world.carrier.posts] == ["on my way"]


async def test_guest_takes_their_own_reply_back_where_everyone_may(sqlite_url: str):
    """In auto mode it goes by itself, so Undo is theirs as well."""
    await in_mode(sqlite_url, Mode.AUTO, everyone=True)
    async with open_world(sqlite_url, sms_undo_seconds=600) as world:
        root = await conversation(world)
        await world.slack.say("gus", "general", "on my way", thread_ts=root.ts)
        await world.slack.press("gus", await whispered(world, "gus", "[Undo]"), "sms_undo")
        world.clock.move(601)
        await world.command("+15162065574 somebody else")
        await world.posted()

        assert [post.text for post in world.carrier.posts] == ["somebody else"]


async def test_note_is_not_sent_by_a_reaction_either(sqlite_url: str):
    """It says so, instead of that it was sent."""
    await in_mode(sqlite_url, Mode.AUTO)
    async with open_world(sqlite_url) as world:
        root = await conversation(world)
        note = await world.slack.say("alice", "general", "// is he a customer?", thread_ts=root.ts)
        await marked(world, note, "lock")
        await world.slack.react("alice", note, "outbox_tray")
        await whispered(world, "alice", "This reply stays among colleagues, so it was not sent.")

        assert world.carrier.posts == []


async def test_shortcut_texts_nothing_that_a_colleague_wrote(sqlite_url: str):
    """Also where it brings the first word of a reply, as of one from before replies were texted there."""
    await in_mode(sqlite_url, Mode.OFF)
    async with open_world(sqlite_url, sms_undo_seconds=0) as world:
        root = await conversation(world)
        said = await world.slack.say("alice", "general", "he never pays", thread_ts=root.ts)
        await world.slack.until(lambda slack: slack.told_of(said).answers)
        await world.command("mode auto", user="ben", channel="general")
        await world.slack.message_shortcut("ben", "general", said.ts, "sms_send_reply")
        await whispered(world, "ben", "Only who wrote a reply can send it to the phone.")
        await world.command("+15162065574 somebody else")
        await world.carrier.until(lambda carrier: any(post.text == "somebody else" for post in carrier.posts))
        nothing = [post.text for post in world.carrier.posts]
        await world.slack.message_shortcut("alice", "general", said.ts, "sms_send_reply")
        await world.posted(2)

        assert nothing == ["somebody else"]
        assert [post.text for post in world.carrier.posts] == ["somebody else", "he never pays"]
        assert not any("sent to the phone already" in read(each) for each in world.slack.ephemerals)


async def test_reply_in_a_thread_of_several_texts_is_never_texted(world: World):
    """It belongs to no conversation: each phone's first answer opens its own thread."""
    view = await world.form()
    await world.fill(view, to="+15162065576, +12075550123", text="We are closed tomorrow")
    await world.slack.submit("alice")
    await world.posted(2)
    root = await world.root()
    await world.shown(root, "2 queued")
    await world.slack.say("alice", "support", "really?", thread_ts=root.ts)
    world.carrier.inbound(DIGITS, OURS, "ok")
    answer = await world.root("general")

    assert "ok" in read(answer)
    assert len(world.carrier.posts) == 2


async def test_text_from_another_channel_takes_the_conversation_along(world: World):
    """It is posted there, and the old thread says where it goes on."""
    root = await world.text("first")
    await world.posted()
    await world.shown(root, "queued")
    await world.text("second", channel="general")
    await world.posted(2)
    moved = await world.root("general")
    await world.shown(root, "This conversation goes on in <#C0GENERAL>", place=1)
    world.carrier.inbound(DIGITS, OURS, "ok")
    await world.shown(moved, "ok", place=1)

    assert len(world.slack.thread(root.ts)) == 2


async def test_reply_in_a_thread_that_was_left_is_pointed_on(each_world: World):
    """Privately, once, however often Slack tells of it; nothing goes."""
    world = each_world
    root = await world.text("first")
    await world.posted()
    await world.shown(root, "queued")
    await world.text("second", channel="general")
    await world.posted(2)
    moved = await world.root("general")
    await world.shown(root, "This conversation goes on in <#C0GENERAL>", place=1)
    said = await world.slack.say("alice", "support", "see you", thread_ts=root.ts)
    whisper = await whispered(
        world, "alice", "Not sent to the phone: this conversation goes on in <#C0GENERAL>: its new thread."
    )
    await world.slack.redeliver(world.slack.told_of(said), retry=1)
    await marked(world, said, "lock")
    await world.slack.message_shortcut("alice", "support", said.ts, "sms_send_reply")
    await whispered(world, "alice", "This reply stays among colleagues, so it was not sent.")

    assert links(whisper) == {
        "its new thread": f"https://acme.slack.com/archives/C0GENERAL/p{moved.ts.replace('.', '')}"
    }
    assert (whisper.channel, whisper.thread_ts) == ("C0SUPPORT", root.ts)
    assert sum("goes on" in read(each) for each in world.slack.ephemerals) == 1
    assert len(world.carrier.posts) == 2


@pytest.mark.parametrize(("user", "mode"), [("gus", Mode.ASK), ("alice", Mode.OFF)])
async def test_nobody_is_pointed_on_who_could_not_have_texted(sqlite_url: str, user: str, mode: Mode):
    """A guest, and where replies are never texted."""
    await in_mode(sqlite_url, mode)
    async with open_world(sqlite_url) as world:
        root = await conversation(world)
        await world.text("second", channel="support")
        await world.posted()
        moved = await world.root("support")
        await world.shown(root, "This conversation goes on in <#C0SUPPORT>")
        await world.slack.say(user, "general", "see you", thread_ts=root.ts)
        await world.slack.say("alice", "support", "really", thread_ts=moved.ts)
        await whispered(world, "alice", "[Send to phone]")

    assert len(world.slack.ephemerals) == 1


async def test_text_to_a_known_conversation_stands_in_its_thread(world: World):
    """And is shown in the channel too, with a status line of its own."""
    root = await world.text("first")
    await world.posted()
    await world.shown(root, "queued")
    await world.command(f"+{DIGITS} second")
    await world.posted(2)
    await world.shown(root, "second", place=1)
    await world.shown(root, "queued", place=2)

    assert [message.ts for message in world.slack.channel("support").messages] == [root.ts]
    assert world.slack.thread(root.ts)[1].broadcast


async def test_bot_that_does_not_know_itself_yet_texts_none_of_its_own_words(sqlite_url: str):
    """Slack tells it of them as of everybody's; it is told again once it can tell them apart."""
    await in_mode(sqlite_url, Mode.AUTO, everyone=True)
    holds: list[Fault] = []

    def prepare(world: World) -> None:
        holds.append(world.slack.fault(Hold(), "auth.test"))

    async with open_world(sqlite_url, prepare=prepare, known=False, sms_undo_seconds=0.0) as world:
        root = await conversation(world)
        world.carrier.inbound(DIGITS, OURS, "anybody there?")
        await world.shown(root, "anybody there?")
        first = await world.slack.until(lambda slack: [told for told in slack.told if told.answers and in_thread(told)])
        world.slack.clear_faults(holds[0])
        await world.slack.say("alice", "general", "yes", thread_ts=root.ts)
        post = await world.posted()
        await world.slack.until(lambda _: first[0].answers[-1].ok)

        assert first[0].answers[0].status == 503
        assert post.text == "yes"
        assert len(world.carrier.posts) == 1


def in_thread(told: Told) -> bool:
    """Whether an event is about a reply."""
    return told.event["type"] == "message" and "thread_ts" in told.event
