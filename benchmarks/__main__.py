"""`python -m benchmarks [PART …]`: what is measured, in which order, and the table; all parts unless some are named.

Each figure stands beside its bare baseline, measured in the same run in turns; of several rounds the median counts.
"""

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import uvloop

from benchmarks import machine
from benchmarks.commands import Commands, percentile, send_at_once, send_steadily
from benchmarks.conversations import new_phones, sign_replies, write_callbacks
from benchmarks.outbox import Database, new_databases, postgresql
from benchmarks.pictures import measure_pictures
from benchmarks.process import Server, bare_bolt, bare_callback, bot, run_bare_client
from benchmarks.world import World, open_world

_BARE = "bare"
_WARMING = 50  # requests
_ROUNDS = 5
_BURST = 2_000  # requests of a round, so that five make 10,000
_AT_ONCE = 50
_STEADY = 50.0  # requests a second
_STEADY_REQUESTS = 150  # of a round: three seconds, in which the rivals sleep; longer, and they miss their answers
_STEADY_ROUNDS = 6
_BREATH = 0.3  # seconds between two sleeps
_TEXTS = 5_000  # handed over in a round
_HANDING_ROUNDS = 3
_CONCURRENCY = 100  # the bot's own
_ALONE = 200  # texts one at a time
_PAUSE = 0.02  # seconds between two of them
_STARTS = 3
_PHONES = 500  # that text us, so that most texts belong to a conversation and some begin one


