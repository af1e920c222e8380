"""A text that failed, mended: Edit opens the form as it was sent, and what is sent then stands for it."""

from dataclasses import replace

import pytest

from playground.carrier.picture import draw
from playground.slack import Refused
from playground.slack.views import OpenView
from playground.slack.workspace import Message
from tests.scenarios.reading import read
from tests.scenarios.world import PHONE, World, read_view

OTHER, THIRD, FOURTH, FIFTH = "+12125550123", "+13475550142", "+14155550132", "+19175550111"


async def fail_for_a_file(world: World, to: str = PHONE, **values: object) -> Message:
    """Send a good picture and a program that Slack takes for one; the channel message of the text that failed."""
    view = await world.form()
    alice = world.slack.workspace.person("alice")
    files = [
        world.slack.files.add(alice, "map.png", draw("map.png")),
        world.slack.files.add(alice, "tool.exe", b"MZ\x90\x00" + bytes(200)) | {"mimetype": "image/jpeg"},
    ]
    await world.fill(view, to=to, text="look", files=files, **values)
    outcome = await world.slack.submit("alice")
    assert outcome.errors == {}
    root = await world.root()
    await world.replied(root, "It was not sent: ", "[Edit]")
    return root


async def open_edit(world: World, root: Message, *, user: str = "alice") -> OpenView:
    """Press Edit; the form."""
    outcome = await world.press(root, "Edit", user=user)
    assert outcome.status == 200
    return world.view(user)


def typed(view: OpenView, block_id: str) -> object:
    """What stands in a field."""
    [value] = (value for (name, _), value in view.typed.items() if name == block_id)
    return value


async def test_edit_opens_what_was_sent_and_sends_it_without_what_failed(each_world: World):
    """The files are still in Slack, so one of them can be left out without uploading the other anew."""
    world = each_world
    root = await fail_for_a_file(world, f"{PHONE}\n{OTHER}", channel="C0SUPPORT")
    trouble = await world.replied(root, "[Edit]")
    view = await open_edit(world, root)
    shown = {name: typed(view, name) for name in ("to", "text", "media", "channel")}
    boxes = typed(view, "theirs")
    await world.fill(view, theirs=[boxes[0]["value"]], text="look at the map")  # type: ignore[index]  # checkboxes
    outcome = await world.slack.submit("alice")
    await world.carrier.until(lambda carrier: len(carrier.posts) == 2)

    assert "Try again" not in trouble
    assert shown == {"to": f"{PHONE}\n{OTHER}", "text": "look", "media": None, "channel": "C0SUPPORT"}
    assert [box["text"]["text"] for box in boxes] == ["map.png", "tool.exe"]  # type: ignore[attr-defined]  # the same
    assert "“tool.exe”" in read_view(view)
    assert outcome.errors == {}
    assert {post.text for post in world.carrier.posts} == {"look at the map"}
    assert [len(post.media_urls) for post in world.carrier.posts] == [1, 1]
    said = await world.replied(root, "They have been sent again.")
    assert "[" not in said


async def test_a_text_that_two_people_edit_goes_once(world: World):
    """The second reads it in the form, and so does who presses a button that Slack still shows."""
    root = await world.text("On my way")
    world.carrier.fail((await world.posted()).sid, "unknown_number")
    await world.replied(root, "[Try again] [Edit]")
    trouble = replace(world.slack.thread(root.ts)[1])
    for user in ("alice", "ben"):
        await world.fill(await open_edit(world, root, user=user), text=f"of {user}")
    first = await world.slack.submit("alice")
    second = await world.slack.submit("ben")
    post = await world.posted(2)
    for button in ("sms_edit", "sms_again"):
        await world.slack.press("ben", trouble, button)
    told = await world.slack.until(lambda slack: slack.ephemerals if len(slack.ephemerals) > 1 else [])

    assert (first.errors, post.text) == ({}, "of alice")
    assert second.errors == {"to": "It was sent again already, so nothing more was sent. Close this form."}
    assert {read(each) for each in told} == {
        "Already sent again, so there is nothing left to edit.",
        "Already sent again, so this press did nothing more.",
    }
    assert len(world.carrier.posts) == 2


