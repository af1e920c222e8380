"""Follows texts after the request: settles doubts by looking them up, asks where no receipt comes, gives up in time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

import structlog

from bot.domain.message import E164, Purpose, Status
from bot.domain.retries import lookup_wait, poll_wait, postponed_wait, retry_wait
from bot.errors import CarrierError, CarrierUnauthorizedError
from bot.services.loop import Loop
from bot.services.ports import Announcer, Carrier, CarrierState, Clock, Hold

_log = structlog.get_logger(__name__)
_FOLLOWED = timedelta(hours=72)  # then nobody asks any more: "CarrierX sent no receipt"
_SKEW = timedelta(hours=1)  # by which CarrierX's clock may differ from ours
_DOUBTED = timedelta(minutes=5)  # at least, before the next look at a doubt is thought to be put off by a wrong clock
_SINGLY = 20  # more than these are read from one list of records instead of one by one
_AT_ONCE = 10  # questions under way
_HOUR = timedelta(hours=1)
_LATELY = timedelta(hours=2)  # a look that failed earlier says nothing of now; the next one follows within an hour
_PROBE = timedelta(seconds=2)  # first wait between questions whether our token is good; doubles to 5 min


@dataclass(frozen=True, slots=True)
class Check:
    """A message whose outcome or state is due to be asked for.

    Attributes:
        id: Ours.
        status: As it was when it was taken up.
        sid: CarrierX's id, "" when not known.
        record_sid: Its detail record, "" when not known.
        busy: The doubt came from a 503.
        checks: Looks or questions made so far; a look that could not be made is none.
        checking_since: Since when there is a doubt, None before it is noticed.
        sending_at: When the request was made.
        taken_at: When CarrierX was known to have it, None when it is not.
        held_until: When others may take it up; names this taking up.
    """

    id: str
    status: Status
    sid: str
    record_sid: str
    busy: bool
    checks: int
    checking_since: datetime | None
    sending_at: datetime
    taken_at: datetime | None
    held_until: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look or question came to, where CarrierX had no news.

    Attributes:
        check: What it is about; the verdict falls when the message has moved since or somebody else has taken it up.
        checks: Looks or questions made now.
        check_at: The next one, None for no more.
        becomes: Its new status, None to stay.
        not_before: When it is tried again, with `becomes` accepted.
        doubted: The doubt is noticed just now.
        unreceipted: Nobody asks any more.
    """

    check: Check
    checks: int
    check_at: datetime | None
    becomes: Status | None = None
    not_before: datetime | None = None
    doubted: bool = False
    unreceipted: bool = False

    @property
    def visible(self) -> bool:
        """Whether a person should read of it."""
        first_look = self.check.status is Status.UNCONFIRMED and self.check.checks == 0 < self.checks
        return self.becomes is not None or self.doubted or self.unreceipted or first_look


