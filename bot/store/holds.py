"""The outbox's pause while CarrierX refuses our token, shared by all processes."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import Wait
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_order
from bot.store.tables import hold, message
from bot.store.upsert import insert_new

_HOLD = "carrier"
_LONGEST = timedelta(minutes=5)  # between two questions
_AHEAD = timedelta(minutes=1)  # beyond, a clock that was ahead has been set right since


class HoldStore:
    """The hold table, and the reason that waiting texts give."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @again_if_undone
    async def hold(self, now: datetime, probe_at: datetime) -> None:
        """Pause the outbox of all processes; nothing when it is paused already."""
        async with self._engine.begin() as connection:
            await insert_new(connection, hold, [{"name": _HOLD, "since": now, "probe_at": probe_at, "probes": 0}])
            await self._say_held(connection, now)

    @again_if_undone
    async def probe_due(self, now: datetime, wait: timedelta) -> bool:
        """Whether this process shall ask now if CarrierX takes our token again; moves the next question on."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(select(hold).with_for_update())).first()
            if row is None:
                return False
            await self._say_held(connection, now)
            if now < row.probe_at <= now + _LONGEST + _AHEAD:
                return False
            growing = min(wait * 2 ** min(row.probes, 16), _LONGEST)
            await connection.execute(update(hold).values(probe_at=now + growing, probes=row.probes + 1))
            return True

    async def held_since(self) -> datetime | None:
        """Since when CarrierX has refused our token, None when it does not."""
        async with self._engine.connect() as connection:
            since: datetime | None = (await connection.execute(select(hold.c.since))).scalar()
        return since

    async def probe_soon(self, now: datetime) -> None:
        """Ask at once: a start may have brought a new token."""
        async with self._engine.begin() as connection:
            await connection.execute(update(hold).values(probe_at=now, probes=0))

    @again_if_undone
    async def lift(self, now: datetime) -> None:
        """CarrierX takes our token again: what waited for that is due."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(hold))
            waiting = (text("status = 'accepted'"), message.c.wait == Wait.UNAUTHORIZED)
            rows = await connection.execute(
                update(message)
                .where(in_order(*waiting), *waiting)
                .values(wait=None, not_before=now, paced=False)
                .returning(message.c.batch_id)
            )
            await mark_dirty(connection, rows.scalars().all(), urgent=False)

    @staticmethod
    async def _say_held(connection: AsyncConnection, now: datetime) -> None:
        """Give every text that would be due the reason why it is not."""
        due = (
            text("status = 'accepted'"),
            message.c.not_before <= now,
            or_(message.c.wait.is_(None), message.c.wait != Wait.UNAUTHORIZED),
        )
        rows = await connection.execute(
            update(message).where(in_order(*due), *due).values(wait=Wait.UNAUTHORIZED).returning(message.c.batch_id)
        )
        await mark_dirty(connection, rows.scalars().all(), urgent=False)
