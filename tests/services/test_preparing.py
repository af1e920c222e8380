"""Files on their way between Slack and CarrierX: names that two processes agree on, and no more than memory holds."""

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import MAX_FILE, MAX_MMS, SlackFile, find_kind_mistake
from bot.domain.message import Cause, Failure, Message, Preparation, Status, Wait
from bot.errors import CarrierOutcomeUnknownError, CarrierRejectedError, CarrierUnavailableError
from bot.media.fit import Fitter
from bot.services.fitting import CannotFitError, Fitted, Fitting
from bot.services.pictures import Fetched, FetchError, Fetching
from bot.services.ports import InboundText, StoredFile
from bot.services.preparing import LANES, Preparing
from bot.services.receiving import Answers, Arrival
from bot.services.storeroom import NoRoomError
from bot.store.health import HealthStore
from bot.store.inbox import InboxStore
from bot.store.parcels import ParcelStore
from bot.store.pictures import PictureStore
from bot.store.status import StatusStore
from bot.store.tables import attachment, message, picture
from tests.services.ledger import read_rows
from tests.services.texting import ANNA, OURS, Silence, Texting

LARGE = Fetched(bytes(MAX_FILE), "", "")


class Cupboard:
    """A storeroom that does as it is told.

    Attributes:
        stored, released: What became of files, in order.
        room: What becomes of the question for room.
        refusals: What becomes of the next files, None for storing one.
    """

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.released: list[str] = []
        self.room: Exception | None = None
        self.refusals: list[Exception | None] = []

    async def make_room(self, files: int, size: int) -> None:  # noqa: ARG002 -- the port's
        if self.room is not None:
            raise self.room

    async def store(self, batch_id: str, file: Fitted) -> StoredFile:  # noqa: ARG002 -- the port's
        if self.refusals and (refusal := self.refusals.pop(0)) is not None:
            raise refusal
        sid = f"s{len(self.stored)}"
        self.stored.append(sid)
        return StoredFile(sid, f"https://c.example/f/{sid}")

    async def release(self, files: Collection[StoredFile]) -> None:
        self.released += [file.sid for file in files]


class Desk:
    """A Slack that gives each file a few bytes, or what it is told to give instead.

    Attributes:
        troubles: What becomes of the next files, None for a few bytes.
        asked: Set at each question.
        held: Where each question waits, None for nowhere.
        fetching: How many questions were under way at once, at most.
    """

    def __init__(self) -> None:
        self.troubles: list[Exception | None] = []
        self.asked = asyncio.Event()
        self.held: asyncio.Event | None = None
        self.fetching = 0
        self._now = 0

    async def fetch(self, file: SlackFile) -> Fetched:  # noqa: ARG002 -- the port's
        self._now += 1
        self.fetching = max(self.fetching, self._now)
        self.asked.set()
        try:
            if self.held is not None:
                await self.held.wait()
            if self.troubles and (trouble := self.troubles.pop(0)) is not None:
                raise trouble
        finally:
            self._now -= 1
        return Fetched(b"bytes", "", "")


class Tailor:
    """Whom everything fits, unless he is told what else."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None

    async def fit(self, files: Sequence[Fetched], *, limit: int) -> tuple[Fitted, ...]:  # noqa: ARG002 -- the port's
        if self.trouble is not None:
            raise self.trouble
        return tuple(Fitted(file.content, "image/jpeg", ".jpg", "") for file in files)


class Bell:
    """Rings when the announcer or the outbox is woken."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def wake(self) -> None:
        self.rung.set()