class Bench:
    """One run."""

    def __init__(self, folder: Path, server: str, world: World) -> None:
        self._folder = folder
        self._server = server
        self._world = world
        self._commands = Commands()

    async def acks(self) -> None:
        """How fast `/sms` is acked, and what memory is left of it."""
        async with AsyncExitStack() as stack:
            rivals = [_Rival(_BARE, await stack.enter_async_context(bare_bolt(self._folder)), None)]
            for database in await new_databases(self._folder, self._server):
                server = await stack.enter_async_context(bot(database.url, self._world, self._folder))
                rivals.append(_Rival(database.kind, server, database))
            await asyncio.sleep(1)  # the first reading of people and numbers
            for rival in rivals:  # the first requests of a process fill its caches
                await self._send_steadily(rival, _WARMING)
                rival.steady.clear()
            for _ in range(_STEADY_ROUNDS):
                for rival in rivals:
                    async with _alone(rival, rivals):
                        await self._send_steadily(rival, _STEADY_REQUESTS)
            for _ in range(_ROUNDS):
                for rival in rivals:
                    async with _alone(rival, rivals):
                        await self._send_at_once(rival, _BURST)
            _show_acks(rivals)

    async def _send_steadily(self, rival: "_Rival", count: int) -> None:
        taken = await send_steadily(rival.server.port, self._commands.sign(count), _STEADY)
        rival.steady += taken.times
        await rival.drained()

    async def _send_at_once(self, rival: "_Rival", count: int) -> None:
        requests, before = self._commands.sign(count), rival.server.worked
        taken = await send_at_once(rival.server.port, requests, _AT_ONCE)
        rival.work.append((rival.server.worked - before) / count)
        rival.rates.append(taken.rate)
        rival.burst += taken.times
        await rival.drained()

    async def handing_over(self) -> None:
        """How many texts a second go from accepted to queued."""
        rates: dict[str, list[float]] = defaultdict(list)
        work: dict[str, list[float]] = defaultdict(list)
        for _ in range(_HANDING_ROUNDS):
            rates[_BARE].append(await run_bare_client(self._world, _TEXTS, _CONCURRENCY))
            for database in await new_databases(self._folder, self._server):
                await database.fill(_TEXTS, self._commands)
                before = len(self._world.arrivals)
                async with bot(database.url, self._world, self._folder) as server:
                    await self._world.until(before + _TEXTS)
                    await database.drained()
                    ended = time.time()
                    work[database.kind].append((server.worked - server.worked_to_start) / _TEXTS)
                first = list(self._world.arrivals.values())[before]
                rates[database.kind].append(_TEXTS / (ended - first))
        bare = median(rates[_BARE])
        _head(f"Texts a second from accepted to queued, one process; {_HANDING_ROUNDS} rounds of {_TEXTS:,}")
        for kind, found in rates.items():
            ratio = (
                "an aiohttp loop that only posts" if kind == _BARE else f"{median(found) / bare:.2f} of the bare loop"
            )
            each = [f"{1e3 * median(work[kind]):.2f} ms of work each"] if kind in work else []
            _line(kind, f"{median(found):7,.0f}/s", ratio, *each)

    async def latency(self) -> None:
        """How long a text takes from accepted to CarrierX when nothing else is going on."""
        times = {_BARE: await self._time_bare_client()}
        for database in await new_databases(self._folder, self._server):
            async with bot(database.url, self._world, self._folder) as server:
                await asyncio.sleep(1)
                for request in self._commands.sign(_ALONE):
                    before_this = len(self._world.arrivals)
                    await send_at_once(server.port, [request], 1)
                    await self._world.until(before_this + 1)
                    await asyncio.sleep(_PAUSE)
                await database.drained()
                accepted = await database.accepted()
            times[database.kind] = [self._world.arrivals[name] - at for name, at in accepted.items()]
        _show_times(f"From accepted to CarrierX's receiving the POST, idle; {_ALONE} texts one at a time", times)

    async def replies(self) -> None:
        """How long a reply in a thread takes from Slack's event to CarrierX when nothing else is going on."""
        times = {_BARE: await self._time_bare_client()}
        for database in await new_databases(self._folder, self._server):
            phones = new_phones(_WARMING + _ALONE, self._commands)
            await database.converse(phones)
            times[database.kind] = []
            async with bot(database.url, self._world, self._folder) as server:
                await asyncio.sleep(1)
                for request in sign_replies(phones):
                    before_this, begun = len(self._world.arrivals), time.time()
                    await send_at_once(server.port, [request], 1)
                    await self._world.until(before_this + 1)
                    times[database.kind].append(next(reversed(self._world.arrivals.values())) - begun)
                    await asyncio.sleep(_PAUSE)
                await database.drained()
            del times[database.kind][:_WARMING]
        _show_times(f"From Slack's event to CarrierX's receiving the POST, idle; {_ALONE} replies one at a time", times)

    async def _time_bare_client(self) -> list[float]:
        before = set(self._world.arrivals)
        await run_bare_client(self._world, _ALONE, 1)
        return [at - float(name.partition(" ")[0]) for name, at in self._world.arrivals.items() if name not in before]

    async def callbacks(self) -> None:
        """How many texts from phones are stored a second."""
        async with AsyncExitStack() as stack:
            rivals = [_Rival(_BARE, await stack.enter_async_context(bare_callback(self._folder)), None)]
            for database in await new_databases(self._folder, self._server):
                server = await stack.enter_async_context(bot(database.url, self._world, self._folder))
                rivals.append(_Rival(database.kind, server, database))
            await asyncio.sleep(1)  # the first reading of people, numbers and records
            phones = new_phones(_PHONES, self._commands)
            for rival in rivals:
                await send_at_once(rival.server.port, write_callbacks(_WARMING, phones), 1)
            for _ in range(_ROUNDS):
                for rival in rivals:
                    async with _alone(rival, rivals):
                        await self._call_back(rival, phones)
            count = _ROUNDS * _BURST + _WARMING
            for rival in rivals:
                if rival.database is not None and (stored := await rival.database.stored()) != count:
                    raise RuntimeError(f"{rival.kind}: {stored} of {count} texts from phones are stored")
        _show_callbacks(rivals, count)

    async def _call_back(self, rival: "_Rival", phones: Sequence[str]) -> None:
        requests, before = write_callbacks(_BURST, phones), rival.server.worked
        taken = await send_at_once(rival.server.port, requests, _AT_ONCE)
        rival.work.append((rival.server.worked - before) / _BURST)
        rival.rates.append(taken.rate)
        rival.burst += taken.times

    async def starts(self) -> None:
        """How long a start takes until /readyz answers 200."""
        first: dict[str, list[float]] = defaultdict(list)
        again: dict[str, list[float]] = defaultdict(list)
        for _ in range(_STARTS):
            async with bare_bolt(self._folder) as server:
                again[_BARE].append(server.started_in)
            for database in await new_databases(self._folder, self._server):
                async with bot(database.url, self._world, self._folder) as server:
                    first[database.kind].append(server.started_in)
                async with bot(database.url, self._world, self._folder) as server:
                    again[database.kind].append(server.started_in)
        _head(f"From the start of the process to /readyz answering 200; {_STARTS} rounds")
        for kind, found in again.items():
            new = (
                f"with an empty database {median(first[kind]):.2f} s" if kind in first else "a Bolt app that only acks"
            )
            _line(kind, f"{median(found):5.2f} s", new)

    def check(self) -> None:
        """No text may have been posted twice.

        Raises:
            RuntimeError: One was.
        """
        twice = sum(times > 1 for times in self._world.posts.values())
        if twice:
            raise RuntimeError(f"{twice} texts were posted more than once")
        print(f"\nAll {len(self._world.posts):,} texts came to the pretend CarrierX exactly once.")


