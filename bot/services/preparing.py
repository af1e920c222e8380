"""What goes along with texts: files from Slack are fetched, made to fit, and stored where CarrierX reads them.

What is on the web already is only looked at: CarrierX would not say what was wrong with it. All of it comes after
acceptance, so that nobody waits for it, and before the outbox may claim the text. Each try begins at the beginning;
what the one before had stored already is removed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.media import (
    MAX_FILE,
    MAX_FILES,
    MAX_MMS,
    SlackFile,
    find_files_mistake,
    find_kind_mistake,
    show_size,
)
from bot.errors import CarrierError, CarrierRejectedError
from bot.services.allowance import Allowance
from bot.services.fitting import CannotFitError, Fitted, Fitting
from bot.services.loop import Loop
from bot.services.pictures import Fetched, FetchError, Fetching
from bot.services.ports import Announcer, Clock, StoredFile
from bot.services.storeroom import NoRoomError

LANES: Final = 3  # parcels that one process makes ready at once
_LEASE = timedelta(minutes=5)  # where two processes make the same ready all the same, the first counts
_WITHIN: Final = 240.0  # seconds for one try, so that it does not outlast the lease
_MEMORY: Final = MAX_FILES + MAX_FILE  # bytes of all parcels' files at once; the most that a single one may need
_PATIENCE: Final = 2.0  # seconds of work that are not worth a word, and between two words
_AGAIN = (2.0, 10.0, 30.0, 120.0)  # seconds; the last one until SMS_GIVE_UP_MINUTES end it
_LOOK: Final = 20.0  # seconds for one link, with all its redirects
_LOOKS: Final = 4  # looks at a link, where its server is what is wrong
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch whose files and links are to be made ready.

    Attributes:
        batch_id: Which.
        files: In their order.
        tries: How often that was tried in vain.
        links: The URLs that somebody typed.
    """

    batch_id: str
    files: tuple[SlackFile, ...]
    tries: int
    links: tuple[str, ...] = ()


class Parcels(Protocol):
    """The attachment and parcel tables; bot.store.parcels has the only one."""

    async def claim(self, now: datetime, until: datetime) -> Parcel | None:
        """Lease the parcel that has waited longest."""
        ...

    async def ready(self, batch_id: str, files: Sequence[tuple[StoredFile, Fitted]]) -> bool:
        """Let the batch's texts go, with their files; False where these files go nowhere."""
        ...

    async def tell(self, batch_id: str, place: int, now: datetime) -> None:
        """People read which file is being fetched, 0 for all of them being made to fit and stored."""
        ...

    async def put_off(self, batch_id: str, due_at: datetime, reason: str) -> None:
        """Try again then; people read why."""
        ...

    async def fail(self, batch_id: str, reason: str, now: datetime, *, mendable: bool) -> None:
        """Its texts cannot go; people read why.

        Args:
            batch_id: Which.
            reason: Why, a clause in plain words.
            now: The time.
            mendable: The same may go at another time.
        """
        ...


class Download(Protocol):
    """Slack's files; bot.slack.files has the only one."""

    async def fetch(self, file: SlackFile) -> Fetched:
        """A file's bytes.

        Raises:
            FetchError: They cannot be had, now or ever.
        """
        ...


class Shelf(Protocol):
    """CarrierX's storage; bot.services.storeroom has the only one."""

    async def make_room(self, files: int, size: int) -> None:
        """See to it that so many files of so many bytes together can be stored.

        Raises:
            NoRoomError: They cannot.
            CarrierError: CarrierX does not say.
        """
        ...

    async def store(self, batch_id: str, file: Fitted) -> StoredFile:
        """Store a file for a batch.

        Raises:
            NoRoomError: It is full.
            CarrierError: It is not stored, or nobody knows.
        """
        ...

    async def release(self, files: Collection[StoredFile]) -> None:
        """These go along with no text after all."""
        ...


