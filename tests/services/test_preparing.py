"""Files on their way between Slack and CarrierX: names that two processes agree on, and no more than memory holds."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import MAX_FILE, SlackFile
from bot.media.fit import Fitter
from bot.services.fitting import Fitted
from bot.services.pictures import Fetched
from bot.services.ports import InboundText, Room, StoredFile
from bot.services.preparing import Preparing
from bot.services.receiving import Answers, Arrival
from bot.store.inbox import InboxStore
from bot.store.parcels import ParcelStore
from bot.store.pictures import PictureStore
from bot.store.tables import attachment, message, picture
from tests.services.ledger import read_rows
from tests.services.texting import ANNA, OURS, Silence, Texting

LARGE = Fetched(bytes(MAX_FILE), "", "")


class Nowhere:
    """A storage that is never asked."""

    async def store(self, content: bytes, kind: str, suffix: str, *, keep: timedelta) -> StoredFile:
        raise NotImplementedError

    async def remove(self, sid: str) -> None:
        raise NotImplementedError

    async def room(self) -> Room:
        raise NotImplementedError


def stored(name: str) -> tuple[StoredFile, Fitted]:
    return StoredFile(name, f"https://c.example/f/{name}"), Fitted(b"", "image/jpeg", ".jpg", "")


async def test_the_first_to_make_files_ready_is_the_one_who_counts(engine: AsyncEngine, texting: Texting):
    """What a slower process stored beside it goes nowhere; else Try again would send the picture twice."""
    draft = replace(texting.draft(), files=(SlackFile("F1", "a.jpg"),))
    batch_id = (await texting.sending.submit(draft)).batch_id
    parcels = ParcelStore(engine)
    await parcels.ready(batch_id, [stored("first")])
    await parcels.ready(batch_id, [stored("second")])

    [sent] = await read_rows(engine, message)
    [file] = await read_rows(engine, attachment)
    assert json.loads(sent.media_urls) == [file.url] == ["https://c.example/f/first"]


@pytest.fixture
async def pictures(engine: AsyncEngine, texting: Texting) -> PictureStore:
    """A fetched picture from a phone."""
    now = texting.clock.now()
    text = InboundText(str(uuid4()), ANNA, OURS, (), "see", ("https://a.example/b.png",), "sms", now)
    answers = Answers("stop", "help", "start")
    arrived = Arrival(text, OURS, (ANNA,), "T1", "C1", answers, from_record=False, now=now)
    await InboxStore(engine, revive=texting.clock.now() - now).receive(arrived)
    store = PictureStore(engine)
    [row] = await read_rows(engine, picture)
    await store.keep(row.id, Fetched(b"x", "image/png", ".png"))
    return store


async def test_a_picture_is_shared_by_the_name_that_is_known_of_it(
    engine: AsyncEngine, texting: Texting, pictures: PictureStore
):
    """Who uploads longer than the lease must not share what nobody could take away again."""
    now = texting.clock.now()
    [row] = await read_rows(engine, picture)
    await pictures.name(row.id, "FSLOW")
    await pictures.name(row.id, "FQUICK")
    slow = await pictures.sharing({row.id: "FSLOW"}, now)
    quick = await pictures.sharing({row.id: "FQUICK"}, now)
    await pictures.name(row.id, "FLATE")
    late = await pictures.sharing({row.id: "FLATE"}, now)

    [row] = await read_rows(engine, picture)
    assert (slow, quick, late) == (False, True, False)
    assert (row.state, row.file_id) == ("sharing", "FQUICK")


class Endless:
    """A Slack whose files are as large as they may be, and which told no size before."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    async def fetch(self, file: SlackFile) -> Fetched:
        self.fetched.append(file.id)
        return LARGE


async def test_files_of_unknown_size_are_fetched_only_as_far_as_they_may_go(engine: AsyncEngine, texting: Texting):
    """Another company's files tell no size beforehand."""
    files = tuple(SlackFile(f"F{place}", "a file") for place in range(10))
    batch_id = (await texting.sending.submit(replace(texting.draft(), files=files))).batch_id
    slack = Endless()
    preparing = Preparing(
        parcels=ParcelStore(engine),
        slack=slack,
        fitter=Fitter(),
        storage=Nowhere(),
        announcer=Silence(),
        clock=texting.clock,
        wake_outbox=Silence().wake,
        limit=1_000_000,
    )
    await preparing.turn()

    failure = (await texting.one(batch_id)).recipients[0].failure
    assert failure is not None
    assert "150 MB together" in failure.word
    assert slack.fetched == ["F0", "F1", "F2"]
