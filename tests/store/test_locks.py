"""Two processes on one PostgreSQL that change the same texts: neither waits for what the other waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from bot.domain.message import Status
from bot.services.following import Check, Verdict
from bot.services.outbox import Claim, Rejected, Taken, Unknown
from bot.services.ports import NewBatch, NewMessage
from bot.services.showing import Wants
from bot.slack.announcer import POSTS, UPDATES
from bot.store.engine import open_database
from bot.store.outages import OutageStore
from bot.store.posts import PostStore
from tests.conftest import FakeClock
from tests.services.texting import ANNA, BERT, OURS, PACE, Texting, make_texting

pytestmark = pytest.mark.postgresql

_THIRTY_MORE = """
    INSERT INTO batch SELECT (copy).* FROM (
        SELECT json_populate_record(b, json_build_object('id', n, 'key', n, 'show_lease', NULL)) AS copy
        FROM batch AS b, generate_series(1, 30) AS n WHERE b.id = $1
    ) AS copies
"""
_ANOTHER_SENDING = """
    INSERT INTO message SELECT (copy).* FROM (
        SELECT json_populate_record(m, '{"id": "another", "seq": 1000, "status": "sending"}') AS copy
        FROM message AS m WHERE m.seq = $1
    ) AS copies
"""
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@dataclass
class Two:
    """Two texts that are sending, and another process that may hold them.

    Attributes:
        claims: The texts, the one with the later id first.
        other: The other process's connection.
    """

    texting: Texting
    claims: list[Claim]
    other: asyncpg.Connection

    @property
    def now(self) -> datetime:
        return self.texting.clock.now()

    @property
    def messages(self) -> list[str]:
        """Their ids, in order."""
        return sorted(claim.text.id for claim in self.claims)

    @property
    def batches(self) -> list[str]:
        """Their batches' ids, in order."""
        return sorted(claim.batch_id for claim in self.claims)

    async def lock(self, table: str, name: str) -> None:
        """Take a row, at once or not at all."""
        await self.other.execute(f"SELECT 1 FROM {table} WHERE id = $1 FOR UPDATE NOWAIT", name)

    async def wait_for_lock(self, writing: asyncio.Task[Any]) -> None:
        """Until the writer waits for the other process."""
        async with asyncio.timeout(30):
            while not await self.other.fetchval(_WAITING):
                assert not writing.done()

    async def set(self, **known: object) -> None:
        """Change both texts, the later one first, as an UPDATE would that finds it first."""
        columns = ", ".join(f"{name} = ${at}" for at, name in enumerate(known, 2))
        for name in reversed(self.messages):
            await self.other.execute(f"UPDATE message SET {columns} WHERE id = $1", name, *known.values())


@pytest.fixture
async def two(postgresql_url: str, clock: FakeClock) -> AsyncIterator[Two]:
    async with open_database(postgresql_url) as engine:
        texting = await make_texting(engine, clock)
        for number in (ANNA, BERT):
            await texting.accept(number)
        now = clock.now()
        claimed = await texting.outgoing.claim(owner="me", now=now, until=now + PACE.lease, limit=2)
        claims = sorted(claimed.messages, key=lambda claim: claim.text.id, reverse=True)
        await texting.outgoing.mark_sending(claims, owner="me", now=now, check_at=now)
        other = await asyncpg.connect(postgresql_url)
        yield Two(texting, claims, other)
        await other.close()


async def record(two: Two) -> None:
    queued = two.texting.carrier.queued
    await two.texting.outgoing.record([Taken(claim, two.now, queued(claim.text), two.now) for claim in two.claims])


async def record_two_kinds(two: Two) -> None:
    """The final state of the one is urgent, that of the other is not."""
    late, early = two.claims
    await two.texting.outgoing.record([Unknown(early, two.now, False, two.now), Rejected(late, two.now, "No.")])


async def apply(two: Two) -> None:
    states = [two.texting.carrier.state(claim.text.id, "sent") for claim in two.claims]
    await two.texting.followed.apply(states, two.now, from_records=False)