async def test_who_edits_what_was_sent_again_in_part_reads_it(world: World):
    """One of the two phones has got nothing yet, so “sent again already” would be wrong."""
    root = await fail_for_a_file(world, f"{PHONE}\n{OTHER}")
    for user, to in (("alice", PHONE), ("ben", f"{PHONE}\n{OTHER}")):
        await world.fill(await open_edit(world, root, user=user), to=to, theirs=[])
    await world.slack.submit("alice")
    second = await world.slack.submit("ben")
    await world.fill(await open_edit(world, root, user="ben"), theirs=[])
    await world.slack.submit("ben")
    await world.carrier.until(lambda carrier: len(carrier.posts) == 2)

    assert second.errors == {
        "to": "At least one of these was sent again already, so nothing more was sent. Close this form and press Edit "
        "again for the rest."
    }
    assert {post.recipients for post in world.carrier.posts} == {(PHONE[1:],), (OTHER[1:],)}


async def test_an_edited_text_is_judged_anew(world: World):
    """Its phone has said STOP since."""
    root = await fail_for_a_file(world)
    world.carrier.inbound(PHONE[1:], "15162065575", "STOP")
    await world.posted()
    view = await open_edit(world, root)
    await world.fill(view, theirs=[])
    outcome = await world.slack.submit("alice")

    assert outcome.errors is not None
    assert "has asked for no more texts" in outcome.errors["to"]
    assert [post.text for post in world.carrier.posts if post.text == "look"] == []


async def test_a_wrong_number_is_put_right(world: World):
    """Both ways are offered: the network may have been wrong, or the person."""
    root = await world.text("On my way")
    world.carrier.fail((await world.posted()).sid, "unknown_number")
    await world.replied(root, "[Try again] [Edit]")
    view = await open_edit(world, root)
    await world.fill(view, to=OTHER)
    await world.slack.submit("alice")
    post = await world.posted(2)

    assert (post.recipients, post.text) == ((OTHER[1:],), "On my way")
    await world.replied(root, "It has been sent again.")


async def test_what_is_tried_again_for_want_of_a_right_can_be_edited_too(world: World):
    """An administrator may give the app its scope, or the text goes without the file."""
    world.slack.fault(Refused("missing_scope", {"needed": "files:read"}), "files.info", 1)
    view = await world.form()
    file = world.slack.files.add(world.slack.workspace.person("alice"), "a.png", draw("a.png"))
    await world.fill(view, to=PHONE, files=[file])
    await world.slack.submit("alice")
    root = await world.root()
    await world.replied(root, "the app lacks a scope for files", "[Try again] [Edit]")
    await world.press(root, "Try again")

    assert len((await world.posted()).media_urls) == 1


@pytest.mark.parametrize("to", [(THIRD, FOURTH), (PHONE, THIRD), (PHONE, OTHER)])
async def test_an_answer_to_an_edited_group_goes_to_whom_it_went_to(world: World, to: tuple[str, ...]):
    """It is no more for those who were left out, so it has a thread of its own."""
    first = await fail_for_a_file(world, f"{PHONE}\n{OTHER}\n{FIFTH}", how="group")
    view = await open_edit(world, first)
    await world.fill(view, to="\n".join(to), theirs=[])
    await world.slack.submit("alice")
    await world.posted()
    [_, root] = await world.slack.until(
        lambda slack: messages if len(messages := slack.channel("support").messages) > 1 else []
    )
    await world.slack.say("alice", "support", "See you there", thread_ts=root.ts)
    whisper = (await world.slack.until(lambda slack: slack.ephemerals))[0]
    await world.slack.press("alice", whisper, "sms_text_reply")
    post = await world.posted(2)

    assert (post.group, sorted(post.recipients)) == (True, sorted(each[1:] for each in to))
