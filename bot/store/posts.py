"""What Slack shows and what it should show: dirty batches, the bot's posts, and the budgets all processes share.

A claim costs the same whether ten batches are dirty or ten thousand; `turns` says how.
"""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Executable,
    Integer,
    Row,
    bindparam,
    case,
    delete,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import Batch
from bot.services.showing import Budget, Claim, Claims, Kind, Post, PostState, Wants
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_line
from bot.store.tables import Time, batch, pace, post
from bot.store.threads import begin_anew, follow_root, join, lock_conversation, take_away
from bot.store.turns import (
    HEADS,
    IN_THE_WAY,
    PREFIXES,
    bring_forward,
    bring_missed_forward,
    hold_turns,
    room_for,
    step_aside,
    unleased,
)

_CHANNELS = 4  # in which entries step aside in one claim; each takes some milliseconds
_FAR = timedelta(minutes=10)  # nothing waits so long, and Slack asks nobody to
_MICROSECOND = timedelta(microseconds=1)
_NOW = bindparam("now", type_=Time)


class PostStore:
    """The post and pace tables, and what of the batch table is about Slack.

    Args:
        engine: The database.
        posts: Budget for new messages, per channel.
        updates: Budget for edits, per workspace.
    """

    def __init__(self, engine: AsyncEngine, *, posts: Budget, updates: Budget) -> None:
        self.line = asyncio.Lock()
        self._engine = engine
        self._budgets = {Wants.POST: posts, Wants.UPDATE: updates}
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self._begin = self._insert(post).on_conflict_do_nothing().returning(post.c.id)
        self._places = {wants: self._write_place(budget) for wants, budget in self._budgets.items()}

    @in_line
    @again_if_undone
    async def claim(self, now: datetime, *, lease: datetime, limit: int, under_way: Collection[str] = ()) -> Claims:
        """Lease what is due and within the budgets, final states first, then what has waited longest.

        Args:
            now: The time.
            lease: Until when nobody else may take it.
            limit: At most so many; at most one post per channel and one update per workspace in one go.
            under_way: Batches that this process is at, however their leases look after a step of the clock.
        """
        asked = {"now": now, "under_way": list(under_way)} | self._room(now)
        async with self._engine.begin() as connection:
            lanes = await _look(connection, asked)
            heads = [lane.head for lane in lanes if lane.head is not None and lane.head not in IN_THE_WAY.values()]
            claims: list[Claim] = []
            if heads:
                rows = await connection.execute(_LOCK, {"heads": heads, "now": now, "limit": limit})
                claims = [_read_claim(row, lease) for row in rows]
            # In one order in every process, so that two never wait for each other.
            claims.sort(key=lambda claim: claim.pace)
            taken = [claim for claim in claims if await self._take(connection, claim, now)]
            if taken:
                ids = [claim.batch_id for claim in taken]
                await connection.execute(_LEASE, {"ids": ids, "lease": lease})
        return Claims(tuple(taken), self._find_room(lanes, now))

    @in_line
    async def posts(self, batch_id: str) -> dict[Kind, Post]:
        """The messages of a batch, as far as they were ever asked for."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_POSTS, {"batch_id": batch_id})
            return {Kind(row.kind): _read_post(row) for row in rows}

    @in_line
    async def begin(self, started: Post) -> bool:
        """Note a message before it is asked for; False when somebody else has begun it."""
        async with self._engine.begin() as connection:
            inserted = await connection.execute(self._begin, asdict(started))
            return inserted.first() is not None

    @in_line
    @again_if_undone
    async def release(
        self,
        claim: Claim,
        wants: Wants,
        show_at: datetime,
        *,
        record: Post | None = None,
        forget: Post | None = None,
        unused: bool = False,
    ) -> None:
        """Give a batch back; after the lease, ask for all that Slack has of it to be shown anew.

        Args:
            claim: What was claimed.
            wants: What it still needs as far as this claim knows; when it has changed meanwhile, at least an update.
            show_at: The earliest time of the next request for it.
            record: A message as Slack has it now.
            forget: A message that surely is not in Slack.
            unused: No request was made; its place in the budget is given back.
        """
        async with self._engine.begin() as connection:
            await hold_turns(connection, claim.batch_id)
            if record is not None and record.kind is Kind.ROOT:
                await follow_root(connection, record)
            released = await connection.execute(
                _RELEASE,
                {
                    "claimed": claim.batch_id,
                    "lease": claim.lease,
                    "claimed_version": claim.version,
                    "next_at": show_at,
                    "next_wants": int(wants),
                    "changed_wants": max(int(wants), int(Wants.UPDATE)),
                    "still_urgent": claim.urgent and wants is not Wants.NOTHING,
                },
            )
            held = released.first() is not None
            if record is not None:
                await connection.execute(_RECORD, asdict(record) | {"known_id": record.id})
            # Without the lease somebody else may be posting the very same.
            if forget is not None and (held or forget.state is PostState.POSTED):
                await connection.execute(delete(post).where(post.c.id == forget.id))
            await bring_forward(connection, claim.batch_id)
            if not held and not unused:
                # What has just been put there may be older than what another process showed since.
                theirs = update(post).where(post.c.batch_id == claim.batch_id, post.c.kind != Kind.MARK)
                await connection.execute(theirs.values(shown=""))
                await mark_dirty(connection, [claim.batch_id], urgent=claim.urgent)
            if unused:
                every = self._budgets[claim.wants].every
                await connection.execute(
                    update(pace).where(pace.c.key == claim.pace).values(next_at=_plus(pace.c.next_at, -every))
                )

    @in_line
    @again_if_undone
    async def join(self, joining: Batch, now: datetime) -> None:
        """Give a text its conversation before it is shown; it may begin that, or take it along to its channel."""
        async with self._engine.begin() as connection:
            await join(connection, joining, now)

    @in_line
    @again_if_undone
    async def move(self, claim: Claim, channel: str, reason: str, now: datetime, *, whole: bool = False) -> None:
        """Show a batch elsewhere from now on, from the start; `whole`: its conversation too."""
        values = {"channel": channel, "moved": reason} | _post_at(now)
        async with self._engine.begin() as connection:
            await lock_conversation(connection, claim.batch_id)
            before = (await connection.execute(select(batch).where(batch.c.id == claim.batch_id))).one()
            moved = await connection.execute(_held(claim).values(values).returning(batch.c.id))
            if moved.first() is not None:
                await connection.execute(delete(post).where(post.c.batch_id == claim.batch_id))
                await take_away(connection, before, channel, whole=whole)
                await bring_forward(connection, claim.batch_id)

    @in_line
    @again_if_undone
    async def detach(self, claim: Claim, thread_ts: str, now: datetime) -> None:
        """The conversation's thread is gone: this entry begins a new one."""
        async with self._engine.begin() as connection:
            await lock_conversation(connection, claim.batch_id)
            detached = await connection.execute(_held(claim).values(_post_at(now)).returning(batch.c.conversation_id))
            row = detached.first()
            if row is not None:
                await connection.execute(delete(post).where(post.c.batch_id == claim.batch_id))
                await begin_anew(connection, row.conversation_id, claim.batch_id, thread_ts)
                await bring_forward(connection, claim.batch_id)

    @in_line
    @again_if_undone
    async def bring_missed_forward(self) -> None:
        """Let what waits for nothing any more be claimed, though nobody who could has said so."""
        async with self._engine.begin() as connection:
            await bring_missed_forward(connection)

    @in_line
    @again_if_undone
    async def free_stranded(self, now: datetime, *, lease: datetime, under_way: Collection[str] = ()) -> None:
        """Let go what waits for a time that only a clock that was set back since can have meant.

        Args:
            now: The time.
            lease: Until when whoever is at something may still be: as long as from any claim.
            under_way: Batches that this process is at; they keep their leases.
        """
        asked = {"far": now + _FAR, "at": now, "until": lease, "under_way": list(under_way)}
        async with self._engine.begin() as connection:
            for free in _FREE_STRANDED:
                await connection.execute(free, asked)
            await connection.execute(_FREE_BUDGETS, {"far": now + _FAR, "at": now})

    @in_line
    async def hold(self, claim: Claim, until: datetime) -> None:
        """Let no process make this kind of request before `until`: Slack said so."""
        budget = self._budgets[claim.wants]
        at = until + budget.ahead(urgent=True)
        statement = self._insert(pace).values(key=claim.pace, next_at=at)
        async with self._engine.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[pace.c.key], set_={"next_at": at}, where=pace.c.next_at < at
                )
            )

    def _room(self, now: datetime) -> dict[str, datetime]:
        """How far the time of each budget may lie ahead, for `HEADS`."""
        return {
            room_for(wants, urgent=urgent): now + budget.ahead(urgent=urgent)
            for wants, budget in self._budgets.items()
            for urgent in (True, False)
        }

    def _find_room(self, lanes: Sequence[Row[Any]], now: datetime) -> datetime | None:
        """When the first of the budgets has room again that have none for what waits; now when more is in the way."""
        if any(lane.head in IN_THE_WAY.values() for lane in lanes):
            return now
        openings = [
            lane.next_at - self._budgets[Wants(lane.wants)].ahead(urgent=urgent)
            for lane in lanes
            if lane.head is None and lane.next_at is not None
            for urgent in (True, False)
        ]
        return min((at for at in openings if at > now), default=None)

    def _write_place(self, budget: Budget) -> Executable:
        """Takes a place in such a budget; `room` says how far its time may lie ahead."""
        later = _plus(case((pace.c.next_at > _NOW, pace.c.next_at), else_=_NOW), budget.every)
        place = self._insert(pace).values(key=bindparam("key"), next_at=bindparam("next_at"))
        return place.on_conflict_do_update(
            index_elements=[pace.c.key], set_={"next_at": later}, where=pace.c.next_at <= bindparam("room", type_=Time)
        ).returning(pace.c.key)

    async def _take(self, connection: AsyncConnection, claim: Claim, now: datetime) -> bool:
        """Take a place in the budget if it has one left."""
        budget = self._budgets[claim.wants]
        asked = {"key": claim.pace, "next_at": now + budget.every, "now": now}
        asked["room"] = now + budget.ahead(urgent=claim.urgent)
        taken = await connection.execute(self._places[claim.wants], asked)
        return taken.first() is not None


