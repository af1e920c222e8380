"""Texts from phones: stored at once, each exactly once, and shown by the same machinery as everything else.

CarrierX tells of a text by a callback, and lists it among its detail records. Whether both name it alike is not
documented, so a record waits for its callback and is then paired with one by what it says; two callbacks are two texts,
whatever they say.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.answers import write_help_answer, write_start_answer, write_stop_answer
from bot.domain.keywords import read_language
from bot.domain.message import E164
from bot.errors import CarrierError
from bot.services.loop import Loop
from bot.services.ports import Announcer, Carrier, Clock, InboundText

_log = structlog.get_logger(__name__)
_OVERLAP = timedelta(hours=1)  # records may become readable later than newer ones
_HISTORY = timedelta(days=365)  # how far back the first start looks for people who said STOP
_HISTORY_PAGES = 200
_LEASE = timedelta(minutes=2)  # one process reads records at a time
_LIVELY = timedelta(minutes=10)  # after a text either way, answers are likely
_QUICK = 3.0  # seconds between two readings then, where records are the only way in
_SLOW = 30.0  # seconds otherwise
_ASK_AGAIN = timedelta(seconds=20)  # until a callback is asked about once more; doubles
_DOUBTED = timedelta(days=3)  # a callback that nothing confirms is dropped then
_SWEEP = 1.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Answers:
    """What we say by ourselves."""

    stop: str
    help: str
    start: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A text from a phone with what storing it takes.

    Attributes:
        text: As CarrierX tells it.
        ours: Our number that it came to.
        members: All phones of the conversation, sorted; one unless it is a group.
        team: The workspace.
        home: The channel for numbers without one of their own, "" for the administrators.
        answers: What we say by ourselves.
        from_record: A detail record tells of it.
        now: When it is stored.
    """

    text: InboundText
    ours: E164
    members: tuple[E164, ...]
    team: str
    home: str
    answers: Answers
    from_record: bool
    now: datetime

    @property
    def received_at(self) -> datetime:
        """When CarrierX received it, as far as that is known."""
        return self.text.created_at or self.now


@dataclass(frozen=True, slots=True)
class Doubted:
    """A callback that is asked for again before it is believed."""

    sid: str
    since: datetime
    tries: int


class Inbox(Protocol):
    """Where texts from phones are stored; bot.store.inbox has the only one."""

    async def receive(self, arrival: Arrival) -> bool:
        """Store a text with all that follows from its words; False when it was stored before.

        Raises:
            NotStoredError, StoredOrNotError
        """
        ...

    async def note_history(self, texts: Sequence[InboundText], now: datetime) -> None:
        """Take only what the ledger needs from texts of before our time."""
        ...

    async def last_text_at(self) -> datetime | None:
        """When the last text went or came."""
        ...


class Arrivals(Protocol):
    """What is heard of texts from phones and not believed yet; bot.store.arrivals has the only one."""

    async def doubt(self, text: InboundText, now: datetime) -> None:
        """Keep a callback until it is asked for again."""
        ...

    async def doubted(self, now: datetime) -> tuple[Doubted, ...]:
        """Callbacks that are due to be asked for again."""
        ...

    async def judge(self, sid: str, due_at: datetime | None) -> None:
        """Ask for a callback later, or, with None, no more."""
        ...

    async def note_records(self, texts: Sequence[InboundText], now: datetime, due_at: datetime) -> None:
        """Keep records until their callbacks have had their time, but for those of texts that are stored already."""
        ...

    async def due_records(self, now: datetime, wait: timedelta) -> tuple[InboundText, ...]:
        """Records whose callbacks have not come in time; none waits for longer than `wait`."""
        ...

    async def take_turn(self, now: datetime, until: datetime) -> "Reading | None":
        """Where reading goes on, if it is this process's turn."""
        ...

    async def end_turn(self, newest: datetime | None) -> None:
        """Let the next process read, from there."""
        ...

    async def begin_at(self, now: datetime) -> None:
        """The history is read: from now on texts are shown."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Where reading records goes on.

    Attributes:
        since: The newest record read, None at the first start ever.
        floor: Texts of before are history.
    """

    since: datetime | None
    floor: datetime


@dataclass(frozen=True, slots=True)
class InboundRules:
    """What the operator set.

    Attributes:
        home: SMS_INBOUND_CHANNEL, "" for the administrators.
        brand: Who texts, as customers know it; "" for the workspace's name.
        contact: Where customers find help, "" when not set.
        only: The numbers that SMS_NUMBERS names, empty for all of the account's.
        callbacks: CarrierX can call us.
        verify: A callback is asked for again before it is believed.
        callback_wait: How long a record waits for its callback.
        catch_up: Seconds between two readings of the records.
    """

    home: str
    brand: str
    contact: str
    only: Collection[E164]
    callbacks: bool
    verify: bool
    callback_wait: timedelta
    catch_up: float


