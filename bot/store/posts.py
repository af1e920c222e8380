"""What Slack shows and what it should show: dirty batches, the bot's posts, and the budgets all processes share.

A claim costs the same whether ten batches are dirty or ten thousand: it hops from channel to channel over an index
and reads the first batch of each.
"""

import asyncio
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import Batch
from bot.services.showing import Budget, Claim, Kind, Post, PostState, Wants
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_line
from bot.store.tables import Time, batch, conversation, pace, post
from bot.store.threads import begin_anew, follow_root, join, lock_conversation, take_away

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

    @in_line
    @again_if_undone
    async def claim(
        self, now: datetime, *, lease: datetime, limit: int, under_way: Collection[str] = ()
    ) -> list[Claim]:
        """Lease what is due and within the budgets, final states first, then what has waited longest.

        Args:
            now: The time.
            lease: Until when nobody else may take it.
            limit: At most so many; at most one post per channel and one update per workspace in one go.
            under_way: Batches that this process is at, however their leases look after a step of the clock.
        """
        async with self._engine.begin() as connection:
            asked = {"now": now, "under_way": list(under_way)} | self._room(now)
            found = await connection.scalars(_HEADS, asked)
            heads = [head for head in found if head is not None]
            if not heads:
                return []
            rows = await connection.execute(_LOCK, {"heads": heads, "now": now, "limit": limit})
            claims = [_read_claim(row, lease) for row in rows]
            # In one order in every process, so that two never wait for each other.
            claims.sort(key=lambda claim: claim.pace)
            taken = [claim for claim in claims if await self._take(connection, claim, now)]
            if taken:
                ids = [claim.batch_id for claim in taken]
                await connection.execute(update(batch).where(batch.c.id.in_(ids)).values(show_lease=lease))
        return taken

    @in_line
    async def posts(self, batch_id: str) -> dict[Kind, Post]:
        """The messages of a batch, as far as they were ever asked for."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(post).where(post.c.batch_id == batch_id))
            return {Kind(row.kind): _read_post(row) for row in rows}

    @in_line
    async def begin(self, started: Post) -> bool:
        """Note a message before it is asked for; False when somebody else has begun it."""
        async with self._engine.begin() as connection:
            inserted = await connection.execute(
                self._insert(post).values(asdict(started)).on_conflict_do_nothing().returning(post.c.id)
            )
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
            if record is not None and record.kind is Kind.ROOT:
                await follow_root(connection, record)
            same = batch.c.version == claim.version
            released = await connection.execute(
                _held(claim)
                .values(
                    show_lease=None,
                    show_at=show_at,
                    wants=case((same, int(wants)), else_=max(int(wants), int(Wants.UPDATE))),
                    urgent=case((same, claim.urgent and wants is not Wants.NOTHING), else_=batch.c.urgent),
                )
                .returning(batch.c.id)
            )
            held = released.first() is not None
            if record is not None:
                await connection.execute(update(post).where(post.c.id == record.id).values(asdict(record)))
            # Without the lease somebody else may be posting the very same.
            if forget is not None and (held or forget.state is PostState.POSTED):
                await connection.execute(delete(post).where(post.c.id == forget.id))
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
        values = {"channel": channel, "moved": reason, "wants": int(Wants.POST), "show_lease": None, "show_at": now}
        async with self._engine.begin() as connection:
            await lock_conversation(connection, claim.batch_id)
            before = (await connection.execute(select(batch).where(batch.c.id == claim.batch_id))).one()
            moved = await connection.execute(_held(claim).values(values).returning(batch.c.id))
            if moved.first() is not None:
                await connection.execute(delete(post).where(post.c.batch_id == claim.batch_id))
                await take_away(connection, before, channel, whole=whole)

    @in_line
    @again_if_undone
    async def detach(self, claim: Claim, thread_ts: str, now: datetime) -> None:
        """The conversation's thread is gone: this entry begins a new one."""
        values = {"wants": int(Wants.POST), "show_lease": None, "show_at": now}
        async with self._engine.begin() as connection:
            await lock_conversation(connection, claim.batch_id)
            detached = await connection.execute(_held(claim).values(values).returning(batch.c.conversation_id))
            row = detached.first()
            if row is not None:
                await connection.execute(delete(post).where(post.c.batch_id == claim.batch_id))
                await begin_anew(connection, row.conversation_id, claim.batch_id, thread_ts)

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
        """How far the time of each budget may lie ahead, for `_HEADS`."""
        return {
            _room_for(wants, urgent=urgent): now + budget.ahead(urgent=urgent)
            for wants, budget in self._budgets.items()
            for urgent in (True, False)
        }

    async def _take(self, connection: AsyncConnection, claim: Claim, now: datetime) -> bool:
        """Take a place in the budget if it has one left."""
        budget = self._budgets[claim.wants]
        later = _plus(case((pace.c.next_at > now, pace.c.next_at), else_=literal(now, Time)), budget.every)
        taken = await connection.execute(
            self._insert(pace)
            .values(key=claim.pace, next_at=now + budget.every)
            .on_conflict_do_update(
                index_elements=[pace.c.key],
                set_={"next_at": later},
                where=pace.c.next_at <= now + budget.ahead(urgent=claim.urgent),
            )
            .returning(pace.c.key)
        )
        return taken.first() is not None


