"""CarrierX in the use cases' words."""

from datetime import UTC, datetime

import pytest

from bot.carrierx.carrier import CarrierX
from bot.carrierx.client import CarrierXClient
from bot.services.ports import Carrier, LeaseLostError, OurNumber, OutboundText
from playground.carrier import PretendCarrier

OURS, ANNA, BEN = "+15162065575", "+12125550101", "+12125550102"
TEXT = OutboundText("our-id", OURS, (ANNA,), group=False, text="hi", media_urls=())


def yes() -> bool:
    return True


def no() -> bool:
    return False


@pytest.fixture
def port(client: CarrierXClient) -> Carrier:
    return CarrierX(client, "ours")


async def test_numbers_are_e164_here_and_digits_there(carrier: PretendCarrier, port: Carrier):
    """A plus sign never reaches CarrierX and never lacks here."""
    state = await port.send(TEXT, may_leave=yes)
    (record,) = await port.records(datetime(2000, 1, 1, tzinfo=UTC))

    assert (carrier.posts[0].sender, carrier.posts[0].recipients) == ("15162065575", ("12125550101",))
    assert (state.sender, state.recipient) == (OURS, ANNA)
    assert (record.sender, record.recipient) == (OURS, ANNA)


async def test_message_and_record_are_found_again(port: Carrier):
    """By the ids that CarrierX gave."""
    state = await port.send(TEXT, may_leave=yes)

    assert await port.message(state.sid) == state
    assert await port.message("unknown") is None
    assert (await port.record(state.sid)) is not None
    assert await port.record("unknown") is None


async def test_answer_to_a_group_names_no_phone(port: Carrier):
    """It is about all of them."""
    state = await port.send(
        OutboundText("our-id", OURS, (ANNA, BEN), group=True, text="hi", media_urls=()), may_leave=yes
    )

    assert (state.recipient, state.kind) == ("", "mms")


async def test_lost_lease_is_told_in_the_use_cases_words(carrier: PretendCarrier, port: Carrier):
    """And nothing left."""
    with pytest.raises(LeaseLostError):
        await port.send(TEXT, may_leave=no)

    assert carrier.requests == []


async def test_numbers_tell_what_they_can_send(port: Carrier):
    """By the capability bits that are switched on."""
    numbers = await port.numbers()

    assert numbers == (
        OurNumber("+15162065575", "Support", "NEW YORK", sms=True, mms=True),
        OurNumber("+12078152557", "Sales", "PORTLAND", sms=True, mms=True),
        OurNumber("+15162065574", "", "NEW YORK", sms=True, mms=False),
        OurNumber("+17207217011", "Front desk", "DENVER", sms=False, mms=False),
    )


async def test_token_is_taken(port: Carrier):
    """Nothing is raised for a good one."""
    await port.check_token()
