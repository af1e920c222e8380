"""What is worth saying of an outage: rules over a clock that only the test moves, over each database."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import insert, literal, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Origin, Wait
from bot.domain.notices import Trouble
from bot.errors import (
    CarrierError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)
from bot.services.outages import Outages, WatchedCarrier
from bot.services.ports import CarrierState, InboundText, MayLeave, OurNumber, OutboundText
from bot.store.outages import OutageStore
from bot.store.tables import Time, batch, message, note, post
from tests.conftest import FakeClock

T = TypeVar("T")
TEXT = OutboundText("a", "+12125550100", ("+15162065574",), group=False, text="hi", media_urls=())
BUSY = CarrierOutcomeUnknownError("busy", busy=True)
GONE = CarrierUnavailableError("gone")
STATE = CarrierState("1", "a", "", "", "queued", "sms", 1, "", "", None, None, inbound=False)


@dataclass
class FakeCarrier:
    """Fails as it is told: texts by `sends`, questions by `asks`."""

    sends: CarrierError | None = None
    asks: CarrierError | None = None
    asked: int = 0

    async def send(self, text: OutboundText, *, may_leave: MayLeave) -> CarrierState:  # noqa: ARG002 -- the port's
        if self.sends is not None:
            raise self.sends
        return STATE

    async def message(self, sid: str) -> CarrierState | None:  # noqa: ARG002 -- the port's
        return self._answer(None)

    async def record(self, sid: str) -> CarrierState | None:  # noqa: ARG002 -- the port's
        return self._answer(None)

    async def records(self, since: datetime) -> tuple[CarrierState, ...]:  # noqa: ARG002 -- the port's
        return self._answer(())

    async def inbound(self, sid: str) -> InboundText | None:  # noqa: ARG002 -- the port's
        return self._answer(None)

    async def inbound_records(self, since: datetime, *, pages: int = 50) -> tuple[InboundText, ...]:  # noqa: ARG002 -- the port's
        return self._answer(())

    async def numbers(self) -> tuple[OurNumber, ...]:
        return self._answer(())

    async def check_token(self) -> None:
        self._answer(None)

    def _answer(self, answer: T) -> T:
        self.asked += 1
        if self.asks is not None:
            raise self.asks
        return answer


@dataclass(frozen=True)
class Silence:
    """Slack takes nothing."""

    since: datetime


@dataclass
class FakeAnnouncer:
    """What the announcer knows of Slack."""

    health: Silence | None = None
    reached_at: datetime | None = None
    wakes: int = 0

    def wake(self) -> None:
        self.wakes += 1


@dataclass
class Stage:
    """One process, or one of several on a database."""

    engine: AsyncEngine
    clock: FakeClock
    bare: FakeCarrier = field(default_factory=FakeCarrier)
    announcer: FakeAnnouncer = field(default_factory=FakeAnnouncer)
    released: int = 0

    def __post_init__(self) -> None:
        self.carrier = WatchedCarrier(self.bare, self.clock)
        self.outages = Outages(
            rows=OutageStore(self.engine),
            carrier=self.carrier,
            announcer=self.announcer,
            clock=self.clock,
            home="C1",
            team=lambda: "T1",
            wake_outbox=self._wake,
            interval=1.0,
        )

    def _wake(self) -> None:
        self.released += 1

    async def send(self) -> None:
        """A request for a text, and what it tells."""
        with suppress(CarrierError):
            await self.carrier.send(TEXT, may_leave=lambda: True)

    async def ask(self) -> None:
        """A question that some loop asks anyway."""
        with suppress(CarrierError):
            await self.carrier.numbers()

    async def pass_time(self, seconds: int) -> None:
        """Look every ten seconds."""
        for _ in range(seconds // 10):
            await self.look()
            self.clock.move(10)
        await self.look()

    async def look(self) -> None:
        """Look once; Slack shows what is said at once."""
        await self.outages.turn()
        unshown = select(
            batch.c.id,
            batch.c.id,
            *(literal(value) for value in ("root", "C1", "posted", "")),
            literal(self.clock.now(), Time),
        ).where(batch.c.origin == Origin.NOTE, batch.c.id.not_in(select(post.c.batch_id)))
        columns = ["id", "batch_id", "kind", "channel", "state", "shown", "started_at"]
        async with self.engine.begin() as connection:
            await connection.execute(insert(post).from_select(columns, unshown))

    async def said(self) -> list[str]:
        """The first words of each note."""
        async with self.engine.connect() as connection:
            wanted = select(note.c.text).join(batch, batch.c.id == note.c.id).order_by(batch.c.accepted_at)
            return [text.partition(" <!date")[0] for text in await connection.scalars(wanted)]

    async def wait(self, wait: Wait = Wait.UNREACHABLE) -> None:
        """A text waits for CarrierX."""
        now = self.clock.now()
        entry: dict[str, Any] = {
            "id": "a",
            "key": "a",
            "team": "T1",
            "user_id": "U1",
            "user_name": "Alice",
            "channel": "C1",
        }
        entry |= {"asked_in": "C1", "sender": "+12125550100", "response_url": "", "wants": 0}
        text: dict[str, Any] = {
            "id": "a",
            "batch_id": "a",
            "pair": "a",
            "sender": "+12125550100",
            "recipient": "+15162065574",
        }
        text |= {"is_group": False, "text": "", "media_urls": "[]", "wait": wait}
        times = {"accepted_at": now, "not_before": now, "ready_at": now}
        async with self.engine.begin() as connection:
            await connection.execute(insert(batch), [entry | {"accepted_at": now, "show_at": now}])
            await connection.execute(insert(message), [text | times])


@pytest.fixture
def stage(engine: AsyncEngine, clock: FakeClock) -> Stage:
    return Stage(engine, clock)


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (GONE, Trouble.UNREACHABLE),
        (CarrierUnauthorizedError("no"), Trouble.REFUSED),
        (BUSY, Trouble.BUSY),
        (CarrierOutcomeUnknownError("no answer"), None),
        (CarrierThrottledError("slow down"), None),
        (CarrierRejectedError("no such number", 400), None),
    ],
)
async def test_only_some_failures_mean_that_carrierx_is_away(
    stage: Stage, error: CarrierError, trouble: Trouble | None
):
    """One that refuses a text, or asks us to slow down, is there; a lost answer says nothing."""
    stage.bare.sends = error
    await stage.send()

    assert stage.carrier.reach.trouble is trouble


async def test_outage_is_said_after_a_minute_while_something_waits(stage: Stage):
    """Once, and its end once, after a minute without a failure and when what waited has had its time."""
    await stage.wait()
    stage.bare.asks = GONE
    await stage.ask()
    await stage.pass_time(50)
    early = await stage.said()
    await stage.pass_time(600)
    begun = await stage.said()
    stage.bare.asks = None
    await stage.pass_time(600)

    assert early == []
    assert begun == ["CarrierX has not been reachable since"]
    assert await stage.said() == [*begun, "CarrierX was not reachable from"]
    assert stage.released > 0


async def test_outage_that_holds_nothing_up_is_not_said(stage: Stage):
    """However long it lasts."""
    stage.bare.asks = GONE
    await stage.ask()
    await stage.pass_time(1200)
    stage.bare.asks = None
    await stage.pass_time(600)

    assert await stage.said() == []


async def test_what_comes_and_goes_makes_no_noise(stage: Stage):
    """A minute without a failure ends an outage; a new one soon after must last for ten."""
    await stage.wait()
    for _ in range(5):
        stage.bare.asks = GONE
        await stage.ask()
        await stage.pass_time(120)
        stage.bare.asks = None
        await stage.pass_time(30)
    begun = await stage.said()
    await stage.pass_time(400)
    for _ in range(3):
        stage.bare.asks = GONE
        await stage.ask()
        await stage.pass_time(120)
        stage.bare.asks = None
        await stage.pass_time(70)

    assert begun == ["CarrierX has not been reachable since"]
    assert await stage.said() == [*begun, "CarrierX was not reachable from"]


async def test_a_failure_now_and_then_is_no_outage(stage: Stage):
    """Whatever the time between them: a question in between says that CarrierX is there."""
    await stage.wait()
    for _ in range(20):
        stage.bare.asks = GONE
        await stage.ask()
        stage.bare.asks = None
        await stage.pass_time(30)

    assert await stage.said() == []


async def test_carrierx_that_is_too_busy_for_texts_is_away(stage: Stage):
    """Also when it answers questions; until a text goes, or none waits any more."""
    await stage.wait(Wait.BUSY)
    stage.bare.sends = BUSY
    for _ in range(3):
        await stage.send()
        await stage.ask()
        await stage.pass_time(40)
    begun = await stage.said()
    stage.bare.sends = None
    await stage.send()
    await stage.pass_time(400)

    assert begun == ["CarrierX has been too busy to take texts since"]
    assert await stage.said() == [*begun, "CarrierX was too busy to take texts from"]


async def test_token_that_is_refused_is_not_tried_all_the_time(stage: Stage):
    """Every five minutes, besides what the outbox's own hold asks."""
    await stage.wait(Wait.UNAUTHORIZED)
    stage.bare.asks = CarrierUnauthorizedError("no")
    await stage.ask()
    await stage.pass_time(900)

    assert await stage.said() == ["CarrierX has refused our token since"]
    assert stage.bare.asked <= 5


