"""What `/sms status` counts."""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Cause, Failure, Origin, Status, Wait
from bot.services.status import Arrivals, Waiting
from bot.store.tables import batch, inbound, message, recipient

_FAILS_AFTER = timedelta(days=4)  # texts are followed for three days; those that wait for the morning come on top
_REMEMBERED = timedelta(days=30)  # how far back the last text is looked for


class StatusStore:
    """Questions for `/sms status`; each reads an index, not a table."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def waiting(self) -> Waiting:
        """Texts that have not left, and those of which nobody knows yet."""
        doubted = message.c.checking_since.is_not(None)
        earlier = message.alias("earlier")
        behind = and_(
            text("message.status = 'accepted' AND message.wait IS NULL"),
            exists().where(
                earlier.c.pair == message.c.pair,
                earlier.c.seq < message.c.seq,
                text("earlier.status IN ('accepted', 'sending') AND COALESCE(earlier.wait, '') <> 'quiet'"),
            ),
        )
        wanted = (
            select(
                message.c.status,
                message.c.wait,
                message.c.preparing,
                doubted.label("doubted"),
                behind.label("behind"),
                func.count().label("texts"),
                func.min(message.c.accepted_at).label("at"),
            )
            .where(text("message.status IN ('accepted', 'sending')"))
            .group_by(message.c.status, message.c.wait, message.c.preparing, doubted, "behind")
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(wanted)).all()
        reasons: Counter[Wait | None] = Counter()
        checking = 0
        for row in rows:
            if row.status == Status.SENDING and row.doubted:
                checking += row.texts
            elif row.behind:
                reasons[Wait.TURN] += row.texts
            else:
                unforced = Wait.MEDIA if row.preparing else None
                reasons[Wait(row.wait) if row.wait else unforced] += row.texts
        return Waiting(dict(reasons), checking, min((row.at for row in rows), default=None))

    async def failed(self, since: datetime) -> dict[Failure, int]:
        """How many phones a text failed for since then; the members of a group each count."""
        written = batch.c.accepted_at > since - _FAILS_AFTER
        ours = select(message.c.cause, message.c.word, message.c.code, func.count().label("phones")).join(
            batch, batch.c.id == message.c.batch_id
        )
        theirs = (
            select(recipient.c.cause, recipient.c.word, recipient.c.code, func.count().label("phones"))
            .join(message, message.c.id == recipient.c.message_id)
            .join(batch, batch.c.id == message.c.batch_id)
        )
        async with self._engine.connect() as connection:
            rows = [
                *await connection.execute(
                    ours.where(
                        written, ~message.c.is_group, message.c.status == Status.FAILED, message.c.final_at > since
                    ).group_by(message.c.cause, message.c.word, message.c.code)
                ),
                *await connection.execute(
                    theirs.where(written, recipient.c.status == Status.FAILED, recipient.c.final_at > since).group_by(
                        recipient.c.cause, recipient.c.word, recipient.c.code
                    )
                ),
            ]
        counts: Counter[Failure] = Counter()
        for row in rows:
            counts[Failure(Cause(row.cause), row.word, row.code)] += row.phones
        return dict(counts.most_common())

    async def arrivals(self, since: datetime) -> Arrivals:
        """Texts from phones; `since` is where `lately` begins."""
        texts = inbound.join(batch, batch.c.id == inbound.c.id)
        missed = and_(inbound.c.message_sid.is_(None), inbound.c.record_sid.is_not(None))
        lately = (
            select(func.count().label("all"), func.count().filter(missed).label("missed"))
            .select_from(texts)
            .where(batch.c.accepted_at > since, batch.c.origin == Origin.INBOUND)
        )
        newest = (
            select(inbound.c.received_at, inbound.c.stored_at)
            .select_from(texts)
            .where(batch.c.accepted_at > since - _REMEMBERED, batch.c.origin == Origin.INBOUND)
            .order_by(batch.c.accepted_at.desc())
            .limit(1)
        )
        async with self._engine.connect() as connection:
            counts = (await connection.execute(lately)).one()
            last = (await connection.execute(newest)).first()
            called = (await connection.execute(newest.where(inbound.c.message_sid.is_not(None)))).first()
        return Arrivals(
            last=None if last is None else last.received_at,
            last_callback=None if called is None else called.stored_at,
            lately=counts.all,
            missed=counts.missed,
        )
