"""SQLite's connection: statements run where they are asked for, and only what waits for the disk runs in a thread.

aiosqlite sends each call to its thread and back, a dozen in a transaction, which takes longer than the statements do.
Those take microseconds, as all that they touch is in memory; what waits is COMMIT, for the disk, and BEGIN while
another program holds the file's lock.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import PoolProxiedConnection

_BEGIN = "BEGIN IMMEDIATE"
_LOCKED = 1000  # milliseconds to wait for another program's lock


def begin(connection: PoolProxiedConnection) -> None:
    """Begin a transaction, as SQLAlchemy's dialects do it."""
    adapted: Any = connection.dbapi_connection  # SQLAlchemy's AdaptedConnection
    adapted.run_async(lambda driver: driver.begin())


async def insert_rows(connection: AsyncConnection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run an INSERT for each row past SQLAlchemy, which takes ten times as long as SQLite; its errors all the same."""
    driver = await _begun(connection)
    try:
        await driver.run_many(sql, rows)
    except sqlite3.Error as exc:
        raise DBAPIError.instance(sql, None, exc, sqlite3.Error, hide_parameters=True) from exc


async def select_column(connection: AsyncConnection, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """The first column of what a SELECT finds, as `insert_rows`."""
    driver = await _begun(connection)
    try:
        return [row[0] for row in await driver.run(sql, parameters)]
    except sqlite3.Error as exc:
        raise DBAPIError.instance(sql, None, exc, sqlite3.Error, hide_parameters=True) from exc


async def _begun(connection: AsyncConnection) -> "_Connection":
    """The driver's connection, in SQLAlchemy's transaction."""
    if not connection.in_transaction():
        await connection.begin()
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection  # get_raw_connection does this in a greenlet
    assert isinstance(driver, _Connection)
    return driver


class Connector:
    """Opens a file anew whenever it is asked to, but never while it is still open; `engine` says why."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: _Connection | None = None

    async def connect(self) -> "_Connection":
        """A connection, once the one before has ended."""
        if self._last is not None:
            await self._last.ended()
        self._last = await _connect(self._path)
        return self._last


async def _connect(path: Path) -> "_Connection":
    """A connection that SQLAlchemy takes for aiosqlite's own; transactions begin and end only when it is told so."""

    def open_file() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    connection = _Connection(open_file, iter_chunk_size=64)
    connection._thread.daemon = True  # noqa: SLF001 -- as SQLAlchemy does for those that it opens itself
    await connection
    try:
        for pragma in (f"busy_timeout={_LOCKED}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            await connection.execute(f"PRAGMA {pragma}")
        await connection.execute("PRAGMA busy_timeout=0")
    except sqlite3.Error:
        await connection.close()  # else its thread would outlive the loop
        raise
    return connection


class _Connection(aiosqlite.Connection):
    _changes = 0  # rows changed when the transaction began; one that changed none has nothing to wait for
    _away: asyncio.Task[Any] | None = None  # what the thread does now, even if nobody waits for it any more
    _stopped: asyncio.Future[Any] | None = None  # set when the thread has been told to close the file and end

    async def begin(self) -> None:
        """Begin a transaction, which may write."""
        await self._execute(self._conn.execute, _BEGIN)

    async def run(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """All rows of one statement."""
        cursor: sqlite3.Cursor = await self._execute(self._conn.execute, sql, parameters)
        return cursor.fetchall()

    async def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for each row."""
        await self._execute(self._conn.executemany, sql, rows)

    async def ended(self) -> None:
        """Return when the file is closed."""
        if self._stopped is not None:
            await asyncio.wait([self._stopped])

    async def close(self) -> None:
        """Close the file, if need be when the disk has let go of it: nobody waits for that."""
        if self._away is None:
            await super().close()
        else:
            self.stop()

    def stop(self) -> asyncio.Future[Any] | None:
        """As aiosqlite has it; a thread that has been told already hears no more."""
        if self._stopped is None:
            self._stopped = super().stop()
        return self._stopped

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Every call of aiosqlite's connection and its cursors comes through here."""
        while self._away is not None:
            await asyncio.wait([self._away])
        if fn == self._conn.close or (fn == self._conn.commit and self._conn.total_changes != self._changes):
            return await self._send_away(fn)
        if args[:1] != (_BEGIN,):
            return fn(*args, **kwargs)
        self._changes = self._conn.total_changes
        try:
            return fn(*args, **kwargs)
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        return await self._send_away(self._begin_patiently, fn, *args)

    async def _send_away(self, fn: Callable[..., Any], *args: Any) -> Any:
        execute: Callable[..., Coroutine[Any, Any, Any]] = super()._execute  # which says no types
        self._away = asyncio.create_task(execute(fn, *args))
        self._away.add_done_callback(self._come_back)
        return await asyncio.shield(self._away)

    def _come_back(self, away: asyncio.Task[Any]) -> None:
        self._away = None
        if not away.cancelled():
            away.exception()  # asked for, or asyncio says that nobody did

    def _begin_patiently(self, fn: Callable[..., Any], *args: Any) -> Any:
        self._conn.execute(f"PRAGMA busy_timeout={_LOCKED}")
        try:
            return fn(*args)
        finally:
            self._conn.execute("PRAGMA busy_timeout=0")
