"""The ground over each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.ground import Ground, open_ground


@pytest.fixture
async def ground(database_url: str, tmp_path: Path) -> AsyncIterator[Ground]:
    async with open_ground(database_url, tmp_path) as ground:
        yield ground