class Receiving:
    """The use cases behind CarrierX's callbacks and records.

    Args:
        ours: The account's numbers as far as they are known.
        team: The workspace's id and name, "" while they are not known.
    """

    def __init__(
        self,
        *,
        inbox: Inbox,
        arrivals: Arrivals,
        carrier: Carrier,
        rules: InboundRules,
        ours: Callable[[], Collection[E164]],
        team: Callable[[], tuple[str, str]],
        clock: Clock,
        announcer: Announcer,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self._arrivals = arrivals
        self._carrier = carrier
        self._rules = rules
        self._ours = ours
        self._team = team
        self._clock = clock
        self._announcer = announcer
        self._wake_outbox = wake_outbox
        self._wait = rules.callback_wait if rules.callbacks else timedelta(0)  # of a record for its callback
        self.loop = Loop("receiving", self.turn, _SWEEP)
        self._asked = 0.0  # boottime of the last reading
        self.last_callback_at: datetime | None = None
        self.trouble = ""
        """Why the records could not be read, for the operator; "" when they could."""
        self.verified: bool | None = None
        """Whether CarrierX answers for a text from a phone by its id, None while nobody has asked."""

    @property
    def brand(self) -> str:
        """Who texts, as customers know it."""
        return self._rules.brand or self._team()[1]

    @property
    def intervals(self) -> tuple[float, float]:
        """Seconds between two readings of the records: while texts go and come, and otherwise."""
        if self._rules.callbacks:
            return self._rules.catch_up, self._rules.catch_up
        return min(self._rules.catch_up, _QUICK), min(self._rules.catch_up, _SLOW)

    async def receive(self, text: InboundText) -> None:
        """Take a callback in one durable write.

        Raises:
            NotStoredError, StoredOrNotError: It may not be stored; CarrierX should send it again.
        """
        now = self._clock.now()
        self.last_callback_at = now
        if not self._is_ours(text):
            return
        if self._rules.verify:
            await self._arrivals.doubt(text, now)
        else:
            await self._store(text, from_record=False)

    async def turn(self) -> None:
        """Do once what is due."""
        now = self._clock.now()
        for doubted in await self._arrivals.doubted(now):
            await self._verify(doubted, now)
        if self._clock.boottime() - self._asked >= await self._interval(now) or not self._asked:
            reading = await self._arrivals.take_turn(now, now + _LEASE)
            if reading is not None:
                self._asked = self._clock.boottime()
                await self._catch_up(reading, now)
        for text in await self._arrivals.due_records(now, self._wait):
            await self._store(text, from_record=True)

    async def _interval(self, now: datetime) -> float:
        quick, slow = self.intervals
        if quick == slow:
            return slow
        last = await self._inbox.last_text_at()
        return quick if last is not None and now - last < _LIVELY else slow

    async def _catch_up(self, reading: Reading, now: datetime) -> None:
        newest = None
        try:
            if reading.since is None:
                await self._read_history(now)
                newest = now
            else:
                newest = await self._read(reading, now)
            self.trouble = ""
        except CarrierError as error:
            self.trouble = error.user_message
            _log.info("receiving.records_not_read", error=type(error).__name__)
        finally:
            await self._arrivals.end_turn(newest)

    async def _read_history(self, now: datetime) -> None:
        """At the first start ever only those who said STOP matter."""
        texts = await self._carrier.inbound_records(now - _HISTORY, pages=_HISTORY_PAGES)
        # A newer one comes as any text does: were it noted here first, its STOP would change nothing any more.
        old = [text for text in texts if text.created_at is None or text.created_at < now]
        await self._inbox.note_history(sorted(old, key=lambda text: text.created_at or now), now)
        await self._arrivals.begin_at(now)

    async def _read(self, reading: Reading, now: datetime) -> datetime | None:
        assert reading.since is not None
        texts = await self._carrier.inbound_records(reading.since - _OVERLAP)
        ours = [
            text
            for text in texts
            if self._is_ours(text) and (text.created_at is None or text.created_at >= reading.floor)
        ]
        await self._arrivals.note_records(ours, now, now + self._wait)
        return max((text.created_at for text in texts if text.created_at is not None), default=None)

    async def _verify(self, doubted: Doubted, now: datetime) -> None:
        """Ask with our own token what a callback said; where CarrierX does not answer, its records will tell."""
        try:
            text = await self._carrier.inbound(doubted.sid)
        except CarrierError as error:
            _log.info("receiving.not_verified", error=type(error).__name__)
            await self._arrivals.judge(doubted.sid, now + _ASK_AGAIN)
            return
        self.verified = text is not None
        if text is not None:
            await self._store(text, from_record=False)
            await self._arrivals.judge(doubted.sid, None)
        elif now - doubted.since > _DOUBTED:
            await self._arrivals.judge(doubted.sid, None)
        else:
            await self._arrivals.judge(doubted.sid, now + _ASK_AGAIN * 2 ** min(doubted.tries, 10))

    async def _store(self, text: InboundText, *, from_record: bool) -> None:
        ours = self._find_ours(text)
        members = {text.sender, *text.group} - {ours, ""} if text.group else {text.sender}
        team, _ = self._team()
        language = read_language(text.text)
        stored = await self._inbox.receive(
            Arrival(
                text=text,
                ours=ours,
                members=tuple(sorted(members)),
                team=team,
                home=self._rules.home,
                answers=Answers(
                    stop=write_stop_answer(self.brand, language),
                    help=write_help_answer(self.brand, self._rules.contact, language),
                    start=write_start_answer(self.brand),
                ),
                from_record=from_record,
                now=self._clock.now(),
            )
        )
        if stored:
            self._announcer.wake()
            self._wake_outbox()

    def _is_ours(self, text: InboundText) -> bool:
        """Whether it came to one of the numbers that SMS_NUMBERS names."""
        return not self._rules.only or self._find_ours(text) in self._rules.only

    def _find_ours(self, text: InboundText) -> E164:
        """Our number among those that a text names; for a group it may not be the first."""
        known = self._ours()
        named = [number for number in (text.to, *text.group) if number and number != text.sender]
        return next((number for number in named if number in known), named[0] if named else "")
