"""What does not work although texts are safe: one list, for `/readyz` and for people, each with what to do about it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.services.ports import Clock

Sentence = tuple[str | datetime, ...]
"""Words with times in them: people see those in their own zone."""

_LAG = timedelta(minutes=1)  # a due text that has waited longer is worth a word
_EVERY = 15.0  # seconds between two looks at what `/readyz` says from memory
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not work.

    Attributes:
        what: A sentence.
        remedy: What to do about it, a sentence; "" where the first says it.
    """

    what: Sentence
    remedy: str


class Writes(Protocol):
    """The database's own health; bot.store.health has it."""

    async def write(self, now: datetime) -> None:
        """Write something."""
        ...

    async def lag(self, now: datetime) -> timedelta:
        """How long the text that has been due longest has waited."""
        ...


class Held(Protocol):
    """Whether texts are held back; bot.store.holds knows."""

    async def held_since(self) -> datetime | None:
        """Since when CarrierX has refused our token, None when it does not."""
        ...


class Troubled(Protocol):
    """Something that is read again and again."""

    @property
    def trouble(self) -> str:
        """Why the last reading failed, "" when it did not."""
        ...


class Short(Troubled, Protocol):
    """The account's numbers."""

    @property
    def shortage(self) -> str:
        """Why nobody can text at all, "" when somebody can."""
        ...


class Filling(Protocol):
    """CarrierX's storage."""

    @property
    def shortage(self) -> str:
        """How full it is, "" while there is room."""
        ...


class Down(Protocol):
    """Slack takes nothing."""

    @property
    def since(self) -> datetime:
        """From then on."""
        ...

    @property
    def why(self) -> str:
        """What Slack said, or did not."""
        ...


class Shows(Protocol):
    """The announcer, as far as it knows of Slack."""

    @property
    def health(self) -> Down | None:
        """Set while Slack takes nothing."""
        ...


class Connects(Protocol):
    """Socket Mode."""

    @property
    def connected(self) -> bool:
        """Whether Slack reaches us."""
        ...


@dataclass(slots=True)
class Health:
    """What works and what does not, from memory.

    Attributes:
        store, holds: The database.
        announcer: Shows what the database says.
        numbers: The account's.
        records, doubts, people: What is read again and again; `doubts` are looked up in the records too.
        storeroom: CarrierX's, for files.
        socket: Slack's way in, None where Slack calls us.
        clock: Time.
    """

    store: Writes
    holds: Held
    announcer: Shows
    numbers: Short
    records: Troubled
    doubts: Troubled
    people: Troubled
    storeroom: Filling
    socket: Connects | None
    clock: Clock
    _lag: timedelta = timedelta(0)
    _held_since: datetime | None = None

    async def write(self) -> None:
        """Prove that the database takes writes."""
        await self.store.write(self.clock.now())

    async def run(self) -> None:
        """Keep in memory what a question must not wait for, until canceled."""
        while True:
            try:
                await self.look()
            except Exception as exc:  # noqa: BLE001 -- a loop's boundary; write() tells of the database
                _log.warning("health.not_read", error=type(exc).__name__)
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Read what only the database knows."""
        self._lag = await self.store.lag(self.clock.now())
        self._held_since = await self.holds.held_since()

    def show_degraded(self) -> list[str]:
        """The problems for machines, in UTC."""
        return ["".join(map(_show_plainly, problem.what)) for problem in self.problems()]

    def problems(self) -> list[Problem]:
        """Each thing that does not work."""
        found = []
        if self._held_since is not None:
            found.append(
                Problem(
                    ("CarrierX refuses CARRIERX_TOKEN since ", self._held_since, "; texts wait."),
                    "Make a new token in CarrierX's portal under Account, Security Tokens, set CARRIERX_TOKEN and "
                    "restart this app.",
                )
            )
        elif self.numbers.trouble:
            found.append(
                Problem(
                    (f"CarrierX's numbers cannot be read: {self.numbers.trouble}",),
                    "It is tried again by itself; if it lasts, check CARRIERX_API_URL and CARRIERX_TOKEN.",
                )
            )
        if self.numbers.shortage:
            found.append(
                Problem(
                    (f"Nobody can text. {self.numbers.shortage}",),
                    "",
                )
            )
        if self._held_since is None and self.doubts.trouble:
            found.append(
                Problem(
                    (f"CarrierX's records cannot be read, so doubts stay open: {self.doubts.trouble}",),
                    "Do not send those texts again yet; it is tried again by itself.",
                )
            )
        if self.records.trouble:
            found.append(
                Problem(
                    (f"CarrierX's records of texts from phones cannot be read: {self.records.trouble}",),
                    "Those that no callback brings are missing until they can; it is tried again by itself.",
                )
            )
        if self.storeroom.shortage:
            found.append(
                Problem(
                    (f"CarrierX's storage for files is full or nearly so: {self.storeroom.shortage}.",),
                    "A file goes when its texts are over, after three days at the latest, and texts wait for room. If "
                    "that is too slow, ask CarrierX for more.",
                )
            )
        if self._lag > _LAG:
            found.append(
                Problem(
                    (f"A text has been due for {int(self._lag.total_seconds())} s and has not left.",),
                    "If CarrierX can be reached, look into this app's log for what keeps it.",
                )
            )
        found += self._slack_problems()
        return found

    def _slack_problems(self) -> list[Problem]:
        found = []
        if self.announcer.health is not None:
            down = self.announcer.health
            found.append(
                Problem(
                    ("Slack shows nothing since ", down.since, f": {down.why}"),
                    "It is shown when Slack takes it; if Slack refuses the token, install the app anew.",
                )
            )
        if self.people.trouble:
            found.append(
                Problem(
                    (f"Slack's people and channels cannot be read: {self.people.trouble}",),
                    "It is tried again by itself; if a scope is missing, install the app anew with manifest.yml.",
                )
            )
        if self.socket is not None and not self.socket.connected:
            found.append(
                Problem(
                    ("Socket Mode is not connected; Slack's commands do not arrive.",),
                    "It connects again by itself; if it does not, check SLACK_APP_TOKEN.",
                )
            )
        return found


def _show_plainly(part: str | datetime) -> str:
    return part if isinstance(part, str) else f"{part:%Y-%m-%d %H:%M} UTC"
