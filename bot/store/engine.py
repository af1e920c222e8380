"""Opens the database: SQLite with one connection, or PostgreSQL; migrates it at start."""

import asyncio
import fcntl
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import AdaptedConnection, Connection, ExceptionContext, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from bot.store import sqlite
from bot.store.hushing import hush

_MIGRATION_LOCK = 0x7468726561647478  # "threadtx"; any constant that no other program takes
_POOL = 8  # connections to PostgreSQL: listeners, outbox, follower and announcer at once
_CONNECT = 5.0  # seconds to connect, or to hear from a connection that has rested
_RESTED = 1.0  # seconds after which a connection is asked before it is used; one that fell silent since is met in use
_ANSWER = 10.0  # seconds; a connection whose other end is gone says nothing, and a loop would wait on it for ever
_MIGRATION = 600.0  # seconds that one step may take, or another process's migration
_LEAVE = 1.5  # seconds to close connections at the end; the kernel closes what a dead server keeps open
_USED = "used_at"  # when a connection was given back, monotonic seconds
_PAGE = 1.1  # as memory has it; with 4, for disks that turn, a claim sorts all that waits instead of following an index
_ASLEEP = "5s"  # then the server ends a transaction whose process sleeps in it: its locks would stop all others


class DatabaseError(Exception):
    """The database cannot be used; the sentence says why and what to do."""


def sqlite_path(url: str) -> Path | None:
    """The file of an `sqlite:///…` address, None for any other kind."""
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] != "sqlite":
        return None
    return Path(unquote(parts.path.removeprefix("/")) or "threadtext.sqlite3")


def is_postgresql(url: str) -> bool:
    """Whether the address is one of PostgreSQL's, as Heroku, libpq or SQLAlchemy write it."""
    return re.match(r"postgres(ql)?(\+\w+)?://", url) is not None


@asynccontextmanager
async def open_database(url: str, *, answer: float = _ANSWER, rested: float = _RESTED) -> AsyncIterator[AsyncEngine]:
    """Yield a migrated engine.

    Args:
        url: `sqlite:///file`, `sqlite:////absolute/file`, `postgres://…` or `postgresql://…`; libpq's query
            parameters such as `sslmode` are read by asyncpg.
        answer: Seconds that PostgreSQL may take over a statement; then its connection is given up.
        rested: Seconds after which a connection to PostgreSQL that nobody used is asked whether it is alive.

    Raises:
        DatabaseError: The file is used by another process, is damaged or cannot be written; the server does not answer
            or refuses us.
    """
    path = sqlite_path(url)
    lock = None if path is None else _lock(path)
    engine = _postgresql(url, answer, rested) if path is None else _sqlite(path)
    try:
        try:
            if path is None:
                await _migrate_patiently(url)
            else:
                await _migrate(engine)
        except DBAPIError as exc:
            raise DatabaseError(f"DATABASE_URL cannot be used: {_reason(exc.orig)}.") from exc
        except (OSError, TimeoutError) as exc:
            raise DatabaseError(f"The database of DATABASE_URL does not answer: {_reason(exc)}.") from exc
        yield engine
    finally:
        await _close(engine)
        if lock is not None:
            os.close(lock)


async def _close(engine: AsyncEngine) -> None:
    """Close the connections, and leave a server that does not answer to find out by itself."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LEAVE):
            # Each call takes leave of one connection at a time; those that come too late are cut off all together.
            await asyncio.gather(*(engine.dispose() for _ in range(_POOL)))


def _reason(exc: BaseException | None) -> str:
    """The driver's own words, on one line and without its error numbers."""
    said = getattr(exc, "strerror", None) or (exc.args[0] if exc and exc.args else None) or type(exc).__name__
    return str(said).rpartition(">: ")[2].strip().rstrip(".").replace("\n", " ")


def _lock(path: Path) -> int:
    """Hold the lock file for as long as this process lives; the kernel drops it on kill -9 too."""
    if not path.parent.is_dir():
        raise DatabaseError(f"The folder of DATABASE_URL, {path.parent}, does not exist. Create it first.")
    try:
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _unwritable(path, exc) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Only under the lock: closing a file drops SQLite's own locks of this process on it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    except BlockingIOError as exc:
        os.close(lock)
        raise DatabaseError(f"Another process already uses {path}. Stop it, or use PostgreSQL to run several.") from exc
    except OSError as exc:
        os.close(lock)
        raise _unwritable(path, exc) from exc
    return lock


def _unwritable(path: Path, exc: OSError) -> DatabaseError:
    return DatabaseError(f"The file of DATABASE_URL, {path}, cannot be written: {exc.strerror}.")


def _sqlite(path: Path) -> AsyncEngine:
    # One connection: SQLite before 3.51.3 can corrupt a WAL that two write or checkpoint at once.
    engine = create_async_engine(
        "sqlite+aiosqlite:///",
        async_creator=sqlite.Connector(path).connect,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=30,
        hide_parameters=True,
    )
    hush(engine.sync_engine)

    # SQLAlchemy's own does nothing; a statement in its stead costs as much as any.
    engine.dialect.do_begin = sqlite.begin  # type: ignore[method-assign, assignment]
    return engine


def _postgresql(url: str, answer: float, rested: float) -> AsyncEngine:
    dsn = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)

    async def connect(**_: object) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            dsn, timeout=_CONNECT, command_timeout=answer, server_settings={"application_name": "threadtext"}
        )
        # Not among server_settings: a pooler in between refuses to start with what it does not know.
        await connection.execute(
            f"SET idle_in_transaction_session_timeout = '{_ASLEEP}'; SET random_page_cost = {_PAGE}", timeout=_CONNECT
        )
        return connection

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=_POOL,
        max_overflow=0,
        hide_parameters=True,
    )
    hush(engine.sync_engine)

    # Where one connection says nothing the others went the same way: asking each of them would take as long again.
    @event.listens_for(engine.sync_engine, "checkout")
    def _(connection: AdaptedConnection, record: ConnectionPoolEntry, *_: object) -> None:
        if time.monotonic() - record.info.get(_USED, float("-inf")) < rested:
            return
        try:
            connection.run_async(lambda driver: driver.execute("SELECT 1", timeout=min(_CONNECT, answer)))
        except Exception as exc:
            raise InvalidatePoolError from exc

    @event.listens_for(engine.sync_engine, "checkin")
    def _(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine.sync_engine, "handle_error")
    def _(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, TimeoutError):
            context.invalidate_pool_on_disconnect = True

    return engine


async def _migrate_patiently(url: str) -> None:
    engine = _postgresql(url, _MIGRATION, _RESTED)
    try:
        await _migrate(engine)
    finally:
        await _close(engine)


async def _migrate(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name != "postgresql":
            # SQLite changes many a table by another in its place, which it refuses while rows refer to the first.
            await _keep_references(connection, "OFF")
        async with connection.begin():
            if engine.dialect.name == "postgresql":
                # Several processes may start at once; the lock falls with the transaction.
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            else:
                state = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar()
                if state != "ok":
                    raise DatabaseError(f"The SQLite file is damaged ({state}). Restore a backup.")
            await connection.run_sync(_upgrade)
        if engine.dialect.name != "postgresql":
            await _keep_references(connection, "ON")


async def _keep_references(connection: AsyncConnection, state: Literal["ON", "OFF"]) -> None:
    """Have SQLite refuse what breaks a reference, or not; outside a transaction, within which it would not listen."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.execute(f"PRAGMA foreign_keys={state}")


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
