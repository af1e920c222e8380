"""Texts from phones while the bot is killed and Slack is down, slow or full: each in its thread once, and in order.

`make test` sends 240 over 30 channels, `make soak` 1,000 over 50; `SOAK_MINUTES=0.01` before pytest plays the long game
once. The judges are the pretend CarrierX's list of what phones sent and the pretend Slack's record of what was
posted.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from bot.domain.phone import show_number
from playground.carrier import Did
from playground.slack.faults import Down, Hold, RateLimited, ResetAfter, ResetBefore, Slow
from playground.slack.workspace import BOT_USER, Conversation, Message
from tests.faults.books import until_found
from tests.faults.conftest import NewDatabase
from tests.faults.ground import Ground, digits, open_ground
from tests.faults.soak import MINUTES, seeds
from tests.scenarios.reading import read

pytestmark = pytest.mark.faults

TEXTS, CHANNELS = (1_000, 50) if MINUTES else (240, 30)
ROUTED = CHANNELS // 2  # have a number of their own; the others share one, and write first
AHEAD = 60  # texts that phones may have sent and Slack not shown
BURST = 12
POST: Final = "chat.postMessage"
OURS = "15162065575"
INBOUND: Final = {"SMS_CATCH_UP_SECONDS": "0.5", "SMS_CALLBACK_WAIT_SECONDS": "1"}


async def test_each_text_is_shown_once_and_in_order(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    """One bot over SQLite, killed and started again."""
    await _soak(new_sqlite, tmp_path, bots=1)


@pytest.mark.postgresql
async def test_each_text_is_shown_once_and_in_order_by_two(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    """Two bots share one PostgreSQL, and die together."""
    await _soak(new_postgresql, tmp_path, bots=2)


async def _soak(new_database: NewDatabase, folder: Path, *, bots: int) -> None:
    for seed in seeds(f"{TEXTS} texts from phones, {bots} bots"):
        async with open_ground(await new_database(), folder) as ground:
            game = _Game(ground, seed, bots)
            began = time.monotonic()
            await game.play()
            print(f"{game.count()}, {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201 -- what was played

            assert (seed, [*game.wrongs(), *await ground.wrongs()]) == (seed, [])


@dataclass(frozen=True, slots=True)
class _Talk:
    """Who texts whom, and where it is shown."""

    phone: str
    ours: str
    channel: str


@dataclass(frozen=True, slots=True)
class _Shown:
    """A phone's text as Slack has it."""

    text: str
    place: tuple[str, str]
    late: bool

    @property
    def number(self) -> int:
        """Its place among all texts; those that say the same have none."""
        return int(self.text.partition(" ")[2] or -1)