@dataclass
class Kitchen:
    """Preparing with all that it needs."""

    engine: AsyncEngine
    texting: Texting
    slack: Desk = field(default_factory=Desk)
    tailor: Tailor = field(default_factory=Tailor)
    cupboard: Cupboard = field(default_factory=Cupboard)
    bell: Bell = field(default_factory=Bell)

    def preparing(self, patience: float = 3600.0) -> Preparing:
        return Preparing(
            parcels=ParcelStore(self.engine),
            slack=self.slack,
            web=Web(),
            fitter=self.tailor,
            storeroom=self.cupboard,
            announcer=self.bell,
            clock=self.texting.clock,
            wake_outbox=Silence().wake,
            limit=1_000_000,
            sweep=0.001,
            patience=patience,
        )

    async def accept(self, *names: str, kind: str = "image/jpeg", size: int = 5, to: str = ANNA) -> str:
        files = tuple(SlackFile(f"F{place}", name, kind, size) for place, name in enumerate(names))
        return (await self.texting.sending.submit(replace(self.texting.draft(to), files=files))).batch_id

    async def waits(self, batch_id: str) -> Preparation | None:
        """How far people read that it is."""
        return (await self.texting.one(batch_id)).preparation

    async def until(self, batch_ids: Sequence[str], holds: Callable[[Message], bool]) -> None:
        """Wait until something holds of all texts."""
        async with asyncio.timeout(15):
            while True:
                self.bell.rung.clear()
                texts = [await self.texting.one(batch_id) for batch_id in batch_ids]
                if all(map(holds, texts)):
                    return
                await self.bell.rung.wait()

    async def failure(self, batch_id: str) -> str:
        """Why it failed, "" when it did not."""
        failure = (await self.texting.one(batch_id)).recipients[0].failure
        return failure.word if failure else ""


@pytest.fixture
def kitchen(engine: AsyncEngine, texting: Texting) -> Kitchen:
    return Kitchen(engine, texting)


def stored(name: str) -> tuple[StoredFile, Fitted]:
    return StoredFile(name, f"https://c.example/f/{name}"), Fitted(b"", "image/jpeg", ".jpg", "")


async def test_the_first_to_make_files_ready_is_the_one_who_counts(engine: AsyncEngine, texting: Texting):
    """What a slower process stored beside it goes nowhere; else Try again would send the picture twice."""
    draft = replace(texting.draft(), files=(SlackFile("F1", "a.jpg"),))
    batch_id = (await texting.sending.submit(draft)).batch_id
    parcels = ParcelStore(engine)
    first = await parcels.ready(batch_id, [stored("first")])
    second = await parcels.ready(batch_id, [stored("second")])

    assert (first, second) == (True, False)
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
        storeroom=Cupboard(),
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


