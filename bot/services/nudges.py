"""Nudges: a conversation whose newest text has had no answer for long gets one note in its thread.

Each burst of texts is judged once, when SMS_NUDGE_MINUTES have passed since its newest. Any text of ours counts as an
answer unless it was canceled, whoever sent it and whatever became of it: of a failure its sender is told anyway.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.message import E164
from bot.domain.notices import write_nudge
from bot.services.notes import NewNote
from bot.services.ports import Announcer, Clock

_LOOK = timedelta(seconds=30)  # by the clock; nobody needs a nudge to the second
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pause:
    """A conversation that has rested since a text from a phone.

    Attributes:
        conversation_id: Which.
        team: The workspace.
        channel: Where it is shown.
        members: Their phones.
        since: When CarrierX received the newest text.
        spoken: That text is ordinary speech: no STOP, HELP or START, from somebody who may be texted.
        answered: A text of ours came after it.
    """

    conversation_id: str
    team: str
    channel: str
    members: tuple[E164, ...]
    since: datetime
    spoken: bool
    answered: bool


class Pauses(Protocol):
    """The conversations; bot.store.nudges has the only one."""

    async def due(self, now: datetime, wait: timedelta) -> tuple[Pause, ...]:
        """Those that have rested for that long and are not judged yet."""
        ...

    async def judge(self, pause: Pause, note: NewNote | None) -> bool:
        """Judge one, unless another process has or somebody has written since; False then."""
        ...


@dataclass(slots=True)
class Nudges:
    """The loop that nudges.

    Attributes:
        pauses: The database.
        announcer: Shows the notes.
        clock: Time.
        team: The workspace, "" while it is not known.
        wait: SMS_NUDGE_MINUTES.
        interval: Seconds between two looks at the clock.
    """

    pauses: Pauses
    announcer: Announcer
    clock: Clock
    team: Callable[[], str]
    wait: timedelta
    interval: float
    _looked_at: float = float("-inf")  # boottime

    async def run(self) -> None:
        """Look again and again, until canceled."""
        while True:
            try:
                if self.clock.boottime() - self._looked_at >= _LOOK.total_seconds():
                    self._looked_at = self.clock.boottime()
                    await self.turn()
            except Exception as error:  # noqa: BLE001 -- a loop's boundary: a database that is away must not end it
                _log.warning("nudges.turn_failed", error=type(error).__name__)
            await asyncio.sleep(self.interval)

    async def turn(self) -> None:
        """Judge what is due."""
        now = self.clock.now()
        for pause in await self.pauses.due(now, self.wait):
            note = None
            if pause.spoken and not pause.answered:
                said = write_nudge(pause.members, pause.since, now)
                key = f"nudge:{pause.conversation_id}:{pause.since.isoformat(timespec='microseconds')}"
                note = NewNote(key, pause.team or self.team(), pause.channel, said, now, pause.conversation_id)
            if await self.pauses.judge(pause, note) and note is not None:
                self.announcer.wake()
