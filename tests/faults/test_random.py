"""Load with everything at random: faults, kills, sleeps."""

import asyncio
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from playground.carrier import Armed, Fault, Kind
from tests.faults.books import end_leases
from tests.faults.conftest import NewDatabase
from tests.faults.forked import ForkedBot
from tests.faults.ground import Ground, digits, open_ground
from tests.faults.soak import seeds

pytestmark = pytest.mark.faults

TEXTS = 150
PHONES = 60
TYPISTS = 8
BLOWS = 3
BEYOND = 1.2  # seconds; the lease is one

FAULTS: Final = (
    Fault(Kind.RESET_BEFORE),
    Fault(Kind.RESET_AFTER),
    Fault(Kind.LATE, seconds=0.3),
    Fault(Kind.LATE, seconds=1.0),
    Fault(Kind.HOLD_AFTER),
    Fault(Kind.HOLD_BEFORE),
    Fault(Kind.ERROR_BEFORE, status=502),
    Fault(Kind.ERROR_BEFORE, status=503),
    Fault(Kind.ERROR_AFTER, status=500),
    Fault(Kind.ERROR_AFTER, status=503),
    Fault(Kind.UNREADABLE),
    Fault(Kind.TRUNCATED),
    Fault(Kind.THROTTLED, retry_after="1"),
)


async def test_killed_at_random_under_load(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    """One bot over SQLite, killed and started again: none twice, none forgotten."""
    await _soak(new_sqlite, tmp_path, bots=1)


@pytest.mark.postgresql
async def test_killed_and_asleep_at_random_under_load(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    """Two bots share one PostgreSQL, and now one dies, now one sleeps: none twice, none forgotten."""
    await _soak(new_postgresql, tmp_path, bots=2)


async def _soak(new_database: NewDatabase, folder: Path, *, bots: int) -> None:
    for seed in seeds(f"{TEXTS} texts, {bots} bots"):
        async with open_ground(await new_database(), folder) as ground:
            await _Game(ground, seed).play(bots)

            assert (seed, await ground.wrongs()) == (seed, [])


class _Game:
    """One game on one ground."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self._ground = ground
        self._rng = random.Random(seed)
        self._typing = random.Random(seed)  # its own: typists take turns as it comes
        self._armed: list[Armed] = []
        self._up: set[ForkedBot] = set()
        self._any_up = asyncio.Event()

    async def play(self, bots: int) -> None:
        """Type all texts while things go wrong, then wait until all is quiet."""
        ground = self._ground
        self._prepare()
        for _ in range(bots):
            self._use(await ground.start())
        texts = iter(range(TEXTS))
        typists = [asyncio.create_task(self._type(texts)) for _ in range(TYPISTS)]
        for blow in range(BLOWS):
            await self._wait_for_something()
            await self._strike(self._rng.choice(ground.bots), asleep=bots > 1 and blow % 2 == 1)
        await asyncio.gather(*typists)
        await self._end()

    def _prepare(self) -> None:
        rng, carrier = self._rng, self._ground.carrier
        carrier.behave(
            records_lag=rng.choice([0.0, 0.4]),
            dr_sid_is_message_sid=rng.choice([True, False]),
            receipts_lost=rng.choice([True, False]),
            receipt_copies=rng.choice([1, 2]),
            receipts_reversed=rng.choice([True, False]),
            receipt_before_answer=rng.choice([True, False]),
        )
        for number in rng.sample(range(PHONES), PHONES // 2):
            self._armed.append(carrier.arm(replace(rng.choice(FAULTS), number=digits(number))))

    async def _type(self, texts: Iterator[int]) -> None:
        for number in texts:
            await self._any_up.wait()
            self._ground.route(self._typing.choice(list(self._up)))
            await self._ground.type(self._typing.randrange(PHONES), f"text {number}")

    async def _wait_for_something(self) -> None:
        """A few more requests, acceptances or calls to Slack; or nothing at all, when all has been said."""
        carrier, slack, more = self._ground.carrier, self._ground.slack, self._rng.randint(1, 25)
        requests, posts, calls = (len(each) + more for each in (carrier.requests, carrier.posts, slack.calls))
        with suppress(TimeoutError):
            match self._rng.choice(["request", "post", "call"]):
                case "request":
                    await carrier.until(lambda carrier: len(carrier.requests) >= requests, within=1)
                case "post":
                    await carrier.until(lambda carrier: len(carrier.posts) >= posts, within=1)
                case _:
                    await slack.until(lambda slack: len(slack.calls) >= calls, seconds=1)

    async def _strike(self, bot: ForkedBot, *, asleep: bool) -> None:
        self._up.discard(bot)
        if not self._up:
            self._any_up.clear()
        if asleep:
            bot.signal(signal.SIGSTOP)
            await asyncio.sleep(BEYOND)  # a lease runs out by the clock alone
            bot.signal(signal.SIGCONT)
        else:
            await bot.kill()
            self._let_go()
            await end_leases(self._ground.books)
            await bot.start()
        self._use(bot)

    def _use(self, bot: ForkedBot) -> None:
        self._up.add(bot)
        self._any_up.set()

    def _let_go(self) -> None:
        """Some of what CarrierX holds takes effect now, some never."""
        for fault in self._armed:
            if fault.held:
                self._rng.choice([fault.release, fault.drop])()

    async def _end(self) -> None:
        carrier = self._ground.carrier
        carrier.clear_faults()
        self._let_go()
        await end_leases(self._ground.books)
        await self._ground.settle(within=60)
