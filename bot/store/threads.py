"""Which thread a conversation has: who begins it, and where it goes when its channel takes nothing any more."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, exists, func, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.ids import new_id
from bot.domain.message import E164, Batch, Origin
from bot.services.showing import Kind, Post, PostState
from bot.store.batches import pair_of
from bot.store.opt_outs import stopped_among
from bot.store.tables import batch, conversation, post
from bot.store.upsert import insert_new


async def join(connection: AsyncConnection, joining: Batch, now: datetime) -> None:
    """Give a text to one phone, or to a group, its conversation before it is shown.

    It begins the conversation where there is none, and takes it along where it was asked for in another channel.
    """
    [text] = joining.messages
    numbers = sorted(each.number for each in text.recipients)
    pair = (await _find_whole(connection, joining, numbers) if text.group else "") or pair_of(
        text.sender, tuple(numbers)
    )
    here = {"channel": joining.channel, "asked_in": joining.asked_in, "thread_ts": None, "root_id": joining.id}
    first: dict[str, Any] = {"id": new_id(), "pair": pair, "sender": text.sender, "members": json.dumps(numbers)}
    await insert_new(connection, conversation, [first | here | {"team": joining.team, "active_at": now}])
    row = (await connection.execute(_LOCK, {"of_pair": pair})).one()
    begins = row.root_id == joining.id or (row.thread_ts is None and not row.root_id)
    moves = not begins and row.channel != joining.channel
    if moves:
        await _lock_entries(connection, row.id, joining.id)
    known: dict[str, Any] = {"active_at": now} | (here if begins or moves else {})
    await connection.execute(_KNOW, {"known_id": row.id} | known)
    left = {"left_channel": row.channel, "left_ts": row.thread_ts} if moves and row.thread_ts else {}
    await connection.execute(_JOIN, {"entry_id": joining.id, "conversation_id": row.id} | left)
    if moves:
        await _take_along(connection, row.id, row.channel, joining.channel)


async def _find_whole(connection: AsyncConnection, joining: Batch, numbers: list[E164]) -> str:
    """The pair of the group to which a text is sent again without those who have said STOP, "" where it is no such.

    It is another group on the phones, and the same one here. Who edits a text may send it to others, or from another
    number, and an answer in its thread is for those alone.
    """
    again = select(conversation).join(batch, batch.c.conversation_id == conversation.c.id)
    row = (await connection.execute(again.where(batch.c.id == joining.again))).first()
    if row is None or row.sender != joining.messages[0].sender:
        return ""
    members = tuple(json.loads(row.members))
    stopped = await stopped_among(connection, members)
    return row.pair if {*members} - {*stopped} <= {*numbers} <= {*members} else ""


async def lock_conversation(connection: AsyncConnection, entry_id: str) -> None:
    """Lock an entry, but first its conversation, and together with what may be taken along with it."""
    its = select(batch.c.conversation_id).where(batch.c.id == entry_id).scalar_subquery()
    locked = select(conversation.c.id).where(conversation.c.id == its).with_for_update()
    conversation_id = await connection.scalar(locked)
    if conversation_id is not None:
        await _lock_entries(connection, conversation_id, entry_id)


async def _lock_entries(connection: AsyncConnection, conversation_id: str, entry_id: str) -> None:
    waiting = and_(batch.c.conversation_id == conversation_id, batch.c.wants == literal_column("2"))
    entries = select(batch.c.id).where(or_(batch.c.id == entry_id, waiting)).order_by(batch.c.id)
    await connection.execute(entries.with_for_update(key_share=True))


async def take_away(connection: AsyncConnection, before: Row[Any], channel: str, *, whole: bool) -> None:
    """An entry is shown in another channel: its conversation comes along when `whole`, or when it was to begin it.

    So it does where nothing is to begin it, as all that there was has been refused. From a channel that takes nothing
    it goes back to the thread that it had just left. `before` is the entry's row as it was; `whole` says that nothing
    of the conversation can be shown there any more.
    """
    if before.conversation_id is None:
        return
    theirs = conversation.c.id == before.conversation_id
    row = (await connection.execute(select(conversation).where(theirs).with_for_update())).one()
    begins = row.root_id == before.id or (not row.root_id and before.origin != Origin.REPLY)
    if not whole and (not begins or row.thread_ts is not None):
        return
    back = before.left_ts and before.left_channel == channel
    known: dict[str, Any] = {"channel": channel, "thread_ts": None, "root_id": before.id}
    if back:
        known |= {"thread_ts": before.left_ts, "root_id": ""}
    await connection.execute(update(conversation).where(theirs).values(known))
    await connection.execute(update(batch).where(batch.c.id == before.id).values(left_channel="", left_ts=""))
    await _take_along(connection, row.id, before.channel, channel)


async def begin_anew(connection: AsyncConnection, conversation_id: str, entry_id: str, thread_ts: str) -> None:
    """A conversation's thread is gone: an entry begins a new one, unless another has begun it."""
    await connection.execute(
        update(conversation)
        .where(conversation.c.id == conversation_id, conversation.c.thread_ts == thread_ts)
        .values(thread_ts=None, root_id=entry_id)
    )


async def follow_root(connection: AsyncConnection, root: Post) -> None:
    """The first post of a conversation begins its thread; where that is refused for good, the next entry begins it."""
    if root.state is PostState.POSTED:
        if root.thread_ts is None:
            begun = {"of_entry": root.batch_id, "channel": root.channel, "thread_ts": root.ts}
            await connection.execute(_BEGIN, begun)
    elif root.state is PostState.GONE:
        await connection.execute(_PASS_ON, {"of_entry": root.batch_id})


async def _take_along(connection: AsyncConnection, conversation_id: str, old: str, new: str) -> None:
    """What of a conversation is not shown yet is shown where it is now."""
    shown = exists().where(post.c.batch_id == batch.c.id).correlate(batch)
    await connection.execute(
        update(batch)
        .where(
            batch.c.conversation_id == conversation_id,
            batch.c.channel == old,
            batch.c.wants == literal_column("2"),
            ~shown,
        )
        .values(channel=new)
    )


# Built once: putting such a statement together takes longer than running it.
_LOCK = select(conversation).where(conversation.c.pair == bindparam("of_pair")).with_for_update()
_KNOW = update(conversation).where(conversation.c.id == bindparam("known_id"))
_JOIN = update(batch).where(batch.c.id == bindparam("entry_id"))
_BEGIN = update(conversation).where(
    conversation.c.id == select(batch.c.conversation_id).where(batch.c.id == bindparam("of_entry")).scalar_subquery(),
    conversation.c.root_id == bindparam("of_entry"),
    conversation.c.thread_ts.is_(None),
)
# A reply begins no thread, nor does what has its message already, or never will, or may have it in another thread.
_HAS_ROOT = (
    exists()
    .where(
        post.c.batch_id == batch.c.id,
        post.c.kind == Kind.ROOT,
        or_(post.c.state != PostState.POSTING, post.c.thread_ts.is_not(None)),
    )
    .correlate(batch)
)
_FOLLOWING = (
    select(batch.c.id)
    .where(
        batch.c.conversation_id == conversation.c.id,
        batch.c.wants == literal_column("2"),
        batch.c.id != bindparam("of_entry"),
        batch.c.origin != Origin.REPLY,
        ~_HAS_ROOT,
    )
    .order_by(batch.c.accepted_at)
    .limit(1)
    .correlate(conversation)
)
_PASS_ON = _BEGIN.values(root_id=func.coalesce(_FOLLOWING.scalar_subquery(), ""))
