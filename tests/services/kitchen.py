"""Where files and links are made ready, with a Slack, a web and a storage that do as they are told."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.media import MAX_FILE, SlackFile
from bot.domain.message import Message, Preparation
from bot.media.fit import Fitter
from bot.services.fitting import Fitted, Fitting
from bot.services.pictures import Fetched, FetchError, Fetching
from bot.services.ports import StoredFile
from bot.services.preparing import Preparing
from bot.store.parcels import ParcelStore
from tests.services.texting import ANNA, Silence, Texting

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
