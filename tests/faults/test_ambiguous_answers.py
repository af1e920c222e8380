"""Every answer that leaves open whether CarrierX took the text, with every kind of detail record."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from playground.carrier import Fault, Kind, PretendCarrier
from tests.faults.books import Text, until
from tests.faults.ground import Ground, digits, phone

pytestmark = pytest.mark.faults

# Not taken, and nobody can tell: unconfirmed, never repeated.
NEVER: Final[Mapping[str, Fault]] = {
    "reset before acceptance": Fault(Kind.RESET_BEFORE),
    "500 before acceptance": Fault(Kind.ERROR_BEFORE, status=500),
    "502 before acceptance": Fault(Kind.ERROR_BEFORE, status=502),
    "504 before acceptance": Fault(Kind.ERROR_BEFORE, status=504),
    "redirected": Fault(Kind.REDIRECT, status=307, location="/elsewhere"),
}
ONCE: Final[Mapping[str, Fault]] = {
    "503 before acceptance": Fault(Kind.ERROR_BEFORE, status=503),  # the only one that is made again
    "reset after acceptance": Fault(Kind.RESET_AFTER),
    "answered late": Fault(Kind.LATE, seconds=2),
    "never answered": Fault(Kind.HOLD_AFTER),
    "500 after acceptance": Fault(Kind.ERROR_AFTER, status=500),
    "502 after acceptance": Fault(Kind.ERROR_AFTER, status=502),
    "504 after acceptance": Fault(Kind.ERROR_AFTER, status=504),
    "unreadable": Fault(Kind.UNREADABLE),
    "cut off": Fault(Kind.TRUNCATED),
}
# Repeated when the records do not show it by the end of the schedule: they must not lag longer, or a receipt must come.
ONCE_IF_SEEN: Final[Mapping[str, Fault]] = {"503 after acceptance": Fault(Kind.ERROR_AFTER, status=503)}
LAGS: Final = {"at once": 0.0, "within the schedule": 0.6, "after it": 2.0}  # the last look is at 1 s


async def test_every_ambiguous_answer(ground: Ground) -> None:
    """What CarrierX took is delivered, once; what it did not take is unconfirmed; a 503 alone is made again."""
    await ground.start()

    for receipts in ("with receipts", "without"):
        ground.carrier.behave(receipts_lost=receipts == "without")
        for (records, lag), same in product(LAGS.items(), (True, False)):
            ground.carrier.behave(records_lag=lag, dr_sid_is_message_sid=same)
            seen = ONCE_IF_SEEN if receipts == "with receipts" or records != "after it" else {}
            await _type_all(ground, f"{receipts}, records {records}, same id {same}", {**NEVER, **ONCE, **seen})
    await ground.settle()

    fates = await ground.fates()
    assert {text: fate for text, fate in fates.items() if fate != _expected(text)} == {}
    assert await ground.wrongs() == []


async def test_every_ambiguous_answer_with_a_word_unknown_to_us(ground: Ground) -> None:
    """It proves that CarrierX took the text: nothing is made again or stays in doubt, and the next word counts."""
    await ground.start()
    ground.carrier.behave(moves=False)

    for receipts, lag in (("with receipts", LAGS["after it"]), ("without", LAGS["at once"])):
        ground.carrier.behave(receipts_lost=receipts == "without", records_lag=lag)
        for place, (what, fault) in enumerate({**ONCE, **ONCE_IF_SEEN}.items(), len(ground.taken)):
            ground.carrier.arm(replace(fault, number=digits(place)))
            await ground.type(place, f"{what}, {receipts}")
    await asyncio.gather(*(_report(ground, text, "in_transit") for text in ground.taken))
    await until(ground.books, _all("queued"))
    for post in ground.carrier.posts:
        ground.carrier.deliver(post.sid)
    await ground.settle()

    assert await ground.wrongs() == []


async def test_every_ambiguous_answer_to_a_group(ground: Ground) -> None:
    """A receipt that names one member says that the request for all was taken."""
    await ground.start()
    ground.carrier.behave(moves=False, records_lag=LAGS["after it"])

    for place, (what, fault) in enumerate({**NEVER, **ONCE, **ONCE_IF_SEEN}.items()):
        ground.carrier.arm(replace(fault, number=digits(place)))
        await ground.form(f"{phone(place)}, {phone(9001)}, {phone(9002)}", f"{what}, group", how="group")
    taken = [text for text in ground.taken if text.partition(",")[0] not in NEVER]
    await asyncio.gather(*(_report(ground, text, "sent", one=True) for text in taken))
    await until(ground.books, _all("queued", "sent", "unconfirmed"))
    for post in ground.carrier.posts:
        ground.carrier.deliver(post.sid)
    await ground.settle()

    assert len(ground.taken) == len(NEVER) + len(ONCE) + len(ONCE_IF_SEEN)
    assert {text: fate for text, fate in (await ground.fates()).items() if fate != _expected(text)} == {}
    assert await ground.wrongs() == []


async def _report(ground: Ground, text: str, word: str, *, one: bool = False) -> None:
    """Let CarrierX say so of a text as soon as it has it, of `one` member or of all."""
    await ground.arrival(text)
    post = next(post for post in ground.carrier.posts if post.text == text)
    ground.carrier.move(post.sid, word, to=post.recipients[0] if one else "")


def _all(*statuses: str) -> Callable[[Sequence[Text]], bool]:
    return lambda texts: all(text.status in statuses for text in texts)


async def _type_all(ground: Ground, cell: str, faults: Mapping[str, Fault]) -> None:
    """One text for each fault; returns when each has met it and the phones have what was taken."""
    first = len(ground.taken)
    armed = [
        ground.carrier.arm(replace(fault, number=digits(first + place))) for place, fault in enumerate(faults.values())
    ]
    await asyncio.gather(*(ground.type(first + place, f"{what}, {cell}") for place, what in enumerate(faults)))
    await ground.carrier.until(lambda carrier: all(fault.hits for fault in armed) and _all_delivered(carrier))


def _all_delivered(carrier: PretendCarrier) -> bool:
    return all(copy.status == "delivered" for message in carrier.messages.values() for copy in message.copies.values())


def _expected(text: str) -> tuple[str, int]:
    return ("unconfirmed", 0) if text.partition(",")[0] in NEVER else ("delivered", 1)
