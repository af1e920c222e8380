"""Files from Slack that go along with texts: fetched, made to fit, and stored where CarrierX reads them.

All of it comes after acceptance, so that nobody waits for it, and before the outbox may claim the text. Each try begins
at the beginning: a file that a dead process had stored already deletes itself, as all do.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.domain.media import SlackFile, find_files_mistake
from bot.errors import CarrierError, CarrierRejectedError
from bot.services.fitting import CannotFitError, Fitted, Fitting
from bot.services.pictures import Fetched, FetchError
from bot.services.ports import Announcer, Clock, Storage, StoredFile

_LEASE = timedelta(minutes=5)  # longer than ten files usually take; where two processes do it, the first counts
_KEEP: Final = timedelta(days=3)  # CarrierX reads a file when it sends the text; it is asked about one for as long
_AGAIN = (2.0, 10.0, 30.0, 120.0)  # seconds; the last one until SMS_GIVE_UP_MINUTES end it
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch whose files are to be made ready.

    Attributes:
        batch_id: Which.
        files: In their order.
        tries: How often that was tried in vain.
    """

    batch_id: str
    files: tuple[SlackFile, ...]
    tries: int


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
        limit: Bytes of one text's files together.
        sweep: Seconds between two looks when there is nothing to do.
    """

    def __init__(
        self,
        *,
        parcels: Parcels,
        slack: Download,
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
        self._fitter = fitter
        self._storage = storage
        self._announcer = announcer
        self._clock = clock
        self._wake_outbox = wake_outbox
        self._limit = limit
        self._sweep = sweep
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Begin nothing more; `run` returns after the parcel under way."""
        self._closing.set()

    async def run(self) -> None:
        """Make ready what is due until closed."""
        while not self._closing.is_set():
            try:
                if await self.turn():
                    continue
            except Exception:  # noqa: BLE001 -- the loop's boundary: a failing database must not end it
                _log.exception("preparing.turn_failed")
            try:
                async with asyncio.timeout(self._sweep):
                    await self._closing.wait()
            except TimeoutError:
                continue

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
                await self._fail(parcel, _name(parcel, error.index, error.reason), mendable=error.mendable)
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
        fetched = []
        for index, file in enumerate(parcel.files):
            try:
                fetched.append(await self._slack.fetch(file))
            except FetchError as error:
                error.index = index
                raise
            # Of some files Slack tells no size before.
            if mistake := find_files_mistake(sum(len(each.content) for each in fetched)):
                raise CannotFitError(f"with the files before it, it is {mistake}", index)
        fitted = await self._fitter.fit(fetched, limit=self._limit)
        return [(await self._storage.store(each.content, each.kind, each.suffix, keep=_KEEP), each) for each in fitted]

    async def _fail(self, parcel: Parcel, reason: str, *, mendable: bool = False) -> None:
        await self._parcels.fail(parcel.batch_id, reason, self._clock.now(), mendable=mendable)

    async def _put_off(self, parcel: Parcel) -> None:
        wait = _AGAIN[min(parcel.tries, len(_AGAIN) - 1)]
        await self._parcels.put_off(parcel.batch_id, self._clock.now() + timedelta(seconds=wait))


def _name(parcel: Parcel, index: int, reason: str) -> str:
    return f"“{parcel.files[index].name}”: {reason}" if len(parcel.files) > 1 else reason
