"""Conversations that wait for an answer; `nudged_at` is the newest text from them that has been judged."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import Purpose, Status
from bot.services.notes import NewNote
from bot.services.nudges import Pause
from bot.store.notes import insert_note
from bot.store.opt_outs import blocked_among
from bot.store.tables import batch, conversation, inbound, message

_RECENT = timedelta(days=1)  # what waits for longer is old news: after a pause of ours, or when nudges are turned on
_WRITTEN_BEFORE = timedelta(days=1)  # a reply may be texted long after it was written
_TOGETHER = 100


class NudgeStore:
    """The conversation table, as far as somebody waits."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due(self, now: datetime, wait: timedelta) -> tuple[Pause, ...]:
        """Those whose newest text came `wait` ago and is not judged yet, the longest first."""
        rested = (
            select(conversation)
            .where(
                conversation.c.inbound_at.between(now - wait - _RECENT, now - wait),
                or_(conversation.c.nudged_at.is_(None), conversation.c.nudged_at < conversation.c.inbound_at),
            )
            .order_by(conversation.c.inbound_at)
            .limit(_TOGETHER)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(rested)).all()
            return tuple([await _read_pause(connection, row) for row in rows])

    async def judge(self, pause: Pause, note: NewNote | None) -> bool:
        """Judge one, unless another process has or somebody has written since; False then."""
        unjudged = update(conversation).where(
            conversation.c.id == pause.conversation_id,
            conversation.c.inbound_at == pause.since,
            or_(conversation.c.nudged_at.is_(None), conversation.c.nudged_at < pause.since),
        )
        async with self._engine.begin() as connection:
            judged = await connection.execute(unjudged.values(nudged_at=pause.since).returning(conversation.c.id))
            if judged.first() is None:
                return False
            if note is not None:
                await insert_note(connection, note)
        return True


async def _read_pause(connection: AsyncConnection, row: Row[Any]) -> Pause:
    members = tuple(json.loads(row.members))
    newest = (
        await connection.execute(
            select(inbound.c.keyword, inbound.c.stored_at)
            .join(batch, batch.c.id == inbound.c.id)
            .where(inbound.c.number.in_(members), batch.c.conversation_id == row.id)
            .order_by(inbound.c.received_at.desc(), inbound.c.stored_at.desc())
            .limit(1)
        )
    ).first()
    reached = set(members) - await blocked_among(connection, members)
    spoken = newest is not None and not newest.keyword and bool(reached)
    return Pause(
        conversation_id=row.id,
        team=row.team,
        channel=row.channel,
        members=members,
        since=row.inbound_at,
        spoken=spoken,
        answered=newest is not None and await _is_answered(connection, row, newest.stored_at),
    )


async def _is_answered(connection: AsyncConnection, talk: Row[Any], since: datetime) -> bool:
    """Whether a person's text to this conversation was accepted since then, which is when people could read of it."""
    answer = (
        exists()
        .where(
            batch.c.accepted_at > since - _WRITTEN_BEFORE,
            message.c.batch_id == batch.c.id,
            # A text that is not shown yet has only its pair; one that left somebody of a group out has another.
            or_(message.c.pair == talk.pair, batch.c.conversation_id == talk.id),
            message.c.accepted_at > since,
            message.c.purpose == Purpose.PERSONAL,
            message.c.status != Status.CANCELED,
        )
        .select()
    )
    return bool(await connection.scalar(answer))
