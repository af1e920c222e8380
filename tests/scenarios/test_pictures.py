"""Pictures from phones: in their thread for good, each once, or a sentence why not."""

from typing import Any

import pytest

from playground.carrier.picture import draw
from playground.slack import Down, PretendSlack, RateLimited, Refused, ResetAfter, ResetBefore
from playground.slack.workspace import Message
from tests.scenarios.reading import read
from tests.scenarios.test_administration import asked
from tests.scenarios.world import DIGITS, PHONE, SHOWN, World

OURS = "15162065575"


def address(world: World, name: str = "harbour.png", query: str = "") -> str:
    return f"{world.carrier.origin}/media/{name}{query}"


def files(slack: PretendSlack, root: Message) -> list[list[dict[str, Any]]]:
    """The files of a thread's messages that have some."""
    return [list(each.files) for each in slack.thread(root.ts) if each.files]


async def send(world: World, *urls: str, text: str = "look") -> Message:
    """A phone sends pictures; the message that begins the thread."""
    world.carrier.inbound(DIGITS, OURS, text, urls)
    return await world.root("general")


async def test_a_picture_is_put_into_the_thread(each_world: World):
    """The file itself, with a name and a description, and not its link, which expires."""
    world = each_world
    root = await send(world, address(world))

    [[file]] = await world.slack.until(lambda slack: files(slack, root))
    said = await world.headed(root, "Its file is below.")

    assert (file["name"], file["title"], file["alt_txt"], file["mimetype"]) == (
        "picture.png",
        f"Picture from {SHOWN}",
        f"Picture from {SHOWN}",
        "image/png",
    )
    assert world.slack.files.files[file["id"]].content == draw("harbour.png")
    assert "/media/" not in said


async def test_several_pictures_are_one_reply(world: World):
    """In the order in which they were sent."""
    root = await send(world, *(address(world, f"{name}.png") for name in "abc"), text="")

    [shown] = await world.slack.until(lambda slack: files(slack, root))
    await world.headed(root, "Its 3 files are below.")

    assert [world.slack.files.files[file["id"]].content for file in shown] == [draw(f"{name}.png") for name in "abc"]
    assert [file["name"] for file in shown] == ["picture-1.png", "picture-2.png", "picture-3.png"]


async def test_a_picture_that_cannot_be_had_is_said(world: World):
    """With the reason; what came beside it is shown all the same."""
    root = await send(world, address(world, query="?status=410"), address(world, "b.png"))

    said = await world.headed(root, "Its file is below.", "cannot be shown: nothing is at its address (410).")

    assert "harbour.png" in said
    assert [len(each) for each in files(world.slack, root)] == [1]


async def test_one_dead_link_does_not_keep_the_others(world: World):
    """What may still come is waited for half a minute, and follows alone."""
    root = await send(world, address(world, query="?status=404"), address(world, "b.png"))
    await world.carrier.until(lambda carrier: len(carrier.pictures) >= 2)
    world.clock.move(6)
    await world.carrier.until(lambda carrier: len(carrier.pictures) >= 3)
    world.clock.move(31)

    await world.headed(root, "Its file is below.", "Media: ")
    assert [len(each) for each in files(world.slack, root)] == [1]


async def test_a_link_into_our_own_network_is_not_followed(world: World):
    """It is named, not asked."""
    root = await send(world, f"{world.url}/readyz")

    await world.headed(root, "cannot be shown: its address is none that can be fetched.")
    assert files(world.slack, root) == []


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
@pytest.mark.parametrize(
    "fault", [Down(), ResetBefore(), ResetAfter(), RateLimited(1)], ids=lambda kind: type(kind).__name__
)
async def test_slack_fails_at_a_step(world: World, step: str, fault: Any):
    """The picture stands in the thread once, whatever became of the first try."""
    world.slack.fault(fault, step, 1)
    root = await send(world, address(world))

    await world.headed(root, "Its file is below.")
    assert [len(each) for each in files(world.slack, root)] == [1]


async def test_a_picture_is_fetched_while_slack_is_down(world: World):
    """Its link may be dead by the time that Slack is back."""
    world.slack.fault(Down())
    world.carrier.inbound(DIGITS, OURS, "look", [address(world)])
    await world.carrier.until(lambda carrier: bool(carrier.pictures))
    world.slack.clear_faults()
    world.clock.move(60)

    root = await world.root("general")
    assert [len(each) for each in await world.slack.until(lambda slack: files(slack, root))] == [1]


async def test_a_missing_scope_is_said_where_it_hurts(world: World):
    """An app that was installed before there were pictures."""
    world.slack.fault(Refused("missing_scope", {"needed": "files:write"}), "files.getUploadURLExternal")
    root = await send(world, address(world))

    await world.headed(root, "cannot be shown: the app lacks a scope for files: install it again")


async def test_an_erased_picture_vanishes_from_slack(each_world: World):
    world = each_world
    root = await send(world, address(world))
    [[file]] = await world.slack.until(lambda slack: files(slack, root))
    await world.headed(root, "Its file is below.")

    question = await asked(world, f"erase {PHONE}")
    await world.slack.press("ben", question, "sms_erase")

    await world.slack.until(lambda slack: file["id"] not in slack.files.files)
    await world.headed(root, "(erased)")
    assert files(world.slack, root) == []
    assert "file" not in read(world.slack.channel("general").history[root.ts])
