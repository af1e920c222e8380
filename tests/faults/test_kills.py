"""kill -9 at each step between a person's command and CarrierX's answer."""

import pytest

from playground.carrier import Fault, Kind
from tests.faults.books import until
from tests.faults.ground import Ground, digits, phone

pytestmark = pytest.mark.faults


async def test_killed_while_carrierx_has_the_request(ground: Ground) -> None:
    """Whatever CarrierX makes of a request whose sender is dead, the text goes out once or is unconfirmed."""
    taken = ground.carrier.arm(Fault(Kind.HOLD_BEFORE, number=digits(1)))
    lost = ground.carrier.arm(Fault(Kind.HOLD_BEFORE, number=digits(2)))
    unanswered = ground.carrier.arm(Fault(Kind.HOLD_AFTER, number=digits(3)))
    late = ground.carrier.arm(Fault(Kind.HOLD_BEFORE, number=digits(4)))
    ground.carrier.behave(receipts_lost=True)
    bot = await ground.start(CARRIERX_ANSWER_SECONDS="30")  # it shall still wait for all of them when it is killed
    await ground.type(1, "taken after the kill")
    await ground.type(2, "lost with the bot")
    await ground.type(3, "taken, and nobody hears of it")
    await ground.type(3, "waits behind it")
    await ground.type(4, "taken when nobody expects it any more")
    await ground.carrier.until(lambda _: all(fault.held for fault in (taken, lost, unanswered, late)))
    await ground.type(5, "killed right after the ack")

    await bot.kill()
    ground.carrier.behave(receipts_lost=False)
    taken.release()
    lost.drop()
    await ground.start_again(bot)
    await ground.until("unconfirmed", number=4)
    late.release()
    await ground.arrival("taken when nobody expects it any more")
    await ground.settle()

    fates = await ground.fates()
    assert fates.pop("killed right after the ack") in {("delivered", 1), ("unconfirmed", 0)}
    assert fates == {
        "taken after the kill": ("delivered", 1),
        "lost with the bot": ("unconfirmed", 0),
        "taken, and nobody hears of it": ("delivered", 1),
        "waits behind it": ("delivered", 1),
        "taken when nobody expects it any more": ("delivered", 1),
    }
    assert await ground.wrongs() == []


async def test_killed_between_claim_and_request(ground: Ground) -> None:
    """A claim is only a lease; `sending` is in doubt, though the request never left, and nobody repeats it."""
    await ground.books.refuse_sending(phone(2))
    bot = await ground.start(CARRIERX_CONNECT_SECONDS="10", SMS_LEASE_SECONDS="30")
    async with ground.clogged():
        await ground.type(1, "sending, and not connected")
        await ground.until("sending", number=1)
        await ground.type(2, "leased")
        await until(ground.books, lambda texts: texts[-1].lease > 0)

        await bot.kill()
    await ground.books.allow_sending()
    await ground.start_again(bot)
    await ground.settle()

    assert await ground.fates() == {"sending, and not connected": ("unconfirmed", 0), "leased": ("delivered", 1)}
    assert await ground.wrongs() == []
