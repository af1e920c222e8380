"""Batches and their messages: accepted in one write, canceled in one, read back whole."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import E164, Batch, Origin, Status, Wait
from bot.services.ports import NewBatch, NewMessage, OptedOutError, SettledError
from bot.services.showing import Wants
from bot.store.commits import GroupCommit, RefusalsError
from bot.store.dirty import mark_dirty
from bot.store.entries import read_entry
from bot.store.locks import again_if_undone, in_order
from bot.store.opt_outs import blocked_among
from bot.store.rows import Insertion
from bot.store.tables import attachment, batch, message, parcel, recipient, reply, retry

_INSERT_BATCH, _INSERT_MESSAGE = Insertion(batch), Insertion(message)


class BatchStore:
    """The batch and message tables, seen from Slack's side.

    Args:
        engine: The database.
        deadline: Seconds within which a text is accepted or refused.
    """

    def __init__(self, engine: AsyncEngine, *, deadline: float = 1.5) -> None:
        self._engine = engine
        self._commits = GroupCommit(engine, _insert, deadline=deadline)

    async def accept(self, new: NewBatch, *, within: float | None = None) -> None:
        """Store a batch durably.

        Args:
            new: The batch.
            within: Seconds until its fate must be known, None for the usual deadlines.

        Raises:
            RepeatedError: The same wish was stored before, or what it sends again was sent again before.
            SettledError: What it sends again has not failed after all.
            OptedOutError: A recipient asked for no more texts.
            NotStoredError: Nothing is stored.
            StoredOrNotError: COMMIT got no answer.
        """
        await self._commits.put(new, within=within)

    async def drain(self) -> None:
        """Wait for the writes under way."""
        await self._commits.drain()

    @again_if_undone
    async def cancel(self, batch_id: str, now: datetime) -> int:
        """Cancel what of a batch is still accepted; how many messages that were."""
        waiting = (message.c.batch_id == batch_id, message.c.status == Status.ACCEPTED)
        async with self._engine.begin() as connection:
            canceled = (
                (
                    await connection.execute(
                        update(message)
                        .where(in_order(*waiting), *waiting)
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

    @again_if_undone
    async def send_now(self, batch_id: str, now: datetime) -> int:
        """Let go what waits only for the morning; how many messages that were."""
        waiting = (message.c.batch_id == batch_id, message.c.status == Status.ACCEPTED, message.c.wait == Wait.QUIET)
        async with self._engine.begin() as connection:
            quiet = update(message).where(in_order(*waiting), *waiting)
            values = {"wait": None, "not_before": now, "ready_at": now, "send_by": None}
            freed = (await connection.execute(quiet.values(values).returning(message.c.id))).scalars().all()
            if freed:
                await mark_dirty(connection, [batch_id], urgent=False)
        return len(freed)

    async def batch(self, batch_id: str) -> Batch | None:
        """One batch with its messages as they stand, None when there is none."""
        async with self._engine.connect() as connection:
            entry = await read_entry(connection, batch_id)
        return entry if isinstance(entry, Batch) else None


def pair_of(sender: E164, recipients: tuple[E164, ...]) -> str:
    """The conversation that a message belongs to: one message of it is sending at a time."""
    return f"{sender}>{','.join(sorted(recipients))}"


async def insert_batches(connection: AsyncConnection, batches: Sequence[NewBatch]) -> None:
    """Store batches in a transaction that may hold more; whether anybody has opted out is asked before."""
    await _INSERT_BATCH.run(connection, [_batch_values(new) for new in batches])
    texts = [message_values(new, text) for new in batches for text in new.messages]
    if texts:
        await _INSERT_MESSAGE.run(connection, texts)
    replies = [
        {
            "id": new.id,
            "channel": new.channel,
            "ts": new.reply.ts,
            "thread_ts": new.reply.thread_ts,
            "text": new.reply.text,
            "state": new.reply.state,
            "at": new.accepted_at,
        }
        for new in batches
        if new.reply is not None
    ]
    if replies:
        await connection.execute(insert(reply), replies)
    files = [
        {
            "batch_id": new.id,
            "position": position,
            "file_id": file.id,
            "name": file.name,
            "kind": file.kind,
            "size": file.size,
        }
        for new in batches
        for position, file in enumerate(new.files)
    ]
    if files:
        await connection.execute(insert(attachment), files)
    parcels = [{"batch_id": new.id, "due_at": new.accepted_at} for new in batches if _has_media(new) and new.messages]
    if parcels:
        await connection.execute(insert(parcel), parcels)
    members = [
        {"message_id": text.id, "number": number, "position": position}
        for new in batches
        for text in new.messages
        if text.group
        for position, number in enumerate(text.recipients)
    ]
    if members:
        await connection.execute(insert(recipient), members)


async def _insert(connection: AsyncConnection, batches: list[NewBatch]) -> None:
    await _refuse_opted_out(connection, batches)
    await insert_batches(connection, batches)
    await _take_retries(connection, batches)


async def _refuse_opted_out(connection: AsyncConnection, batches: list[NewBatch]) -> None:
    wanted = {number for new in batches for text in new.messages for number in text.recipients if not text.purpose}
    blocked = await blocked_among(connection, wanted)
    if not blocked:
        return
    refusals: dict[int, Exception] = {}
    for at, new in enumerate(batches):
        numbers = dict.fromkeys(number for text in new.messages for number in text.recipients if not text.purpose)
        if theirs := tuple(number for number in numbers if number in blocked):
            refusals[at] = OptedOutError(theirs)
    if refusals:
        raise RefusalsError(refusals)


def _batch_values(new: NewBatch) -> dict[str, Any]:
    return {
        "id": new.id,
        "key": new.key,
        "team": new.team,
        "user_id": new.user_id,
        "user_name": new.user_name,
        "channel": new.channel,
        "asked_in": new.channel,
        "again": new.again,
        "origin": new.origin,
        "conversation_id": new.conversation_id or None,
        "sender": new.sender,
        "response_url": new.response_url,
        "accepted_at": new.accepted_at,
        # A reply is in Slack already; it needs only its mark.
        "wants": int(Wants.UPDATE if new.origin is Origin.REPLY else Wants.POST),
        "show_at": new.accepted_at,
    }


def message_values(new: NewBatch, text: NewMessage) -> dict[str, Any]:
    """A message's row."""
    hold = text.hold
    return {
        "id": text.id,
        "batch_id": new.id,
        "pair": pair_of(new.sender, text.recipients),
        "sender": new.sender,
        "recipient": "" if text.group else text.recipients[0],
        "is_group": text.group,
        "text": new.text,
        "media_urls": json.dumps(new.media_urls) if new.media_urls else "[]",
        "accepted_at": new.accepted_at,
        "not_before": new.accepted_at if hold is None else hold.until,
        "ready_at": new.accepted_at if hold is None else hold.until,
        "wait": None if hold is None else hold.wait,
        "send_by": None if hold is None else hold.send_by,
        "zones": "" if hold is None else ",".join(hold.zones),
        "purpose": text.purpose,
        "preparing": _has_media(new),
    }


