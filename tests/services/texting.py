"""A bot's use cases over a real database, with a carrier that does as it is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Message, Status
from bot.domain.quiet_hours import QuietHours
from bot.errors import CarrierResponseInvalidError, CarrierUnavailableError
from bot.services.following import Follower, FollowPace
from bot.services.hours import Hours
from bot.services.numbers import Numbers
from bot.services.outbox import Outbox, Pace
from bot.services.ports import CarrierState, InboundText, LeaseLostError, MayLeave, OurNumber, OutboundText
from bot.services.sending import Draft, How, Rules, Sending
from bot.store.batches import BatchStore
from bot.store.following import FollowStore
from bot.store.holds import HoldStore
from bot.store.numbers import NumberStore
from bot.store.outbox import OutboxStore
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from tests.conftest import FakeClock

OURS = "+15162065575"
PLAIN = "+15162065576"  # sends no MMS
ANNA = "+15162065574"
BERT = "+14155550132"
CLEO = "+14155550133"

Answer = CarrierState | Exception


@dataclass
class ScriptedCarrier:
    """Takes every text unless it is told otherwise; `posts` is what reached it.

    Attributes:
        meeting: Where each question about one message waits for as many others as it has places.
        asking: How many of those were under way, at each beginning and end of one.
        reach: How far back its records may be read, None for all the way.
    """

    clock: FakeClock
    posts: list[OutboundText] = field(default_factory=list)
    script: list[Callable[[OutboundText], Answer]] = field(default_factory=list)
    known: dict[str, CarrierState] = field(default_factory=dict)
    listed: list[CarrierState] = field(default_factory=list)
    texts: list[InboundText] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    held: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    meeting: asyncio.Barrier | None = None
    asking: list[int] = field(default_factory=lambda: [0])
    down: bool = False
    reach: timedelta | None = None
    token: Exception | None = None

    async def send(self, text: OutboundText, *, may_leave: MayLeave) -> CarrierState:
        if not may_leave():
            raise LeaseLostError
        answer = self.script.pop(0)(text) if self.script else self.queued(text)
        if isinstance(answer, CarrierState) or getattr(answer, "left", True):
            self.posts.append(text)
        self.arrived.set()
        if self.held is not None:
            await self.held.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def message(self, sid: str) -> CarrierState | None:
        self._ask("message")
        self.asking.append(self.asking[-1] + 1)
        self.arrived.set()
        if self.meeting is not None:
            await self.meeting.wait()
        self.asking.append(self.asking[-1] - 1)
        return self.known.get(sid)

    async def record(self, sid: str) -> CarrierState | None:
        self._ask("record")
        return next((state for state in self.listed if state.sid == sid), None)

    async def records(self, since: datetime) -> tuple[CarrierState, ...]:
        self._ask("records")
        if self.reach is not None and since < self.clock.now() - self.reach:
            raise CarrierResponseInvalidError("CarrierX has more than 50 pages of detail records.")
        return tuple(state for state in self.listed if state.created_at is None or state.created_at >= since)

    async def inbound(self, sid: str) -> InboundText | None:
        self._ask("inbound")
        return next((text for text in self.texts if text.sid == sid), None)

    async def inbound_records(self, since: datetime, *, pages: int = 50) -> tuple[InboundText, ...]:
        self._ask("inbound_records")
        if len(self.texts) > pages * 1_000:
            raise CarrierResponseInvalidError(f"CarrierX has more than {pages} pages of detail records.")
        return tuple(text for text in self.texts if text.created_at is None or text.created_at >= since)

    async def numbers(self) -> tuple[OurNumber, ...]:
        self._ask("numbers")
        return (
            OurNumber(OURS, "Front desk", "NEW YORK", sms=True, mms=True),
            OurNumber(PLAIN, "Plain", "NEW YORK", sms=True, mms=False),
        )

    async def check_token(self) -> None:
        self._ask("token")
        if self.token is not None:
            raise self.token

    def queued(self, text: OutboundText) -> CarrierState:
        return self.state(text.id, "queued", sid=f"sid-{text.id}")

    def state(
        self, message_id: str, status: str, *, sid: str = "", recipient: str = "", code: str = ""
    ) -> CarrierState:
        """What CarrierX says of a text of ours, now."""
        now = self.clock.now()
        sid = sid or f"sid-{message_id}"
        return CarrierState(sid, message_id, OURS, recipient, status, "sms", 1, "0.01", code, now, now, inbound=False)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.down:
            raise CarrierUnavailableError("CarrierX does not answer.")


class Silence:
    """Stands for the announcer and the outbox where nobody listens."""

    def wake(self) -> None:
        pass


@dataclass
class Texting:
    """All use cases over one database."""

    engine: AsyncEngine
    clock: FakeClock
    carrier: ScriptedCarrier
    batches: BatchStore
    outgoing: OutboxStore
    followed: FollowStore
    holds: HoldStore
    numbers: Numbers
    sending: Sending
    outbox: Outbox
    follower: Follower

    async def accept(self, to: str = ANNA, text: str = "hi", *, media: str = "", how: How = How.SEPARATE) -> str:
        """Accept a text; the batch's id."""
        return (await self.sending.submit(self.draft(to, text, media=media, how=how))).batch_id

    def draft(
        self, to: str = ANNA, text: str = "hi", *, key: str = "", media: str = "", how: How = How.SEPARATE
    ) -> Draft:
        return Draft(key or str(uuid4()), "T1", "U1", "ana", "C1", "", OURS, to, text, media, how)

    async def hand_over(self, rounds: int = 1) -> None:
        """Let the outbox do what is due; a conversation's next text takes another round."""
        outbox = self.new_outbox()
        for _ in range(rounds):
            await outbox.turn()
            await outbox.finish()

    def new_outbox(self) -> Outbox:
        return Outbox(
            outgoing=self.outgoing,
            holds=self.holds,
            carrier=self.carrier,
            announcer=Silence(),
            clock=self.clock,
            pace=PACE,
        )

    async def one(self, batch_id: str) -> Message:
        """A batch's only message."""
        batch = await self.batches.batch(batch_id)
        assert batch is not None
        (only,) = batch.messages
        return only

    async def status(self, batch_id: str) -> Status:
        return (await self.one(batch_id)).status

    async def look(self, seconds: float) -> None:
        """Let time pass, then the follower have its turn."""
        self.clock.move(seconds)
        await self.follower.turn()


