"""Shows in Slack what the database says.

A batch that Slack does not show as it stands is dirty. The announcer claims dirty batches, one request per claim:
it compares what Slack has with what it should have and makes the first request that is missing. Whatever changes
meanwhile is simply the next request's content, so the newest state wins.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.message import E164, Batch, Note
from bot.services.clock import SetBack
from bot.services.ports import Clock, Entries
from bot.services.showing import Budget, Claim, Kind, Posts, Wants
from bot.slack.plan import needs_conversation
from bot.slack.turn import Desk, Turn
from bot.slack.web_client import SlackUnauthorizedError, SlackUnknownError, SlackUnreachableError, Workspace

# Slack: about one message a second and channel, short bursts tolerated; 50 updates a minute and workspace. Ten at once
# and 40 a minute never make more than 50 in any minute; half of the burst is kept for final states.
POSTS: Final = Budget(every=timedelta(seconds=1), burst=4)
UPDATES: Final = Budget(every=timedelta(seconds=1.5), burst=10, spare=5)

_PATIENCE = 2.0  # seconds before a post without an answer is looked for; doubles
_LONGEST = 60.0  # seconds between two tries while Slack is down, or until a look that failed is taken again
# Seconds between a wake and the claim: a thousand wakes a second cost twenty claims, texts leave before Slack is told
# of them, and what has happened to them meanwhile goes into the same post.
_BETWEEN = 0.05
# The same while a budget is used up and nothing else was due: most of what wakes us then only joins those that wait.
_BETWEEN_WHEN_FULL = 0.25
# Seconds between two looks for what nobody else sees to: during an update a process of an older version may have been
# the one to bring something forward, and a clock may have been set back before we started.
_OVERLOOKED = 3600.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outage:
    """Slack cannot be shown anything at the moment.

    Attributes:
        since: When that began.
        why: A sentence for the operator.
    """

    since: datetime
    why: str


class Announcer:
    """Runs until closed; any number of processes may.

    A lease is a time of the clock. When that is set forward a process still knows what it is at; but two processes
    whose clocks are further apart than a lease may post the same twice, as each finds the other's leases over.

    Args:
        posts: The database, with the budgets.
        entries: Reads what is to be shown as it stands.
        client: From `open_web_client`.
        clock: Time.
        our_name: What the account calls one of its numbers, "" when it has no name.
        command: The slash command.
        home: Where texts go that have no channel of their own, "" for the administrators.
        admins: Who they are.
        send_now: A text that waits for the morning may be sent all the same.
        concurrency: Requests to Slack at once.
        sweep: Seconds between two looks when nobody calls `wake`.
        lease: Seconds that one request with all that belongs to it may take; a crash delays its batch so long.
        drain: Seconds that requests under way may take at the end.
        pause: Seconds before the first new try when Slack is down; doubles up to a minute.
    """

    def __init__(
        self,
        posts: Posts,
        entries: Entries,
        client: AsyncWebClient,
        clock: Clock,
        *,
        our_name: Callable[[E164], str] = lambda _: "",
        command: str = "/sms",
        home: str = "",
        admins: Callable[[], Collection[str]] = tuple,
        send_now: bool = True,
        concurrency: int = 4,
        sweep: float = 1.0,
        lease: float = 20.0,
        drain: float = 8.0,
        pause: float = 1.0,
    ) -> None:
        self._desk = Desk(posts, Workspace(client), clock, our_name, command, home, admins, send_now)
        self._entries = entries
        self._clock = clock
        self._concurrency = concurrency
        self._sweep = sweep
        self._lease = lease
        self._drain = drain
        self._pause = pause
        self._woken = asyncio.Event()
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[str] = set()
        self._failures = 0
        self._doubts: Counter[str] = Counter()  # requests without a clear answer in a row, per batch
        self._resume_at = 0.0  # boottime; nothing is claimed before
        self._alarm = float("inf")  # boottime of the next request that is known of and not yet due
        self._look_at = 0.0  # boottime of the next look for what nobody else sees to
        self._set_back = SetBack()
        self._between = _BETWEEN
        self.health: Outage | None = None
        self.reached_at: datetime | None = None  # when Slack last took something

    def wake(self) -> None:
        """Something changed: look now rather than at the next sweep."""
        self._woken.set()

    def close(self) -> None:
        """Let `run` finish what is under way and return."""
        self._closing = True
        self._woken.set()

    async def run(self) -> None:
        """Show what is due until closed or cancelled."""
        try:
            while not self._closing:
                self._woken.clear()
                if not await self._start():
                    await self._rest()
        finally:
            await self._finish()

    async def show_due(self) -> int:
        """Claim once, make the requests that are due and return how many batches that were."""
        started = await self._start()
        if started:
            await asyncio.wait(started)
        return len(started)

    async def _start(self) -> list[asyncio.Task[None]]:
        boot = self._clock.boottime()
        if boot >= self._alarm:
            self._alarm = float("inf")
        # While Slack is down one request at a time tries whether it is back.
        room = (1 if self._failures else self._concurrency) - len(self._tasks)
        if room <= 0 or boot < self._resume_at:
            return []
        now = self._clock.now()
        try:
            lease = now + timedelta(seconds=self._lease)
            if self._set_back.seen(boot, now) or boot >= self._look_at:
                self._look_at = boot + _LONGEST  # should that fail; claims do not wait for it
                await self._desk.posts.bring_missed_forward()
                await self._desk.posts.free_stranded(now, lease=lease, under_way=self._under_way)
                self._look_at = boot + _OVERLOOKED
            found = await self._desk.posts.claim(now, lease=lease, limit=room, under_way=self._under_way)
        except Exception as exc:  # noqa: BLE001 -- the loop outlives a database that is away
            _log.warning("slack.claim_failed", why=type(exc).__name__)
            return []
        self._between = _BETWEEN
        if found.room_at is not None and not found.taken:
            wait = (found.room_at - now).total_seconds()
            self._between = max(min(wait, _BETWEEN_WHEN_FULL), _BETWEEN)
            self._alarm = min(self._alarm, boot + wait)
        self._under_way |= {claim.batch_id for claim in found.taken}
        started = [asyncio.create_task(self._show(claim, boot + self._lease)) for claim in found.taken]
        for task in started:
            self._tasks.add(task)
            task.add_done_callback(self._done)
        return started

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()

    async def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        next_look = loop.time() + self._between
        soonest = min(self._alarm - self._clock.boottime(), self._sweep)
        try:
            async with asyncio.timeout(max(soonest, self._between)):
                await self._woken.wait()
        except TimeoutError:
            return
        if not self._closing:
            await asyncio.sleep(max(next_look - loop.time(), _BETWEEN))

    async def _finish(self) -> None:
        tasks = set(self._tasks)
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=self._drain)
        finally:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _show(self, claim: Claim, until: float) -> None:
        """The boundary of one claim: nothing that goes wrong here stops the others."""
        try:
            async with asyncio.timeout(self._lease * 0.9):
                await self._advance(claim, until)
        except Exception:  # noqa: BLE001 -- the lease runs out and the batch is claimed again
            _log.warning("slack.show_failed", batch=claim.batch_id, exc_info=True)
        finally:
            self._under_way.discard(claim.batch_id)

    async def _advance(self, claim: Claim, until: float) -> None:
        posts = await self._desk.posts.posts(claim.batch_id)
        entry = await self._entries.entry(claim.batch_id)
        if isinstance(entry, Batch) and needs_conversation(entry, posts):
            await self._desk.posts.join(entry, self._clock.now())
            entry = await self._entries.entry(claim.batch_id)
        if entry is None:
            await self._desk.posts.release(claim, Wants.NOTHING, self._clock.now(), unused=True)
            return
        if Kind.ROOT not in posts and not isinstance(entry, Note) and entry.behind:
            await self._desk.posts.release(claim, Wants.POST, self._clock.now(), unused=True)
            return
        turn = Turn(self._desk, claim, entry, posts, until)
        try:
            answered = await turn.take(timedelta(seconds=_grow(_PATIENCE, self._doubts[claim.batch_id])))
        except SlackUnknownError as exc:
            self._doubts[claim.batch_id] += 1
            self._falter(str(exc))
        except (SlackUnauthorizedError, SlackUnreachableError) as exc:
            self._falter(str(exc))
        else:
            if answered:
                del self._doubts[claim.batch_id]
                self._recover()
        wait = (turn.next_at - self._clock.now()).total_seconds()
        if wait > 0:
            self._alarm = min(self._alarm, self._clock.boottime() + wait)

    def _falter(self, why: str) -> None:
        """Pause all showing, longer each time."""
        boot = self._clock.boottime()
        if boot < self._resume_at:
            return  # the request began before the pause and says nothing new
        wait = _grow(self._pause, self._failures)
        self._failures += 1
        self._resume_at = boot + wait * random.uniform(0.5, 1.0)  # noqa: S311 -- only spreads the processes
        since = self.health.since if self.health is not None else self._clock.now()
        if self.health is None:
            _log.warning("slack.down", why=why)
        self.health = Outage(since, why)

    def _recover(self) -> None:
        if self.health is not None:
            _log.info("slack.up", since=self.health.since.isoformat())
        self.health = None
        self.reached_at = self._clock.now()
        self._failures = 0
        self._resume_at = 0.0


def _grow(first: float, times: int) -> float:
    """Seconds to wait after so many failures."""
    return min(first * 2.0 ** min(times, 10), _LONGEST)