async def apply_two_kinds(two: Two) -> None:
    late, early = (claim.text.id for claim in two.claims)
    states = [two.texting.carrier.state(late, "delivered"), two.texting.carrier.state(early, "sent")]
    await two.texting.followed.apply(states, two.now, from_records=False)


async def settle(two: Two) -> None:
    verdicts = [
        Verdict(
            Check(claim.text.id, Status.SENDING, "", "", False, 0, None, two.now, None, two.now),
            checks=1,
            check_at=None,
            becomes=Status.UNCONFIRMED,
        )
        for claim in two.claims
    ]
    await two.texting.followed.settle(verdicts, two.now)


async def mark_sending(two: Two) -> None:
    await two.texting.outgoing.mark_sending(two.claims, owner="me", now=two.now, check_at=two.now)


async def expire(two: Two) -> None:
    later = two.now + timedelta(hours=2)
    await two.texting.followed.expire(later, later)


async def refuse_opted_out(two: Two) -> None:
    await two.texting.followed.refuse_opted_out(two.now)


async def hold(two: Two) -> None:
    await two.texting.holds.hold(two.now, two.now)


async def lift(two: Two) -> None:
    await two.texting.holds.lift(two.now)


async def release(two: Two) -> None:
    await OutageStore(two.texting.engine).release(two.now)


async def send_again(two: Two) -> None:
    """Two people press, and their wishes share a transaction."""
    wishes = [
        NewBatch(
            id=str(uuid4()),
            key=claim.batch_id,
            team="T1",
            user_id="U1",
            user_name="ana",
            channel="C1",
            response_url="",
            sender=OURS,
            text="hi",
            media_urls=(),
            accepted_at=two.now,
            messages=(NewMessage(str(uuid4()), claim.text.recipients, group=False, retry_of=(claim.text.id,)),),
            again=claim.batch_id,
        )
        for claim in two.claims
    ]
    await asyncio.gather(*(two.texting.batches.accept(wish) for wish in wishes))


Write = Callable[[Two], Coroutine[Any, Any, None]]
ACCEPTED = {"status": "accepted", "lease_until": 0}


async def lock_in_turn(two: Two, write: Write, *rows: tuple[str, str]) -> None:
    """Hold a row until the writer waits for it, then take others, of which the writer may hold none."""
    async with asyncio.TaskGroup() as group, two.other.transaction():
        await two.lock(*rows[0])
        await two.wait_for_lock(group.create_task(write(two)))
        for row in rows[1:]:
            await two.lock(*row)


@pytest.mark.parametrize(
    ("write", "known"),
    [
        (record, {}),
        (record_two_kinds, {}),
        (apply, {}),
        (settle, {}),
        (mark_sending, {"status": "accepted"}),
        (expire, ACCEPTED),
        (refuse_opted_out, ACCEPTED),
        (hold, ACCEPTED),
        (lift, ACCEPTED | {"wait": "unauthorized"}),
        (release, ACCEPTED | {"wait": "busy", "not_before": 2**60}),
        (send_again, {"status": "failed", "cause": "rejected"}),
    ],
)
async def test_messages_are_locked_in_the_order_of_their_ids(two: Two, write: Write, known: dict[str, object]):
    """Whoever waits for one holds none that comes later, and no batch."""
    if known:
        await two.set(**known)
    for number in (ANNA, BERT):
        await two.other.execute("INSERT INTO opt_out VALUES ($1, $2, 0)", number, write is refuse_opted_out)
    first, second = two.messages

    await lock_in_turn(two, write, ("message", first), ("message", second), *(("batch", name) for name in two.batches))


@pytest.mark.parametrize(
    ("write", "known"),
    [
        (record, {}),
        (record_two_kinds, {}),
        (apply, {}),
        (apply_two_kinds, {}),
        (settle, {}),
        (expire, ACCEPTED),
        (send_again, {"status": "failed", "cause": "rejected"}),
    ],
)
async def test_batches_are_locked_in_the_order_of_their_ids(two: Two, write: Write, known: dict[str, object]):
    """Also where some are urgent and others are not."""
    if known:
        await two.set(**known)
    first, second = two.batches

    await lock_in_turn(two, write, ("batch", first), ("batch", second))


