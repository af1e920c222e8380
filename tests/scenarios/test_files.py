"""Files from Slack on the phone: from the form, from a thread, from a message's menu; or a sentence why not."""

import asyncio
import io

import pytest
from PIL import Image

from bot.domain.media import show_size
from playground.carrier.picture import draw
from playground.slack import Down, Hold, Refused
from playground.slack.workspace import Ephemeral, Message
from tests.scenarios.reading import read
from tests.scenarios.test_health import until_ready_says
from tests.scenarios.world import DIGITS, PHONE, World, open_world, read_view

OURS = "15162065575"


def photo(width: int = 3000, height: int = 2000) -> bytes:
    """A photo with so much detail that it is large."""
    grain = Image.effect_noise((width, height), 64).convert("RGB")
    out = io.BytesIO()
    grain.save(out, "JPEG", quality=90)
    return out.getvalue()


def on_phone(world: World, place: int = -1) -> list[bytes]:
    """What CarrierX was given to read for a text."""
    stored = {file.sid: file.content for file in world.carrier.stored}
    return [stored[url.rpartition("/")[2]] for url in world.carrier.posts[place].media_urls]


async def begin(world: World) -> Message:
    """A phone writes; its conversation's root."""
    world.carrier.inbound(DIGITS, OURS, "send me the plan")
    return await world.root("general")


async def test_a_file_of_the_form_is_on_the_phone(each_world: World):
    """Fetched from Slack, fitted, kept by CarrierX; the thread says what became of it."""
    world = each_world
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), "harbour.png", draw("harbour.png"))
    await world.fill(view, to=PHONE, text="look", files=[file])
    outcome = await world.slack.submit("alice")
    assert outcome.errors == {}

    post = await world.posted()
    root = await world.root()
    await world.headed(root, "Files: harbour.png", "queued")
    with Image.open(io.BytesIO(on_phone(world)[0])) as seen, Image.open(io.BytesIO(draw("harbour.png"))) as sent:
        assert (seen.size, seen.convert("RGB").tobytes()) == (sent.size, sent.convert("RGB").tobytes())
    assert (post.text, len(post.media_urls)) == ("look", 1)


async def test_a_large_photo_is_made_to_fit_and_says_so(world: World):
    view = await world.form()
    content = await asyncio.to_thread(photo)
    file = world.slack.files.add(world.slack.workspace.person("alice"), "DSC_0001.jpg", content)
    await world.fill(view, to=PHONE, files=[file])
    await world.slack.submit("alice")

    await world.carrier.until(lambda carrier: bool(carrier.posts), within=30)
    root = await world.root()
    said = await world.shown(root, "queued")
    [small] = on_phone(world)
    assert len(small) <= 1_000_000 < len(content)
    assert "photo sent as" in said


def button(whisper: Ephemeral) -> str:
    """The first button of a message that one person sees."""
    [actions] = [block for block in whisper.blocks if block["type"] == "actions"]
    return str(actions["elements"][0]["action_id"])


async def test_a_reply_with_a_picture_goes_by_the_channels_mode(sqlite_url: str):
    """Asked for first, or by itself."""
    async with open_world(sqlite_url, sms_undo_seconds=0) as world:
        root = await begin(world)
        await world.slack.say("alice", "general", "here", thread_ts=root.ts, files=1)
        [ask] = await world.slack.until(lambda slack: slack.ephemerals)
        assert world.carrier.posts == []
        await world.slack.press("alice", ask, button(ask))
        await world.posted()
        await world.command("mode auto", user="ben", channel="general")
        await world.slack.say("alice", "general", "", thread_ts=root.ts, files=2)
        await world.posted(2)

        assert [len(post.media_urls) for post in world.carrier.posts] == [1, 2]
        assert on_phone(world, 1)[0] != on_phone(world, 1)[1]


async def test_a_messages_own_files_can_be_left_out(world: World):
    """“Text this…” lists them, all ticked."""
    await world.know_numbers()
    message = await world.slack.say("alice", "support", "two pictures", files=2)
    await world.slack.message_shortcut("alice", "support", message.ts, "sms_from_message")
    view = world.view()
    await world.fill(view, to=PHONE, theirs=[message.files[1]["id"]])
    await world.slack.submit("alice")

    post = await world.posted()
    assert (post.text, len(post.media_urls)) == ("two pictures", 1)
    root = await world.slack.until(lambda slack: [each for each in slack.channel("support").messages if each.bot_id])
    assert "photo.png" in read(root[-1])