async def test_carrierx_that_another_process_reaches_is_there(stage: Stage):
    """What only one machine cannot reach is no outage of CarrierX."""
    other = Stage(stage.engine, stage.clock)
    await stage.wait()
    stage.bare.asks = GONE
    await stage.ask()
    for _ in range(60):
        await stage.look()
        await other.look()
        stage.clock.move(5)

    assert await stage.said() == []


async def test_several_processes_say_it_once(stage: Stage):
    """Whoever changes the row speaks."""
    others = [Stage(stage.engine, stage.clock) for _ in range(3)]
    every = [stage, *others]
    await stage.wait()
    for each in every:
        each.bare.asks = GONE
        await each.ask()
    for _ in range(30):
        for each in every:
            await each.look()
        stage.clock.move(5)
    for each in every:
        each.bare.asks = None
    for _ in range(90):
        for each in every:
            await each.look()
        stage.clock.move(5)

    assert await stage.said() == ["CarrierX has not been reachable since", "CarrierX was not reachable from"]


async def test_end_of_an_outage_from_before_a_restart_is_said(stage: Stage):
    """A new token comes with a restart: what was wrong is not known then, but since when."""
    await stage.wait(Wait.UNAUTHORIZED)
    stage.bare.asks = CarrierUnauthorizedError("no")
    await stage.ask()
    await stage.pass_time(600)
    after = Stage(stage.engine, stage.clock)
    await after.pass_time(400)

    assert await after.said() == ["CarrierX has refused our token since", "CarrierX took no texts from"]