class _Game:
    """One game on one ground."""

    def __init__(self, ground: Ground, seed: int, bots: int) -> None:
        self._ground = ground
        self._rng = random.Random(seed)
        self._bots = bots
        self._kills = 0
        self._talks = [_talk(channel, place) for channel in range(CHANNELS) for place in range(2)]
        self._texts = self._send()

    async def play(self) -> None:
        """Let phones text while things go wrong, then wait until all is quiet."""
        slack = self._ground.slack
        for number in range(CHANNELS):
            channel = Conversation(_desk(number), f"desk-{number}", "public", {"U0ALICE", "U0BEN", BOT_USER})
            slack.workspace.conversations[channel.id] = channel
        carrier = self._ground.carrier
        carrier.dids |= {_number(channel): Did(_number(channel)) for channel in range(ROUTED)}
        carrier.behave(
            callback_retries=1,
            callback_retry_delay=0.5,
            dr_sid_is_message_sid=self._rng.choice([True, False]),
            records_lag=self._rng.choice([0.0, 0.5]),
        )
        await self._start()
        await self._prepare()
        blows = self._blows()
        self._rng.shuffle(blows)
        for past, blow in enumerate(blows, 1):
            await self._go_on(TEXTS * past // (len(blows) + 1))
            await blow()
        await self._go_on(TEXTS)
        await self._end()

    async def _start(self) -> None:
        """Start all bots, which know the account's numbers from the first."""
        first = await self._ground.start(**INBOUND)
        await until_found(self._ground.books, f"SELECT 1 FROM number WHERE number = '+{_number(0)}'")
        await first.kill()
        await self._ground.start_again(first)
        for _ in range(self._bots - 1):
            await self._ground.start(**INBOUND)

    async def _prepare(self) -> None:
        """Half of the channels get a number of their own, half begin their conversations themselves."""
        slack = self._ground.slack
        routed = await asyncio.gather(
            *(
                slack.command("ben", "general", f"route +{_number(channel)} #desk-{channel}", escape=True)
                for channel in range(ROUTED)
            )
        )
        assert all(_desk(channel) in str(told.ephemeral) for channel, told in enumerate(routed))
        first = range(ROUTED * 2, CHANNELS * 2)
        await asyncio.gather(
            *(self._ground.type(number, f"hello {number}", channel=f"desk-{number // 2}") for number in first)
        )

    # What phones do

    def _send(self) -> Iterator[str]:
        """Each step sends a text: of ten one has no callback and two have two, of four one says the same.

        It yields the id of a text that has a callback, "" for others.
        """
        talks = [self._talks[number % len(self._talks)] for number in range(TEXTS)]
        fates = [number % 10 for number in range(TEXTS)]
        self._rng.shuffle(talks)
        self._rng.shuffle(fates)
        for number, (talk, fate) in enumerate(zip(talks, fates, strict=True)):
            self._ground.route(self._rng.choice(self._ground.bots))
            said = "ok" if number % 4 == 0 else f"text {number}"
            copies = (0, 2, 2)[fate] if fate < 3 else 1
            inbound = self._ground.carrier.inbound(talk.phone, talk.ours, said, copies=copies)
            yield inbound.sid if copies else ""

    async def _go_on(self, shown: int) -> None:
        """Let phones text, not too far ahead of Slack, until it shows so many."""
        for _ in self._texts:
            await self._until_shown(len(self._ground.carrier.inbounds) - AHEAD)
            if self._count_shown() >= shown:
                return
        with suppress(TimeoutError):  # what is missing is told at the end
            await self._until_shown(shown)

    async def _until_shown(self, count: int) -> None:
        await self._ground.slack.until(lambda _: self._count_shown() >= count, 60)

    def _count_shown(self) -> int:
        own = 2 * 2 * (CHANNELS - ROUTED)  # our own texts with their states
        return sum(len(self._ground.slack.channel(_desk(number)).history) for number in range(CHANNELS)) - own

    # What goes wrong

    def _blows(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self._kill_in_a_burst,
            self._kill_before_a_post,
            self._kill_after_a_post,
            self._kill_while_slack_is_away,
            self._let_slack_be_down,
            self._drop_answers,
            self._slow_slack_down,
            self._fill_slack_up,
        ]

    async def _kill(self) -> None:
        for bot in self._ground.bots:
            await bot.kill()
        await self._start_again()

    async def _start_again(self) -> None:
        self._kills += 1
        await self._ground.start_again(*self._ground.bots)

    async def _kill_in_a_burst(self) -> None:
        await self._burst()
        await self._kill()

    async def _burst(self) -> None:
        """Many texts at once; return when the first callback is answered."""
        carrier = self._ground.carrier
        past, sids = len(carrier.callbacks), {*islice(self._texts, BURST)} - {""}
        if sids:
            await carrier.until(
                lambda carrier: any(each.body["message_sid"] in sids for each in carrier.callbacks[past:])
            )

    async def _kill_before_a_post(self) -> None:
        """Slack makes it after all, or never."""
        if self._rng.choice([True, False]):
            await self._kill_at(Hold())
        else:
            await self._ground.slack.fault(ResetBefore(), POST, 1).arrived.wait()
            await self._kill()

    async def _kill_after_a_post(self) -> None:
        await self._kill_at(Hold(after=True))

    async def _kill_at(self, hold: Hold) -> None:
        """While Slack has a post of ours, which it makes after all."""
        slack = self._ground.slack
        held = slack.fault(hold, POST, 1)
        await held.arrived.wait()
        for bot in self._ground.bots:
            await bot.kill()
        slack.clear_faults(held)
        await self._start_again()

    async def _kill_while_slack_is_away(self) -> None:
        await self._ground.slack.stop_listening()
        await self._burst()
        await self._kill()
        await self._burst()
        await self._ground.slack.listen()

    async def _let_slack_be_down(self) -> None:
        slack = self._ground.slack
        down = slack.fault(Down())
        await slack.until(lambda _: down.calls >= 3, 30)
        slack.clear_faults(down)

    async def _drop_answers(self) -> None:
        await self._ground.slack.fault(ResetAfter(), POST, 3, every=5).arrived.wait()

    async def _slow_slack_down(self) -> None:
        await self._ground.slack.fault(Slow(0.3), POST, 20).arrived.wait()

    async def _fill_slack_up(self) -> None:
        await self._ground.slack.fault(RateLimited(1), POST, 10).arrived.wait()

    # What came of it

    async def _end(self) -> None:
        ground = self._ground
        ground.slack.clear_faults()
        with suppress(TimeoutError):
            await ground.slack.until(lambda _: len(self._shown()) >= TEXTS, 60)
        await ground.settle(within=60)
        await ground.until_shown(within=60)
        # Whatever might yet come twice comes with the records, read once more from their beginning.
        read_so_far = self._count_readings()
        await ground.carrier.until(lambda _: self._count_readings() >= read_so_far + 2 * self._bots, within=60)
        await ground.until_shown(within=60)

    def _count_readings(self) -> int:
        requests = self._ground.carrier.requests
        return sum(each.path.endswith("/message_drs") and "inbound" in each.query for each in requests)

    def _shown(self) -> list[tuple[str, _Shown]]:
        """What phones said, as Slack shows it: the phone and its text, in Slack's order."""
        names = {show_number(f"+{talk.phone}"): talk.phone for talk in self._talks}
        conversations = self._ground.slack.workspace.conversations.values()
        posts = [message for channel in conversations for message in channel.history.values()]
        posts.sort(key=lambda message: message.ts)
        return [(names[who], _read_shown(post)) for post in posts if (who := _read_sender(post)) in names]

    def count(self) -> str:
        """What was played, for people."""
        shown = self._shown()
        callbacks = Counter(str(each.body["message_sid"]) for each in self._ground.carrier.callbacks)
        inbounds = self._ground.carrier.inbounds
        return (
            f"{len(shown)} of {len(inbounds)} texts shown in {len({each.place for _, each in shown})} threads, "
            f"{sum(each.late for _, each in shown)} late, {self._kills} kills, "
            f"{sum(callbacks[sid] > 1 for sid in inbounds)} told more than once"
        )

    def wrongs(self) -> list[str]:
        """Everything that breaks the promise, a sentence each."""
        shown: dict[str, list[_Shown]] = {talk.phone: [] for talk in self._talks}
        for who, each in self._shown():
            shown[who].append(each)
        sent: dict[str, list[str]] = {talk.phone: [] for talk in self._talks}
        for inbound in self._ground.carrier.inbounds.values():
            sent[inbound.sender].append(inbound.text)
        return [wrong for talk in self._talks for wrong in _judge(talk, sent[talk.phone], shown[talk.phone])]


def _judge(talk: _Talk, sent: list[str], shown: list[_Shown]) -> Iterator[str]:
    places = {each.place for each in shown}
    if len(places) > 1 or any(channel != talk.channel for channel, _ in places):
        yield f"{talk} is shown in {places}"
    told = Counter(each.text for each in shown)
    for text in {*told, *sent}:
        if told[text] != sent.count(text):
            yield f"{talk} said {text!r} {sent.count(text)} times, and Slack shows {told[text]}"
    for late in (True, False):
        numbers = [each.number for each in shown if each.late is late and each.number >= 0]
        if numbers != sorted(numbers):
            yield f"{talk}: {'late' if late else 'in time'} {numbers}"


def _talk(channel: int, place: int) -> _Talk:
    return _Talk(digits(channel * 2 + place), _number(channel) if channel < ROUTED else OURS, _desk(channel))


def _desk(channel: int) -> str:
    return f"C0DESK{channel:02}"


def _number(channel: int) -> str:
    return f"120781526{channel:02}"


def _read_sender(post: Message) -> str:
    return read(post).partition(" texted")[0] if post.user == BOT_USER else ""


def _read_shown(post: Message) -> _Shown:
    said = read(post)
    return _Shown(said.splitlines()[1], (post.channel, post.thread_ts or post.ts), "shown late" in said)
