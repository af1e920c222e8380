"""Links that go with a text: looked at before it goes, and refused by their places."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import MAX_MMS, SlackFile, find_kind_mistake
from bot.domain.message import Cause, Failure, Status
from bot.services.fitting import CannotFitError, Fitted
from bot.services.pictures import Fetched, FetchError
from bot.store.parcels import ParcelStore
from tests.services.kitchen import Web, look_after
from tests.services.texting import Texting

PNG, LONG = Fetched(b"x" * 900_000, "image/png", ".png"), Fetched(bytes(3_000_000), "video/mp4", ".mp4")
GONE, SILENT = (
    FetchError("nothing is at its address (404)", final=True),
    FetchError("its server does not answer", final=False),
)


async def test_links_go_as_they_are_once_they_were_looked_at(engine: AsyncEngine, texting: Texting):
    """Before that, nobody hands the text over."""
    batch_id = await texting.accept(media="https://a.example/a\nhttps://a.example/b")
    await texting.hand_over()
    before = list(texting.carrier.posts)
    await look_after(texting, engine, Web(a=PNG, b=PNG)).turn()
    await texting.hand_over()

    assert before == []
    [post] = texting.carrier.posts
    assert post.media_urls == ("https://a.example/a", "https://a.example/b")
    assert (await texting.one(batch_id)).status is Status.QUEUED


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ({"a": PNG, "b": GONE, "c": PNG}, "the second link cannot be used: nothing is at its address (404)"),
        (
            {"a": GONE, "b": PNG, "c": FetchError("it is a web page, not a file", final=True)},
            (
                "the first link cannot be used: nothing is at its address (404); "
                "the third link cannot be used: it is a web page, not a file"
            ),
        ),
        ({"a": SILENT, "b": PNG, "c": GONE}, "the third link cannot be used: nothing is at its address (404)"),
        (
            {"a": PNG, "b": PNG, "c": Fetched(b"", "image/webp", ".webp")},
            f"the third link cannot be used: {find_kind_mistake('image/webp')}",
        ),
        (
            {"a": Fetched(b"", "video/webm", ".webm"), "b": PNG, "c": PNG},
            f"the first link cannot be used: {find_kind_mistake('video/webm')}",
        ),
        (
            {"a": PNG, "b": LONG, "c": PNG},
            "what the links name has 4.6 MB together, and 3 MB is the most that CarrierX takes",
        ),
    ],
)
async def test_links_that_can_never_go_are_named_by_their_places(
    engine: AsyncEngine, texting: Texting, names: dict[str, Fetched | FetchError], word: str
):
    """All of them at once, so that one Edit mends them."""
    batch_id = await texting.accept(media="\n".join(f"https://a.example/{name}" for name in names))
    web = Web(**names)
    await look_after(texting, engine, web).turn()
    await texting.hand_over()

    failure = (await texting.one(batch_id)).recipients[0].failure
    assert failure == Failure(Cause.MEDIA, word)
    assert len(web.asked) == 3
    assert texting.carrier.posts == []


async def test_a_link_whose_server_fails_is_looked_at_a_few_times(engine: AsyncEngine, texting: Texting):
    """Then it is said, for the person may know of another; the same may go later."""
    batch_id = await texting.accept(media="https://a.example/a")
    web = Web(a=SILENT)
    preparing = look_after(texting, engine, web)
    for seconds in (0, 2, 10):
        texting.clock.move(seconds)
        await preparing.turn()
        await preparing.turn()
    waiting = (await texting.one(batch_id)).status
    texting.clock.move(30)
    await preparing.turn()

    assert waiting is Status.ACCEPTED
    assert len(web.asked) == 4
    failure = (await texting.one(batch_id)).recipients[0].failure
    assert failure == Failure(Cause.UNREADY, "the link cannot be used: its server does not answer")


async def test_a_link_that_is_back_goes(engine: AsyncEngine, texting: Texting):
    await texting.accept(media="https://a.example/a")
    web = Web(a=SILENT)
    preparing = look_after(texting, engine, web)
    await preparing.turn()
    web.names["a"] = PNG
    texting.clock.move(2)
    await preparing.turn()
    await texting.hand_over()

    assert len(texting.carrier.posts) == 1


class Narrow:
    """Finds nothing that fits, and remembers into how much it should have."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    async def fit(self, files: Sequence[Fetched], *, limit: int) -> tuple[Fitted, ...]:
        self.limits.append(limit)
        raise CannotFitError("it is too large", len(files) - 1)


@pytest.mark.parametrize(("limit", "left"), [(1_000_000, MAX_MMS - 3_000_000), (100_000, 100_000)])
async def test_files_get_what_links_leave(engine: AsyncEngine, texting: Texting, limit: int, left: int):
    """CarrierX counts both."""
    draft = replace(texting.draft(media="https://a.example/a"), files=(SlackFile("F1", "a.jpg"),))
    await texting.sending.submit(draft)
    narrow = Narrow()
    await look_after(texting, engine, Web(a=LONG), fitter=narrow, limit=limit).turn()

    assert narrow.limits == [left]


async def test_links_of_a_dead_process_are_looked_at_by_another(engine: AsyncEngine, texting: Texting):
    """As soon as nobody can be at it any more."""
    await texting.accept(media="https://a.example/a")
    now = texting.clock.now()
    await ParcelStore(engine).claim(now, now + timedelta(minutes=5))
    preparing = look_after(texting, engine, Web(a=PNG))
    early = await preparing.turn()
    texting.clock.move(300)
    late = await preparing.turn()
    await texting.hand_over()

    assert (early, late) == (False, True)
    assert len(texting.carrier.posts) == 1


async def test_a_canceled_text_has_its_links_left_alone(engine: AsyncEngine, texting: Texting):
    batch_id = await texting.accept(media="https://a.example/a")
    await texting.sending.cancel(batch_id)
    web = Web(a=PNG)

    assert await look_after(texting, engine, web).turn() is False
    assert web.asked == []
