"""Outages: CarrierX or Slack out of reach for more than a minute is said once, and so is the end of it.

Every request that a process makes anyway tells it whether the other side is there. The first that fails writes a row,
which all processes share; a request that succeeds, whoever makes it, begins to end it. An outage of CarrierX is said
while texts wait for it: one that holds nobody's text up is left to `/readyz` and `/sms status`. Slack's can only be
said when it is over.

So that what comes and goes makes no noise, an outage is over only after a minute without a failure, and one that begins
within ten minutes of the last, said or not, is said only when it lasts for ten.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from bot.domain.notices import Trouble, Waited, write_outage, write_recovery, write_silence
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)
from bot.services.notes import NewNote
from bot.services.ports import Announcer, Carrier, CarrierState, Clock, InboundText, MayLeave, OurNumber, OutboundText

_CARRIER = "carrierx"
_SLACK = "slack"
_BEARABLE = timedelta(minutes=1)  # a shorter outage is not worth a word
_AGAIN = timedelta(minutes=10)  # neither is one of less than this, so soon after another
_CALM = timedelta(minutes=1)  # without a failure, until it is believed to be over
_SETTLED = timedelta(minutes=5)  # that texts may take to leave before the end is said without them
_ASK = timedelta(seconds=15)  # between two questions whether CarrierX is back, where nothing else asks
_ASK_REFUSED = timedelta(minutes=5)  # the same where it refuses our token: many wrong ones look like an attack

T = TypeVar("T")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Reach:
    """What this process knows of whether the other side is there.

    Attributes:
        trouble: What is wrong, or was when it failed last.
        failing_since: The first failure in a row, None when the last request succeeded.
        failed_at: The last failure.
        well_since: The first success in a row.
        well_at: The last success.
    """

    trouble: Trouble | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    well_since: datetime | None = None
    well_at: datetime | None = None

    def fail(self, trouble: Trouble, at: datetime, since: datetime | None = None) -> None:
        """A request failed; `since` where it is known to fail for longer."""
        self.failing_since = self.failing_since or since or at
        self.failed_at, self.trouble, self.well_since = at, trouble, None

    def succeed(self, at: datetime) -> None:
        """A request succeeded, be it that it was refused for what it said."""
        self.failing_since = None
        self.well_since, self.well_at = self.well_since or at, at

    @property
    def busy(self) -> bool:
        """It fails in that texts are answered 503; that it answers questions says nothing then."""
        return self.failing_since is not None and self.trouble is Trouble.BUSY


class WatchedCarrier:
    """The carrier, and what each request to it tells of it."""

    def __init__(self, carrier: Carrier, clock: Clock) -> None:
        self._carrier = carrier
        self._clock = clock
        self.reach = Reach()

    async def send(self, text: OutboundText, *, may_leave: MayLeave) -> CarrierState:
        """Hand a text over. No answer says nothing: whoever looks the text up will see."""
        try:
            state = await self._carrier.send(text, may_leave=may_leave)
        except CarrierOutcomeUnknownError as error:
            if error.busy:
                self.reach.fail(Trouble.BUSY, self._clock.now())
            raise
        except CarrierError as error:
            self._judge(error, sent=True)
            raise
        self.reach.succeed(self._clock.now())
        return state

    async def message(self, sid: str) -> CarrierState | None:
        """The message as CarrierX has it now."""
        return await self._watch(self._carrier.message(sid))

    async def record(self, sid: str) -> CarrierState | None:
        """One detail record."""
        return await self._watch(self._carrier.record(sid))

    async def records(self, since: datetime) -> tuple[CarrierState, ...]:
        """All outbound detail records since then."""
        return await self._watch(self._carrier.records(since))

    async def inbound(self, sid: str) -> InboundText | None:
        """A text to us as CarrierX has it."""
        return await self._watch(self._carrier.inbound(sid))

    async def inbound_records(self, since: datetime, *, pages: int = 50) -> tuple[InboundText, ...]:
        """All inbound detail records since then."""
        return await self._watch(self._carrier.inbound_records(since, pages=pages))

    async def numbers(self) -> tuple[OurNumber, ...]:
        """The account's numbers."""
        return await self._watch(self._carrier.numbers())

    async def check_token(self) -> None:
        """Returns when CarrierX takes our token."""
        await self._watch(self._carrier.check_token())

    async def _watch(self, question: Awaitable[T]) -> T:
        try:
            answer = await question
        except CarrierError as error:
            self._judge(error, sent=False)
            raise
        self._succeed(sent=False)
        return answer

    def _judge(self, error: CarrierError, *, sent: bool) -> None:
        match error:
            case CarrierUnavailableError():
                self.reach.fail(Trouble.UNREACHABLE, self._clock.now())
            case CarrierUnauthorizedError():
                self.reach.fail(Trouble.REFUSED, self._clock.now())
            case _:
                self._succeed(sent=sent)

    def _succeed(self, *, sent: bool) -> None:
        if sent or not self.reach.busy:
            self.reach.succeed(self._clock.now())