@dataclass(slots=True)
class _Rival:
    """One of the servers that ack, and what was seen of it.

    Attributes:
        kind: Of its database, or that it has none.
        rates: Acks a second, of each round.
        work: Processor time in seconds for each ack, of each round.
        burst, steady: How long acks took.
    """

    kind: str
    server: Server
    database: Database | None
    rates: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    burst: list[float] = field(default_factory=list)
    steady: list[float] = field(default_factory=list)

    async def drained(self) -> None:
        """Wait until everything accepted is queued, so that the next round finds it idle."""
        if self.database is not None:
            await self.database.drained()


@asynccontextmanager
async def _alone(rival: _Rival, rivals: Sequence[_Rival]) -> AsyncIterator[None]:
    """Let one rival have the core to itself, and the others a breath afterwards to read what they were answered."""
    with ExitStack() as stack:
        for other in rivals:
            if other is not rival:
                stack.enter_context(other.server.asleep())
        yield
    await asyncio.sleep(_BREATH)


def _show_acks(rivals: Sequence[_Rival]) -> None:
    bare = median(rivals[0].rates)
    _head(f"Acked /sms a second, {_AT_ONCE} at once; {_ROUNDS} rounds of {_BURST:,}")
    for rival in rivals:
        rate = median(rival.rates)
        _line(
            rival.kind,
            f"{rate:7,.0f}/s",
            "a Bolt app that only acks" if rival.database is None else f"{rate / bare:.2f} of bare Bolt",
            f"p50 {percentile(rival.burst, 50) * 1e3:.1f} ms, p99 {percentile(rival.burst, 99) * 1e3:.1f} ms",
            f"{median(rival.work) * 1e3:.2f} ms of work each",
        )
    _head(f"Time to the ack, {_STEADY:.0f} a second; {_STEADY_ROUNDS} rounds of {_STEADY_REQUESTS}")
    for rival in rivals:
        p50, p99 = percentile(rival.steady, 50) * 1e3, percentile(rival.steady, 99) * 1e3
        _line(rival.kind, f"p50 {p50:5.2f} ms", f"p99 {p99:5.2f} ms")
    count = _ROUNDS * _BURST + _STEADY_ROUNDS * _STEADY_REQUESTS + _WARMING
    _head(f"Resident memory after {count:,} texts, from the command to queued")
    for rival in rivals:
        _line(rival.kind, f"{rival.server.resident:5.0f} MiB")


def _show_callbacks(rivals: Sequence[_Rival], count: int) -> None:
    bare = median(rivals[0].rates)
    _head(
        f"Texts from phones stored a second, {_AT_ONCE} callbacks at once, {_PHONES} phones; "
        f"{_ROUNDS} rounds of {_BURST:,}"
    )
    for rival in rivals:
        rate = median(rival.rates)
        _line(
            rival.kind,
            f"{rate:7,.0f}/s",
            "an aiohttp handler" if rival.database is None else f"{rate / bare:.2f} of bare aiohttp",
            f"p50 {percentile(rival.burst, 50) * 1e3:.1f} ms, p99 {percentile(rival.burst, 99) * 1e3:.1f} ms",
            f"{median(rival.work) * 1e3:.2f} ms of work each",
        )
    print(f"  Each of the {count:,} callbacks was stored exactly once.")


def _show_times(title: str, times: Mapping[str, Sequence[float]]) -> None:
    _head(title)
    for kind, found in times.items():
        what = "from aiohttp's request to its arrival" if kind == _BARE else ""
        p50, p99 = percentile(found, 50) * 1e3, percentile(found, 99) * 1e3
        _line(kind, f"p50 {p50:5.2f} ms", f"p99 {p99:5.2f} ms", what)


def _head(title: str) -> None:
    print(f"\n{title}")


def _line(kind: str, *figures: str) -> None:
    print(f"  {kind:<11}", *(f"{figure:<26}" for figure in figures))


_PICTURES = "pictures"
_PARTS = {
    "starts": Bench.starts,
    "acks": Bench.acks,
    "handing_over": Bench.handing_over,
    "latency": Bench.latency,
    "callbacks": Bench.callbacks,
    "replies": Bench.replies,
}


async def _run(parts: Sequence[str]) -> None:
    begun = time.perf_counter()
    print(machine.describe_machine())
    where = (
        "The server that is measured has one core to itself; load, PostgreSQL and the pretend Slack and CarrierX share "
        "the rest."
        if machine.PINNED
        else "Everything shares the cores: nothing could be pinned."
    )
    print(where)
    if _PICTURES in parts:
        await measure_pictures()  # before anything is pinned: the worker has a core, the event loop another
    machine.take_load_core()
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        async with open_world() as world:
            bench = Bench(Path(folder), server, world)
            for part in parts:
                if part != _PICTURES:
                    await _PARTS[part](bench)
            bench.check()
    print(f"The run took {time.perf_counter() - begun:.0f} s.")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_run(sys.argv[1:] or [_PICTURES, *_PARTS]))