def _unleased() -> ColumnElement[bool]:
    return or_(batch.c.show_lease.is_(None), batch.c.show_lease <= _NOW)


def _room_for(wants: Wants, *, urgent: bool) -> str:
    return f"room_for_{'urgent' if urgent else 'other'}_{wants.name.lower()}"


def _find_heads(wants: Wants) -> Select[Any]:
    """The first due batch of each channel (posts) or workspace (updates) whose budget has room."""
    lane = batch.c.channel if wants is Wants.POST else batch.c.team
    dirty = batch.c.wants == literal_column(str(int(wants)))  # no parameter, or the partial index goes unused
    lanes = select(func.min(lane).label("lane")).where(dirty).cte(f"lanes_{int(wants)}", recursive=True)
    following = select(func.min(lane)).where(dirty, lane > lanes.c.lane).scalar_subquery()
    lanes = lanes.union_all(select(following).where(lanes.c.lane.is_not(None)))

    turn = _in_turn() if wants is Wants.POST else true()
    free = batch.c.id.not_in(bindparam("under_way", expanding=True))

    def first(*, urgent: bool) -> ColumnElement[str]:
        due = (dirty, lane == lanes.c.lane, batch.c.urgent == (true() if urgent else false()), batch.c.show_at <= _NOW)
        head = select(batch.c.id).where(*due, _unleased(), free, turn).order_by(batch.c.show_at).limit(1)
        return head.correlate(lanes).scalar_subquery()

    def has_room(*, urgent: bool) -> ColumnElement[bool]:
        room = bindparam(_room_for(wants, urgent=urgent), type_=Time)
        return or_(pace.c.next_at.is_(None), pace.c.next_at <= room)

    head = func.coalesce(first(urgent=True), case((has_room(urgent=False), first(urgent=False))))
    paced = lanes.outerjoin(pace, pace.c.key == literal_column(f"'{_prefix(wants)}'") + lanes.c.lane)
    return select(head).select_from(paced).where(lanes.c.lane.is_not(None), has_room(urgent=True))


def _in_turn() -> ColumnElement[bool]:
    """Of a conversation its root first, then what came first; what has no conversation waits for nothing."""
    earlier = batch.alias("earlier")
    theirs = conversation.c.id == batch.c.conversation_id
    before = or_(
        earlier.c.accepted_at < batch.c.accepted_at,
        and_(earlier.c.accepted_at == batch.c.accepted_at, earlier.c.id < batch.c.id),
    )
    waiting = (earlier.c.conversation_id == batch.c.conversation_id, earlier.c.wants == literal_column("2"), before)
    return or_(
        batch.c.conversation_id.is_(None),
        exists().where(theirs, conversation.c.root_id == batch.c.id).correlate(batch),
        and_(
            exists().where(theirs, conversation.c.thread_ts.is_not(None)).correlate(batch),
            ~exists().where(*waiting).correlate(batch),
        ),
    )


def _held(claim: Claim) -> Any:
    """An update of the batch that does nothing when the lease ran out and somebody else has it."""
    return update(batch).where(batch.c.id == claim.batch_id, batch.c.show_lease == claim.lease)


def _plus(at: ColumnElement[Any], by: timedelta) -> ColumnElement[Any]:
    """Time columns are microseconds to the database."""
    return type_coerce(type_coerce(at, BigInteger) + by // _MICROSECOND, Time)


def _prefix(wants: Wants) -> str:
    return "post:" if wants is Wants.POST else "update:"


def _read_claim(row: Row[Any], lease: datetime) -> Claim:
    wants = Wants(row.wants)
    return Claim(
        batch_id=row.id,
        wants=wants,
        pace=_prefix(wants) + (row.channel if wants is Wants.POST else row.team),
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
_HEADS = union_all(_find_heads(Wants.UPDATE), _find_heads(Wants.POST))
_LOCK = (
    select(batch)
    .where(batch.c.id.in_(bindparam("heads", expanding=True)), batch.c.wants > 0, _unleased())
    .order_by(batch.c.urgent.desc(), batch.c.show_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
