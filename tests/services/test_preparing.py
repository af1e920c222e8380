"""Files on their way between Slack and CarrierX: names that two processes agree on, and no more than memory holds."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import MAX_FILE, SlackFile
from bot.domain.message import Cause, Preparation, Status, Wait
from bot.errors import CarrierOutcomeUnknownError, CarrierRejectedError, CarrierUnavailableError
from bot.services.fitting import CannotFitError, Fitted
from bot.services.pictures import Fetched, FetchError
from bot.services.ports import InboundText, StoredFile
from bot.services.preparing import LANES
from bot.services.receiving import Answers, Arrival
from bot.services.storeroom import NoRoomError
from bot.store.health import HealthStore
from bot.store.inbox import InboxStore
from bot.store.parcels import ParcelStore
from bot.store.pictures import PictureStore
from bot.store.status import StatusStore
from bot.store.tables import attachment, message, picture
from tests.services.kitchen import Endless, Kitchen, Web, look_after
from tests.services.ledger import read_rows
from tests.services.texting import ANNA, OURS, Texting


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