@dataclass(frozen=True, slots=True)
class Known:
    """An outage as all processes know it.

    Attributes:
        since: When it began.
        told: It has been said.
        last_over: When the one before it ended, None when there was none of any length.
    """

    since: datetime
    told: bool
    last_over: datetime | None


@dataclass(frozen=True, slots=True)
class End:
    """The end of an outage.

    Attributes:
        at: When it was over.
        note: What is said, None for nothing.
        instead_of: The key of the note that told of its beginning; while Slack has not been asked to show that, it
            says this instead.
        counts: The next outage, if it comes soon, must last longer to be said.
    """

    at: datetime
    note: NewNote | None
    instead_of: str
    counts: bool


class OutageRows(Protocol):
    """The outage table; bot.store.outages has the only one."""

    async def known(self, name: str) -> Known | None:
        """What is out of reach now."""
        ...

    async def begin(self, name: str, since: datetime) -> None:
        """Note it; nothing when it is noted already."""
        ...

    async def tell(self, name: str, since: datetime, note: NewNote) -> bool:
        """Say that it lasts, unless another process has."""
        ...

    async def end(self, name: str, since: datetime, end: End) -> bool:
        """Note its end and say so, unless another process has."""
        ...

    async def waiting(self) -> int:
        """Texts that CarrierX keeps from leaving."""
        ...

    async def waited(self, since: datetime, until: datetime) -> Waited:
        """What became of those that could not leave meanwhile."""
        ...

    async def release(self, now: datetime) -> None:
        """What waits for the next try is due."""
        ...

    async def entries(self, since: datetime, until: datetime) -> tuple[int, int]:
        """How many texts came meanwhile, either way: those that Slack shows, those that it does not show yet."""
        ...


class Down(Protocol):
    """Slack takes nothing."""

    @property
    def since(self) -> datetime:
        """From then on."""
        ...


class Shows(Announcer, Protocol):
    """The announcer, as far as it knows of Slack."""

    @property
    def health(self) -> Down | None:
        """Set while Slack takes nothing."""
        ...

    @property
    def reached_at(self) -> datetime | None:
        """When it last took something."""
        ...


@dataclass(slots=True)
class _Watch:
    """One of the two, over time.

    Attributes:
        name: Of its row.
        reach: What this process knows of it.
        noted: There was a row when this process looked last.
        over: When this process saw the known outage end.
    """

    name: str
    reach: Reach
    noted: bool = False
    over: datetime | None = None


