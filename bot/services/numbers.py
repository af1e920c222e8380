"""The account's numbers, and who used which last: a snapshot that a background task keeps.

Listeners read it and never wait for CarrierX.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.message import E164
from bot.errors import CarrierError
from bot.services.ports import Carrier, Clock, OurNumber

_log = structlog.get_logger(__name__)
_REMEMBERED = timedelta(days=90)  # how far back "last used" goes
_AGAIN = timedelta(minutes=5)  # of what was read before is read once more: a commit may come late, a clock be behind
_SOON = 15.0  # seconds until the next try while there are no numbers at all


class KnownNumbers(Protocol):
    """The numbers and uses that the database keeps."""

    async def numbers(self) -> tuple[OurNumber, ...]:
        """The numbers as last stored."""
        ...

    async def store_numbers(self, numbers: Sequence[OurNumber]) -> None:
        """Replace them."""
        ...

    async def last_used(self, since: datetime) -> tuple[dict[str, E164], dict[str, E164]]:
        """The last sender per channel and per person."""
        ...


@dataclass(slots=True)
class Numbers:
    """The numbers that people may send from.

    Attributes:
        carrier, known, clock: The ports.
        only: The numbers that SMS_NUMBERS names, empty for all of the account's.
        default: SMS_DEFAULT_FROM, None for the first that can text.
        interval: Seconds between two readings.
        loaded: There is a snapshot, even of an account without numbers.
        trouble: Why the last reading failed, for the operator; "" when it did not.
    """

    carrier: Carrier
    known: KnownNumbers
    clock: Clock
    only: frozenset[E164]
    default: E164 | None
    interval: float
    loaded: bool = False
    trouble: str = ""
    _able: tuple[OurNumber, ...] = ()
    _left_out: bool = False  # some can text and are not among `only`
    _every: frozenset[E164] = frozenset()
    _by_channel: dict[str, E164] = field(default_factory=dict)
    _by_person: dict[str, E164] = field(default_factory=dict)
    _noted: list[tuple[str, str, E164]] | None = None  # while the database is asked
    _uses_read_at: datetime | None = None  # all until then are known

    def able(self) -> tuple[OurNumber, ...]:
        """Those that can text, by number."""
        return self._able

    @property
    def shortage(self) -> str:
        """Why nobody can text at all, and what to do; "" when somebody can or it is not known yet."""
        if self._able or not self.loaded:
            return ""
        if self._left_out:
            return "None of the numbers in SMS_NUMBERS can send texts. Ask whoever runs this app to correct it."
        return "The CarrierX account has no number that can send texts. Switch messaging on for one in its portal."

    def every(self) -> frozenset[E164]:
        """All of the account's, whatever they can."""
        return self._every

    def find(self, number: E164) -> OurNumber | None:
        """The number if it can text."""
        return next((ours for ours in self._able if ours.number == number), None)

    def choose(self, channel: str, user_id: str) -> OurNumber | None:
        """The channel's last used number, else the person's, else the default; None when none can text."""
        for number in (self._by_channel.get(channel), self._by_person.get(user_id), self.default):
            if number is not None and (ours := self.find(number)) is not None:
                return ours
        if not self.loaded and self.default is not None:
            return OurNumber(self.default, "", "", sms=True, mms=True)
        return self._able[0] if self._able else None

    def note_used(self, channel: str, user_id: str, number: E164) -> None:
        """Remember a use without waiting for the next reading."""
        self._by_channel[channel] = number
        self._by_person[user_id] = number
        if self._noted is not None:
            self._noted.append((channel, user_id, number))

    async def load(self) -> None:
        """Take up what the database remembers, so that a start without CarrierX can offer it."""
        self._set(await self.known.numbers())
        await self._load_uses()

    async def run(self) -> None:
        """Read the numbers again and again, until canceled."""
        while True:  # noqa: ASYNC110 -- a schedule, no condition
            await asyncio.sleep(self.interval if await self.read() else min(_SOON, self.interval))

    async def read(self) -> bool:
        """Read the numbers from CarrierX once; whether there are any that can text, of now or of an earlier reading."""
        try:
            numbers = await self.carrier.numbers()
            await self.known.store_numbers(numbers)
            self._set(numbers)
            self.loaded = True
            await self._load_uses()
            self.trouble = ""
        except CarrierError as error:
            self.trouble = error.user_message
            _log.warning("numbers.not_read", error=type(error).__name__)
        except Exception:  # noqa: BLE001 -- a loop's boundary: the snapshot of before stays in use
            self.trouble = "The database did not take them."
            _log.exception("numbers.not_stored")
        return bool(self._able)

    async def _load_uses(self) -> None:
        """Take up what all processes used since the last time; our own meanwhile may be too new for the answer.

        Nothing is read twice but the last minutes: of 10,000 texts all uses take SQLite 10 ms, in which nobody is
        answered.
        """
        noted: list[tuple[str, str, E164]] = []
        self._noted = noted
        now, last = self.clock.now(), self._uses_read_at
        try:
            by_channel, by_person = await self.known.last_used(last - _AGAIN if last else now - _REMEMBERED)
        finally:
            self._noted = None
        self._uses_read_at = now
        self._by_channel |= by_channel
        self._by_person |= by_person
        for use in noted:
            self.note_used(*use)

    def _set(self, numbers: Sequence[OurNumber]) -> None:
        self._every = frozenset(ours.number for ours in numbers)
        self._able = tuple(
            sorted(
                (ours for ours in numbers if ours.sms and (not self.only or ours.number in self.only)),
                key=lambda ours: ours.number,
            )
        )
        self._left_out = any(ours.sms for ours in numbers) and not self._able
        self.loaded = self.loaded or bool(numbers)