async def _look(connection: AsyncConnection, asked: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """The lanes as `HEADS` has them; what is in the way steps aside first, a part of it at a time."""
    lanes = (await connection.execute(HEADS, asked)).all()
    blocked = [lane for lane in lanes if lane.head in IN_THE_WAY.values()]
    if not blocked:
        return lanes
    # By chance, so that no channel in which thousands wait keeps the others back.
    for lane in random.sample(blocked, min(len(blocked), _CHANNELS)):
        await step_aside(connection, lane.lane, asked["now"], urgent=lane.head == IN_THE_WAY[True])
    return (await connection.execute(HEADS, asked)).all()


def _post_at(now: datetime) -> dict[str, Any]:
    """What a batch becomes that is to be posted from the start."""
    return {"wants": int(Wants.POST), "show_lease": None, "aside": False, "show_at": now}


def _held(claim: Claim) -> Any:
    """An update of the batch that does nothing when the lease ran out and somebody else has it."""
    return update(batch).where(batch.c.id == claim.batch_id, batch.c.show_lease == claim.lease)


def _free_stranded(wants: Wants) -> Executable:
    """Of what is dirty those are due that are not for long, and leases end that do not for long."""
    far, entry = bindparam("far", type_=Time), batch.alias("entry")
    stranded = select(entry.c.id).where(
        entry.c.wants == literal_column(str(int(wants))),
        or_(entry.c.show_at > far, entry.c.show_lease > far),
        entry.c.id.not_in(bindparam("under_way", expanding=True)),
    )
    # Not by the index of ids, which holds all that ever was.
    ordered = stranded.order_by(entry.c.id.concat(literal_column("''")))
    at, until = bindparam("at", type_=Time), bindparam("until", type_=Time)
    return (
        update(batch)
        .where(batch.c.id.in_(ordered.with_for_update(key_share=True)))
        .values(
            show_at=case((batch.c.show_at > far, at), else_=batch.c.show_at),
            show_lease=case((batch.c.show_lease > far, until), else_=batch.c.show_lease),
        )
    )


def _free_budgets() -> Executable:
    """Budgets that have no room for long have it at once."""
    ours = or_(*(pace.c.key.startswith(prefix) for prefix in PREFIXES.values()))
    far = select(pace.c.key).where(ours, pace.c.next_at > bindparam("far", type_=Time)).order_by(pace.c.key)
    return update(pace).where(pace.c.key.in_(far.with_for_update())).values(next_at=bindparam("at", type_=Time))


def _plus(at: ColumnElement[Any], by: timedelta) -> ColumnElement[Any]:
    """Time columns are microseconds to the database."""
    return type_coerce(type_coerce(at, BigInteger) + by // _MICROSECOND, Time)


def _read_claim(row: Row[Any], lease: datetime) -> Claim:
    wants = Wants(row.wants)
    return Claim(
        batch_id=row.id,
        wants=wants,
        pace=PREFIXES[wants] + (row.channel if wants is Wants.POST else row.team),
        version=row.version,
        urgent=row.urgent,
        lease=lease,
        response_url=row.response_url,
        accepted_at=row.accepted_at,
    )


def _read_post(row: Row[Any]) -> Post:
    return Post(
        id=row.id,
        batch_id=row.batch_id,
        kind=Kind(row.kind),
        channel=row.channel,
        thread_ts=row.thread_ts,
        state=PostState(row.state),
        started_at=row.started_at,
        ts=row.ts,
        shown=row.shown,
        updated_at=row.updated_at,
    )


# Built once: putting such a statement together takes longer than running it.
_POSTS = select(post).where(post.c.batch_id == bindparam("batch_id"))
_RECORD = update(post).where(post.c.id == bindparam("known_id"))
_LOCK = (
    select(batch)
    .where(batch.c.id.in_(bindparam("heads", expanding=True)), batch.c.wants > 0, unleased())
    .order_by(batch.c.urgent.desc(), batch.c.show_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(batch)
    .where(batch.c.id.in_(bindparam("ids", expanding=True)))
    .values(show_lease=bindparam("lease", type_=Time))
)
_SAME = batch.c.version == bindparam("claimed_version")
_RELEASE = (
    update(batch)
    .where(batch.c.id == bindparam("claimed"), batch.c.show_lease == bindparam("lease", type_=Time))
    .values(
        show_lease=None,
        aside=False,
        show_at=bindparam("next_at", type_=Time),
        wants=case((_SAME, bindparam("next_wants", type_=Integer)), else_=bindparam("changed_wants", type_=Integer)),
        urgent=case((_SAME, bindparam("still_urgent", type_=Boolean)), else_=batch.c.urgent),
    )
    .returning(batch.c.id)
)
_FREE_STRANDED = tuple(_free_stranded(wants) for wants in (Wants.UPDATE, Wants.POST))
_FREE_BUDGETS = _free_budgets()
