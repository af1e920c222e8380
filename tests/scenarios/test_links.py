"""Pictures that are on the web already: looked at before the text goes, and named when they cannot go."""

import pytest

from playground.slack.workspace import Message
from tests.scenarios.world import PHONE, World


async def send(world: World, *paths: str) -> Message:
    """Send a text with media of the pretend CarrierX, whose address is trusted; its channel message."""
    view = await world.form()
    links = [f"{world.carrier.origin}{path}" for path in paths]
    await world.fill(view, to=PHONE, text="look", media="\n".join(links))
    outcome = await world.slack.submit("alice")
    assert outcome.errors == {}
    return await world.root()


async def looked(world: World, times: int) -> None:
    """Wait until pictures of the pretend CarrierX were asked for so many times."""
    await world.carrier.until(lambda carrier: len(carrier.pictures) >= times)


async def test_links_go_as_they_were_typed(each_world: World):
    world = each_world
    await send(world, "/media/harbour.png", "/media/hill.png?bytes=2000000")

    post = await world.posted()
    assert [url.rpartition("/")[2] for url in post.media_urls] == ["harbour.png", "hill.png?bytes=2000000"]
    assert sorted(world.carrier.pictures) == ["/media/harbour.png", "/media/hill.png"]


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (
            ("/media/a.png", "/media/b.png?status=404"),
            "the second link cannot be used: nothing is at its address (404).",
        ),
        (("/media/a.png?bytes=4000000",), "the link cannot be used: it is larger than 3 MB."),
        (("/media/a.png?bytes=2000000", "/media/b.png?bytes=2000000"), "what the links name has 3.9 MB together"),
        (("/core/v2/nothing",), "the link cannot be used: its server does not let me in (401)."),
    ],
)
async def test_a_link_that_cannot_go_is_named_and_can_be_mended(world: World, paths: tuple[str, ...], reason: str):
    """CarrierX would only have said that it failed."""
    root = await send(world, *paths)
    trouble = await world.replied(root, "It was not sent: ", "[Edit]")
    await world.press(root, "Edit")
    view = world.view()
    media = view.typed["media", "sms_media"]
    await world.fill(view, media=f"{world.carrier.origin}/media/other.png")
    await world.slack.submit("alice")

    post = await world.posted()
    assert reason in trouble
    assert "Try again" not in trouble
    assert media == "\n".join(f"{world.carrier.origin}{path}" for path in paths)
    assert [url.rpartition("/")[2] for url in post.media_urls] == ["other.png"]
    assert len(world.carrier.posts) == 1


async def test_a_link_whose_server_fails_waits_and_then_says_so(world: World):
    """It is looked at four times; CarrierX might reach it some day, so both ways on are offered."""
    root = await send(world, "/media/a.png?status=503")
    await world.headed(root, "waiting", "its server has a fault (503); your text waits, trying again at ")
    for looks in (2, 3, 4):
        world.clock.move(60)
        await looked(world, looks)
    trouble = await world.replied(root, "It was not sent: ", "[Try again] [Edit]")

    assert "the link cannot be used: its server has a fault (503)." in trouble
    assert world.carrier.posts == []