@dataclass(slots=True)
class Outages:
    """The loop that tells of outages.

    Attributes:
        rows: The database.
        carrier: What the other loops use too.
        announcer: Shows the notes, and knows whether Slack takes them.
        clock: Time.
        home: The channel for notes, "" for the administrators.
        team: The workspace, "" while it is not known.
        wake_outbox: Texts are due.
        interval: Seconds between two looks.
    """

    rows: OutageRows
    carrier: WatchedCarrier
    announcer: Shows
    clock: Clock
    home: str
    team: Callable[[], str]
    wake_outbox: Callable[[], None]
    interval: float
    _slack: _Watch = field(default_factory=lambda: _Watch(_SLACK, Reach()))
    _carrier: _Watch = field(init=False)

    def __post_init__(self) -> None:
        self._carrier = _Watch(_CARRIER, self.carrier.reach)

    async def run(self) -> None:
        """Look again and again, until canceled."""
        while True:
            try:
                await self.turn()
            except Exception as error:  # noqa: BLE001 -- a loop's boundary: a database that is away must not end it
                _log.warning("outages.turn_failed", error=type(error).__name__)
            await asyncio.sleep(self.interval)

    async def turn(self) -> None:
        """Look once."""
        await self._look_at_carrier(self._carrier, self.clock.now())
        await self._look_at_slack(self._slack, self.clock.now())

    async def _look_at_carrier(self, watch: _Watch, now: datetime) -> None:
        reach, known = watch.reach, await self.rows.known(watch.name)
        if known is None and reach.failing_since is None:
            watch.over, watch.noted = None, False
            return
        if self._is_due(reach, now):
            await self._ask()
            now = self.clock.now()
        waiting = await self.rows.waiting()
        if reach.busy and not waiting:
            reach.succeed(now)  # nobody will try it again
        if reach.failing_since is not None:
            watch.over = None
            if known is None:
                await self._begin(watch)
            elif waiting and not known.told and _is_worth(known, reach.failed_at or now):
                assert reach.trouble is not None
                said = write_outage(reach.trouble, known.since, waiting)
                if await self.rows.tell(watch.name, known.since, self._note(_begin_key(_CARRIER, known.since), said)):
                    self.announcer.wake()
            watch.noted = True
        elif known is not None and self._sees_end(watch, known):
            await self._end_carriers(watch, known, now, waiting)

    async def _end_carriers(self, watch: _Watch, known: Known, now: datetime, waiting: int) -> None:
        assert watch.over is not None
        if waiting and watch.over >= known.since + _BEARABLE:
            await self.rows.release(now)
            self.wake_outbox()
        if not known.told and not _is_worth(known, watch.over):
            await self._end(watch, known, None)
        elif now - watch.over >= (_SETTLED if waiting else _CALM):
            waited = await self.rows.waited(known.since, watch.over)
            said = write_recovery(watch.reach.trouble, known.since, watch.over, waited)
            await self._end(watch, known, said if known.told or waited.total else None)

    async def _look_at_slack(self, watch: _Watch, now: datetime) -> None:
        down, reached_at = self.announcer.health, self.announcer.reached_at
        if down is not None:
            watch.reach.fail(Trouble.UNREACHABLE, now, down.since)
        elif reached_at is not None:
            watch.reach.succeed(reached_at)
        known = await self.rows.known(watch.name)
        if watch.reach.failing_since is not None:
            watch.over = None
            if known is None:
                await self._begin(watch)
            watch.noted = True
        elif known is None:
            watch.noted = False
        elif self._sees_end(watch, known):
            assert watch.over is not None
            if not _is_worth(known, watch.over):
                await self._end(watch, known, None)
                return
            shown, hidden = await self.rows.entries(known.since, watch.over)
            if now - watch.over >= (_SETTLED if hidden else _CALM):
                await self._end(watch, known, write_silence(known.since, watch.over, shown=shown, hidden=hidden))

    async def _begin(self, watch: _Watch) -> None:
        reach = watch.reach
        if watch.noted:
            reach.failing_since = reach.failed_at  # another process has reached it meanwhile
        assert reach.failing_since is not None
        await self.rows.begin(watch.name, reach.failing_since)

    async def _end(self, watch: _Watch, known: Known, said: str | None) -> None:
        assert watch.over is not None
        note = None if said is None else self._note(f"note:{watch.name}:{_name(known.since)}:over", said)
        end = End(
            at=watch.over,
            note=note,
            instead_of=_begin_key(watch.name, known.since),
            counts=note is not None or (_is_soon(known) and watch.over - known.since >= _BEARABLE),
        )
        if await self.rows.end(watch.name, known.since, end) and note is not None:
            self.announcer.wake()
        watch.over, watch.noted = None, False

    def _note(self, key: str, said: str) -> NewNote:
        return NewNote(key, self.team(), self.home, said, self.clock.now())

    def _sees_end(self, watch: _Watch, known: Known) -> bool:
        """Whether this process has reached the other side since the outage began."""
        reach = watch.reach
        if reach.well_at is None or reach.well_at <= known.since:
            return False
        if watch.over is None:
            began = reach.well_since is not None and reach.well_since > known.since
            watch.over = reach.well_since if began else reach.well_at
        return True

    def _is_due(self, reach: Reach, now: datetime) -> bool:
        """Whether it is time to ask whether CarrierX is back."""
        heard = max(filter(None, (reach.failed_at, reach.well_at)), default=None)
        refused = reach.failing_since is not None and reach.trouble is Trouble.REFUSED
        return heard is None or now - heard >= (_ASK_REFUSED if refused else _ASK)

    async def _ask(self) -> None:
        try:
            await self.carrier.check_token()
        except CarrierError as error:
            _log.info("outages.still_out", error=type(error).__name__)


def _is_worth(known: Known, until: datetime) -> bool:
    """Whether an outage has lasted long enough to be said."""
    return until - known.since >= (_AGAIN if _is_soon(known) else _BEARABLE)


def _is_soon(known: Known) -> bool:
    """Whether it comes so soon after another that it is more of the same."""
    return known.last_over is not None and known.since - known.last_over < _AGAIN


def _begin_key(name: str, since: datetime) -> str:
    return f"note:{name}:{_name(since)}"


def _name(since: datetime) -> str:
    return since.isoformat(timespec="microseconds")
