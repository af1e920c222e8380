"""When a text may go: quiet hours by the phone's clock, unless the person has just written."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.message import E164, Purpose, Wait
from bot.domain.quiet_hours import (
    Forecast,
    QuietHours,
    allowed_until,
    is_quiet,
    next_allowed,
    parse_quiet_hours,
    zones_of,
)
from bot.domain.rules import NumberRule
from bot.errors import InvalidInputError
from bot.services.following import Late
from bot.services.ports import Clock, Hold

_TALKING = timedelta(hours=24)  # after a text of theirs an answer is no first contact
_EVERY = 5.0  # seconds between two readings of what administrators set
_log = structlog.get_logger(__name__)


class NumberRules(Protocol):
    """What administrators set; bot.store.rules has the only one."""

    async def number_rules(self) -> Mapping[E164, NumberRule]:
        """What was set for our numbers."""
        ...


class Writers(Protocol):
    """Who has written; bot.store.replies has the only one."""

    async def wrote_since(self, numbers: Collection[E164], since: datetime) -> frozenset[E164]:
        """Those of the numbers that have texted us since then."""
        ...


@dataclass(slots=True)
class Hours:
    """Quiet hours, with a snapshot of what administrators set, so that accepting a text waits for nothing.

    Attributes:
        rules, writers, clock: The ports.
        usual: SMS_QUIET_HOURS, None for off.
        zone: The zone of phones whose number tells none.
    """

    rules: NumberRules
    writers: Writers
    clock: Clock
    usual: QuietHours | None
    zone: str
    _set: dict[E164, QuietHours | None] = field(default_factory=dict)

    async def load(self) -> None:
        """Read what administrators set."""
        found: dict[E164, QuietHours | None] = {}
        for number, rule in (await self.rules.number_rules()).items():
            if rule.hours:
                try:
                    found[number] = parse_quiet_hours(rule.hours)
                except InvalidInputError:
                    _log.warning("hours.not_read", hours=rule.hours)
        self._set = found

    async def run(self) -> None:
        """Read it again and again, until canceled."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.load()
            except Exception as exc:  # noqa: BLE001 -- a loop's boundary: the snapshot of before stays in use
                _log.warning("hours.not_loaded", error=type(exc).__name__)

    def of(self, sender: E164) -> QuietHours | None:
        """One of our numbers' quiet hours, None for off."""
        return self._set.get(sender, self.usual)

    def zones(self, recipients: Collection[E164]) -> tuple[str, ...]:
        """Where the phones may be."""
        return tuple(dict.fromkeys(zone for number in recipients for zone in zones_of(number, self.zone)))

    def next_time(self, sender: E164, recipients: Collection[E164], now: datetime) -> datetime | None:
        """When a first text may go, None for now."""
        hours, zones = self.of(sender), self.zones(recipients)
        return next_allowed(now, zones, hours) if is_quiet(now, zones, hours) else None

    async def foresee(
        self, sender: E164, texts: Sequence[tuple[E164, ...]], now: datetime, *, within: float
    ) -> Forecast | None:
        """What would wait if it were sent now; None when nothing would.

        Args:
            sender: Our number.
            texts: The recipients of each text.
            now: Aware.
            within: Seconds for the database, which is asked only when it is quiet somewhere.

        Raises:
            TimeoutError: It did not answer by then.
        """
        quiet = [(self.next_time(sender, numbers, now), numbers) for numbers in texts]
        asked = {number for until, numbers in quiet if until for number in numbers}
        if not asked:
            return None
        async with asyncio.timeout(within):
            wrote = await self.writers.wrote_since(asked, now - _TALKING)
        waits = [(until, self.zones(numbers)) for until, numbers in quiet if until and not wrote.issuperset(numbers)]
        return Forecast(now, len(texts), waits) if waits else None

    async def hold(self, sender: E164, recipients: Collection[E164], now: datetime) -> Hold | None:
        """How long a text waits, and by when it has to be gone; None when neither matters."""
        hours = self.of(sender)
        if hours is None:
            return None
        zones = self.zones(recipients)
        if not is_quiet(now, zones, hours):
            return Hold(None, now, allowed_until(now, zones, hours), zones)
        if await self.writers.wrote_since(recipients, now - _TALKING) >= set(recipients):
            return None
        until = next_allowed(now, zones, hours)
        return Hold(Wait.QUIET, until, allowed_until(until, zones, hours), zones)

    async def put_off(self, late: Late) -> Hold | None:
        """What becomes of a text that has missed its deadline: an answer of ours is canceled, the rest waits on."""
        if late.purpose is not Purpose.PERSONAL:
            return None
        now = self.clock.now()
        return await self.hold(late.sender, late.recipients, now) or Hold(None, now)
