"""What Slack shows, read back whole: batches with their messages, texts from phones, and words of our own."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import (
    E164,
    Attachment,
    Batch,
    Cause,
    Entry,
    Failure,
    Inbound,
    Message,
    Note,
    Origin,
    Picture,
    PictureState,
    Place,
    Preparation,
    Purpose,
    Recipient,
    Reply,
    ReplyState,
    Status,
    Wait,
    Wish,
)
from bot.store.locks import in_line
from bot.store.opt_outs import stopped_among
from bot.store.tables import attachment, batch, conversation, inbound, message, note, parcel, picture, recipient, reply

_DELIVERED = Status.DELIVERED

# Built once: putting such a statement together takes longer than running it.
_ENTRY = (
    select(batch, conversation.c.thread_ts, conversation.c.root_id, conversation.c.members)
    .outerjoin(conversation, conversation.c.id == batch.c.conversation_id)
    .where(batch.c.id == bindparam("entry_id"))
)
_MESSAGES = select(message).where(message.c.batch_id == bindparam("batch_id")).order_by(message.c.seq)
_FILES = select(attachment).where(attachment.c.batch_id == bindparam("batch_id")).order_by(attachment.c.position)


class EntryStore:
    """The batch table with all that hangs on it, as the announcer reads it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.line = asyncio.Lock()
        self._engine = engine

    @in_line
    async def entry(self, entry_id: str) -> Entry | None:
        """One entry as it stands, None when there is none."""
        async with self._engine.connect() as connection:
            return await read_entry(connection, entry_id)


async def read_entry(connection: AsyncConnection, entry_id: str) -> Entry | None:
    """One entry as it stands, None when there is none."""
    row = (await connection.execute(_ENTRY, {"entry_id": entry_id})).first()
    if row is None:
        return None
    match Origin(row.origin):
        case Origin.INBOUND:
            return await _read_inbound(connection, row)
        case Origin.NOTE:
            found = (await connection.execute(select(note).where(note.c.id == row.id))).one()
            thread_ts = _thread(row) if row.conversation_id else found.thread_ts
            return Note(row.id, row.team, row.channel, thread_ts, found.text)
        case _:
            return await _read_batch(connection, row)


async def _read_inbound(connection: AsyncConnection, row: Row[Any]) -> Inbound:
    found = (await connection.execute(select(inbound).where(inbound.c.id == row.id))).one()
    numbers = tuple(json.loads(row.members))
    files = select(picture.c.url, picture.c.state, picture.c.reason).where(picture.c.inbound_id == row.id)
    pictures = (await connection.execute(files.order_by(picture.c.position))).all()
    return Inbound(
        id=row.id,
        conversation_id=row.conversation_id,
        team=row.team,
        channel=row.channel,
        asked_in=row.asked_in,
        moved=row.moved,
        thread_ts=_thread(row),
        behind=_is_behind(row),
        broadcast=found.broadcast,
        sender=found.number,
        ours=found.ours,
        members=numbers if len(numbers) > 1 else (),
        text=found.text,
        pictures=tuple(Picture(each.url, PictureState(each.state), each.reason) for each in pictures),
        received_at=found.received_at,
        late=found.late,
        keyword=found.keyword,
        blocked=found.blocked,
        wish=Wish(found.wish),
        decided_by=found.decided_by,
        erased=found.erased,
        stopped=await stopped_among(connection, numbers) if row.root_id == row.id else (),
    )


async def _read_batch(connection: AsyncConnection, row: Row[Any]) -> Batch:
    messages = (await connection.execute(_MESSAGES, {"batch_id": row.id})).all()
    groups = [found.id for found in messages if found.is_group]
    behind = await _behind(connection, messages)
    members: dict[str, list[Row[Any]]] = {}
    if groups:
        for member in await connection.execute(
            select(recipient).where(recipient.c.message_id.in_(groups)).order_by(recipient.c.position)
        ):
            members.setdefault(member.message_id, []).append(member)
    attached = (await connection.execute(_FILES, {"batch_id": row.id})).all()
    preparation = None
    if any(found.preparing for found in messages):
        preparation = await _read_preparation(connection, row.id, attached)
    said = None
    if row.origin == Origin.REPLY:
        found = (await connection.execute(select(reply).where(reply.c.id == row.id))).one()
        said = Reply(found.ts, found.thread_ts, ReplyState(found.state), found.text)
    texts = tuple(
        _read_message(found, members.get(found.id, []), behind=found.seq in behind, preparation=preparation)
        for found in messages
    )
    return Batch(
        id=row.id,
        team=row.team,
        user_id=row.user_id,
        user_name=row.user_name,
        channel=row.channel,
        asked_in=row.asked_in,
        moved=row.moved,
        again=row.again,
        messages=texts,
        origin=Origin(row.origin),
        conversation_id=row.conversation_id or "",
        thread_ts=_thread(row),
        behind=_is_behind(row),
        left=Place(row.left_channel, row.left_ts) if row.left_ts else None,
        reply=said,
        files=tuple(
            Attachment(file.file_id, file.name, file.url, file.said, file.kind, file.size) for file in attached
        ),
        stopped=await _find_stopped(connection, row, texts),
    )


