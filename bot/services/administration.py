"""What administrators set and ask: where texts go, when, what becomes of replies, who is left alone, what is erased.

Whether somebody is an administrator is asked before, on Slack's side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.message import E164
from bot.domain.phone import show_number
from bot.domain.quiet_hours import QuietHours
from bot.domain.rules import ChannelRule, NumberRule
from bot.errors import InvalidInputError, RefusedError
from bot.services.hours import Hours
from bot.services.numbers import Numbers
from bot.services.ports import Announcer, Clock

_NAMED = 4  # of our numbers in one sentence
_NEWEST = 20  # opt-outs on one screen


@dataclass(frozen=True, slots=True)
class OptOut:
    """That a phone gets no more texts.

    Attributes:
        number: The phone.
        since: When it was said or decided; names this very opt-out.
        words: By what words, or which ones somebody judged.
        ours: The number of ours that they were said to, "" when none was.
        user_id: Who decided, "" when the phone itself said it.
    """

    number: E164
    since: datetime
    words: str = ""
    ours: E164 = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class Routes:
    """Where texts to our numbers go.

    Attributes:
        channels: By our number, where one was set.
        home: The channel for all others, "" for the administrators.
    """

    channels: Mapping[E164, str]
    home: str


@dataclass(frozen=True, slots=True)
class HoursSet:
    """When nobody is texted first.

    Attributes:
        usual: For all others, None for off.
        numbers: By our number, where something was set.
    """

    usual: QuietHours | None
    numbers: Mapping[E164, QuietHours | None]


class RuleBook(Protocol):
    """What administrators set; bot.store.rules has the only one."""

    async def channel_rule(self, channel: str) -> ChannelRule:
        """What was set for a channel."""
        ...

    async def set_channel_rule(self, channel: str, rule: ChannelRule) -> None:
        """Replace what was set for a channel."""
        ...

    async def number_rules(self) -> Mapping[E164, NumberRule]:
        """What was set for our numbers."""
        ...

    async def set_route(self, number: E164, channel: str) -> None:
        """Set where texts to one of our numbers go."""
        ...

    async def set_hours(self, number: E164, hours: str) -> None:
        """Set one of our numbers' quiet hours."""
        ...


class Ledger(Protocol):
    """Who wants no texts; bot.store.consent has the only one."""

    async def opted_out(self, limit: int) -> tuple[tuple[OptOut, ...], int]:
        """The newest opt-outs that stand, and how many there are in all."""
        ...

    async def standing(self, number: E164) -> OptOut | None:
        """The opt-out that stands for a phone."""
        ...

    async def opt_in(self, lifted: OptOut, user_id: str, reason: str, now: datetime) -> bool:
        """Lift the very opt-out that somebody has looked at; False when it does not stand any more."""
        ...


class Erasures(Protocol):
    """What is to be erased; bot.store.erasing has the only one."""

    async def ask(self, number: E164, user_id: str, since: datetime, now: datetime) -> int | None:
        """Note durably that a phone's texts are to be erased, and cancel what waits to go to it.

        Args:
            number: The phone.
            user_id: Who wants it.
            since: When they asked first; a second press names the same time.
            now: The time.

        Returns:
            How many texts were canceled, None when this very wish was noted before.
        """
        ...