@dataclass(frozen=True, slots=True)
class Late:
    """A text that has not left by its deadline.

    Attributes:
        id: Ours.
        sender: Our number.
        recipients: One, or the members of a group.
        purpose: Why it goes.
        send_by: The deadline, which names this wait.
    """

    id: str
    sender: E164
    recipients: tuple[E164, ...]
    purpose: Purpose
    send_by: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do now.

    Attributes:
        expired: Something has waited too long.
        opted_out: Something waits for people who asked for no more texts.
        late: Something has not left by its deadline.
        receipts: Some that were ahead of their texts can be applied, or forgotten.
        held: CarrierX refused our token.
        checks: Something is due to be asked for.
    """

    expired: bool
    opted_out: bool
    late: bool
    receipts: bool
    held: bool
    checks: bool


class Followed(Protocol):
    """The message table as the follower sees it; bot.store.following has the only one."""

    async def glance(self, now: datetime, too_old: datetime, far: datetime) -> Due:
        """What there is to do: one question, for the many times when there is nothing."""
        ...

    async def expire(self, now: datetime, too_old: datetime) -> int:
        """Fail what has waited since before `too_old`."""
        ...

    async def late(self, now: datetime) -> tuple[Late, ...]:
        """What has not left by its deadline."""
        ...

    async def put_off(self, late: Late, hold: Hold | None, now: datetime) -> None:
        """Let it wait once more, or cancel it where `hold` is None."""
        ...

    async def refuse_opted_out(self, now: datetime) -> int:
        """Fail what waits for people who asked for no more texts."""
        ...

    async def adopt_receipts(self, now: datetime) -> bool:
        """Apply receipts that overtook the answer to our request."""
        ...

    async def due(self, now: datetime, far: datetime) -> tuple[Check, ...]:
        """Take up a bounded number of messages that are due; no doubt is put off beyond `far` but by a wrong clock."""
        ...

    async def settle(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        """Write verdicts."""
        ...

    async def apply(self, states: Sequence[CarrierState], now: datetime, *, from_records: bool) -> frozenset[str]:
        """Apply what CarrierX answered; the ids of the messages it was about."""
        ...


class Held(Protocol):
    """The pause that all processes share; bot.store.holds has the only one."""

    async def probe_due(self, now: datetime, wait: timedelta) -> bool:
        """Whether the outbox is held and this process shall ask now."""
        ...

    async def lift(self, now: datetime) -> None:
        """End the hold."""
        ...


class Woken(Protocol):
    """The outbox, as far as the follower needs it."""

    def wake(self) -> None:
        """Something is due."""
        ...


@dataclass(frozen=True, slots=True)
class FollowPace:
    """The follower's times.

    Attributes:
        sweep: How often to look.
        give_up: How long a text may wait to be handed over.
        lookup: Seconds after a doubt at which it is looked into.
        poll: When a message's state is first asked for where no receipt comes.
    """

    sweep: timedelta
    give_up: timedelta
    lookup: tuple[float, ...]
    poll: timedelta


PutOff = Callable[[Late], Awaitable[Hold | None]]


class Follower:
    """The loop that looks after texts whose requests are over, and after those that have waited too long.

    Args:
        put_off: What becomes of a text that has missed its deadline; None cancels it.
    """

    def __init__(
        self,
        *,
        followed: Followed,
        held: Held,
        carrier: Carrier,
        outbox: Woken,
        announcer: Announcer,
        clock: Clock,
        pace: FollowPace,
        put_off: PutOff,
    ) -> None:
        self._followed = followed
        self._put_off = put_off
        self._held = held
        self._carrier = carrier
        self._outbox = outbox
        self._announcer = announcer
        self._clock = clock
        self._pace = pace
        self._last_look = timedelta(seconds=pace.lookup[-1] if pace.lookup else 0)
        self._longest = pace.give_up + self._last_look  # that a text may be in doubt because no look could be made
        self.loop = Loop("following", self.turn, pace.sweep.total_seconds())
        self._trouble = ""
        self._troubled_at: datetime | None = None

    @property
    def trouble(self) -> str:
        """Why CarrierX's records could not be read lately, for the operator; "" when they could, or nobody asked."""
        lately = self._troubled_at is not None and self._clock.now() - self._troubled_at <= _LATELY
        return self._trouble if lately else ""

    async def turn(self) -> None:
        """Do once what is due."""
        now = self._clock.now()
        too_old = now - self._pace.give_up
        far = now + max(_DOUBTED, postponed_wait(self._longest), self._last_look)
        due = await self._followed.glance(now, too_old, far)
        changed = due.expired and await self._followed.expire(now, too_old) > 0
        changed |= due.opted_out and await self._followed.refuse_opted_out(now) > 0
        for late in await self._followed.late(now) if due.late else ():
            await self._followed.put_off(late, await self._put_off(late), now)
            changed = True
        changed |= due.receipts and await self._followed.adopt_receipts(now)
        if due.held:
            await self._probe(now)
        checks = await self._followed.due(now, far) if due.checks else ()
        if checks:
            doubts = [check for check in checks if check.taken_at is None]
            await self._settle_doubts(doubts)
            await self._ask([check for check in checks if check.taken_at is not None])
            changed = True
        if changed:
            self._announcer.wake()
            self._outbox.wake()

    async def _probe(self, now: datetime) -> None:
        if not await self._held.probe_due(now, _PROBE):
            return
        try:
            await self._carrier.check_token()
        except CarrierUnauthorizedError:
            return
        except CarrierError as error:
            _log.info("following.probe_failed", error=type(error).__name__)
            return
        await self._held.lift(self._clock.now())
        self._outbox.wake()
        self._announcer.wake()

    async def _settle_doubts(self, doubts: Sequence[Check]) -> None:
        """Look messages up whose request got no clear answer."""
        now = self._clock.now()
        fresh = [check for check in doubts if check.checking_since is None and check.status is Status.SENDING]
        first = lookup_wait(0, self._pace.lookup) or timedelta(0)
        await self._settle([Verdict(check, checks=0, check_at=now + first, doubted=True) for check in fresh])
        looked = [check for check in doubts if check not in fresh]
        records: dict[str, CarrierState] = {}
        async for part, found in self._look_up(looked):
            if found is None:
                await self._settle([self._postpone(check) for check in part])
            else:
                await self._settle([self._miss(check) for check in part if check.id not in found])
                records |= found
        await self._learn_ids(looked, records)

    async def _settle(self, verdicts: Sequence[Verdict]) -> None:
        if verdicts:
            await self._followed.settle(verdicts, self._clock.now())

    async def _look_up(
        self, checks: Sequence[Check]
    ) -> AsyncIterator[tuple[Sequence[Check], dict[str, CarrierState] | None]]:
        """Find messages among CarrierX's records by our id, those of one age at a time.

        The records are read from the oldest message on, in bounded number: one that is old must not keep the young
        ones from being found. What fails for the younger fails for the older, which need more.

        Yields:
            Messages with the records of those that were found, None when they could not be looked for.
        """
        left = sorted(checks, key=lambda check: check.sending_at, reverse=True)
        for near in _by_age(left, self._clock.now()):
            try:
                found = await self._find(near)
            except CarrierError as error:
                _log.info("following.lookup_failed", error=type(error).__name__, messages=len(left))
                self._trouble, self._troubled_at = error.user_message, self._clock.now()
                yield left, None
                return
            yield near, found
            left = left[len(near) :]
        if checks:
            self._troubled_at = None

    async def _find(self, checks: Sequence[Check]) -> dict[str, CarrierState]:
        """Read the records once; those found are adopted."""
        wanted = {check.id for check in checks}
        # A clock that was set back since may have called the time of the request what is still to come.
        since = min(self._clock.now(), *(check.sending_at for check in checks))
        records = await self._carrier.records(since - _SKEW)
        ours = [record for record in records if record.user_data in wanted]
        if not ours:
            return {}
        matched = await self._followed.apply(ours, self._clock.now(), from_records=True)
        return {record.user_data: record for record in ours if record.user_data in matched}

    async def _learn_ids(self, checks: Sequence[Check], records: Mapping[str, CarrierState]) -> None:
        """Whether a record's id is the message's is not documented: where it is, the message is asked for by it."""
        gate = asyncio.Semaphore(_AT_ONCE)
        unnamed = [check.id for check in checks if check.id in records and not (check.sid or check.record_sid)]
        states = await asyncio.gather(*(self._message(records[name], gate) for name in unnamed))
        known = [state for state in states if state is not None]
        if known:
            await self._followed.apply(known, self._clock.now(), from_records=False)

    def _miss(self, check: Check) -> Verdict:
        """CarrierX's records do not know it, this time."""
        now = self._clock.now()
        looks = check.checks + 1
        wait = lookup_wait(looks, self._pace.lookup)
        if check.status is not Status.SENDING:
            return self._keep_looking(check, looks)
        if wait is not None:
            return Verdict(check, checks=looks, check_at=now + wait)
        if check.busy:
            again = now + retry_wait(1, 0)
            return Verdict(check, 0, None, becomes=Status.ACCEPTED, not_before=again)
        return Verdict(check, looks, now + poll_wait(looks, self._pace.poll), becomes=Status.UNCONFIRMED)

    def _keep_looking(self, check: Check, looks: int) -> Verdict:
        """An unconfirmed text may turn up for as long as records may lag."""
        now = self._clock.now()
        over = now - check.sending_at > _FOLLOWED
        at = None if over else now + poll_wait(looks, self._pace.poll)
        return Verdict(check, looks, at)

    def _postpone(self, check: Check) -> Verdict:
        """The look could not be made: it does not count, but nobody waits longer than a text may wait."""
        now = self._clock.now()
        doubted = now - (check.checking_since or check.sending_at)
        at = now + postponed_wait(doubted)
        if check.status is Status.SENDING:
            return Verdict(check, check.checks, at, becomes=Status.UNCONFIRMED if doubted > self._longest else None)
        return Verdict(check, check.checks, None if now - check.sending_at > _FOLLOWED else at)

    async def _ask(self, checks: Sequence[Check]) -> None:
        """Ask for the state of messages that CarrierX has and sent no final receipt for."""
        if not checks:
            return
        now = self._clock.now()
        await self._followed.settle([self._next_question(check, now) for check in checks], now)
        asked = [check for check in checks if now - (check.taken_at or now) <= _FOLLOWED]
        listed = [check for check in asked if not (check.sid or check.record_sid)]
        if len(asked) > _SINGLY:
            listed, asked = asked, []
        else:
            asked = [check for check in asked if check.sid or check.record_sid]
        gate = asyncio.Semaphore(_AT_ONCE)
        unknown = await asyncio.gather(*(self._ask_one(check, gate) for check in asked))
        listed += [check for check in unknown if check is not None]
        records: dict[str, CarrierState] = {}
        async for _, found in self._look_up(listed):
            records |= found or {}
        await self._learn_ids(listed, records)

    async def _ask_one(self, check: Check, gate: asyncio.Semaphore) -> Check | None:
        """Ask for one message; it is handed back when CarrierX does not know it by that id."""
        async with gate:
            try:
                if check.sid:
                    state = await self._carrier.message(check.sid)
                else:
                    state = await self._carrier.record(check.record_sid)
            except CarrierError as error:
                _log.info("following.question_failed", error=type(error).__name__)
                return None
        if state is None:
            return check
        await self._followed.apply([_named(state, check.id)], self._clock.now(), from_records=not check.sid)
        return None

    def _next_question(self, check: Check, now: datetime) -> Verdict:
        over = now - (check.taken_at or now) > _FOLLOWED
        return Verdict(
            check,
            checks=check.checks + 1,
            check_at=None if over else now + poll_wait(check.checks + 1, self._pace.poll),
            unreceipted=over,
        )

    async def _message(self, record: CarrierState, gate: asyncio.Semaphore) -> CarrierState | None:
        """The message of a record, None where the record's id is not its own."""
        async with gate:
            try:
                state = await self._carrier.message(record.sid)
            except CarrierError:
                return None  # it is followed by its record
        if state is None or state.user_data not in {"", record.user_data}:
            return None
        return _named(state, record.user_data)


def _by_age(checks: Sequence[Check], now: datetime) -> Iterator[list[Check]]:
    """Parts of one age: under an hour, up to two, four, eight and so on.

    Args:
        checks: The youngest first.
        now: The time.
    """
    for _, near in groupby(checks, key=lambda check: ((now - check.sending_at) // _HOUR).bit_length()):
        yield list(near)


def _named(state: CarrierState, message_id: str) -> CarrierState:
    """The state with our id, which an answer need not carry."""
    return replace(state, user_data=message_id)
