"""What quiet hours do to texts, foreseen while they are written."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.domain.message import E164
from bot.domain.quiet_hours import Forecast, QuietHours
from bot.domain.rules import NumberRule
from bot.services.hours import Hours
from tests.conftest import FakeClock

NIGHT = QuietHours(time(21), time(8))
OURS, NEVER_QUIET = "+15162065575", "+15162065577"
ANNA, BEN, CARL, LATER = "+15162065574", "+12125550123", "+13475550142", "+13105550101"  # LATER is in Los Angeles
EVENING = datetime(2031, 1, 15, 2, 30, tzinfo=UTC)  # 21:30 in New York, 18:30 in Los Angeles
MORNING = datetime(2031, 1, 15, 13, 0, tzinfo=UTC)
NEW_YORK, LOS_ANGELES = ("America/New_York",), ("America/Los_Angeles",)


@dataclass
class Store:
    """What administrators set, and who has written.

    Attributes:
        wrote: When somebody wrote last.
        asked: Who was asked for, each time.
        silent: It does not answer.
    """

    wrote: Mapping[E164, datetime] = field(default_factory=dict)
    asked: list[Collection[E164]] = field(default_factory=list)
    silent: bool = False

    async def number_rules(self) -> Mapping[E164, NumberRule]:
        return {NEVER_QUIET: NumberRule(hours="off")}

    async def wrote_since(self, numbers: Collection[E164], since: datetime) -> frozenset[E164]:
        self.asked.append(numbers)
        if self.silent:
            await asyncio.Event().wait()
        return frozenset(number for number in numbers if self.wrote.get(number, since) > since)


async def foresee(
    store: Store, *texts: tuple[E164, ...], sender: E164 = OURS, now: datetime = EVENING
) -> Forecast | None:
    hours = Hours(rules=store, writers=store, clock=FakeClock(now), usual=NIGHT, zone="America/New_York")
    await hours.load()
    return await hours.foresee(sender, texts, now, within=0.05)


@pytest.mark.parametrize(
    ("texts", "waits"),
    [
        ([(ANNA,)], [(MORNING, NEW_YORK)]),
        ([(ANNA,), (LATER,), (BEN,)], [(MORNING, NEW_YORK)] * 2),
        ([(ANNA,), (CARL,)], [(MORNING, NEW_YORK)]),
        ([(ANNA, CARL)], [(MORNING, NEW_YORK)]),
        ([(ANNA, LATER)], [(MORNING + timedelta(hours=3), NEW_YORK + LOS_ANGELES)]),
    ],
    ids=["one", "some of several", "one who wrote", "a group with one who wrote", "a group over zones"],
)
async def test_texts_that_begin_a_conversation_at_night_wait(
    texts: Sequence[tuple[E164, ...]], waits: list[tuple[datetime, tuple[str, ...]]]
):
    """Until the morning of all whom a text reaches."""
    store = Store(wrote={CARL: EVENING - timedelta(hours=23)})

    assert await foresee(store, *texts) == Forecast(EVENING, len(texts), waits)


async def test_an_answer_within_a_day_waits_for_nothing():
    """Nor does a group in which everybody has written; a day later it does."""
    store = Store(wrote={ANNA: EVENING - timedelta(hours=23), BEN: EVENING - timedelta(hours=25)})

    assert await foresee(store, (ANNA,)) is None
    assert await foresee(store, (ANNA,), now=EVENING - timedelta(minutes=30)) is None
    assert await foresee(store, (BEN,)) is not None


async def test_the_database_is_not_asked_where_nothing_would_wait():
    """By day, with a number that has no quiet hours, and before anybody is named."""
    store = Store()

    assert await foresee(store, (ANNA,), now=MORNING) is None
    assert await foresee(store, (ANNA,), sender=NEVER_QUIET) is None
    assert await foresee(store) is None
    assert store.asked == []


async def test_several_are_asked_for_at_once():
    store = Store()

    await foresee(store, (ANNA,), (BEN,), (LATER,))

    assert store.asked == [{ANNA, BEN}]


async def test_a_database_that_does_not_answer_is_not_waited_for():
    with pytest.raises(TimeoutError):
        await foresee(Store(silent=True), (ANNA,))