@dataclass(slots=True)
class _Progress:
    """How far a parcel is.

    Attributes:
        place: Which file is being fetched, from 1; 0 once all are.
        over: Set when there is no more to tell.
    """

    place: int = 1
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def is_over(self, *, within: float) -> bool:
        """Whether there is no more to tell after so many seconds, or sooner."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.over.wait()
        return self.over.is_set()


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a parcel is not ready.

    Attributes:
        reason: A clause in plain words.
        final: Trying again now changes nothing.
        mendable: It is final, and yet the same may go at another time.
    """

    reason: str
    final: bool
    mendable: bool = False


class Preparing:
    """The loop that makes files ready, those of several texts at once.

    Args:
        web: Fetches no more than CarrierX takes.
        limit: Bytes of one text's files together.
        sweep: Seconds between two looks when there is nothing to do.
        patience: Seconds of work before people read of it.
    """

    def __init__(
        self,
        *,
        parcels: Parcels,
        slack: Download,
        web: Fetching,
        fitter: Fitting,
        storeroom: Shelf,
        announcer: Announcer,
        clock: Clock,
        wake_outbox: Callable[[], None],
        limit: int,
        sweep: float = 1.0,
        patience: float = _PATIENCE,
    ) -> None:
        self._parcels = parcels
        self._slack = slack
        self._web = web
        self._fitter = fitter
        self._storeroom = storeroom
        self._announcer = announcer
        self._clock = clock
        self._wake_outbox = wake_outbox
        self._limit = limit
        self._patience = patience
        self._memory = Allowance(_MEMORY)
        self.loop = Loop("preparing", self.turn, sweep, lanes=LANES)

    async def turn(self) -> bool:
        """Make one parcel ready; False when none is due."""
        now = self._clock.now()
        parcel = await self._parcels.claim(now, now + _LEASE)
        if parcel is None:
            return False
        stored: list[StoredFile] = []
        try:
            async with asyncio.timeout(_WITHIN), self._telling(parcel) as progress, self._memory.take(_weigh(parcel)):
                fitted = await self._prepare(parcel, progress)
                await self._store(parcel, fitted, stored)
        except (FetchError, CannotFitError, NoRoomError, CarrierError, OSError) as error:
            await self._end(parcel, _explain(parcel, error))
            await self._storeroom.release(stored)
        else:
            if await self._parcels.ready(parcel.batch_id, list(zip(stored, fitted, strict=True))):
                self._wake_outbox()
            else:
                await self._storeroom.release(stored)
        self._announcer.wake()
        return True

    async def _prepare(self, parcel: Parcel, progress: _Progress) -> tuple[Fitted, ...]:
        left = MAX_MMS - await self._weigh_links(parcel)
        if not parcel.files:
            return ()
        await self._storeroom.make_room(len(parcel.files), min(_size(parcel), self._limit))
        fetched = await self._fetch(parcel, progress)
        progress.place = 0
        return await self._fitter.fit(fetched, limit=min(self._limit, left))

    async def _weigh_links(self, parcel: Parcel) -> int:
        """Bytes of what a parcel's links name.

        Raises:
            FetchError: Some of them cannot be used. What its server may mend is tried a few times: CarrierX, which
                fetches it then, has no better way to it as a rule, and would say nothing of it.
        """
        weighed = await asyncio.gather(*map(self._weigh_link, parcel.links))
        wrong = [(place, each) for place, each in enumerate(weighed) if isinstance(each, FetchError)]
        if wrong:
            final = any(error.final for _, error in wrong)
            named = [
                f"{_name_link(parcel, place)} cannot be used: {error.reason}"
                for place, error in wrong
                if error.final is final
            ]
            raise FetchError("; ".join(named), final=final, mendable=not final, tries=_LOOKS)
        total = sum(each for each in weighed if isinstance(each, int))
        if total > MAX_MMS:
            most = show_size(MAX_MMS)
            reason = f"what the links name has {show_size(total)} together, and {most} is the most that CarrierX takes"
            raise FetchError(reason, final=True)
        return total

    async def _weigh_link(self, link: str) -> int | FetchError:
        """Bytes of what a link names, or why it cannot be used."""
        try:
            async with asyncio.timeout(_LOOK):
                fetched = await self._web.fetch(link)
        except TimeoutError:
            return FetchError("its server took too long", final=False)
        except FetchError as error:
            return error
        if mistake := find_kind_mistake(fetched.kind):
            return FetchError(mistake, final=True)
        return len(fetched.content)

    async def _fetch(self, parcel: Parcel, progress: _Progress) -> list[Fetched]:
        fetched: list[Fetched] = []
        for index, file in enumerate(parcel.files):
            progress.place = index + 1
            try:
                fetched.append(await self._slack.fetch(file))
            except FetchError as error:
                reason = _name(parcel, index, error.reason)
                raise FetchError(reason, final=error.final, mendable=error.mendable, tries=error.tries) from error
            # Of some files Slack tells no size before.
            if mistake := find_files_mistake(sum(len(each.content) for each in fetched)):
                raise CannotFitError(f"with the files before it, it is {mistake}", index)
        return fetched

    async def _store(self, parcel: Parcel, fitted: Sequence[Fitted], stored: list[StoredFile]) -> None:
        """Append what is stored to `stored`, so that it is known also when the rest fails."""
        for each in fitted:
            file = await self._storeroom.store(parcel.batch_id, each)
            stored.append(file)

    async def _end(self, parcel: Parcel, failure: _Failure) -> None:
        now = self._clock.now()
        if failure.final:
            await self._parcels.fail(parcel.batch_id, failure.reason, now, mendable=failure.mendable)
        else:
            _log.info("preparing.put_off", tries=parcel.tries + 1)
            wait = _AGAIN[min(parcel.tries, len(_AGAIN) - 1)]
            await self._parcels.put_off(parcel.batch_id, now + timedelta(seconds=wait), failure.reason)

    @asynccontextmanager
    async def _telling(self, parcel: Parcel) -> AsyncIterator[_Progress]:
        """While this is open, people read how far it is, if it takes long enough."""
        progress = _Progress()
        teller = asyncio.create_task(self._tell(parcel, progress))
        try:
            yield progress
        finally:
            progress.over.set()
            await teller

    async def _tell(self, parcel: Parcel, progress: _Progress) -> None:
        told = None
        while not await progress.is_over(within=self._patience):
            if progress.place != told:
                told = progress.place
                try:
                    await self._parcels.tell(parcel.batch_id, told, self._clock.now())
                except Exception:  # noqa: BLE001 -- a word that is not said must not end the work
                    _log.exception("preparing.not_told")
                self._announcer.wake()


