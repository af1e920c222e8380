"""Whose turn in Slack it is: the next entry of each channel and workspace, found without reading all that wait.

A look hops from channel to channel over an index and reads the first few entries of each. Of a conversation one entry
at a time has its turn. Where more of the others are in the way than a look reads they step aside, out of the index;
whatever may change whose turn it is in a conversation brings the next one forward in the same transaction.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Update,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.services.showing import Wants
from bot.store.tables import Time, batch, conversation, pace

PREFIXES: Final = {Wants.POST: "post:", Wants.UPDATE: "update:"}  # of the budgets' keys
IN_THE_WAY: Final = {True: "!urgent", False: "!other"}  # where an id would be; by whether those entries are urgent

_READ = 20  # entries of a channel that a look reads in vain
_TOGETHER = 100  # that step aside in one transaction
_NOW = bindparam("now", type_=Time)


def unleased() -> ColumnElement[bool]:
    """Nobody is at it."""
    return or_(batch.c.show_lease.is_(None), batch.c.show_lease <= _NOW)


def room_for(wants: Wants, *, urgent: bool) -> str:
    """The parameter of `HEADS` that says how far the time of such a budget may lie ahead."""
    return f"room_for_{'urgent' if urgent else 'other'}_{wants.name.lower()}"


async def step_aside(connection: AsyncConnection, channel: str, now: datetime, *, urgent: bool) -> None:
    """Take the first of a channel's entries out of the way whose turn it is not."""
    asked = {"channel": channel, "now": now, "urgent": urgent, "under_way": []}
    rows = (await connection.execute(_OUT_OF_TURN, asked)).all()
    # Who changes whose turn it is locks the conversation first: nobody does from here on.
    held = await connection.scalars(_HOLD_FREE, {"conversations": sorted({row.conversation_id for row in rows})})
    stepped = {"ids": [row.id for row in rows], "conversations": held.all()}
    await connection.execute(_STEP_ASIDE, stepped)


async def hold_turns(connection: AsyncConnection, entry_id: str) -> None:
    """Lock an entry's conversation: first in a transaction that may change whose turn it is there."""
    await connection.execute(_HOLD, {"entry_id": entry_id})


async def bring_forward(connection: AsyncConnection, entry_id: str) -> None:
    """Let those of an entry's conversation be looked at whose turn it may be now."""
    await connection.execute(_BRING_FORWARD, {"entry_id": entry_id})


async def bring_missed_forward(connection: AsyncConnection) -> None:
    """Let those be looked at that are aside although it is their turn."""
    await connection.execute(_BRING_MISSED_FORWARD)


def _find_due(wants: Wants, lane: ColumnElement[bool], urgent: ColumnElement[bool]) -> Select[Any]:
    """What may be claimed of a lane as far as the lane goes, what has waited longest first."""
    return (
        select(batch.c.id, batch.c.conversation_id, batch.c.accepted_at, batch.c.show_at)
        .where(
            lane,
            _is_dirty(wants),
            batch.c.urgent == urgent,
            batch.c.show_at <= _NOW,
            unleased(),
            batch.c.id.not_in(bindparam("under_way", expanding=True)),
        )
        .order_by(batch.c.show_at)
    )


def _is_dirty(wants: Wants) -> ColumnElement[bool]:
    dirty = batch.c.wants == literal_column(str(int(wants)))  # no parameter, or the partial index goes unused
    return and_(dirty, ~batch.c.aside) if wants is Wants.POST else dirty


def _find_head(wants: Wants, lanes: CTE, lane: ColumnElement[str], *, urgent: bool) -> list[ColumnElement[str]]:
    """The first entry of a lane whose turn it is; else whether there are entries in the way of others behind them."""
    due = _find_due(wants, lane == lanes.c.lane, true() if urgent else false()).correlate(lanes)
    if wants is Wants.UPDATE:
        return [due.with_only_columns(batch.c.id).limit(1).scalar_subquery()]
    first = due.limit(_READ).subquery()
    in_turn = select(first.c.id).where(_in_turn(first)).order_by(first.c.show_at).limit(1)
    passed: Select[Any] = due.with_only_columns(literal_column(f"'{IN_THE_WAY[urgent]}'")).limit(1).offset(_READ - 1)
    return [in_turn.correlate(lanes).scalar_subquery(), passed.scalar_subquery()]


def _find_heads(wants: Wants) -> Select[Any]:
    """Of each channel (posts) or workspace (updates) with anything dirty: the first due entry, if there is room."""
    lane = batch.c.channel if wants is Wants.POST else batch.c.team
    lanes = select(func.min(lane).label("lane")).where(_is_dirty(wants)).cte(f"lanes_{int(wants)}", recursive=True)
    following = select(func.min(lane)).where(_is_dirty(wants), lane > lanes.c.lane).scalar_subquery()
    lanes = lanes.union_all(select(following).where(lanes.c.lane.is_not(None)))

    def has_room(*, urgent: bool) -> ColumnElement[bool]:
        room = bindparam(room_for(wants, urgent=urgent), type_=Time)
        return or_(pace.c.next_at.is_(None), pace.c.next_at <= room)

    others = [
        case((has_room(urgent=False), found), else_=null()) for found in _find_head(wants, lanes, lane, urgent=False)
    ]
    head = func.coalesce(*_find_head(wants, lanes, lane, urgent=True), *others)
    return (
        select(
            literal_column(str(int(wants))).label("wants"),
            lanes.c.lane,
            pace.c.next_at,
            case((has_room(urgent=True), head), else_=null()).label("head"),
        )
        .select_from(lanes.outerjoin(pace, pace.c.key == literal_column(f"'{PREFIXES[wants]}'") + lanes.c.lane))
        .where(lanes.c.lane.is_not(None))
    )


