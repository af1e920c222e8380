"""Replies in conversations' threads: held, texted, changed and taken back."""

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, false, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.media import SlackFile
from bot.domain.message import E164, Reply, ReplyState, Status, Wait
from bot.services.ports import NewBatch, NewMessage, OptedOutError
from bot.services.replying import Answered, Former, StoredReply, Thread, Written
from bot.store.batches import message_values
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone
from bot.store.opt_outs import blocked_among, stopped_among
from bot.store.tables import (
    attachment,
    batch,
    conversation,
    inbound,
    message,
    opt_out,
    parcel,
    post,
    recipient,
    reply,
    stray,
)
from bot.store.upsert import insert_new

_TOGETHER = 100


class ReplyStore:
    """The reply and stray tables."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def thread(self, channel: str, thread_ts: str) -> Thread | None:
        """The conversation of a thread, None when it is none's."""
        theirs = select(conversation).where(conversation.c.channel == channel, conversation.c.thread_ts == thread_ts)
        async with self._engine.connect() as connection:
            row = (await connection.execute(theirs)).first()
            return None if row is None else await _read_thread(connection, row)

    async def former(self, channel: str, thread_ts: str) -> Former | None:
        """A thread that was a conversation's before, None when it was none's."""
        theirs = (
            select(conversation)
            .join(batch, batch.c.conversation_id == conversation.c.id)
            .join(post, post.c.batch_id == batch.c.id)
            .where(
                post.c.channel == channel,
                post.c.ts == thread_ts,
                post.c.thread_ts.is_(None),
                # It may have become the conversation's thread since somebody looked.
                or_(conversation.c.channel != channel, conversation.c.thread_ts.is_distinct_from(thread_ts)),
            )
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(theirs)).first()
            if row is None:
                return None
            return Former(await _read_thread(connection, row), row.channel, row.thread_ts or "")

    async def find(self, channel: str, ts: str) -> StoredReply | None:
        """A reply by Slack's name."""
        async with self._engine.connect() as connection:
            found = await connection.scalar(select(reply.c.id).where(reply.c.channel == channel, reply.c.ts == ts))
            return await _read(connection, found) if found is not None else None

    async def get(self, reply_id: str) -> StoredReply | None:
        """A reply by ours."""
        async with self._engine.connect() as connection:
            return await _read(connection, reply_id)

    @again_if_undone
    async def text(self, held: StoredReply, new: NewMessage, now: datetime) -> bool:
        """Text a reply that was held; False when it is no longer held.

        Raises:
            OptedOutError: Somebody asked for no more texts; nothing is changed.
        """
        async with self._engine.begin() as connection:
            if blocked := await blocked_among(connection, new.recipients):
                raise OptedOutError(tuple(number for number in new.recipients if number in blocked))
            ours = update(reply).where(reply.c.id == held.id, reply.c.state == ReplyState.HELD)
            said = (await connection.execute(ours.values(state=ReplyState.TEXTED).returning(reply.c.text))).scalar()
            if said is None:
                return False
            whole = NewBatch(
                id=held.id,
                key="",
                team="",
                user_id="",
                user_name="",
                channel="",
                response_url="",
                sender=held.thread.sender,
                text=said,
                media_urls=(),
                accepted_at=now,
                messages=(new,),
                files=held.files,
            )
            await connection.execute(insert(message), [message_values(whole, new)])
            if whole.files:
                await connection.execute(insert(parcel), [{"batch_id": held.id, "due_at": now}])
            if new.group:
                members = [
                    {"message_id": new.id, "number": number, "position": position}
                    for position, number in enumerate(new.recipients)
                ]
                await connection.execute(insert(recipient), members)
            await mark_dirty(connection, [held.id], urgent=False)
        return True

    @again_if_undone
    async def change(self, changed: StoredReply, said: str, now: datetime) -> bool:  # noqa: ARG002 -- the port's
        """Let a reply that has not left say something else; False when it has."""
        async with self._engine.begin() as connection:
            if await self._has_message(connection, changed.id):
                held = or_(message.c.wait.in_([Wait.UNDO, Wait.QUIET]), message.c.preparing)
                waiting = update(message).where(
                    message.c.batch_id == changed.id, held, text("status = 'accepted'"), message.c.lease_owner.is_(None)
                )
                if (await connection.execute(waiting.values(text=said).returning(message.c.id))).first() is None:
                    return False
            await connection.execute(update(reply).where(reply.c.id == changed.id).values(text=said))
        return True

    @again_if_undone
    async def withdraw(self, taken: StoredReply, now: datetime) -> bool:
        """Take a reply back that has not left; False when it has."""
        async with self._engine.begin() as connection:
            if await self._has_message(connection, taken.id):
                waiting = update(message).where(message.c.batch_id == taken.id, text("status = 'accepted'"))
                ended = {"status": Status.CANCELED, "final_at": now, "wait": None}
                ended |= {"lease_owner": None, "lease_until": None}
                canceled = (await connection.execute(waiting.values(ended).returning(message.c.id))).first()
                if canceled is None:
                    return False
                await connection.execute(
                    update(recipient)
                    .where(recipient.c.message_id == canceled.id)
                    .values(status=Status.CANCELED, final_at=now)
                )
            else:
                held = update(reply).where(reply.c.id == taken.id, reply.c.state == ReplyState.HELD)
                withdrawn = held.values(state=ReplyState.WITHDRAWN).returning(reply.c.id)
                if (await connection.execute(withdrawn)).first() is None:
                    return True  # a note, or taken back before: nothing changes
            await mark_dirty(connection, [taken.id], urgent=True)
        return True

    @staticmethod
    async def _has_message(connection: AsyncConnection, reply_id: str) -> bool:
        """Whether a reply is texted by now, whatever it was when its author looked at it.

        Its row stays locked, so that nobody texts it between this answer and what follows from it.
        """
        await connection.execute(select(reply.c.id).where(reply.c.id == reply_id).with_for_update())
        return (
            await connection.execute(select(message.c.id).where(message.c.batch_id == reply_id))
        ).first() is not None

    async def reaches_nobody(self, thread: Thread) -> bool:
        """Whether each phone of a conversation has asked for no more texts."""
        async with self._engine.connect() as connection:
            return await blocked_among(connection, thread.members) == set(thread.members)

    async def answered(self, thread: Thread, but: str, since: datetime) -> Answered | None:
        """Somebody else's newest reply that was texted since then."""
        newest = (
            select(batch.c.user_id, reply.c.text)
            .join(batch, batch.c.id == reply.c.id)
            .join(message, message.c.batch_id == reply.c.id)
            .where(
                batch.c.conversation_id == thread.id,
                batch.c.user_id != but,
                reply.c.state == ReplyState.TEXTED,
                message.c.status != Status.CANCELED,
                message.c.accepted_at >= since,
            )
            .order_by(message.c.seq.desc())
            .limit(1)
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(newest)).first()
        return None if row is None else Answered(row.user_id, row.text)

    async def wrote_since(self, numbers: Collection[E164], since: datetime) -> frozenset[E164]:
        """Those of the numbers that have texted us since then."""
        wanted = select(inbound.c.number).where(inbound.c.number.in_(numbers), inbound.c.received_at >= since)
        async with self._engine.connect() as connection:
            return frozenset((await connection.execute(wanted.distinct())).scalars())

    async def keep_stray(self, written: Written, now: datetime) -> None:
        """Keep a reply whose thread is not known yet."""
        row = {"channel": written.channel, "ts": written.ts, "thread_ts": written.thread_ts}
        async with self._engine.begin() as connection:
            await insert_new(connection, stray, [row | {"body": json.dumps(asdict(written)), "at": now}])

    async def strays(self, since: datetime) -> tuple[Written, ...]:
        """Replies whose threads are known by now; those of before `since` are forgotten."""
        known = (stray.c.channel == conversation.c.channel) & (stray.c.thread_ts == conversation.c.thread_ts)
        async with self._engine.begin() as connection:
            await connection.execute(delete(stray).where(stray.c.at < since))
            found = select(stray.c.body).join(conversation, known).order_by(stray.c.ts).limit(_TOGETHER)
            rows = (await connection.execute(found)).scalars().all()
        return tuple(_read_written(json.loads(row)) for row in rows)

    async def change_stray(self, channel: str, ts: str, said: str, *, mentions: bool) -> None:
        """Let one say something else; nothing when there is none."""
        theirs = (stray.c.channel == channel, stray.c.ts == ts)
        async with self._engine.begin() as connection:
            body = await connection.scalar(select(stray.c.body).where(*theirs).with_for_update())
            if body is not None:
                changed = json.loads(body) | {"text": said, "mentions": mentions}
                await connection.execute(update(stray).where(*theirs).values(body=json.dumps(changed)))

    async def drop_stray(self, channel: str, ts: str) -> None:
        """Forget one; nothing when there is none."""
        theirs = (stray.c.channel == channel, stray.c.ts == ts)
        async with self._engine.begin() as connection:
            await connection.execute(delete(stray).where(*theirs))


