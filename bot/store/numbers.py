"""The account's numbers as last read, and who used which last."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import E164
from bot.services.ports import OurNumber
from bot.store.tables import batch, number

_SMS = 2
_MMS = 16


class NumberStore:
    """The number table, and what the batches say of their use."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def numbers(self) -> tuple[OurNumber, ...]:
        """All that were stored last."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(number).order_by(number.c.number))).all()
        return tuple(
            OurNumber(
                row.number, row.name, row.locality, sms=bool(row.capabilities & _SMS), mms=bool(row.capabilities & _MMS)
            )
            for row in rows
        )

    async def store_numbers(self, numbers: Sequence[OurNumber]) -> None:
        """Replace all by these."""
        rows = [
            {
                "number": ours.number,
                "name": ours.name,
                "locality": ours.locality,
                "capabilities": _SMS * ours.sms + _MMS * ours.mms,
            }
            for ours in sorted({ours.number: ours for ours in numbers}.values(), key=lambda ours: ours.number)
        ]
        async with self._engine.begin() as connection:
            if self._engine.dialect.name == "postgresql":
                # Two processes that replace at once would insert the same keys.
                await connection.exec_driver_sql("LOCK TABLE number IN SHARE ROW EXCLUSIVE MODE")
            await connection.execute(delete(number))
            if rows:
                await connection.execute(insert(number), rows)

    async def last_used(self, since: datetime) -> tuple[dict[str, E164], dict[str, E164]]:
        """The last sender per channel and per person, of batches accepted at or after `since`."""
        return await self._last(batch.c.asked_in, since), await self._last(batch.c.user_id, since)

    async def _last(self, by: Column[str], since: datetime) -> dict[str, E164]:
        newest = (
            select(by.label("who"), func.max(batch.c.accepted_at).label("at"))
            .where(batch.c.accepted_at >= since, batch.c.sender != "")  # a note of ours has none
            .group_by(by)
            .subquery()
        )
        wanted = select(newest.c.who, batch.c.sender).join(
            batch,
            (by == newest.c.who) & (batch.c.accepted_at == newest.c.at) & (batch.c.sender != ""),
        )
        async with self._engine.connect() as connection:
            return {row.who: row.sender for row in await connection.execute(wanted)}
