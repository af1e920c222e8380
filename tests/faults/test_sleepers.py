"""A bot that sleeps beyond its lease (SIGSTOP, as a paused machine) while another carries on over the same database."""

import signal
import time

import pytest

from playground.carrier import Fault, Kind
from tests.faults.books import PostgresqlBooks, end_leases, until
from tests.faults.ground import Ground, digits

pytestmark = [pytest.mark.faults, pytest.mark.postgresql]


async def test_asleep_while_carrierx_has_the_request(on_postgresql: Ground) -> None:
    """The other bot finds out what became of it; what the sleeper learns when it wakes changes nothing."""
    ground = on_postgresql
    taken_late = ground.carrier.arm(Fault(Kind.HOLD_BEFORE, number=digits(1)))
    unanswered = ground.carrier.arm(Fault(Kind.HOLD_AFTER, number=digits(2)))
    lost = ground.carrier.arm(Fault(Kind.HOLD_BEFORE, number=digits(3)))
    sleeper = await ground.start()
    await ground.type(1, "taken while it sleeps")
    await ground.type(2, "answered while it sleeps")
    await ground.type(3, "lost while it sleeps")
    await ground.carrier.until(lambda _: all(fault.held for fault in (taken_late, unanswered, lost)))

    sleeper.signal(signal.SIGSTOP)
    await ground.start()
    await ground.until("delivered", number=2)
    await ground.until("unconfirmed", number=1)
    await ground.until("unconfirmed", number=3)
    taken_late.release()
    unanswered.release()
    lost.drop()
    sleeper.signal(signal.SIGCONT)
    ground.route(sleeper)
    await ground.type(2, "after waking")
    await ground.until("delivered", number=1)
    await ground.settle()

    assert await ground.fates() == {
        "taken while it sleeps": ("delivered", 1),
        "answered while it sleeps": ("delivered", 1),
        "lost while it sleeps": ("unconfirmed", 0),
        "after waking": ("delivered", 1),
    }
    assert await ground.wrongs() == []


async def test_asleep_before_the_request_leaves(on_postgresql: Ground) -> None:
    """Who wakes after the lease does not send: the text is claimed anew, or somebody has judged it by then."""
    ground = on_postgresql
    sleeper = await ground.start(CARRIERX_CONNECT_SECONDS="10")
    async with ground.clogged():
        await ground.type(1, "its lease runs out")
        await ground.until("sending", number=1)
        sleeper.signal(signal.SIGSTOP)
        await until(ground.books, lambda texts: texts[0].lease < time.time())
    sleeper.signal(signal.SIGCONT)
    await ground.until("delivered", number=1)
    async with ground.clogged():
        await ground.type(2, "judged by another")
        await ground.until("sending", number=2)
        sleeper.signal(signal.SIGSTOP)
        await until(ground.books, lambda texts: texts[1].lease < time.time())
    await ground.start()
    await ground.until("unconfirmed", number=2)
    sleeper.signal(signal.SIGCONT)
    ground.route(sleeper)
    await ground.type(2, "after waking")
    await ground.settle()

    assert await ground.fates() == {
        "its lease runs out": ("delivered", 1),
        "judged by another": ("unconfirmed", 0),
        "after waking": ("delivered", 1),
    }
    assert await ground.wrongs() == []


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(
            "BEFORE UPDATE OF lease_owner ON message FOR EACH ROW WHEN (NEW.lease_owner IS NOT NULL)", id="claim"
        ),
        pytest.param("BEFORE UPDATE OF status ON message FOR EACH ROW WHEN (NEW.status = 'sending')", id="sending"),
    ],
)
async def test_asleep_in_the_middle_of_a_write(on_postgresql: Ground, postgresql: PostgresqlBooks, step: str) -> None:
    """What it has locked holds nobody up for long, and its half a write counts for nothing."""
    ground = on_postgresql
    await postgresql.bar(step)
    sleeper = await ground.start(SMS_RATE_PER_NUMBER="1000")
    await ground.type(1, "in the middle of a write")
    await postgresql.until_barred()
    sleeper.signal(signal.SIGSTOP)
    await postgresql.unbar()

    await ground.start(SMS_RATE_PER_NUMBER="1000")
    await ground.type(2, "another phone")
    await ground.until("delivered", number=2)
    await ground.until("delivered", number=1)
    sleeper.signal(signal.SIGCONT)
    ground.route(sleeper)
    await ground.type(1, "after waking")
    await ground.settle()

    assert set((await ground.fates()).values()) == {("delivered", 1)}
    assert await ground.wrongs() == []


async def test_asleep_with_an_old_verdict(on_postgresql: Ground) -> None:
    """A look that found nothing says nothing about a request that was made since."""
    ground = on_postgresql
    ground.carrier.behave(receipts_lost=True)
    ground.carrier.arm(Fault(Kind.ERROR_BEFORE, status=503, number=digits(1)))
    looks = ground.carrier.arm(Fault(Kind.HOLD_AFTER, on="records"))
    patient = {"SMS_LOOKUP_SECONDS": "0.2", "CARRIERX_ANSWER_SECONDS": "30"}
    sleeper = await ground.start(**patient)
    await ground.type(1, "refused once")
    await looks.arrived.wait()
    sleeper.signal(signal.SIGSTOP)
    looks.release()
    again = ground.carrier.arm(Fault(Kind.HOLD_AFTER))

    await end_leases(ground.books)
    await ground.start(**patient)
    await again.arrived.wait()
    ground.carrier.arm(Fault(Kind.ERROR_BEFORE, status=503, number=digits(2)))
    sleeper.signal(signal.SIGCONT)
    ground.route(sleeper)
    await ground.type(2, "refused after waking")
    await ground.until("delivered", number=2)  # as long as a second request for the first text would have taken
    again.release()
    await ground.settle()

    assert await ground.fates() == {"refused once": ("delivered", 1), "refused after waking": ("delivered", 1)}
    assert await ground.wrongs() == []
