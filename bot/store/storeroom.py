"""What lies in CarrierX's storage, and which of it nobody needs any more."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import FINAL, Status
from bot.store.locks import again_if_undone
from bot.store.tables import installation, message, stored
from bot.store.upsert import insert_new

_ONLY = 1  # the row of the installation table


async def read_mark(engine: AsyncEngine) -> str:
    """What this installation's files are named with, for ever and in all its processes."""
    async with engine.begin() as connection:
        found = await connection.scalar(select(installation.c.mark))
        if found is None:
            await insert_new(connection, installation, [{"id": _ONLY, "mark": uuid4().hex[:12]}])
            found = await connection.scalar(select(installation.c.mark))
    assert found is not None
    return str(found)


class StoreroomStore:
    """The stored table."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def note(self, sid: str, batch_id: str, now: datetime, ends_at: datetime) -> None:
        """A file is stored for a batch."""
        async with self._engine.begin() as connection:
            row = {"sid": sid, "batch_id": batch_id, "ends_at": ends_at, "due_at": now}
            await connection.execute(insert(stored).values(row))

    @again_if_undone
    async def release(self, sids: Collection[str]) -> None:
        """Nobody will need these."""
        async with self._engine.begin() as connection:
            await connection.execute(update(stored).where(stored.c.sid.in_(sids)).values(batch_id=None))

    @again_if_undone
    async def claim(self, now: datetime, until: datetime, limit: int) -> tuple[str, ...]:
        """Files that nobody needs, or that are to have deleted themselves; nobody else takes them until then."""
        free = select(stored.c.sid).where(stored.c.due_at <= now, _is_free(now)).order_by(stored.c.due_at).limit(limit)
        async with self._engine.connect() as connection:
            if (await connection.execute(free)).first() is None:
                return ()  # a read alone: this is asked every few seconds
        async with self._engine.begin() as connection:
            taken = free.with_for_update(skip_locked=True, of=stored)
            sids = (await connection.execute(taken)).scalars().all()
            await connection.execute(update(stored).where(stored.c.sid.in_(sids)).values(due_at=until))
        return tuple(sids)

    async def put_off(self, sid: str, due_at: datetime) -> None:
        """Try again then."""
        async with self._engine.begin() as connection:
            await connection.execute(update(stored).where(stored.c.sid == sid).values(due_at=due_at))

    async def forget(self, sid: str) -> None:
        """It is gone."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(stored).where(stored.c.sid == sid))

    async def unknown(self, sids: Sequence[str]) -> list[str]:
        """Those of which there is no note."""
        async with self._engine.connect() as connection:
            known = set((await connection.execute(select(stored.c.sid).where(stored.c.sid.in_(sids)))).scalars())
        return [sid for sid in sids if sid not in known]


def _is_free(now: datetime) -> ColumnElement[bool]:
    """CarrierX may fetch a file until the text's fate is known, and of a text that may have left although it failed."""
    unsure = and_(message.c.busy == true(), message.c.status != Status.DELIVERED)
    needed = exists().where(
        message.c.batch_id == stored.c.batch_id, or_(message.c.status.not_in(sorted(FINAL)), unsure)
    )
    return or_(stored.c.batch_id.is_(None), stored.c.ends_at <= now, ~needed.correlate(stored))
