"""The playground's time: this machine's, and as far ahead of it as somebody has moved it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import Struct
from typing import Final
from zoneinfo import ZoneInfo

from bot.app import SystemClock

Tell = Callable[[float], None]
HERE = ZoneInfo("America/New_York")  # where the phones of the examples are: +1 212 and +1 347
MOVES = {
    "minutes": "10 minutes later",
    "hour": "An hour later",
    "evening": "9:05 in the evening, New York",
    "morning": "8:05 in the morning, New York",
    "days": "Four days later",
}
_STEPS = {"minutes": timedelta(minutes=10), "hour": timedelta(hours=1), "days": timedelta(days=4)}
_HOURS = {"evening": 21, "morning": 8}
_MINUTES_PAST = 5
_AHEAD = Struct("d")
FILE: Final = "playground.clock"  # in the bot's working folder
_DAY = range(8, 20)  # hours in which a demonstration may begin; from 21:00 the bot keeps texts until the morning


class MovedClock:
    """A clock that is moved by hand, and only ever on: what has happened stays in the past.

    Attributes:
        ahead: Seconds before this machine's time.
        moved: Called with `ahead` after each move.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self.moved: list[Tell] = []
        self._real = SystemClock()

    def now(self) -> datetime:
        """Aware UTC."""
        return self._real.now() + timedelta(seconds=self.ahead)

    def boottime(self) -> float:
        """Seconds, sleep included."""
        return self._real.boottime() + self.ahead

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead

    def move(self, name: str) -> None:
        """Move on, as one of MOVES says.

        Raises:
            KeyError: None of them does.
        """
        now = self.now()
        step = _STEPS[name] if name in _STEPS else find_next(now, _HOURS[name]) - now
        self.ahead += step.total_seconds()
        for tell in self.moved:
            tell(self.ahead)

    def wake(self) -> None:
        """Move on to the morning when it is night where the phones are, so that texts go out while somebody watches."""
        if self.now().astimezone(HERE).hour not in _DAY:
            self.move("morning")


class FollowedClock:
    """Another process's MovedClock, by a file that holds how far ahead it is; a move counts at once.

    Args:
        file: Eight bytes, written by `write_ahead`.
    """

    def __init__(self, file: Path) -> None:
        with file.open("rb") as opened:
            self._shared = mmap(opened.fileno(), _AHEAD.size, access=ACCESS_READ)
        self._real = SystemClock()

    @property
    def ahead(self) -> float:
        """Seconds before this machine's time."""
        seconds: float = _AHEAD.unpack_from(self._shared)[0]
        return seconds

    def now(self) -> datetime:
        """Aware UTC."""
        return self._real.now() + timedelta(seconds=self.ahead)

    def boottime(self) -> float:
        """Seconds, sleep included."""
        return self._real.boottime() + self.ahead


def write_ahead(file: Path, ahead: float) -> None:
    """Say how far ahead the clock is; in place, as others have the file open."""
    with file.open("r+b" if file.exists() else "xb") as opened:
        opened.write(_AHEAD.pack(ahead))


def find_next(now: datetime, hour: int) -> datetime:
    """The next time at which it is five past an hour where the phones are."""
    there = now.astimezone(HERE)
    found = there.replace(hour=hour, minute=_MINUTES_PAST, second=0, microsecond=0)
    if found <= there:
        found += timedelta(days=1)  # by the wall clock there, also when it is changed that night
    return found.astimezone(UTC)
