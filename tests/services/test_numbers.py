"""The numbers that people may send from, and whose last use counts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from bot.domain.message import E164
from bot.services.numbers import Numbers
from bot.services.ports import OurNumber
from tests.conftest import FakeClock
from tests.services.texting import ScriptedCarrier

FRONT = OurNumber("+15162065575", "Front desk", "NEW YORK", sms=True, mms=True)
BACK = OurNumber("+13105550101", "Back office", "", sms=True, mms=False)
VOICE = OurNumber("+17207217011", "Voice", "", sms=False, mms=False)


@dataclass
class FakeKnown:
    """What the database keeps, as far as it is asked; `asked` is set when the uses are."""

    used: tuple[dict[str, E164], dict[str, E164]] = ({}, {})
    held: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    used_at: datetime | None = None  # None: whenever it is asked for

    async def numbers(self) -> tuple[OurNumber, ...]:
        return ()

    async def store_numbers(self, numbers: Sequence[OurNumber]) -> None:
        pass

    async def last_used(self, since: datetime) -> tuple[dict[str, E164], dict[str, E164]]:
        used = self.used if self.used_at is None or self.used_at >= since else ({}, {})
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        return used


@dataclass
class Account(ScriptedCarrier):
    """A CarrierX account with these numbers."""

    owned: tuple[OurNumber, ...] = ()

    async def numbers(self) -> tuple[OurNumber, ...]:
        self._ask("numbers")
        return self.owned


def make_numbers(*owned: OurNumber, known: FakeKnown | None = None, only: frozenset[E164] = frozenset()) -> Numbers:
    clock = FakeClock()
    return Numbers(
        carrier=Account(clock, owned=owned),
        known=known or FakeKnown(),
        clock=clock,
        only=only,
        default=None,
        interval=300.0,
    )


NONE = "The CarrierX account has no number that can send texts. Switch messaging on for one in its portal."
LEFT_OUT = "None of the numbers in SMS_NUMBERS can send texts. Ask whoever runs this app to correct it."


@pytest.mark.parametrize(
    ("owned", "only", "shortage"),
    [
        ((), (), NONE),
        ((VOICE,), (), NONE),
        ((), (FRONT,), NONE),
        ((FRONT, BACK), (VOICE,), LEFT_OUT),
        ((FRONT, VOICE), (VOICE,), LEFT_OUT),
        ((FRONT,), (FRONT,), ""),
        ((FRONT,), (), ""),
    ],
)
async def test_account_without_a_number_that_can_text_is_known_for_one(
    owned: tuple[OurNumber, ...], only: tuple[OurNumber, ...], shortage: str
):
    """It is not waited for, and SMS_NUMBERS is named where it alone is in the way."""
    ours = make_numbers(*owned, only=frozenset(each.number for each in only))
    await ours.load()

    assert (ours.loaded, ours.shortage) == (False, "")

    await ours.read()

    assert (ours.loaded, ours.shortage) == (True, shortage)


async def test_numbers_are_not_known_before_carrierx_has_answered():
    ours = make_numbers(FRONT)
    assert isinstance(ours.carrier, Account)
    ours.carrier.down = True

    found = await ours.read()

    assert (found, ours.loaded, ours.shortage, ours.trouble) == (False, False, "", "CarrierX does not answer.")


async def test_last_use_in_another_process_counts():
    """The database knows it; what was noted here before is older."""
    known = FakeKnown()
    ours = make_numbers(FRONT, BACK, known=known)
    await ours.read()
    ours.note_used("C1", "U1", FRONT.number)
    known.used = ({"C1": BACK.number}, {"U1": BACK.number})

    await ours.read()

    assert ours.choose("C1", "U2") == ours.choose("C2", "U1") == BACK


@pytest.mark.parametrize(("ago", "chosen"), [(timedelta(days=89), BACK), (timedelta(seconds=10), FRONT)])
async def test_uses_are_read_once(ago: timedelta, chosen: OurNumber):
    """What was read stays known, and only what may have come late is read once more."""
    known = FakeKnown(({"C1": BACK.number}, {}))
    ours = make_numbers(FRONT, BACK, known=known)
    known.used_at = ours.clock.now() - ago
    await ours.read()
    assert ours.choose("C1", "U1") == BACK
    known.used = ({"C1": FRONT.number}, {})

    await ours.read()

    assert ours.choose("C1", "U1") == chosen


async def test_use_while_the_database_is_asked_counts():
    """Its answer may be older."""
    known = FakeKnown(({"C1": BACK.number}, {"U1": BACK.number}), asyncio.Event())
    ours = make_numbers(FRONT, BACK, known=known)
    reading = asyncio.create_task(ours.read())
    await known.asked.wait()
    ours.note_used("C1", "U1", FRONT.number)
    assert known.held is not None
    known.held.set()
    await reading

    assert ours.choose("C1", "U2") == ours.choose("C2", "U1") == FRONT
