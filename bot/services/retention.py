"""What was written is not kept for good: one person's texts when an administrator says so, all texts after a time.

Both go in small steps, each a transaction of its own, so that nobody who sends or receives waits for them. The ledger
of opt-outs is never touched.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.message import E164
from bot.services.loop import Loop
from bot.services.ports import Announcer, Clock

_LOOK = 5.0  # seconds between two looks for what another process was asked to erase
_EVERY = 3600.0  # seconds between two looks for old texts
_FIRST = 20.0  # seconds after the start
_LEASE = timedelta(minutes=10)  # one process at a time; a hundred million texts take that long
_AGAIN = timedelta(seconds=10)  # a text that was just leaving is looked at once more
_LATE = timedelta(days=4)  # CarrierX sends receipts for three; what was not over then is looked at again
_PAUSE = 0.02  # seconds between two steps, for all who wait for the database
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """That what was written to and by a phone is to be erased.

    Attributes:
        number: The phone.
        asked_at: What was written later stays.
        leaving: A text to it was just leaving when this began, and keeps its words until that is over.
    """

    number: E164
    asked_at: datetime
    leaving: bool = False


class Erasing(Protocol):
    """The database as erasing needs it; bot.store.erasing has the only one."""

    async def take_wish(self, now: datetime, until: datetime) -> Wish | None:
        """A phone whose texts are to be erased, if no other process is at it; what waits to go to it is canceled."""
        ...

    def erase(self, wish: Wish) -> AsyncIterator[None]:
        """Erase its texts, and have Slack follow, in steps that are a transaction each."""
        ...

    async def end_wish(self, wish: Wish, again_at: datetime) -> None:
        """It is done; where a text was leaving, all of it is looked at again."""
        ...

    async def take_turn(self, now: datetime, until: datetime) -> datetime | None:
        """Up to when old texts are blanked, if no other process is at it."""
        ...

    def blank(self, since: datetime, before: datetime) -> AsyncIterator[None]:
        """Blank what was written in that time and is over, in steps that are a transaction each; Slack stays."""
        ...

    async def end_turn(self, done: datetime | None) -> None:
        """Let another process go on, from there, or, with None, from where this one began."""
        ...


class Retention:
    """Runs until cancelled; any number of processes may.

    Args:
        keep: How long what was written is kept.
    """

    def __init__(self, *, erasing: Erasing, clock: Clock, announcer: Announcer, keep: timedelta) -> None:
        self._erasing = erasing
        self._clock = clock
        self._announcer = announcer
        self._keep = keep
        self.loop = Loop("retention", self.turn, _LOOK)
        self._due = clock.boottime() + _FIRST

    async def turn(self) -> None:
        """Erase for everybody who asked, then what is too old, once an hour."""
        now = self._clock.now()
        while (wish := await self._erasing.take_wish(now, now + _LEASE)) is not None:
            await self._erase(wish)
        if self._clock.boottime() >= self._due:
            await self.blank_old()
            self._due = self._clock.boottime() + _EVERY

    async def blank_old(self) -> None:
        """Blank what was written too long ago, if no other process is at it."""
        now = self._clock.now()
        done = await self._erasing.take_turn(now, now + _LEASE)
        if done is None:
            return
        before = now - self._keep
        reached = None
        try:
            async for _ in self._erasing.blank(done - _LATE, before):
                await asyncio.sleep(_PAUSE)
            reached = before
        finally:
            await self._erasing.end_turn(reached)

    async def _erase(self, wish: Wish) -> None:
        async for _ in self._erasing.erase(wish):
            self._announcer.wake()
            await asyncio.sleep(_PAUSE)
        await self._erasing.end_wish(wish, self._clock.now() + _AGAIN)
        _log.info("retention.erased", number=wish.number[-4:], done=not wish.leaving)
