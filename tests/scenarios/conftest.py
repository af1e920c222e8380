"""The whole bot over each kind of database."""

from collections.abc import AsyncIterator

import pytest

from tests.scenarios.world import World, open_world


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with open_world(database_url) as world:
        yield world
