"""What the tables say, as they stand."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.tables import consent


async def read_ledger(engine: AsyncEngine, number: str) -> Sequence[Row[Any]]:
    """A phone's lines, oldest first."""
    return await read_rows(engine, consent, consent.c.number == number)


async def read_rows(engine: AsyncEngine, table: Table, *where: Any) -> Sequence[Row[Any]]:
    """Some rows of a table in the order of their first column."""
    async with engine.connect() as connection:
        return (await connection.execute(select(table).where(*where).order_by(table.c[0]))).all()
