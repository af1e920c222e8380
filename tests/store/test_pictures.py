"""Files of texts from phones: each is shown once, however slowly the others come, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.services.pictures import Fetched
from bot.services.ports import InboundText
from bot.services.receiving import Arrival
from bot.services.showing import Kind, PostState
from bot.store.inbox import InboxStore
from bot.store.pictures import PictureStore
from bot.store.tables import inbound, post
from tests.store.test_inbox import ANNA, ANSWERS, NOW, OURS

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def pictures(engine: AsyncEngine) -> PictureStore:
    return PictureStore(engine)


async def receive(engine: AsyncEngine, *urls: str) -> None:
    """A text with files, shown in Slack."""
    told = InboundText("m1", ANNA, OURS, (), "look", urls, "mms", NOW)
    inbox = InboxStore(engine, revive=timedelta(days=3))
    await inbox.receive(Arrival(told, OURS, (ANNA,), "T1", "C0HOME", ANSWERS, from_record=False, now=NOW))
    async with engine.begin() as connection:
        shown = {"id": "p1", "batch_id": await connection.scalar(select(inbound.c.id)), "kind": Kind.ROOT}
        shown |= {"channel": "C0HOME", "ts": "1.1", "state": PostState.POSTED, "shown": "", "started_at": NOW}
        await connection.execute(insert(post), [shown])


@pytest.mark.parametrize("slow", [0, 1])
async def test_one_that_comes_while_another_is_looked_for_is_shared_by_itself(
    engine: AsyncEngine, pictures: PictureStore, slow: int
):
    """What becomes of those that may be seen already says nothing of those that surely are not."""
    await receive(engine, "https://example.com/a", "https://example.com/b")
    wanted = sorted(await pictures.wanted(NOW, NOW + MINUTE, 4), key=lambda each: each.url)
    late = wanted.pop(slow)
    for _ in range(2):
        await pictures.put_off([late.id], NOW + SECOND)
    await pictures.keep(wanted[0].id, Fetched(b"quick", "image/png", ".png"))
    album = await pictures.ready(NOW, NOW + MINUTE)
    assert album is not None
    await pictures.name(wanted[0].id, "F1")
    await pictures.sharing({wanted[0].id: "F1"}, NOW + 10 * SECOND)
    await pictures.keep(late.id, Fetched(b"slow", "image/png", ".png"))  # meanwhile

    now = NOW + 2 * SECOND
    album = await pictures.ready(now, now + MINUTE)

    assert album is not None
    assert [(file.content, file.sharing) for file in album.files] == [(b"slow", False)]