@pytest.mark.parametrize("changed", ["moved", "released"])
async def test_a_conversation_is_locked_before_its_entries(two: Two, changed: str):
    """As whoever joins it does."""
    posts = PostStore(two.texting.engine, posts=POSTS, updates=UPDATES)
    [claim] = (await posts.claim(two.now, lease=two.now + PACE.lease, limit=1)).taken
    entry = await two.texting.batches.batch(claim.batch_id)
    assert entry is not None
    await posts.join(entry, two.now)
    begun = await two.other.fetchval("SELECT id FROM conversation")

    async def move(_: Two) -> None:
        await posts.move(claim, "C2", "archived", two.now)

    async def give_back(_: Two) -> None:
        await posts.release(claim, Wants.POST, two.now)

    write = {"moved": move, "released": give_back}[changed]
    await lock_in_turn(two, write, ("conversation", begun), ("batch", claim.batch_id))


async def test_nothing_steps_aside_while_another_process_changes_whose_turn_it_is(two: Two):
    """It would not be seen there, and never come forward."""
    posts = PostStore(two.texting.engine, posts=POSTS, updates=UPDATES)
    [claim] = (await posts.claim(two.now, lease=two.now + PACE.lease, limit=1)).taken
    entry = await two.texting.batches.batch(claim.batch_id)
    assert entry is not None
    await posts.join(entry, two.now)
    await posts.claim(two.now, lease=two.now + PACE.lease, limit=1)  # the other text
    await two.other.execute(_THIRTY_MORE, claim.batch_id)

    async with two.other.transaction():
        await two.lock("conversation", await two.other.fetchval("SELECT id FROM conversation"))
        await posts.claim(two.now, lease=two.now + PACE.lease, limit=1)
        during = await two.other.fetchval("SELECT count(*) FROM batch WHERE aside")
    await posts.claim(two.now, lease=two.now + PACE.lease, limit=1)

    assert during == 0
    assert await two.other.fetchval("SELECT count(*) FROM batch WHERE aside") == 30


async def test_one_that_must_wait_for_another_process_keeps_no_other_from_leaving(two: Two):
    """The other process marks a text to the same phone that we could not see yet."""
    await two.set(status="accepted")
    first, second = two.claims
    marking: asyncio.Task[frozenset[int]]
    async with asyncio.TaskGroup() as group, two.other.transaction():
        await two.other.execute(_ANOTHER_SENDING, first.seq)
        marking = group.create_task(
            two.texting.outgoing.mark_sending(two.claims, owner="me", now=two.now, check_at=two.now)
        )
        await two.wait_for_lock(marking)

    assert await marking == {second.seq}


@pytest.mark.parametrize("write", [record, apply, settle])
async def test_what_is_undone_for_anothers_sake_is_done_again(two: Two, write: Write):
    """The other process keeps no order, and PostgreSQL ends the wait at the cost of ours."""
    first, second = two.messages
    await two.other.execute("SET deadlock_timeout = '30s'")  # so that it is not the one to notice
    async with asyncio.TaskGroup() as group, two.other.transaction():
        await two.lock("message", second)
        await two.wait_for_lock(group.create_task(write(two)))
        await two.other.execute("SELECT 1 FROM message WHERE id = $1 FOR UPDATE", first)

    left = await two.other.fetchval("SELECT count(*) FROM message WHERE status = 'sending'")
    assert left == 0


async def test_a_command_that_is_undone_is_stored_all_the_same(two: Two):
    """Nobody reads of it."""
    await two.set(status="failed", cause="rejected")
    first, second = two.messages
    await two.other.execute("SET deadlock_timeout = '30s'")
    async with asyncio.TaskGroup() as group, two.other.transaction():
        await two.lock("message", second)
        await two.wait_for_lock(group.create_task(send_again(two)))
        await two.other.execute("SELECT 1 FROM message WHERE id = $1 FOR UPDATE", first)

    assert await two.other.fetchval("SELECT count(*) FROM message") == 4
