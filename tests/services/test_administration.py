"""What administrators set and ask, over each kind of database."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.quiet_hours import parse_quiet_hours
from bot.domain.rules import ChannelRule, Mode
from bot.errors import InvalidInputError, RefusedError
from bot.services.administration import Administration, OptOut, Routes
from bot.services.hours import Hours
from bot.store.consent import Action, ConsentStore, Line
from bot.store.erasing import ErasingStore
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from tests.conftest import FakeClock
from tests.services.ledger import read_ledger
from tests.services.texting import ANNA, BERT, OURS, PLAIN, Silence, Texting


@dataclass
class Office:
    """The use cases, and what is behind them."""

    orders: Administration
    ledger: ConsentStore
    hours: Hours
    clock: FakeClock


@pytest.fixture
async def office(engine: AsyncEngine, clock: FakeClock, texting: Texting) -> Office:
    rules = RuleStore(engine)
    usual = parse_quiet_hours("21:00-08:00")
    hours = Hours(rules=rules, writers=ReplyStore(engine), clock=clock, usual=usual, zone="America/New_York")
    ledger = ConsentStore(engine)
    orders = Administration(
        rules=rules,
        ledger=ledger,
        erasures=ErasingStore(engine),
        numbers=texting.numbers,
        hours=hours,
        clock=clock,
        announcer=Silence(),
        home="C0HOME",
        wake_retention=lambda: None,
    )
    return Office(orders, ledger, hours, clock)


async def test_route_and_hours_of_one_number_leave_each_other_alone(office: Office):
    """Two administrators may set the two at once."""
    await office.orders.route(OURS, "C0SUPPORT")
    await office.orders.set_hours(OURS, "22:00-07:00")
    routes = await office.orders.routes()
    await office.orders.route(OURS, "")

    assert routes == Routes({OURS: "C0SUPPORT"}, "C0HOME")
    assert await office.orders.routes() == Routes({}, "C0HOME")
    assert office.hours.of(OURS) == parse_quiet_hours("22:00-07:00")


async def test_hours_can_be_off_and_usual_again(office: Office):
    await office.orders.set_hours(OURS, "off")
    off = await office.orders.hours()
    await office.orders.set_hours(OURS, "")
    usual = await office.orders.hours()

    assert off.numbers == {OURS: None}
    assert usual.numbers == {}
    assert office.hours.of(OURS) == office.hours.usual


@pytest.mark.parametrize("order", ["route", "hours"])
async def test_only_our_numbers_are_set(office: Office, order: str):
    """The sentence names those that there are."""
    with pytest.raises(InvalidInputError) as caught:
        await (office.orders.route(ANNA, "C0SUPPORT") if order == "route" else office.orders.set_hours(ANNA, "off"))

    assert caught.value.user_message == (
        "(516) 206-5574 is none of your numbers: type (516) 206-5575 or (516) 206-5576."
    )
    assert (await office.orders.routes()).channels == {}
    assert (await office.orders.hours()).numbers == {}


async def test_numbers_that_the_operator_left_out_are_none_of_ours(office: Office, texting: Texting):
    """Their texts are not taken, so a channel would stay empty."""
    texting.numbers.only = frozenset({OURS})

    with pytest.raises(InvalidInputError, match="none of your numbers"):
        office.orders.check_ours(PLAIN)


async def test_mode_is_one_channels(office: Office):
    await office.orders.set_mode("C1", ChannelRule(Mode.AUTO, everyone=True))

    assert await office.orders.mode("C1") == ChannelRule(Mode.AUTO, everyone=True)
    assert await office.orders.mode("C2") == ChannelRule(Mode.ASK)


async def test_opt_outs_are_shown_newest_first_with_their_words(office: Office):
    """Those that were lifted are not among them, and all are counted."""
    now = office.clock.now()
    for minute in range(23):
        number = f"+1415555{minute:04}"
        await office.ledger.note(Line(number, Action.OPTED_OUT, now + timedelta(minutes=minute), OURS, "STOP"), now)
    await office.ledger.note(Line("+14155550022", Action.OPTED_IN, now + timedelta(hours=1)), now)
    await office.ledger.note(Line(ANNA, Action.OPTED_OUT, now + timedelta(hours=2), words="no", user_id="U1"), now)

    newest, total = await office.orders.opted_out()

    assert total == 23
    assert len(newest) == 20
    assert newest[0] == OptOut(ANNA, now + timedelta(hours=2), words="no", user_id="U1")
    assert newest[1] == OptOut("+14155550021", now + timedelta(minutes=21), words="STOP", ours=OURS)


async def test_opt_out_is_lifted_once_and_the_ledger_says_why(office: Office, engine: AsyncEngine):
    now = office.clock.now()
    await office.ledger.note(Line(ANNA, Action.OPTED_OUT, now, OURS, "STOP"), now)
    standing = await office.orders.standing(ANNA)
    await office.orders.opt_in(ANNA, standing.since, "U1", "asked by phone")
    with pytest.raises(RefusedError, match="may be texted already, so this press did nothing more"):
        await office.orders.opt_in(ANNA, standing.since, "U1", "asked by phone")

    lines = await read_ledger(engine, ANNA)
    assert [(line.action, line.user_id, line.reason) for line in lines] == [
        ("opted_out", "", ""),
        ("opted_in", "U1", "asked by phone"),
    ]
    assert await office.ledger.blocked([ANNA]) == frozenset()


async def test_only_the_opt_out_that_was_looked_at_is_lifted(office: Office, engine: AsyncEngine):
    """Somebody who says STOP again meanwhile stays opted out."""
    now = office.clock.now()
    await office.ledger.note(Line(ANNA, Action.OPTED_OUT, now, OURS, "STOP"), now)
    standing = await office.orders.standing(ANNA)
    later = now + timedelta(minutes=1)
    await office.ledger.note(Line(ANNA, Action.OPTED_OUT, later, OURS, "STOP!!"), later)

    with pytest.raises(RefusedError, match="again since you typed this, so it stays opted out"):
        await office.orders.opt_in(ANNA, standing.since, "U1", "asked by phone")

    assert await office.ledger.blocked([ANNA]) == {ANNA}
    assert len(await read_ledger(engine, ANNA)) == 2


async def test_opt_out_by_a_clock_ahead_of_ours_can_be_lifted(office: Office):
    """CarrierX's time orders the ledger."""
    ahead = office.clock.now() + timedelta(minutes=3)
    await office.ledger.note(Line(ANNA, Action.OPTED_OUT, ahead, OURS, "STOP"), ahead)
    await office.orders.opt_in(ANNA, ahead, "U1", "asked by phone")

    assert await office.ledger.blocked([ANNA]) == frozenset()


async def test_who_is_not_opted_out_needs_no_lifting(office: Office):
    with pytest.raises(RefusedError) as caught:
        await office.orders.standing(BERT)

    assert caught.value.user_message == "(415) 555-0132 is not opted out, so there is nothing to lift."


async def test_erasing_is_noted_once(office: Office, engine: AsyncEngine):
    """A second press does nothing more and says so; a new order is a new line."""
    asked_at = office.orders.now()
    office.clock.move(5)
    await office.orders.erase(ANNA, asked_at, "U1")
    with pytest.raises(RefusedError, match="nothing more was done"):
        await office.orders.erase(ANNA, asked_at, "U1")
    office.clock.move(5)
    await office.orders.erase(ANNA, office.orders.now(), "U2")

    lines = await read_ledger(engine, ANNA)
    assert [(line.action, line.user_id) for line in lines] == [("erased", "U1"), ("erased", "U2")]
