"""The ground over each kind of database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tests.faults.books import PostgresqlBooks, SqliteBooks
from tests.faults.ground import Ground, open_ground


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """Over each in turn."""
    async with open_ground(database_url, tmp_path) as ground:
        yield ground


@pytest.fixture
async def on_postgresql(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    """Over PostgreSQL, where several bots may share the work."""
    async with open_ground(postgresql_url, tmp_path) as ground:
        yield ground


@pytest.fixture
def postgresql(on_postgresql: Ground) -> PostgresqlBooks:
    """The books of `on_postgresql`."""
    assert isinstance(on_postgresql.books, PostgresqlBooks)
    return on_postgresql.books


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Ground]:
    """Over a SQLite file."""
    async with open_ground(f"sqlite:///{tmp_path}/bot.sqlite3", tmp_path) as ground:
        yield ground


@pytest.fixture
def sqlite(on_sqlite: Ground) -> SqliteBooks:
    """The books of `on_sqlite`."""
    assert isinstance(on_sqlite.books, SqliteBooks)
    return on_sqlite.books


NewDatabase = Callable[[], Awaitable[str]]


@pytest.fixture
async def new_postgresql(postgresql_server: str) -> AsyncIterator[NewDatabase]:
    """Makes an empty database at each call, and drops the one before."""
    admin = await asyncpg.connect(postgresql_server % "postgres")
    made: list[str] = []

    async def drop() -> None:
        for name in made:
            await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def make() -> str:
        await drop()
        made.append(f"game_{uuid4().hex}")
        await admin.execute(f"CREATE DATABASE {made[-1]}")
        return postgresql_server % made[-1]

    yield make
    await drop()
    await admin.close()


@pytest.fixture
def new_sqlite(tmp_path: Path) -> NewDatabase:
    """The same for files, which go with their folder."""

    async def make() -> str:
        return f"sqlite:///{tmp_path}/game{uuid4().hex}.sqlite3"

    return make