async def test_a_message_is_put_into_the_form_as_people_see_it(world: World):
    """Its marks are Slack's own; a bullet of Slack's would make the text twice as dear."""
    await world.know_numbers()
    message = await world.slack.say("ben", "support", "*Table 5* is _ready_, &lt;@U0ALICE&gt; or <@U0ALICE>\n• now")
    await world.slack.message_shortcut("alice", "support", message.ts, "sms_from_message")
    await world.fill(world.view(), to=PHONE)
    await world.slack.submit("alice")

    assert (await world.posted()).text == "Table 5 is ready, <@U0ALICE> or @alice\n- now"


TEXTS_ONLY, MMS_TOO = "+15162065574", "+12078152557"


async def test_a_sender_without_mms_is_exchanged_by_a_button(world: World):
    """What was typed and ticked stays; the sentence goes."""
    await world.know_numbers()
    message = await world.slack.say("alice", "support", "two pictures", files=2)
    await world.slack.message_shortcut("alice", "support", message.ts, "sms_from_message")
    view = world.view()
    await world.fill(view, to=PHONE, theirs=[message.files[1]["id"]], **{"from": TEXTS_ONLY})
    refused = await world.slack.submit("alice")
    offer = await world.form_says("(207) 815-2557 can send pictures and group texts.")
    await world.slack.press("alice", view, "sms_use")
    await world.slack.until(lambda _: "can send pictures" not in read_view(view))
    outcome = await world.slack.submit("alice")
    post = await world.posted()

    assert refused.errors == {
        "from": "(516) 206-5574 cannot send pictures or group texts (MMS). Choose (207) 815-2557, which can."
    }
    assert "cannot send" not in offer
    assert (outcome.errors, view.errors) == ({}, {})
    assert (post.sender, post.text, len(post.media_urls)) == (MMS_TOO[1:], "two pictures", 1)


async def test_an_offered_sender_goes_when_another_is_chosen(world: World):
    """And where more is wrong, the sentences come first: a new view could hide them."""
    view = await world.form()
    await world.fill(view, to="911", how="group", text="hi", **{"from": TEXTS_ONLY})
    await world.slack.submit("alice")
    before = read_view(view)
    await world.fill(view, to=f"{PHONE}, +12125550123")
    await world.slack.submit("alice")
    await world.form_says("can send pictures and group texts")
    await world.fill(view, **{"from": MMS_TOO})
    await world.slack.until(lambda _: "can send pictures" not in read_view(view))
    await world.slack.submit("alice")

    assert "can send pictures" not in before
    assert (await world.posted()).group


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("tool.exe", b"MZ\x90\x00" + bytes(200), "send a picture"),
        ("cut.jpg", photo(600, 400)[:2000], "damaged"),
    ],
)
async def test_what_cannot_go_fails_in_words(world: World, name: str, content: bytes, reason: str):
    """Nothing is sent without it."""
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), name, content)
    file = file | {"mimetype": "image/jpeg"}  # Slack believes the name
    await world.fill(view, to=PHONE, text="look", files=[file])
    await world.slack.submit("alice")

    root = await world.root()
    await world.headed(root, "failed")
    trouble = await world.replied(root, "It was not sent: ")
    assert reason in trouble
    assert world.carrier.posts == []


async def test_too_many_and_too_large_are_named_in_the_form(world: World):
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), "film.mp4", b"x") | {"size": 80_000_000}
    await world.fill(view, to=PHONE, files=[file])
    outcome = await world.slack.submit("alice")

    assert outcome.errors is not None
    assert "film.mp4" in outcome.errors["files"]
    assert world.carrier.posts == []


@pytest.mark.parametrize("method", ["files.info"])
async def test_slack_that_is_down_holds_a_file_up(world: World, method: str):
    """It waits, and goes once when Slack is back."""
    fault = world.slack.fault(Down(), method, 2)
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), "a.png", draw("a.png"))
    await world.fill(view, to=PHONE, files=[file])
    await world.slack.submit("alice")
    root = await world.root()
    await world.headed(root, "waiting", "Slack", "; your text waits, trying again at")
    world.clock.move(60)
    await world.slack.until(lambda _: fault.calls >= 2)
    world.clock.move(60)

    await world.posted()
    assert len(world.carrier.posts) == 1


