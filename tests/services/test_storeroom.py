"""CarrierX's storage: what is needed stays, what is not goes, and there is a word before it is full."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Status
from bot.errors import CarrierFullError, CarrierRejectedError, CarrierUnavailableError
from bot.services.fitting import Fitted
from bot.services.ports import KeptFile, Room, StoredFile
from bot.services.storeroom import NoRoomError, Storeroom
from bot.store.storeroom import StoreroomStore
from bot.store.tables import message, stored
from tests.conftest import FakeClock
from tests.services.ledger import read_rows
from tests.services.texting import Texting

PICTURE = Fitted(b"picture", "image/jpeg", ".jpg", "")


@dataclass
class Shed:
    """A storage of so many places.

    Attributes:
        files: What lies there, with its age.
        most: How many it holds.
        trouble: What becomes of each removal instead.
        said: What it says of its room, None for the truth.
        asked: Every file that was to be removed.
    """

    clock: FakeClock
    most: int = 100
    files: dict[str, KeptFile] = field(default_factory=dict)
    trouble: Exception | None = None
    said: Room | None = None
    asked: list[str] = field(default_factory=list)

    async def store(self, content: bytes, kind: str, suffix: str, *, keep: timedelta) -> StoredFile:  # noqa: ARG002 -- the port's
        if len(self.files) == self.most:
            raise CarrierFullError("CarrierX's storage is full.", 403)
        sid = str(uuid4())
        self.files[sid] = KeptFile(sid, self.clock.now())
        return StoredFile(sid, f"https://c.example/f/{sid}")

    async def remove(self, sid: str) -> None:
        self.asked.append(sid)
        if self.trouble is not None:
            raise self.trouble
        self.files.pop(sid, None)

    async def room(self) -> Room:
        return self.said or Room(None, self.most - len(self.files), None, self.most)

    async def kept(self) -> tuple[KeptFile, ...]:
        return tuple(self.files.values())


@pytest.fixture
def shed(clock: FakeClock) -> Shed:
    return Shed(clock)


@pytest.fixture
def storeroom(engine: AsyncEngine, shed: Shed) -> Storeroom:
    return Storeroom(storage=shed, shelves=StoreroomStore(engine), clock=shed.clock)


async def stand(engine: AsyncEngine, batch_id: str, status: Status, **known: object) -> None:
    """Let a batch's texts stand there."""
    async with engine.begin() as connection:
        theirs = message.update().where(message.c.batch_id == batch_id)
        await connection.execute(theirs.values(status=status, **known))


async def fill(storeroom: Storeroom, batch_id: str, count: int = 1) -> Sequence[StoredFile]:
    return [await storeroom.store(batch_id, PICTURE) for _ in range(count)]


class TestRemoving:
    """What nobody needs any more."""

    @pytest.mark.parametrize("status", [Status.DELIVERED, Status.FAILED, Status.CANCELED])
    async def test_a_files_texts_are_over(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom, status: Status
    ):
        """The container holds a hundred files."""
        batch_id = await texting.accept()
        await fill(storeroom, batch_id)
        await stand(engine, batch_id, status)
        await storeroom.turn()

        assert shed.files == {}
        assert await read_rows(engine, stored) == []

    @pytest.mark.parametrize(
        "status", [Status.ACCEPTED, Status.SENDING, Status.QUEUED, Status.SENT, Status.UNCONFIRMED]
    )
    async def test_carrierx_may_still_fetch_a_file(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom, status: Status
    ):
        """Until then it stays; when its time is over it goes, should it not have deleted itself."""
        batch_id = await texting.accept()
        await fill(storeroom, batch_id)
        await stand(engine, batch_id, status)
        await storeroom.turn()
        stayed = len(shed.files)
        shed.clock.move(timedelta(days=3).total_seconds())
        await storeroom.turn()

        assert (stayed, len(shed.files)) == (1, 0)

    async def test_a_text_that_failed_after_a_503_may_have_left(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom
    ):
        """Its file stays; of one that was delivered after all it goes."""
        batch_id = await texting.accept()
        await fill(storeroom, batch_id)
        await stand(engine, batch_id, Status.FAILED, busy=True)
        await storeroom.turn()
        stayed = len(shed.files)
        await stand(engine, batch_id, Status.DELIVERED)
        await storeroom.turn()

        assert (stayed, len(shed.files)) == (1, 0)

    async def test_the_last_phone_counts(self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom):
        """All phones of one wish get the same file."""
        batch_id = await texting.accept("5162065574, 4155550132")
        await fill(storeroom, batch_id)
        await stand(engine, batch_id, Status.DELIVERED)
        first, _ = await read_rows(engine, message)
        async with engine.begin() as connection:
            await connection.execute(message.update().where(message.c.seq == first.seq).values(status=Status.SENT))
        await storeroom.turn()
        stayed = len(shed.files)
        await stand(engine, batch_id, Status.DELIVERED)
        await storeroom.turn()

        assert (stayed, len(shed.files)) == (1, 0)

    async def test_files_of_a_try_in_vain(self, texting: Texting, shed: Shed, storeroom: Storeroom):
        """Their text waits for the next try, which stores them anew."""
        files = await fill(storeroom, await texting.accept(), 2)
        await storeroom.release(files[:1])
        await storeroom.turn()

        assert list(shed.files) == [files[1].sid]

    async def test_removal_without_an_answer_is_made_again(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom
    ):
        """A minute later; what is gone by then is as good."""
        batch_id = await texting.accept()
        [file] = await fill(storeroom, batch_id)
        await stand(engine, batch_id, Status.DELIVERED)
        shed.trouble = CarrierUnavailableError("CarrierX does not answer.")
        await storeroom.turn()
        await storeroom.turn()
        shed.trouble = None
        shed.clock.move(60)
        await storeroom.turn()

        assert shed.asked == [file.sid, file.sid]
        assert await read_rows(engine, stored) == []

    async def test_refused_removal_is_not_asked_for_every_minute(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom
    ):
        """A token without the scope, say; the others have their turn."""
        batch_id = await texting.accept()
        files = await fill(storeroom, batch_id, 2)
        await stand(engine, batch_id, Status.DELIVERED)
        shed.trouble = CarrierRejectedError("Forbidden", 403)
        await storeroom.turn()
        shed.clock.move(60)
        await storeroom.turn()
        shed.clock.move(3600)
        await storeroom.turn()

        assert sorted(shed.asked) == sorted([file.sid for file in files] * 2)

    async def test_many_go_in_several_turns(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom
    ):
        """Nobody waits long for such a turn."""
        batch_id = await texting.accept()
        await fill(storeroom, batch_id, 45)
        await stand(engine, batch_id, Status.DELIVERED)
        turns = [(await storeroom.turn(), len(shed.files)) for _ in range(3)]

        assert turns == [(True, 25), (True, 5), (False, 0)]


