"""The ground over each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

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
