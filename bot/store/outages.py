"""What is out of reach, as all processes know it, and what that held up.

The row of an outage decides who speaks: whoever changes it says so, in the same transaction.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import Cause, Origin, Status, Wait
from bot.domain.notices import Waited
from bot.services.notes import NewNote
from bot.services.outages import End, Known
from bot.services.showing import Wants
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_order
from bot.store.notes import insert_note
from bot.store.tables import batch, message, outage, post
from bot.store.tables import note as words
from bot.store.upsert import insert_new

HELD_UP: Final = (Wait.UNREACHABLE, Wait.UNAUTHORIZED, Wait.BUSY)  # not THROTTLED: CarrierX is there, and says so
_OVER = ".over"  # ends the name of the row that says when the last one was over
_ACCEPTED_BEFORE = timedelta(days=3)  # a text that waited for the morning was accepted long before it was to go
_TRIED = timedelta(seconds=10)  # a post that fails has been tried for up to so long
_UNDER_WAY = timedelta(minutes=1)  # by which a request can have left before the first failure was known


class OutageStore:
    """The outage table, and the texts that an outage holds up."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def known(self, name: str) -> Known | None:
        """What is out of reach now."""
        wanted = select(outage).where(outage.c.name.in_((name, name + _OVER)))
        async with self._engine.connect() as connection:
            rows = {row.name: row for row in await connection.execute(wanted)}
        if name not in rows:
            return None
        last = rows.get(name + _OVER)
        return Known(rows[name].since, rows[name].told, None if last is None else last.since)

    async def begin(self, name: str, since: datetime) -> None:
        """Note an outage; nothing when it is noted already."""
        async with self._engine.begin() as connection:
            await insert_new(connection, outage, [{"name": name, "since": since}])

    async def tell(self, name: str, since: datetime, note: NewNote) -> bool:
        """Say that it lasts, unless another process has."""
        silent = update(outage).where(outage.c.name == name, outage.c.since == since, ~outage.c.told)
        async with self._engine.begin() as connection:
            if (await connection.execute(silent.values(told=True).returning(outage.c.name))).first() is None:
                return False
            await insert_note(connection, note)
        return True

    async def end(self, name: str, since: datetime, end: End) -> bool:
        """Note its end and say so, unless another process has."""
        ended = delete(outage).where(outage.c.name == name, outage.c.since == since)
        async with self._engine.begin() as connection:
            if (await connection.execute(ended.returning(outage.c.name))).first() is None:
                return False
            if end.counts:
                last = self._insert(outage).values(name=name + _OVER, since=end.at, told=True)
                await connection.execute(
                    last.on_conflict_do_update(index_elements=[outage.c.name], set_={"since": end.at})
                )
            if end.note is not None and not await _reword(connection, end.instead_of, end.note.text):
                await insert_note(connection, end.note)
        return True

    async def waiting(self) -> int:
        """Texts that CarrierX keeps from leaving, those among them of which nobody knows whether they left."""
        wanted = select(func.count()).where(text("status IN ('accepted', 'sending')"), _is_held_up())
        async with self._engine.connect() as connection:
            return await connection.scalar(wanted) or 0

    async def waited(self, since: datetime, until: datetime) -> Waited:
        """What became of the texts that were due and could not leave meanwhile."""
        late = or_(message.c.queued_at > since, and_(message.c.queued_at.is_(None), message.c.final_at > since))
        unclear = and_(
            message.c.status.in_((Status.SENDING, Status.UNCONFIRMED)), message.c.sending_at > since - _UNDER_WAY
        )
        fate = case(
            (message.c.queued_at.is_not(None), "gone"),
            (message.c.cause == Cause.EXPIRED, "given_up"),
            (message.c.status == Status.FAILED, "refused"),
            (message.c.status == Status.CANCELED, "canceled"),
            (message.c.status.in_((Status.SENDING, Status.UNCONFIRMED)), "unclear"),
            else_="waiting",
        ).label("fate")
        wanted = (
            select(fate, func.count().label("texts"))
            .join(batch, batch.c.id == message.c.batch_id)
            .where(
                batch.c.accepted_at.between(since - _ACCEPTED_BEFORE, until),
                message.c.ready_at <= until,
                or_(late, unclear, message.c.status == Status.ACCEPTED),
            )
            .group_by(fate)
        )
        async with self._engine.connect() as connection:
            counts: dict[str, int] = {row.fate: row.texts for row in await connection.execute(wanted)}
        return Waited(**counts)

    @again_if_undone
    async def release(self, now: datetime) -> None:
        """What waits for the next try, which may be minutes away, is due."""
        waiting = (
            text("status = 'accepted'"),
            message.c.wait.in_((Wait.UNREACHABLE, Wait.BUSY)),
            message.c.not_before > now,
        )
        later = update(message).where(in_order(*waiting), *waiting)
        async with self._engine.begin() as connection:
            rows = await connection.execute(later.values(not_before=now).returning(message.c.batch_id))
            await mark_dirty(connection, rows.scalars().all(), urgent=False)

    async def entries(self, since: datetime, until: datetime) -> tuple[int, int]:
        """How many texts came meanwhile, either way: those that Slack shows, those that it does not show yet."""
        hidden = batch.c.wants == int(Wants.POST)
        wanted = select(
            func.coalesce(func.sum(case((hidden, 0), else_=1)), 0),
            func.coalesce(func.sum(case((hidden, 1), else_=0)), 0),
        ).where(batch.c.accepted_at.between(since - _TRIED, until), batch.c.origin != Origin.NOTE)
        async with self._engine.connect() as connection:
            shown, not_yet = (await connection.execute(wanted)).one()
        return int(shown), int(not_yet)


def _is_held_up() -> ColumnElement[bool]:
    doubted = and_(message.c.status == Status.SENDING, message.c.checking_since.is_not(None))
    return or_(and_(message.c.status == Status.ACCEPTED, message.c.wait.in_(HELD_UP)), doubted)


async def _reword(connection: AsyncConnection, key: str, said: str) -> bool:
    """Change a note that Slack was never asked to show; False when there is none.

    Where it is just being asked, the note is edited there.
    """
    unread = select(batch.c.id).where(batch.c.key == key, ~exists().where(post.c.batch_id == batch.c.id))
    entry_id = await connection.scalar(unread)
    if entry_id is None:
        return False
    await connection.execute(update(words).where(words.c.id == entry_id).values(text=said))
    await mark_dirty(connection, [entry_id], urgent=False)
    return True