class TestWaiting:
    """What cannot be done now is done later, and people read why."""

    @pytest.mark.parametrize(
        ("trouble", "reason"),
        [
            (NoRoomError(), "CarrierX's file storage is full"),
            (CarrierUnavailableError("CarrierX cannot be reached."), "CarrierX cannot be reached"),
        ],
    )
    async def test_no_room(self, kitchen: Kitchen, trouble: Exception, reason: str):
        """Slack is not even asked; two seconds later there may be room."""
        kitchen.cupboard.room = trouble
        batch_id = await kitchen.accept("a.jpg")
        preparing = kitchen.preparing()
        await preparing.turn()
        waiting = await kitchen.texting.one(batch_id)
        kitchen.cupboard.room = None
        at_once = await preparing.turn()
        kitchen.texting.clock.move(2)
        await preparing.turn()
        ready = await kitchen.texting.one(batch_id)

        assert waiting.preparation == Preparation(("image/jpeg",), None, reason)
        assert waiting.wait is Wait.MEDIA
        assert waiting.not_before is not None
        assert not at_once
        assert (ready.wait, len(ready.media_urls)) == (None, 1)

    async def test_what_waited_too_long_fails_for_that_reason(self, kitchen: Kitchen):
        """“It waited too long” would say nothing of what to do; and the same may go at another time."""
        kitchen.cupboard.room = NoRoomError()
        batch_id = await kitchen.accept("a.jpg")
        await kitchen.preparing().turn()
        await kitchen.texting.look(3600)
        [recipient] = (await kitchen.texting.one(batch_id)).recipients

        assert recipient.failure is not None
        assert recipient.failure.cause is Cause.UNREADY
        assert recipient.failure.word == "CarrierX's file storage is full"

    @pytest.mark.parametrize("held", ["accepted", "put off", "leased"])
    async def test_a_clock_that_is_set_back_holds_up_nothing(self, kitchen: Kitchen, held: str):
        """A text without files goes then, too."""
        batch_id = await kitchen.accept("a.jpg")
        now = kitchen.texting.clock.now()
        parcels = ParcelStore(kitchen.engine)
        if held == "put off":
            await parcels.put_off(batch_id, now + timedelta(seconds=120), "no room")
        elif held == "leased":
            await parcels.claim(now, now + timedelta(minutes=5))
        kitchen.texting.clock.move(-3600)
        await kitchen.preparing().turn()

        assert len((await kitchen.texting.one(batch_id)).media_urls) == 1

    @pytest.mark.parametrize(
        "trouble",
        [NoRoomError(), CarrierOutcomeUnknownError("CarrierX's storage did not answer."), OSError(28, "no space")],
        ids=lambda error: type(error).__name__,
    )
    async def test_files_of_a_try_in_vain_are_released(self, kitchen: Kitchen, trouble: Exception):
        """The next try stores all of them anew."""
        kitchen.cupboard.refusals = [None, trouble]
        batch_id = await kitchen.accept("a.jpg", "b.jpg")
        await kitchen.preparing().turn()
        kitchen.texting.clock.move(2)
        await kitchen.preparing().turn()

        assert kitchen.cupboard.released == ["s0"]
        assert (await kitchen.texting.one(batch_id)).media_urls == tuple(f"https://c.example/f/s{n}" for n in (1, 2))

    async def test_a_text_that_waits_for_its_files_is_not_due(self, engine: AsyncEngine, kitchen: Kitchen):
        """`/readyz` says of no text that it should have left; `/sms status` says what it waits for."""
        await kitchen.accept("a.jpg")
        kitchen.texting.clock.move(120)
        lag = await HealthStore(engine).lag(kitchen.texting.clock.now())
        waiting = await StatusStore(engine).waiting()
        await kitchen.preparing().turn()
        late = await HealthStore(engine).lag(kitchen.texting.clock.now())

        assert (lag.total_seconds(), late.total_seconds()) == (0, 120)
        assert waiting.reasons == {Wait.MEDIA: 1}

    async def test_files_of_a_text_that_is_over_are_released(self, kitchen: Kitchen):
        """Somebody canceled it meanwhile."""
        kitchen.slack.held = asyncio.Event()
        batch_id = await kitchen.accept("a.jpg")
        turn = asyncio.create_task(kitchen.preparing().turn())
        await kitchen.slack.asked.wait()
        await kitchen.texting.batches.cancel(batch_id, kitchen.texting.clock.now())
        kitchen.slack.held.set()
        await turn

        assert kitchen.cupboard.released == ["s0"]
        assert await kitchen.texting.status(batch_id) is Status.CANCELED


class TestFailing:
    """What nobody can do."""

    async def test_a_refusal_of_carrierx(self, kitchen: Kitchen):
        """And what was stored before it is released."""
        kitchen.cupboard.refusals = [None, CarrierRejectedError("The container takes no files of class media.", 422)]
        batch_id = await kitchen.accept("a.jpg", "b.jpg")
        await kitchen.preparing().turn()

        reason = "CarrierX did not store the file: The container takes no files of class media"
        assert await kitchen.failure(batch_id) == reason
        assert kitchen.cupboard.released == ["s0"]

    async def test_a_file_that_does_not_fit_is_named(self, kitchen: Kitchen):
        """Of several; one alone needs no name."""
        kitchen.tailor.trouble = CannotFitError("it is damaged", 1)
        batch_id = await kitchen.accept("a.jpg", "b.jpg")
        await kitchen.preparing().turn()

        assert await kitchen.failure(batch_id) == "“b.jpg”: it is damaged"

    async def test_what_slack_refuses_again_and_again(self, kitchen: Kitchen):
        """A 403 may pass, and mostly does not."""
        batch_id = await kitchen.accept("a.jpg")
        preparing = kitchen.preparing()
        kitchen.slack.troubles = [FetchError("Slack does not give it to me", final=False, tries=3)] * 3
        waits = []
        for _ in range(3):
            await preparing.turn()
            waits.append(await kitchen.waits(batch_id))
            kitchen.texting.clock.move(600)

        put_off = Preparation(("image/jpeg",), None, "Slack does not give it to me")
        assert waits == [put_off, put_off, None]
        assert await kitchen.failure(batch_id) == "Slack does not give it to me"