def _size(parcel: Parcel) -> int:
    """Bytes as far as Slack says, at least one a file."""
    return sum(max(1, file.size) for file in parcel.files)


def _weigh(parcel: Parcel) -> int:
    """Bytes of memory that it may need."""
    return sum(file.size or MAX_FILE for file in parcel.files)


def _explain(parcel: Parcel, error: Exception) -> _Failure:
    match error:
        case FetchError():
            tried = error.tries is not None and parcel.tries + 1 >= error.tries
            return _Failure(error.reason, error.final or tried, error.mendable)
        case CannotFitError():
            return _Failure(_name(parcel, error.index, error.reason), final=True)
        case CarrierRejectedError():
            reason = f"CarrierX did not store the file: {error.user_message.rstrip('.')}"
            return _Failure(reason, final=True, mendable=True)
        case CarrierError():
            reason = error.user_message.rstrip(".")
        case NoRoomError():
            reason = "CarrierX's file storage is full"
        case TimeoutError():
            reason = "the files took too long to get ready"
        case _:
            _log.warning("preparing.no_room_here", error=type(error).__name__)
            reason = "this app's machine has no room for the files"
    return _Failure(reason, final=False)


def _name(parcel: Parcel, index: int, reason: str) -> str:
    return f"“{parcel.files[index].name}”: {reason}" if len(parcel.files) > 1 else reason


def _name_link(parcel: Parcel, place: int) -> str:
    return f"the {_PLACES[place]} link" if len(parcel.links) > 1 else "the link"