async def _find_stopped(connection: AsyncConnection, row: Row[Any], texts: Sequence[Message]) -> tuple[E164, ...]:
    members = tuple(json.loads(row.members)) if row.members else ()
    if row.origin == Origin.REPLY and texts:
        reached = {phone.number for text in texts for phone in text.recipients}
        return tuple(number for number in members if number not in reached)
    return await stopped_among(connection, members) if row.root_id == row.id else ()


def _thread(row: Row[Any]) -> str | None:
    """The conversation's thread, None for its root and for what has no conversation."""
    return None if row.root_id == row.id else row.thread_ts


def _is_behind(row: Row[Any]) -> bool:
    return bool(row.root_id) and row.root_id != row.id and row.thread_ts is None


async def _behind(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> frozenset[int]:
    """Which of the messages wait for an earlier one of the same conversation."""
    idle = [row for row in rows if row.status == Status.ACCEPTED and row.wait is None]
    if not idle:
        return frozenset()
    first = (
        select(message.c.pair, func.min(message.c.seq).label("seq"))
        .where(
            message.c.pair.in_({row.pair for row in idle}),
            text("status IN ('accepted', 'sending') AND COALESCE(wait, '') <> 'quiet'"),
        )
        .group_by(message.c.pair)
    )
    heads = {row.pair: row.seq for row in await connection.execute(first)}
    return frozenset(row.seq for row in idle if heads.get(row.pair, row.seq) < row.seq)


async def _read_preparation(
    connection: AsyncConnection, batch_id: str, files: Sequence[Row[Any]]
) -> tuple[Preparation, datetime] | None:
    """How far a batch's files are and when they are looked at again; None while that is not worth a word."""
    found = (await connection.execute(select(parcel).where(parcel.c.batch_id == batch_id))).first()
    if found is None or (found.place is None and not found.reason):
        return None
    return Preparation(tuple(file.kind for file in files), found.place, found.reason), found.due_at


def _read_message(
    row: Row[Any], members: list[Row[Any]], *, behind: bool, preparation: tuple[Preparation, datetime] | None
) -> Message:
    status = Status(row.status)
    wait = None
    not_before = row.not_before
    if status is Status.ACCEPTED:
        wait = Wait.TURN if behind else row.wait and Wait(row.wait)
        if row.preparing and wait is None and preparation is not None:
            wait, not_before = Wait.MEDIA, preparation[1]
    took = None
    if status is _DELIVERED and row.carrier_created_at is not None and row.carrier_final_at is not None:
        took = max(row.carrier_final_at - row.carrier_created_at, timedelta(0))
    phones = (
        tuple(_read_recipient(member, member.number, busy=row.busy) for member in members)
        if row.is_group
        else (_read_recipient(row, row.recipient, busy=row.busy),)
    )
    return Message(
        id=row.id,
        batch_id=row.batch_id,
        seq=row.seq,
        sender=row.sender,
        recipients=phones,
        group=row.is_group,
        text=row.text,
        media_urls=tuple(json.loads(row.media_urls)),
        status=status,
        accepted_at=row.accepted_at,
        sending_at=row.sending_at,
        queued_at=row.queued_at,
        sent_at=row.sent_at,
        final_at=row.final_at,
        wait=wait,
        not_before=None if wait in {None, Wait.TURN} else not_before,
        checking_since=row.checking_since if status is Status.SENDING else None,
        unread=status is Status.UNCONFIRMED and row.checks == 0,
        attempts=row.attempts,
        busy=row.busy,
        kind=row.kind,
        segments=row.segments,
        price=row.price,
        took=took,
        unreceipted=row.unreceipted,
        purpose=Purpose(row.purpose),
        erased=row.erased,
        zones=tuple(row.zones.split(",")) if row.zones else (),
        preparation=preparation[0] if wait is Wait.MEDIA and preparation is not None else None,
    )


def _read_recipient(row: Row[Any], number: E164, *, busy: bool) -> Recipient:
    status = Status(row.status)
    failure = None
    if status is Status.FAILED:
        failure = Failure(Cause(row.cause), row.word, row.code, unsure=busy)
    return Recipient(
        number=number,
        status=status,
        word="" if failure else row.word,
        failure=failure,
        final_at=row.final_at,
        retried=row.retried,
    )