async def test_without_the_scope_it_says_what_to_do(world: World):
    world.slack.fault(Refused("missing_scope", {"needed": "files:read"}), "files.info")
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), "a.png", draw("a.png"))
    await world.fill(view, to=PHONE, files=[file])
    await world.slack.submit("alice")

    root = await world.root()
    await world.replied(root, "the app lacks a scope for files: install it again")


async def test_try_again_uploads_anew(world: World):
    """What CarrierX kept for the first try may be gone by then."""
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), "a.png", draw("a.png"))
    await world.fill(view, to=PHONE, text="look", files=[file])
    await world.slack.submit("alice")
    post = await world.posted()
    root = await world.root()
    world.carrier.fail(post.sid, "undelivered")
    await world.replied(root, "Try again")
    await world.press(root, "Try again")

    again = await world.posted(2)
    assert len(again.media_urls) == 1
    assert again.media_urls != post.media_urls


async def send_picture(world: World, name: str = "a.png") -> Message:
    """Alice sends one by the form; the channel message."""
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), name, draw(name))
    await world.fill(view, to=PHONE, text="look", files=[file])
    await world.slack.submit("alice")
    return await world.root()


def make_container(world: World, **quota: int) -> None:
    """Ours, with a quota of its own."""
    world.carrier.storage.make_container({"string_key_1": "threadtext", **quota}, world.carrier.behaviour)


async def test_a_file_is_removed_when_its_text_is_over(each_world: World):
    """CarrierX keeps a hundred; the phone has its own copy."""
    world = each_world
    await send_picture(world)
    post = await world.posted()
    kept = len(world.carrier.stored)
    world.carrier.deliver(post.sid)
    await world.carrier.until(lambda carrier: not carrier.stored)

    assert kept == 1


async def test_a_full_storage_is_said_and_waited_for(sqlite_url: str):
    """The second text goes when the first one's file is not needed any more."""
    async with open_world(sqlite_url, prepare=lambda world: make_container(world, quota_files=1)) as world:
        await send_picture(world, "first.png")
        first = await world.posted()
        root = await send_picture(world, "second.png")
        said = await world.replied(root, "waiting", "storage is full")
        world.carrier.deliver(first.sid)
        world.clock.move(60)
        await world.posted(2)

    assert "CarrierX's file storage is full; your text waits, trying again at" in said


async def test_a_storage_that_stays_full_fails_the_text_in_words(sqlite_url: str):
    """After SMS_GIVE_UP_MINUTES; nothing is wrong with the file, so the same may be tried again."""
    async with open_world(sqlite_url, prepare=lambda world: make_container(world, quota_files=0)) as world:
        root = await send_picture(world)
        await world.headed(root, "waiting", "storage is full")
        world.clock.move(3601)
        trouble = await world.replied(root, "It was not sent: ", "[Try again] [Edit]")

    assert "CarrierX's file storage is full." in trouble
    assert world.carrier.posts == []


async def test_a_storage_that_is_nearly_full_is_told_to_who_can_help(sqlite_url: str):
    """At `/readyz` and in `/sms status`, not beside each text."""
    nearly = len(draw("a.png")) + 100
    async with open_world(sqlite_url, prepare=lambda world: make_container(world, quota_bytes=nearly)) as world:
        root = await send_picture(world)
        await world.posted()
        world.clock.move(3600)
        ready = await until_ready_says(world, "storage for files is full or nearly so")
        status = await world.whispered("status")

    assert (
        f"CarrierX's storage for files is full or nearly so: {show_size(nearly - 100)} of {show_size(nearly)}." in ready
    )
    assert "storage for files is full or nearly so" in status
    assert "full" not in " ".join(world.replies(root))


async def test_work_that_takes_long_says_so(world: World):
    """Two seconds are not worth a word."""
    held = world.slack.fault(Hold(), "files.info", 1)
    root = await send_picture(world)
    said = await world.headed(root, "waiting", "Getting the picture ready…")
    held.release()
    await world.posted()
    await world.headed(root, "queued")

    assert "Getting the picture ready…" in said