def _has_media(new: NewBatch) -> bool:
    """Whether anything must be made ready before it may go."""
    return bool(new.files or new.media_urls)


async def _take_retries(connection: AsyncConnection, batches: list[NewBatch]) -> None:
    """Note what is sent again; the primary key refuses a second time.

    Raises:
        RefusalsError: Some of it no longer failed.
    """
    taken = sorted(
        (retry_of, text.id, at) for at, new in enumerate(batches) for text in new.messages for retry_of in text.retry_of
    )
    if not taken:
        return
    await connection.execute(insert(retry), [{"retry_of": of, "message_id": name} for of, name, _ in taken])
    settled: set[int] = set()
    for retry_of, _, at in taken:
        message_id, _, number = retry_of.partition(":")
        unsettled = (Status.FAILED, Status.UNCONFIRMED)
        if number:
            of = update(recipient).where(
                recipient.c.message_id == message_id, recipient.c.number == number, recipient.c.status.in_(unsettled)
            )
        else:
            of = update(message).where(message.c.id == message_id, message.c.status.in_(unsettled))
        if (await connection.execute(of.values(retried=True))).rowcount != 1:
            settled.add(at)  # word of it came between the press and here
    if settled:
        raise RefusalsError({at: SettledError() for at in settled})
    await mark_dirty(connection, [new.again for new in batches if new.again], urgent=False)
