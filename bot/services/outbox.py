"""Hands accepted texts over to the carrier and records what came of it.

One loop claims what is due, marks it sending and starts the requests; one writer records their outcomes together.
No request starts in a listener, and none is repeated unless the carrier surely did not take it.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

import structlog

from bot.domain.failures import read_status
from bot.domain.message import Status, Wait
from bot.domain.retries import lookup_wait, poll_wait, retry_wait
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)
from bot.services.clock import SetBack
from bot.services.ports import Announcer, Carrier, CarrierState, Clock, LeaseLostError, OutboundText

_log = structlog.get_logger(__name__)
_UNWRITTEN = 2  # times as many as requests at once: outcomes that a silent database has not taken yet count too
_PAUSE = 1.0  # seconds after the database failed
_LOOK = 60.0  # seconds between two looks whether it was set back before we started, or in another process's view
_GLANCE = 0.05  # seconds between two looks whether people's commands still pour in
_RUSH = 10  # commands within that time
_AFTER_YOU = 1.0  # seconds that texts let commands in a rush go first; those must be answered within three


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this process may hand over while its lease lasts."""

    seq: int
    batch_id: str
    owner: str
    attempts: int
    text: OutboundText


@dataclass(frozen=True, slots=True)
class Claims:
    """What one claim brought.

    Attributes:
        messages: To hand over now.
        more: There is probably more that is due.
        behind: Something else that is due could not be claimed, behind a text of its conversation, say.
        next_at: When the next message that waits for a time becomes due, None when none does.
    """

    messages: tuple[Claim, ...]
    more: bool
    behind: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """CarrierX has it."""

    claim: Claim
    at: datetime
    state: CarrierState
    check_at: datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """It surely was not taken and is accepted again; `wait` is None when it did not even leave."""

    claim: Claim
    wait: Wait | None
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """CarrierX refused it for good."""

    claim: Claim
    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left and nobody knows what became of it."""

    claim: Claim
    at: datetime
    busy: bool
    check_at: datetime


Outcome = Taken | Withheld | Rejected | Unknown


class Outgoing(Protocol):
    """The message table as the outbox sees it; bot.store.outbox has the only one."""

    async def claim(self, *, owner: str, now: datetime, until: datetime, limit: int) -> Claims:
        """Lease due messages."""
        ...

    async def mark_sending(
        self, claims: Sequence[Claim], *, owner: str, now: datetime, check_at: datetime
    ) -> frozenset[int]:
        """Mark claimed messages sending; the `seq` of those that still are this claim's."""
        ...

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write what came of requests."""
        ...

    async def free_stranded(self, now: datetime) -> None:
        """Let go what waits for a time that only a clock that was set back since can have meant."""
        ...


class Holds(Protocol):
    """Pauses that all processes share."""

    async def hold(self, now: datetime, probe_at: datetime) -> None:
        """Pause the outbox until a probe finds that CarrierX takes our token again."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """The outbox's times and bounds.

    Attributes:
        lease: How long a claim lasts; longer than connecting and waiting for an answer.
        answer: How long a request may take in all.
        sweep: How often to look when nobody woke us.
        lookup: Seconds after a doubt at which it is looked into.
        poll: When a message's state is first asked for where no receipt comes.
        concurrency: Requests under way at once.
    """

    lease: timedelta
    answer: timedelta
    sweep: timedelta
    lookup: tuple[float, ...]
    poll: timedelta
    concurrency: int = 100


class Outbox:
    """The loop between the message table and the carrier."""

    def __init__(
        self, *, outgoing: Outgoing, holds: Holds, carrier: Carrier, announcer: Announcer, clock: Clock, pace: Pace
    ) -> None:
        self._outgoing = outgoing
        self._holds = holds
        self._carrier = carrier
        self._announcer = announcer
        self._clock = clock
        self._pace = pace
        self._looked_at = float("-inf")
        self._set_back = SetBack()
        self._wake = asyncio.Event()
        self._woken = 0  # times since the last look
        self._freed = asyncio.Event()
        self._behind = True  # something due could not be claimed: it waits for a text under way, say
        self._ended = 0  # requests so far
        self._closing = False
        self._requests: set[asyncio.Task[None]] = set()  # until their outcomes are written
        self._asking = 0  # those among them that CarrierX has not answered
        self._outcomes: list[tuple[Outcome, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something is due: look now rather than at the next sweep."""
        self._woken += 1
        self._wake.set()

    def close(self) -> None:
        """Claim nothing more; `run` returns when what is in flight is recorded."""
        self._closing = True
        self._wake.set()
        self._freed.set()

    async def run(self) -> None:
        """Hand over until closed."""
        while not self._closing:
            self._wake.clear()
            await self._give_way()
            try:
                wait = await self.turn()
            except Exception:  # noqa: BLE001 -- the loop's boundary: a failing database must not end it
                _log.exception("outbox.turn_failed")
                wait = _PAUSE
            if wait > 0:
                await _wait(self._wake, wait)
        await self.finish()

    async def _give_way(self) -> None:
        """While commands pour in let them be accepted first; each has to be answered in time."""
        looks = round(_AFTER_YOU / _GLANCE)
        while self._woken > _RUSH and looks and not self._closing:
            self._woken, looks = 0, looks - 1
            await asyncio.sleep(_GLANCE)
        self._woken = 0

    async def finish(self) -> None:
        """Wait until what is in flight is recorded."""
        if self._requests:
            await asyncio.wait(self._requests)

    async def turn(self) -> float:
        """Claim and start what is due; how many seconds until it is worth looking again."""
        # Small claims cost as much as large ones: wait until half of the places are free.
        while self._places() < self._pace.concurrency // 2 and not self._closing:
            self._freed.clear()
            await self._freed.wait()
        if self._closing:
            return 0
        started = self._clock.boottime()  # before the claim, so that the lease is never thought longer than it is
        now = self._clock.now()
        if self._set_back.seen(started, now) or started - self._looked_at >= _LOOK:
            await self._outgoing.free_stranded(now)
            self._looked_at = started
        owner, ended = str(uuid4()), self._ended
        claims = await self._outgoing.claim(
            owner=owner,
            now=now,
            until=now + self._pace.lease,
            limit=self._places(),
        )
        if claims.messages and not self._closing:  # else the leases run out, and nothing is in doubt
            for claim in await self._mark(claims.messages, owner, now):
                request = asyncio.create_task(self._hand_over(claim, started))
                self._requests.add(request)
                request.add_done_callback(self._finished)
                self._asking += 1
        self._behind = claims.behind
        if claims.more or (claims.behind and self._ended != ended):
            return 0
        sweep = self._pace.sweep.total_seconds()
        if claims.next_at is None:
            return sweep
        return min(sweep, max(0.001, (claims.next_at - self._clock.now()).total_seconds()))

    def _places(self) -> int:
        """How many more requests may begin: those whose outcome is being written hold up no others, up to a point."""
        most = self._pace.concurrency
        return min(most - self._asking, _UNWRITTEN * most - len(self._requests))

    async def _mark(self, claims: Sequence[Claim], owner: str, now: datetime) -> list[Claim]:
        """Mark claimed messages sending; those that are ours to send."""
        check_at = now + self._pace.lease + 2 * self._pace.answer
        try:
            ours = await self._outgoing.mark_sending(claims, owner=owner, now=self._clock.now(), check_at=check_at)
        except Exception:  # noqa: BLE001 -- whatever the driver raises
            # Perhaps they are marked all the same. Nothing has left, so they are no doubts.
            _log.exception("outbox.mark_failed", messages=len(claims))
            return await self._give_back(claims, now)
        marked = [claim for claim in claims if claim.seq in ours]
        return await self._give_back(marked, now) if self._closing else marked

    async def _give_back(self, claims: Sequence[Claim], now: datetime) -> list[Claim]:
        """Nothing of these leaves."""
        await asyncio.gather(*(self._record(Withheld(claim, None, now)) for claim in claims))
        return []

    def _finished(self, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        self._freed.set()
        self._ended += 1
        if self._behind:
            self._wake.set()  # the next text of the same conversation may go now

    async def _hand_over(self, claim: Claim, started: float) -> None:
        try:
            outcome = await self._ask(claim, started)
        finally:
            self._asking -= 1
            self._freed.set()
        await self._record(outcome)
        if isinstance(outcome, Withheld):
            self._wake.set()  # it may be the next that is due

    async def _ask(self, claim: Claim, started: float) -> Outcome:
        lease = self._pace.lease.total_seconds()

        def may_leave() -> bool:
            return self._clock.boottime() - started < lease

        try:
            state = await self._carrier.send(claim.text, may_leave=may_leave)
        except LeaseLostError:
            return Withheld(claim, None, self._clock.now())
        except CarrierError as error:
            return await self._judge(claim, error)
        except Exception:  # noqa: BLE001 -- a bug of ours: the request may have left all the same
            _log.exception("outbox.request_failed", message=claim.text.id)
            return self._unknown(claim, busy=False)
        now = self._clock.now()
        # An answer that says more than "queued" is asked about at once, by the way that knows all words.
        plain = read_status(state.status) is Status.QUEUED
        return Taken(claim, now, state, now + poll_wait(0, self._pace.poll) if plain else now)

    async def _judge(self, claim: Claim, error: CarrierError) -> Outcome:
        now = self._clock.now()
        again = retry_wait(claim.attempts + 1, random.random())  # noqa: S311 -- spreads tries, hides nothing
        match error:
            case CarrierOutcomeUnknownError():
                return self._unknown(claim, busy=error.busy)
            case CarrierRejectedError():
                return Rejected(claim, now, error.user_message)
            case CarrierUnauthorizedError():
                await self._hold(now)
                return Withheld(claim, Wait.UNAUTHORIZED, now)
            case CarrierThrottledError():
                return Withheld(claim, Wait.THROTTLED, now + max(again, timedelta(seconds=error.retry_after)))
            case CarrierUnavailableError():
                return Withheld(claim, Wait.UNREACHABLE, now + again)
            case _:
                return self._unknown(claim, busy=False)

    async def _hold(self, now: datetime) -> None:
        try:
            await self._holds.hold(now, now + retry_wait(1, 0))
        except Exception:  # noqa: BLE001 -- the outcome must be recorded all the same; the next 401 tries again
            _log.exception("outbox.hold_failed")

    def _unknown(self, claim: Claim, *, busy: bool) -> Unknown:
        now = self._clock.now()
        return Unknown(claim, now, busy, now + (lookup_wait(0, self._pace.lookup) or timedelta(0)))

    async def _record(self, outcome: Outcome) -> None:
        """Return once the outcome is written; outcomes that come together share a transaction."""
        done = asyncio.get_running_loop().create_future()
        self._outcomes.append((outcome, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._outcomes:
            taken, self._outcomes = self._outcomes, []
            while True:
                try:
                    await self._outgoing.record([outcome for outcome, _ in taken])
                    break
                except Exception:  # noqa: BLE001 -- until it is written the messages stay sending, which is safe
                    _log.exception("outbox.record_failed", outcomes=len(taken))
                    await asyncio.sleep(_PAUSE)
            for _, done in taken:
                if not done.done():
                    done.set_result(None)
            self._announcer.wake()
        self._writer = None


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
