"""CarrierX's storage, which is small: what nobody needs any more is removed, and there is a word before it is full.

A file is noted as soon as it is stored, and removed once the texts that it went along with are over. What a dead
process stored without noting it, or whose upload got no answer, is found by its name and removed as well. All of it may
be done twice, and whatever is left deletes itself after three days.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.media import show_size
from bot.errors import CarrierError, CarrierFullError, CarrierRejectedError
from bot.services.fitting import Fitted
from bot.services.loop import Loop
from bot.services.ports import Clock, Room, Storage, StoredFile

_KEEP: Final = timedelta(days=3)  # CarrierX reads a file when it sends the text; it is asked about one for as long
_TOGETHER: Final = 20  # files removed in one turn
_ROUNDS: Final = 5  # of these when room is needed at once
_AGAIN = timedelta(minutes=1)  # until a removal that got no answer is tried again
_REFUSED = timedelta(hours=1)  # the same for one that CarrierX refuses; asking again soon changes nothing
_FORGOTTEN = timedelta(minutes=10)  # longer than it takes to make files ready; who has not noted one by then will not
_LOOK: Final = 5  # sweeps between two turns
_FIRST: Final = 20  # sweeps until all that lies there is looked through
_EVERY: Final = 600  # sweeps until that is done again
_FULL: Final = 0.9  # of what it takes; from then on there is a word
_log = structlog.get_logger(__name__)


class NoRoomError(Exception):
    """CarrierX's storage is full of files that are needed."""


class Shelves(Protocol):
    """The stored table; bot.store.storeroom has the only one."""

    async def note(self, sid: str, batch_id: str, now: datetime, ends_at: datetime) -> None:
        """A file is stored for a batch."""
        ...

    async def release(self, sids: Collection[str]) -> None:
        """Nobody will need these."""
        ...

    async def claim(self, now: datetime, until: datetime, limit: int) -> tuple[str, ...]:
        """Files that nobody needs, or that are to have deleted themselves; nobody else takes them until then."""
        ...

    async def put_off(self, sid: str, due_at: datetime) -> None:
        """Try again then."""
        ...

    async def forget(self, sid: str) -> None:
        """It is gone."""
        ...

    async def unknown(self, sids: Sequence[str]) -> list[str]:
        """Those of which there is no note."""
        ...


class Storeroom:
    """Stores files, and removes them in its own time.

    Args:
        sweep: Seconds; what is looked for by itself is in multiples of it.
    """

    def __init__(self, *, storage: Storage, shelves: Shelves, clock: Clock, sweep: float = 1.0) -> None:
        self._storage = storage
        self._shelves = shelves
        self._clock = clock
        self._sweep = sweep
        self._due = clock.boottime() + _FIRST * sweep
        self._room = Room(None, None, None, None)
        self.loop = Loop("storeroom", self.turn, _LOOK * sweep)

    @property
    def shortage(self) -> str:
        """How full it was when it was last looked at, "" while there is room."""
        room = self._room
        files = _show_shortage(room.files_left, room.most_files, lambda count: f"{count:,}")
        size = _show_shortage(room.bytes_left, room.most_bytes, show_size)
        return " and ".join(filter(None, (files and f"{files} files", size)))

    async def make_room(self, files: int, size: int) -> None:
        """See to it that so many files of so many bytes together can be stored.

        Raises:
            NoRoomError: They cannot.
            CarrierError: CarrierX does not say.
        """
        rounds = _ROUNDS
        while not _holds(await self._look(), files, size):
            rounds -= 1
            if not rounds or not await self._remove():
                raise NoRoomError

    async def store(self, batch_id: str, file: Fitted) -> StoredFile:
        """Store a file for a batch.

        Raises:
            NoRoomError: It is full.
            CarrierError: As of Storage.
        """
        try:
            kept = await self._storage.store(file.content, file.kind, file.suffix, keep=_KEEP)
        except CarrierFullError as error:
            raise NoRoomError from error
        now = self._clock.now()
        await self._shelves.note(kept.sid, batch_id, now, now + _KEEP)
        return kept

    async def release(self, files: Collection[StoredFile]) -> None:
        """These go along with no text after all."""
        if files:
            await self._shelves.release([file.sid for file in files])

    async def turn(self) -> bool:
        """Remove some of what nobody needs; now and then look for what nobody knows. Whether there may be more."""
        try:
            if self._clock.boottime() >= self._due:
                self._due = self._clock.boottime() + _EVERY * self._sweep
                await self._look()
                await self._find_orphans()
            removed = await self._remove()
            if removed and self.shortage:
                await self._look()
        except CarrierError as error:
            _log.info("storeroom.not_tidied", error=type(error).__name__)
            return False
        return removed == _TOGETHER

    async def _look(self) -> Room:
        self._room = await self._storage.room()
        return self._room

    async def _remove(self) -> int:
        """How many were taken up."""
        now = self._clock.now()
        sids = await self._shelves.claim(now, now + _AGAIN, _TOGETHER)
        for sid in sids:
            if await self._is_removed(sid):
                await self._shelves.forget(sid)
            else:
                await self._shelves.put_off(sid, now + _REFUSED)
        return len(sids)

    async def _find_orphans(self) -> None:
        """Remove what is older than anybody's memory of it may be young."""
        before = self._clock.now() - _FORGOTTEN
        kept = await self._storage.kept()
        old = [file.sid for file in kept if file.changed_at is not None and file.changed_at < before]
        orphans = await self._shelves.unknown(old)
        removed = [sid for sid in orphans if await self._is_removed(sid)]
        if removed:
            _log.info("storeroom.orphans_removed", files=len(removed))

    async def _is_removed(self, sid: str) -> bool:
        """Remove a file; False where CarrierX refuses that."""
        try:
            await self._storage.remove(sid)
        except CarrierRejectedError as error:
            _log.warning("storeroom.not_removed", file=sid, status=error.status)
            return False
        return True


def _show_shortage(left: int | None, most: int | None, show: Callable[[int], str]) -> str:
    if left is None or most is None or most - left < _FULL * most:
        return ""
    return f"{show(most - left)} of {show(most)}"


def _holds(room: Room, files: int, size: int) -> bool:
    return (room.files_left is None or room.files_left >= files) and (
        room.bytes_left is None or room.bytes_left >= size
    )
