"""What goes along with texts: files from Slack are fetched, made to fit, and stored where CarrierX reads them.

What is on the web already is only looked at: CarrierX would not say what was wrong with it. All of it comes after
acceptance, so that nobody waits for it, and before the outbox may claim the text. Each try begins at the beginning: a
file that a dead process had stored already deletes itself, as all do.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.media import MAX_MMS, SlackFile, find_files_mistake, find_kind_mistake, show_size
from bot.errors import CarrierError, CarrierRejectedError
from bot.services.fitting import CannotFitError, Fitted, Fitting
from bot.services.loop import Loop
from bot.services.pictures import Fetched, FetchError, Fetching
from bot.services.ports import Announcer, Clock, Storage, StoredFile

_LEASE = timedelta(minutes=5)  # longer than ten files usually take; where two processes do it, the first counts
_KEEP: Final = timedelta(days=3)  # CarrierX reads a file when it sends the text; it is asked about one for as long
_AGAIN = (2.0, 10.0, 30.0, 120.0)  # seconds; the last one until SMS_GIVE_UP_MINUTES end it
_LOOK = 20.0  # seconds for one link, with all its redirects
_LOOKS: Final = 3  # looks at a link after the first, where its server is what is wrong
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

    async def ready(self, batch_id: str, files: Sequence[tuple[StoredFile, Fitted]]) -> None:
        """Let the batch's texts go, with their files."""
        ...

    async def put_off(self, batch_id: str, due_at: datetime) -> None:
        """Try again then."""
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


class Preparing:
    """The loop that makes files ready.

    Args:
        web: Fetches no more than CarrierX takes.
        limit: Bytes of one text's files together.
        sweep: Seconds between two looks when there is nothing to do.
    """

    def __init__(
        self,
        *,
        parcels: Parcels,
        slack: Download,
        web: Fetching,
        fitter: Fitting,
        storage: Storage,
        announcer: Announcer,
        clock: Clock,
        wake_outbox: Callable[[], None],
        limit: int,
        sweep: float = 1.0,
    ) -> None:
        self._parcels = parcels
        self._slack = slack
        self._web = web
        self._fitter = fitter
        self._storage = storage
        self._announcer = announcer
        self._clock = clock
        self._wake_outbox = wake_outbox
        self._limit = limit
        self.loop = Loop("preparing", self.turn, sweep)

    async def turn(self) -> bool:
        """Make one parcel ready; False when none is due."""
        now = self._clock.now()
        parcel = await self._parcels.claim(now, now + _LEASE)
        if parcel is None:
            return False
        try:
            stored = await self._prepare(parcel)
        except FetchError as error:
            if error.final:
                await self._fail(parcel, error.reason, mendable=error.mendable)
            else:
                await self._put_off(parcel)
        except CannotFitError as error:
            await self._fail(parcel, _name(parcel, error.index, error.reason))
        except CarrierRejectedError as error:
            reason = f"CarrierX did not store the file: {error.user_message.rstrip('.')}"
            await self._fail(parcel, reason, mendable=True)
        except (CarrierError, OSError) as error:
            _log.info("preparing.put_off", error=type(error).__name__)
            await self._put_off(parcel)
        else:
            await self._parcels.ready(parcel.batch_id, stored)
            self._wake_outbox()
        self._announcer.wake()
        return True

    async def _prepare(self, parcel: Parcel) -> list[tuple[StoredFile, Fitted]]:
        left = MAX_MMS - await self._weigh_all(parcel)
        if not parcel.files:
            return []
        fetched = []
        for index, file in enumerate(parcel.files):
            try:
                fetched.append(await self._slack.fetch(file))
            except FetchError as error:
                reason = _name(parcel, index, error.reason)
                raise FetchError(reason, final=error.final, mendable=error.mendable) from error
            # Of some files Slack tells no size before.
            if mistake := find_files_mistake(sum(len(each.content) for each in fetched)):
                raise CannotFitError(f"with the files before it, it is {mistake}", index)
        fitted = await self._fitter.fit(fetched, limit=min(self._limit, left))
        return [(await self._storage.store(each.content, each.kind, each.suffix, keep=_KEEP), each) for each in fitted]

    async def _weigh_all(self, parcel: Parcel) -> int:
        """Bytes of what a parcel's links name.

        Raises:
            FetchError: One of them cannot be used. What its server may mend is tried a few times: CarrierX, which
                fetches it then, has no better way to it as a rule, and would say nothing of it.
        """
        weighed = await asyncio.gather(*map(self._weigh, parcel.links))
        wrong = [(place, each) for place, each in enumerate(weighed) if isinstance(each, FetchError)]
        if wrong:
            place, error = min(wrong, key=lambda found: not found[1].final)
            reason = f"{_name_link(parcel, place)} cannot be used: {error.reason}"
            raise FetchError(reason, final=error.final or parcel.tries >= _LOOKS, mendable=not error.final) from error
        total = sum(each for each in weighed if isinstance(each, int))
        if total > MAX_MMS:
            most = show_size(MAX_MMS)
            reason = f"what the links name has {show_size(total)} together, and {most} is the most that CarrierX takes"
            raise FetchError(reason, final=True)
        return total

    async def _weigh(self, link: str) -> int | FetchError:
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

    async def _fail(self, parcel: Parcel, reason: str, *, mendable: bool = False) -> None:
        await self._parcels.fail(parcel.batch_id, reason, self._clock.now(), mendable=mendable)

    async def _put_off(self, parcel: Parcel) -> None:
        wait = _AGAIN[min(parcel.tries, len(_AGAIN) - 1)]
        await self._parcels.put_off(parcel.batch_id, self._clock.now() + timedelta(seconds=wait))


def _name(parcel: Parcel, index: int, reason: str) -> str:
    return f"“{parcel.files[index].name}”: {reason}" if len(parcel.files) > 1 else reason


def _name_link(parcel: Parcel, place: int) -> str:
    return f"the {_PLACES[place]} link" if len(parcel.links) > 1 else "the link"