def _read_written(body: dict[str, Any]) -> Written:
    return Written(**body | {"files": tuple(SlackFile(**file) for file in body["files"])})


async def _read(connection: AsyncConnection, reply_id: str) -> StoredReply | None:
    found = (
        select(
            reply,
            batch.c.user_id,
            batch.c.user_name,
            batch.c.conversation_id,
            message.c.status,
        )
        .join(batch, batch.c.id == reply.c.id)
        .outerjoin(message, message.c.batch_id == reply.c.id)
        .where(reply.c.id == reply_id)
    )
    row = (await connection.execute(found)).first()
    if row is None:
        return None
    theirs = select(conversation).where(conversation.c.id == row.conversation_id)
    thread = await _read_thread(connection, (await connection.execute(theirs)).one())
    return StoredReply(
        id=row.id,
        channel=row.channel,
        user_id=row.user_id,
        user_name=row.user_name,
        thread=thread,
        reply=Reply(row.ts, row.thread_ts, ReplyState(row.state), row.text),
        at=row.at,
        status=Status(row.status) if row.status is not None else None,
        files=await _read_files(connection, reply_id),
        returned=await _find_returned(connection, thread, row.at) if thread.is_group else (),
    )


async def _find_returned(connection: AsyncConnection, thread: Thread, since: datetime) -> tuple[E164, ...]:
    back = (opt_out.c.number.in_(thread.members), opt_out.c.blocked == false(), opt_out.c.at > since)
    numbers = frozenset((await connection.execute(select(opt_out.c.number).where(*back))).scalars())
    return tuple(number for number in thread.members if number in numbers)


async def _read_files(connection: AsyncConnection, batch_id: str) -> tuple[SlackFile, ...]:
    theirs = select(attachment).where(attachment.c.batch_id == batch_id).order_by(attachment.c.position)
    return tuple(SlackFile(file.file_id, file.name, file.kind, file.size) for file in await connection.execute(theirs))


async def _read_thread(connection: AsyncConnection, row: Row[Any]) -> Thread:
    members = tuple(json.loads(row.members))
    return Thread(row.id, row.team, row.sender, members, await stopped_among(connection, members))
