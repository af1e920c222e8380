"""Inserting whole rows by SQL that is written once: SQLAlchemy's own way costs a text more than the database does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from bot.store import sqlite


@dataclass(frozen=True, slots=True)
class _Written:
    sql: str
    names: tuple[str, ...]  # of the columns, in the order of the parameters
    converted: tuple[tuple[int, Callable[[Any], Any]], ...]  # which of them are to be made what the driver takes


class Insertion:
    """INSERT INTO a table.

    Args:
        table: Which.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._written: dict[str, _Written] = {}

    async def run(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, at least one, and always of the same columns; errors are SQLAlchemy's."""
        dialect = connection.dialect
        written = self._written.get(dialect.name)
        if written is None:
            written = self._written[dialect.name] = self._write(dialect, rows[0])
        values = [[row[name] for name in written.names] for row in rows]
        for at, convert in written.converted:
            for row in values:
                row[at] = convert(row[at])
        if dialect.name == "sqlite":
            await sqlite.insert_rows(connection, written.sql, values)
        else:
            await connection.exec_driver_sql(written.sql, [tuple(row) for row in values])

    def _write(self, dialect: Dialect, row: Mapping[str, Any]) -> _Written:
        compiled = insert(self._table).compile(dialect=dialect, column_keys=list(row))
        assert isinstance(compiled, SQLCompiler)
        names = tuple(compiled.positiontup or ())
        converters = [self._table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        return _Written(str(compiled), names, tuple((at, each) for at, each in enumerate(converters) if each))