async def test_outage_of_slack_is_said_when_it_is_over(stage: Stage):
    """A minute after Slack took something again, if it lasted for one."""
    stage.announcer.health = Silence(stage.clock.now())
    await stage.pass_time(300)
    during = await stage.said()
    stage.announcer.health, stage.announcer.reached_at = None, stage.clock.now()
    await stage.pass_time(30)
    soon = await stage.said()
    await stage.pass_time(60)

    assert (during, soon) == ([], [])
    assert await stage.said() == ["Slack was not reachable from"]


async def test_short_outage_of_slack_is_not_said(stage: Stage):
    stage.announcer.health = Silence(stage.clock.now())
    await stage.pass_time(50)
    stage.announcer.health, stage.announcer.reached_at = None, stage.clock.now()
    await stage.pass_time(300)

    assert await stage.said() == []


async def test_times_are_those_of_the_outage(stage: Stage):
    """From the first failure to the first success, whenever it is said."""
    began = stage.clock.now()
    await stage.wait()
    stage.bare.asks = GONE
    await stage.ask()
    await stage.pass_time(300)
    stage.bare.asks = None
    ended = stage.clock.now()
    await stage.ask()
    await stage.pass_time(400)

    async with stage.engine.connect() as connection:
        [said] = await connection.scalars(select(note.c.text).where(note.c.text.like("%was not reachable%")))
    assert f"<!date^{int(began.timestamp())}^" in said
    assert f"<!date^{int(ended.timestamp())}^" in said
    assert ended - began == timedelta(minutes=5)
