"""Files on their way between Slack and CarrierX: names that two processes agree on, and no more than memory holds."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import MAX_FILE, MAX_MMS, SlackFile, find_kind_mistake
from bot.domain.message import Cause, Failure, Status
from bot.media.fit import Fitter
from bot.services.fitting import CannotFitError, Fitted, Fitting
from bot.services.pictures import Fetched, FetchError, Fetching
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


def look_after(
    texting: Texting,
    engine: AsyncEngine,
    web: Fetching,
    *,
    slack: Endless | None = None,
    fitter: Fitting | None = None,
    limit: int = 1_000_000,
) -> Preparing:
    """What makes files and links ready."""
    return Preparing(
        parcels=ParcelStore(engine),
        slack=slack or Endless(),
        web=web,
        fitter=fitter or Fitter(),
        storage=Nowhere(),
        announcer=Silence(),
        clock=texting.clock,
        wake_outbox=Silence().wake,
        limit=limit,
    )


class Web:
    """What is at each address; all are waited for together.

    Args:
        names: What is found, by the end of the address.
    """

    def __init__(self, **names: Fetched | FetchError) -> None:
        self.names = names
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        found = self.names[url.rpartition("/")[2]]
        if isinstance(found, FetchError):
            raise found
        return found


PNG, LONG = Fetched(b"x" * 900_000, "image/png", ".png"), Fetched(bytes(3_000_000), "video/mp4", ".mp4")
GONE, SILENT = FetchError("its address answers 404", final=True), FetchError("its server does not answer", final=False)


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
        ({"a": PNG, "b": GONE, "c": PNG}, "the second link cannot be used: its address answers 404"),
        ({"a": SILENT, "b": PNG, "c": GONE}, "the third link cannot be used: its address answers 404"),
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
async def test_a_link_that_can_never_go_is_named_by_its_place(
    engine: AsyncEngine, texting: Texting, names: dict[str, Fetched | FetchError], word: str
):
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


async def test_files_of_unknown_size_are_fetched_only_as_far_as_they_may_go(engine: AsyncEngine, texting: Texting):
    """Another company's files tell no size beforehand."""
    files = tuple(SlackFile(f"F{place}", "a file") for place in range(10))
    batch_id = (await texting.sending.submit(replace(texting.draft(), files=files))).batch_id
    slack = Endless()
    await look_after(texting, engine, Web(), slack=slack).turn()

    failure = (await texting.one(batch_id)).recipients[0].failure
    assert failure is not None
    assert "150 MB together" in failure.word
    assert slack.fetched == ["F0", "F1", "F2"]
