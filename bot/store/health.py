"""Whether the database takes writes, and how long due texts have waited."""

from datetime import datetime, timedelta

from sqlalchemy import false, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.tables import message, pace

_KEY = "health"  # a row of the pace table that paces nothing


class HealthStore:
    """Questions for `/readyz`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def write(self, now: datetime) -> None:
        """Write and commit something; raises whatever the driver raises."""
        async with self._engine.begin() as connection:
            upsert = self._insert(pace).values(key=_KEY, next_at=now)
            await connection.execute(upsert.on_conflict_do_update(index_elements=[pace.c.key], set_={"next_at": now}))

    async def lag(self, now: datetime) -> timedelta:
        """How long the text that has been due longest has waited to be handed over; who waits for files is not due."""
        async with self._engine.connect() as connection:
            oldest: datetime | None = (
                await connection.execute(
                    select(message.c.not_before)
                    .where(text("status = 'accepted'"), message.c.not_before <= now, message.c.preparing == false())
                    .order_by(message.c.not_before)
                    .limit(1)
                )
            ).scalar()
        return now - oldest if oldest is not None else timedelta(0)