class TestTelling:
    """People read of work that takes long."""

    async def test_quick_work_is_not_worth_a_word(self, kitchen: Kitchen):
        """Neither before it begins nor while it lasts."""
        kitchen.slack.held = asyncio.Event()
        batch_id = await kitchen.accept("a.jpg")
        before = await kitchen.texting.one(batch_id)
        turn = asyncio.create_task(kitchen.preparing().turn())
        await kitchen.slack.asked.wait()
        meanwhile = await kitchen.texting.one(batch_id)
        kitchen.slack.held.set()
        await turn

        assert [(each.wait, each.preparation) for each in (before, meanwhile)] == [(None, None)] * 2

    async def test_slow_work_says_how_far_it_is(self, kitchen: Kitchen):
        """Which file is being fetched."""
        kitchen.slack.held = asyncio.Event()
        batch_id = await kitchen.accept("a.jpg", "b.mp4")
        turn = asyncio.create_task(kitchen.preparing(patience=0.001).turn())
        await kitchen.bell.rung.wait()
        told = await kitchen.waits(batch_id)
        kitchen.slack.held.set()
        await turn

        assert told == Preparation(("image/jpeg", "image/jpeg"), 1, "")
        assert await kitchen.waits(batch_id) is None

    async def test_who_takes_it_up_again_tells_anew(self, engine: AsyncEngine, kitchen: Kitchen):
        """What a dead process told is not true any more."""
        batch_id = await kitchen.accept("a.jpg", "b.jpg")
        now = kitchen.texting.clock.now()
        parcels = ParcelStore(engine)
        await parcels.claim(now, now)
        await parcels.tell(batch_id, 2, now)
        told = await kitchen.waits(batch_id)
        await parcels.claim(now, now)

        assert told is not None
        assert await kitchen.waits(batch_id) is None


LEASE = timedelta(minutes=5)


class TestTogether:
    """One text's large files hold nobody else's up."""

    async def test_who_claims_by_a_clock_that_is_behind_gets_nothing_that_is_leased(self, kitchen: Kitchen):
        """Two lanes ask for the time one after the other, and two machines' clocks differ."""
        await kitchen.accept("a.jpg")
        now = kitchen.texting.clock.now()
        parcels = ParcelStore(kitchen.engine)
        taken = [
            await parcels.claim(at, at + LEASE) for at in (now + timedelta(seconds=10), now + timedelta(seconds=5))
        ]

        assert [each is not None for each in taken] == [True, False]

    async def test_several_are_made_ready_at_once(self, kitchen: Kitchen):
        """While the first waits for Slack, the others are fetched."""
        kitchen.slack.held = asyncio.Event()
        phones = [f"415555{place:04}" for place in range(100, 105)]
        batches = [await kitchen.accept("a.jpg", to=phone) for phone in phones]
        preparing = kitchen.preparing()
        running = asyncio.create_task(preparing.loop.run())
        while kitchen.slack.fetching < LANES:
            kitchen.slack.asked.clear()
            await kitchen.slack.asked.wait()
        kitchen.slack.held.set()
        await kitchen.until(batches, lambda text: bool(text.media_urls))
        preparing.loop.close()
        await running

        assert kitchen.slack.fetching == LANES

    async def test_large_ones_wait_for_memory(self, kitchen: Kitchen):
        """Three texts of a hundred megabytes each do not fit into it at once."""
        kitchen.slack.held = asyncio.Event()
        large = [await kitchen.accept("a.mp4", "b.mp4", size=MAX_FILE, to=phone) for phone in (ANNA, "4155550132")]
        preparing = kitchen.preparing(patience=0.001)
        turns = [asyncio.create_task(preparing.turn()) for _ in large]
        await kitchen.until(large, lambda text: text.preparation is not None)
        kitchen.slack.held.set()
        await asyncio.gather(*turns)

        assert kitchen.slack.fetching == 1
        assert len(kitchen.cupboard.stored) == 4