class Administration:
    """The use cases behind administrators' orders.

    Args:
        home: SMS_INBOUND_CHANNEL, "" for the administrators.
        wake_retention: Erases at once rather than at the next look.
    """

    def __init__(
        self,
        *,
        rules: RuleBook,
        ledger: Ledger,
        erasures: Erasures,
        numbers: Numbers,
        hours: Hours,
        clock: Clock,
        announcer: Announcer,
        home: str,
        wake_retention: Callable[[], None],
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._erasures = erasures
        self._numbers = numbers
        self._hours = hours
        self._clock = clock
        self._announcer = announcer
        self._home = home
        self._wake_retention = wake_retention

    def now(self) -> datetime:
        """The time, which names a wish that somebody has yet to confirm."""
        return self._clock.now()

    def name(self, number: E164) -> str:
        """What the account calls one of our numbers, "" when it has no name."""
        ours = self._numbers.find(number)
        return ours.name if ours is not None else ""

    def check_ours(self, number: E164) -> None:
        """Return when a number is one of ours.

        Raises:
            InvalidInputError: It is none, and which there are.
        """
        ours = self._numbers.every()
        if self._numbers.only:
            ours &= self._numbers.only
        if number in ours:
            return
        if not self._numbers.loaded:
            raise InvalidInputError("CarrierX has not told us your numbers yet. Try again in a minute.")
        if not ours:
            raise InvalidInputError(self._numbers.shortage or "There is no number of yours to set anything for.")
        some = sorted(ours)[:_NAMED]
        which = " or ".join(map(show_number, some)) + (
            f" or one of {len(ours) - _NAMED} more" if ours > {*some} else ""
        )
        raise InvalidInputError(f"{show_number(number)} is none of your numbers: type {which}.")

    async def route(self, number: E164, channel: str) -> None:
        """Show texts to one of our numbers in a channel, "" for where all others go; threads stay where they are.

        Raises:
            InvalidInputError: The number is none of ours.
        """
        self.check_ours(number)
        await self._rules.set_route(number, channel)

    async def routes(self) -> Routes:
        """Where texts to our numbers go."""
        rules = await self._rules.number_rules()
        return Routes({number: rule.channel for number, rule in rules.items() if rule.channel}, self._home)

    async def mode(self, channel: str) -> ChannelRule:
        """What becomes of replies in a channel."""
        return await self._rules.channel_rule(channel)

    async def set_mode(self, channel: str, rule: ChannelRule) -> None:
        """Set what becomes of replies in a channel."""
        await self._rules.set_channel_rule(channel, rule)

    async def hours(self) -> HoursSet:
        """When nobody is texted first."""
        await self._hours.load()
        rules = await self._rules.number_rules()
        numbers = {number: self._hours.of(number) for number, rule in rules.items() if rule.hours}
        return HoursSet(self._hours.usual, numbers)

    async def set_hours(self, number: E164, hours: str) -> None:
        """Set when nobody is texted first from one of our numbers, "" for the usual hours.

        Raises:
            InvalidInputError: The number is none of ours.
        """
        self.check_ours(number)
        await self._rules.set_hours(number, hours)
        await self._hours.load()

    async def opted_out(self) -> tuple[tuple[OptOut, ...], int]:
        """The newest opt-outs that stand, and how many there are in all."""
        return await self._ledger.opted_out(_NEWEST)

    async def standing(self, number: E164) -> OptOut:
        """The opt-out that stands for a phone.

        Raises:
            RefusedError: There is none.
        """
        found = await self._ledger.standing(number)
        if found is None:
            raise RefusedError(f"{show_number(number)} is not opted out, so there is nothing to lift.")
        return found

    async def opt_in(self, number: E164, since: datetime, user_id: str, reason: str) -> None:
        """Lift the opt-out of that time, and write into the ledger who did and why.

        Raises:
            RefusedError: It does not stand any more; nothing was done.
        """
        if await self._ledger.opt_in(OptOut(number, since), user_id, reason, self._clock.now()):
            return
        if await self._ledger.standing(number) is None:
            raise RefusedError(f"{show_number(number)} may be texted already, so this press did nothing more.")
        raise RefusedError(
            f"{show_number(number)} has asked for no more texts again since you typed this, so it stays opted out."
        )

    async def erase(self, number: E164, since: datetime, user_id: str) -> int:
        """Erase what was written to and by a phone, and note it in the ledger; what waits to go to it is canceled.

        Returns:
            How many texts were canceled. The rest is erased by and by, also when this process ends now.

        Raises:
            RefusedError: This very wish was noted before.
        """
        canceled = await self._erasures.ask(number, user_id, since, self._clock.now())
        if canceled is None:
            raise RefusedError(f"What was written with {show_number(number)} is erased already; nothing more was done.")
        self._announcer.wake()
        self._wake_retention()
        return canceled