PACE = Pace(
    lease=timedelta(seconds=30),
    answer=timedelta(seconds=10),
    sweep=timedelta(seconds=0.05),
    lookup=(15.0, 60.0, 300.0),
    poll=timedelta(seconds=60),
    concurrency=8,
)


async def make_texting(
    engine: AsyncEngine, clock: FakeClock, *, rate: float = 0.0, usual: QuietHours | None = None
) -> Texting:
    """Use cases over `engine`, with the numbers read; `usual` are the quiet hours."""
    carrier = ScriptedCarrier(clock)
    batches = BatchStore(engine, deadline=30.0)  # these tests are about what is stored, not how soon
    give_up = timedelta(minutes=60)
    outgoing = OutboxStore(engine, rate=rate, give_up=give_up)
    followed = FollowStore(engine, poll=PACE.poll)
    holds = HoldStore(engine)
    numbers = Numbers(
        carrier=carrier,
        known=NumberStore(engine),
        clock=clock,
        only=frozenset(),
        default=None,
        interval=300.0,
    )
    await numbers.read()
    quiet = Silence()
    hours = Hours(
        rules=RuleStore(engine), writers=ReplyStore(engine), clock=clock, usual=usual, zone="America/New_York"
    )
    outbox = Outbox(outgoing=outgoing, holds=holds, carrier=carrier, announcer=quiet, clock=clock, pace=PACE)
    return Texting(
        engine=engine,
        clock=clock,
        carrier=carrier,
        batches=batches,
        outgoing=outgoing,
        followed=followed,
        holds=holds,
        numbers=numbers,
        sending=Sending(
            batches=batches,
            numbers=numbers,
            hours=hours,
            rules=Rules(region="US", countries=("US", "CA")),
            clock=clock,
            announcer=quiet,
            wake_outbox=quiet.wake,
        ),
        outbox=outbox,
        follower=Follower(
            followed=followed,
            held=holds,
            carrier=carrier,
            outbox=quiet,
            announcer=quiet,
            clock=clock,
            put_off=hours.put_off,
            pace=FollowPace(sweep=PACE.sweep, give_up=give_up, lookup=PACE.lookup, poll=PACE.poll),
        ),
    )
