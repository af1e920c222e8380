"""The whole bot over each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.world import World, open_world


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where most scenarios keep their texts: what they are about is above the database."""
    return f"sqlite:///{tmp_path}/bot.sqlite3"


@pytest.fixture
async def world(sqlite_url: str) -> AsyncIterator[World]:
    async with open_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def each_world(database_url: str) -> AsyncIterator[World]:
    """For what the two kinds of database do each in its own way."""
    async with open_world(database_url) as world:
        yield world
