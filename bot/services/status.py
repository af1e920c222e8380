"""`/sms status`: the numbers, what waits, what failed, whether texts from phones arrive, and what to do about each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.message import E164, Failure, Wait
from bot.domain.rules import NumberRule
from bot.services.health import Problem
from bot.services.ports import Clock, OurNumber

_LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Texts that have not left.

    Attributes:
        reasons: How many for each; None for those that are just going.
        checking: Those of which nobody knows yet whether they left.
        oldest: When the oldest of all was accepted, None when there is none.
    """

    reasons: Mapping[Wait | None, int]
    checking: int
    oldest: datetime | None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.reasons.values()) + self.checking


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Texts from phones.

    Attributes:
        last: When CarrierX received the newest, None when none came lately.
        last_callback: When a callback brought one last, None when none did lately.
        lately: How many came within a day.
        missed: How many of these no callback brought.
    """

    last: datetime | None
    last_callback: datetime | None
    lately: int
    missed: int


class Figures(Protocol):
    """What the database counts; bot.store.status has the only one."""

    async def waiting(self) -> Waiting:
        """Texts that have not left."""
        ...

    async def failed(self, since: datetime) -> Mapping[Failure, int]:
        """How many phones a text failed for since then, by what is known of it."""
        ...

    async def arrivals(self, since: datetime) -> Arrivals:
        """Texts from phones; `since` is where `lately` begins."""
        ...


class Senders(Protocol):
    """The account's numbers; bot.services.numbers has them."""

    loaded: bool

    def able(self) -> Sequence[OurNumber]:
        """Those that can text."""
        ...


class Routes(Protocol):
    """What administrators set; bot.store.rules has it."""

    async def number_rules(self) -> Mapping[E164, NumberRule]:
        """What was set for our numbers."""
        ...


class Receives(Protocol):
    """How texts from phones come in; bot.services.receiving knows."""

    last_callback_at: datetime | None
    verified: bool | None

    @property
    def intervals(self) -> tuple[float, float]:
        """Seconds between two readings of the records: while texts go and come, and otherwise."""
        ...


class Knows(Protocol):
    """What does not work; bot.services.health has it."""

    async def look(self) -> None:
        """Read what only the database knows."""
        ...

    def problems(self) -> list[Problem]:
        """Each thing that does not work."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What the operator set, as far as it is shown or missed.

    Attributes:
        home: SMS_INBOUND_CHANNEL, "" for the administrators.
        contact: SMS_HELP_CONTACT, "" when it is missing.
        callbacks: CARRIERX_CALLBACK_SECRET is set.
        verify: CARRIERX_VERIFY_CALLBACKS.
        command: SMS_COMMAND.
    """

    home: str
    contact: str
    callbacks: bool
    verify: bool
    command: str


@dataclass(frozen=True, slots=True)
class Line:
    """One of our numbers.

    Attributes:
        ours: The number.
        channel: Where texts to it go, "" for the administrators.
    """

    ours: OurNumber
    channel: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything at one moment.

    Attributes:
        numbers: Those that can text.
        loaded: The account's numbers have been read.
        waiting: Texts that have not left.
        failed: How many phones a text failed for within a day, by what is known of it.
        arrivals: Texts from phones.
        callbacks: CarrierX can call us.
        intervals: Seconds between two readings of the records: while texts go and come, and otherwise.
        verify: A callback is asked for again before it is believed.
        verified: Whether CarrierX answered that the last time, None while nobody has asked.
        problems: What does not work or is missing.
    """

    numbers: tuple[Line, ...]
    loaded: bool
    waiting: Waiting
    failed: Mapping[Failure, int]
    arrivals: Arrivals
    callbacks: bool
    intervals: tuple[float, float]
    verify: bool
    verified: bool | None
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Reporting:
    """The use case behind `/sms status`.

    Attributes:
        figures, routes: The database.
        numbers, receiving, health: What this process remembers.
        setup: What the operator set.
        clock: Time.
    """

    figures: Figures
    routes: Routes
    numbers: Senders
    receiving: Receives
    health: Knows
    setup: Setup
    clock: Clock

    async def status(self) -> Report:
        """Everything at this moment."""
        lately = self.clock.now() - _LATELY
        await self.health.look()
        rules = await self.routes.number_rules()
        numbers = tuple(
            Line(ours, rules.get(ours.number, NumberRule()).channel or self.setup.home) for ours in self.numbers.able()
        )
        arrivals = await self.figures.arrivals(lately)
        called = (self.receiving.last_callback_at, arrivals.last_callback)  # by one process, and as it was stored
        last_callback = max(filter(None, called), default=None)
        return Report(
            numbers=numbers,
            loaded=self.numbers.loaded,
            waiting=await self.figures.waiting(),
            failed=await self.figures.failed(lately),
            arrivals=Arrivals(arrivals.last, last_callback, arrivals.lately, arrivals.missed),
            callbacks=self.setup.callbacks,
            intervals=self.receiving.intervals,
            verify=self.setup.verify,
            verified=self.receiving.verified,
            problems=(
                *self.health.problems(),
                *self._judge_callbacks(arrivals),
                *self._judge_setup(numbers),
            ),
        )

    def _judge_callbacks(self, arrivals: Arrivals) -> list[Problem]:
        found = []
        if self.setup.callbacks and arrivals.missed * 2 > arrivals.lately:
            found.append(
                Problem(
                    (f"Callbacks do not arrive: {_few(arrivals.missed, arrivals.lately)} came only by records.",),
                    "Check each number's callback URL in CarrierX's portal: it is this app's address with "
                    "/carrierx/callbacks/ and CARRIERX_CALLBACK_SECRET.",
                )
            )
        if self.setup.verify and self.receiving.verified is False:
            found.append(
                Problem(
                    ("CarrierX does not answer for a text from a phone by its id.",),
                    "Set CARRIERX_VERIFY_CALLBACKS to false: such texts are shown late, when the records have them.",
                )
            )
        return found

    def _judge_setup(self, numbers: Sequence[Line]) -> list[Problem]:
        found = []
        if not self.setup.home and (not numbers or any(not line.channel for line in numbers)):
            found.append(
                Problem(
                    ("SMS_INBOUND_CHANNEL is not set: texts from phones go to the administrators.",),
                    f"Set it to a channel's id, or type {self.setup.command} route and the number and #channel.",
                )
            )
        if not self.setup.contact:
            found.append(
                Problem(
                    ("SMS_HELP_CONTACT is not set: the answer to HELP names no way to reach you.",),
                    "Set it to a phone number or an address; CarrierX asks for one.",
                )
            )
        return found


def _few(missed: int, lately: int) -> str:
    return f"{missed:,} of {lately:,} texts from phones within a day"