class TestOrphans:
    """What lies there and nobody knows of."""

    async def test_one_that_is_old_goes(self, texting: Texting, shed: Shed, storeroom: Storeroom):
        """Stored by a process that died; one that is young may be just being noted, and a noted one is known."""
        orphan = await shed.store(b"", "", "", keep=timedelta(days=3))
        [known] = await fill(storeroom, await texting.accept())
        shed.clock.move(601)
        young = await shed.store(b"", "", "", keep=timedelta(days=3))
        await storeroom.turn()

        assert shed.asked == [orphan.sid]
        assert list(shed.files) == [known.sid, young.sid]

    async def test_one_without_a_time_is_left_to_delete_itself(self, shed: Shed, storeroom: Storeroom):
        """CarrierX may not say it; then nobody can tell it from one that is just being noted."""
        shed.files["f"] = KeptFile("f", None)
        shed.clock.move(601)
        await storeroom.turn()

        assert list(shed.files) == ["f"]

    async def test_one_that_carrierx_refuses_to_remove_keeps_no_other(self, shed: Shed, storeroom: Storeroom):
        """It deletes itself after three days."""
        orphans = [await shed.store(b"", "", "", keep=timedelta(days=3)) for _ in range(2)]
        shed.trouble = CarrierRejectedError("No.", 403)
        shed.clock.move(601)
        await storeroom.turn()

        assert shed.asked == [orphan.sid for orphan in orphans]

    async def test_looking_is_rare(self, shed: Shed, storeroom: Storeroom):
        """A list of all files, every ten minutes."""
        await shed.store(b"", "", "", keep=timedelta(days=3))
        shed.clock.move(601)
        await storeroom.turn()
        await shed.store(b"", "", "", keep=timedelta(days=3))
        shed.clock.move(599)
        await storeroom.turn()
        left = len(shed.files)
        shed.clock.move(2)
        await storeroom.turn()

        assert (left, len(shed.files)) == (1, 0)


class TestRoom:
    """The quota."""

    async def test_there_is_a_word_before_the_end(self, engine: AsyncEngine, texting: Texting, storeroom: Storeroom):
        """From nine tenths on, until there is room again."""
        batch_id = await texting.accept()
        await fill(storeroom, batch_id, 89)
        await storeroom.make_room(1, 1)
        before = storeroom.shortage
        await fill(storeroom, batch_id)
        await storeroom.make_room(1, 1)
        short = storeroom.shortage
        await stand(engine, batch_id, Status.DELIVERED)
        await storeroom.turn()

        assert (before, short, storeroom.shortage) == ("", "90 of 100 files", "")

    @pytest.mark.parametrize(
        ("room", "shortage"),
        [
            (Room(100 * 1024, None, 1000 * 1024, None), "900 KB of 1 MB"),
            (Room(0, 0, 1000 * 1024, 100), "100 of 100 files and 1 MB of 1 MB"),
            (Room(None, 0, None, None), ""),
            (Room(101 * 1024, 11, 1000 * 1024, 100), ""),
        ],
    )
    async def test_both_quotas_are_named(self, shed: Shed, storeroom: Storeroom, room: Room, shortage: str):
        """As far as CarrierX tells them."""
        shed.said = room
        shed.clock.move(60)
        await storeroom.turn()

        assert storeroom.shortage == shortage

    async def test_room_is_made_of_what_nobody_needs(
        self, engine: AsyncEngine, texting: Texting, shed: Shed, storeroom: Storeroom
    ):
        """At once, not in its turn."""
        shed.most = 4
        over, needed = await texting.accept(), await texting.accept("4155550132")
        await fill(storeroom, over, 3)
        [kept] = await fill(storeroom, needed)
        await stand(engine, over, Status.DELIVERED)
        await storeroom.make_room(3, 1)

        assert list(shed.files) == [kept.sid]

    async def test_without_room_nothing_is_stored(self, texting: Texting, shed: Shed, storeroom: Storeroom):
        """What is needed stays; so it is, too, where another process was quicker."""
        shed.most = 1
        batch_id = await texting.accept()
        await fill(storeroom, batch_id)

        with pytest.raises(NoRoomError):
            await storeroom.make_room(1, 1)
        with pytest.raises(NoRoomError):
            await storeroom.store(batch_id, PICTURE)
        assert len(shed.files) == 1
