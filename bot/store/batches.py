"""Batches and their messages: accepted in one write, canceled in one, read back whole."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import E164, Batch, Cause, Failure, Message, Recipient, Status, Wait
from bot.services.ports import NewBatch
from bot.store.commits import GroupCommit
from bot.store.dirty import mark_dirty
from bot.store.tables import batch, message, recipient, retry

_DELIVERED = Status.DELIVERED


class BatchStore:
    """The batch and message tables, seen from Slack's side.

    Args:
        engine: The database.
        deadline: Seconds within which a text is accepted or refused.
    """

    def __init__(self, engine: AsyncEngine, *, deadline: float = 1.5) -> None:
        self._engine = engine
        self._commits = GroupCommit(engine, _insert, deadline=deadline)

    async def accept(self, new: NewBatch) -> None:
        """Store a batch durably.

        Raises:
            RepeatedError: The same wish was stored before, or what it sends again was sent again before.
            NotStoredError: Nothing is stored.
            StoredOrNotError: COMMIT got no answer.
        """
        await self._commits.put(new)

    async def drain(self) -> None:
        """Wait for the writes under way."""
        await self._commits.drain()

    async def cancel(self, batch_id: str, now: datetime) -> int:
        """Cancel what of a batch is still accepted; how many messages that were."""
        async with self._engine.begin() as connection:
            canceled = (
                (
                    await connection.execute(
                        update(message)
                        .where(message.c.batch_id == batch_id, message.c.status == Status.ACCEPTED)
                        .values(status=Status.CANCELED, final_at=now, wait=None, lease_owner=None, lease_until=None)
                        .returning(message.c.id)
                    )
                )
                .scalars()
                .all()
            )
            if canceled:
                await connection.execute(
                    update(recipient)
                    .where(recipient.c.message_id.in_(canceled))
                    .values(status=Status.CANCELED, final_at=now)
                )
                await mark_dirty(connection, [batch_id], urgent=True)
        return len(canceled)

    async def batch(self, batch_id: str) -> Batch | None:
        """One batch with its messages as they stand, None when there is none."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(batch).where(batch.c.id == batch_id))).first()
            if row is None:
                return None
            messages = (
                await connection.execute(select(message).where(message.c.batch_id == batch_id).order_by(message.c.seq))
            ).all()
            groups = [found.id for found in messages if found.is_group]
            behind = await _behind(connection, messages)
            members: dict[str, list[Row[Any]]] = {}
            if groups:
                for member in await connection.execute(
                    select(recipient).where(recipient.c.message_id.in_(groups)).order_by(recipient.c.position)
                ):
                    members.setdefault(member.message_id, []).append(member)
        return Batch(
            id=row.id,
            team=row.team,
            user_id=row.user_id,
            user_name=row.user_name,
            channel=row.channel,
            asked_in=row.asked_in,
            moved=row.moved,
            again=row.again,
            messages=tuple(
                _read_message(found, members.get(found.id, []), behind=found.seq in behind) for found in messages
            ),
        )


def pair_of(sender: E164, recipients: tuple[E164, ...]) -> str:
    """The conversation that a message belongs to: one message of it is sending at a time."""
    return f"{sender}>{','.join(sorted(recipients))}"


async def _insert(connection: AsyncConnection, batches: list[NewBatch]) -> None:
    await connection.execute(
        insert(batch),
        [
            {
                "id": new.id,
                "key": new.key,
                "team": new.team,
                "user_id": new.user_id,
                "user_name": new.user_name,
                "channel": new.channel,
                "asked_in": new.channel,
                "again": new.again,
                "sender": new.sender,
                "response_url": new.response_url,
                "accepted_at": new.accepted_at,
                "show_at": new.accepted_at,
            }
            for new in batches
        ],
    )
    await connection.execute(
        insert(message),
        [
            {
                "id": text.id,
                "batch_id": new.id,
                "pair": pair_of(new.sender, text.recipients),
                "sender": new.sender,
                "recipient": "" if text.group else text.recipients[0],
                "is_group": text.group,
                "text": new.text,
                "media_urls": json.dumps(new.media_urls) if new.media_urls else "[]",
                "accepted_at": new.accepted_at,
                "not_before": new.accepted_at,
            }
            for new in batches
            for text in new.messages
        ],
    )
    members = [
        {"message_id": text.id, "number": number, "position": position}
        for new in batches
        for text in new.messages
        if text.group
        for position, number in enumerate(text.recipients)
    ]
    if members:
        await connection.execute(insert(recipient), members)
    for new in batches:
        if new.again:
            await _take_retries(connection, new)


async def _take_retries(connection: AsyncConnection, new: NewBatch) -> None:
    """Note what this batch sends again; the primary key refuses a second time."""
    taken = [{"retry_of": retry_of, "message_id": text.id} for text in new.messages for retry_of in text.retry_of]
    await connection.execute(insert(retry), taken)
    for row in taken:
        message_id, _, number = row["retry_of"].partition(":")
        unsettled = (Status.FAILED, Status.UNCONFIRMED)
        if number:
            of = update(recipient).where(
                recipient.c.message_id == message_id, recipient.c.number == number, recipient.c.status.in_(unsettled)
            )
        else:
            of = update(message).where(message.c.id == message_id, message.c.status.in_(unsettled))
        if (await connection.execute(of.values(retried=True))).rowcount != 1:
            # It was delivered between the press and here.
            raise IntegrityError("retry", None, ValueError("no longer failed"))
    await mark_dirty(connection, [new.again], urgent=False)


async def _behind(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> frozenset[int]:
    """Which of the messages wait for an earlier one of the same conversation."""
    idle = [row for row in rows if row.status == Status.ACCEPTED and row.wait is None]
    if not idle:
        return frozenset()
    first = (
        select(message.c.pair, func.min(message.c.seq).label("seq"))
        .where(message.c.pair.in_({row.pair for row in idle}), text("status IN ('accepted', 'sending')"))
        .group_by(message.c.pair)
    )
    heads = {row.pair: row.seq for row in await connection.execute(first)}
    return frozenset(row.seq for row in idle if heads.get(row.pair, row.seq) < row.seq)


def _read_message(row: Row[Any], members: list[Row[Any]], *, behind: bool) -> Message:
    status = Status(row.status)
    wait = None
    if status is Status.ACCEPTED:
        wait = Wait.TURN if behind else row.wait and Wait(row.wait)
    took = None
    if status is _DELIVERED and row.carrier_created_at is not None and row.carrier_final_at is not None:
        took = max(row.carrier_final_at - row.carrier_created_at, timedelta(0))
    phones = (
        tuple(_read_recipient(member, member.number) for member in members)
        if row.is_group
        else (_read_recipient(row, row.recipient),)
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
        not_before=None if wait in {None, Wait.TURN} else row.not_before,
        checking_since=row.checking_since if status is Status.SENDING else None,
        attempts=row.attempts,
        kind=row.kind,
        segments=row.segments,
        price=row.price,
        took=took,
        unreceipted=row.unreceipted,
    )


def _read_recipient(row: Row[Any], number: E164) -> Recipient:
    status = Status(row.status)
    failure = None
    if status is Status.FAILED:
        failure = Failure(Cause(row.cause), row.word, row.code)
    return Recipient(
        number=number,
        status=status,
        word="" if failure else row.word,
        failure=failure,
        final_at=row.final_at,
        retried=row.retried,
    )