def _in_turn(entry: FromClause) -> ColumnElement[bool]:
    """Of a conversation its root first, then what came first; what has no conversation waits for nothing.

    Where no entry is to begin the thread, what of the conversation still needs a post stands by itself.
    """
    earlier = batch.alias("earlier")
    theirs = conversation.c.id == entry.c.conversation_id
    before = or_(
        earlier.c.accepted_at < entry.c.accepted_at,
        and_(earlier.c.accepted_at == entry.c.accepted_at, earlier.c.id < entry.c.id),
    )
    rootless = conversation.c.root_id == literal_column("''")
    waiting = (earlier.c.conversation_id == entry.c.conversation_id, earlier.c.wants == literal_column("2"), before)
    return or_(
        entry.c.conversation_id.is_(None),
        exists().where(theirs, conversation.c.root_id == entry.c.id).correlate(entry),
        and_(
            exists().where(theirs, or_(conversation.c.thread_ts.is_not(None), rootless)).correlate(entry),
            ~exists().where(*waiting).correlate(entry),
        ),
    )


def _find_out_of_turn() -> Select[Any]:
    """Of the first of a channel's due entries those whose turn it is not."""
    due = _find_due(Wants.POST, batch.c.channel == bindparam("channel"), bindparam("urgent", type_=Boolean))
    first = due.limit(_TOGETHER).subquery()
    return select(first.c.id, first.c.conversation_id).where(~_in_turn(first))


def _step_aside() -> Update:
    """Of some entries those of some conversations step aside whose turn it still is not."""
    entry = batch.alias("entry")
    still = select(entry.c.id).where(
        entry.c.id.in_(bindparam("ids", expanding=True)),
        entry.c.conversation_id.in_(bindparam("conversations", expanding=True)),
        entry.c.wants == literal_column("2"),
        ~_in_turn(entry),
    )
    locked = still.order_by(entry.c.id).with_for_update(key_share=True, skip_locked=True)
    return update(batch).where(batch.c.id.in_(locked)).values(aside=True)


def _find_turns() -> Select[Any]:
    """The entries of a conversation that `_in_turn` may name: its root, and what came first of what waits."""
    entry, waiting = batch.alias("entry"), batch.alias("waiting")
    its = select(entry.c.conversation_id).where(entry.c.id == bindparam("entry_id")).scalar_subquery()
    first = select(waiting.c.id).where(waiting.c.conversation_id == its, waiting.c.wants == literal_column("2"))
    first = first.order_by(waiting.c.accepted_at, waiting.c.id).limit(1)
    roots = select(conversation.c.root_id.label("id")).where(conversation.c.id == its)
    return select(union_all(roots, select(first.subquery().c.id)).subquery().c.id)


def _bring_missed_forward() -> Update:
    """Of every conversation those come forward whose turn it is; who is looked at too early steps aside again."""
    entry = batch.alias("entry")
    missed = select(entry.c.id).where(entry.c.wants == literal_column("2"), entry.c.aside, _in_turn(entry))
    # In the order of an index that holds nothing but what waits; locks that are skipped need no other.
    ordered = missed.order_by(entry.c.conversation_id, entry.c.accepted_at, entry.c.id)
    locked = ordered.with_for_update(key_share=True, skip_locked=True)
    return update(batch).where(batch.c.id.in_(locked)).values(aside=False)


# Built once: putting such a statement together takes longer than running it.
HEADS: Final = union_all(_find_heads(Wants.UPDATE), _find_heads(Wants.POST))
"""One row for each lane with anything dirty: `wants`, `lane`, `next_at` of its budget, and `head`.

That is an entry's id, or a word of `IN_THE_WAY`, or None when nothing is due or the budget has no room.
"""
_OUT_OF_TURN = _find_out_of_turn()
_HOLD_FREE = (
    select(conversation.c.id)
    .where(conversation.c.id.in_(bindparam("conversations", expanding=True)))
    .order_by(conversation.c.id)
    .with_for_update(skip_locked=True)
)
_STEP_ASIDE = _step_aside()
_HOLD = (
    select(conversation.c.id)
    .where(
        conversation.c.id
        == select(batch.c.conversation_id).where(batch.c.id == bindparam("entry_id")).scalar_subquery()
    )
    .with_for_update()
)
_BRING_FORWARD = update(batch).where(batch.c.aside, batch.c.id.in_(_find_turns())).values(aside=False)
_BRING_MISSED_FORWARD = _bring_missed_forward()
