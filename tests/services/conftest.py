"""The use cases over each kind of database."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import FakeClock
from tests.services.texting import Texting, make_texting


@pytest.fixture
async def texting(engine: AsyncEngine, clock: FakeClock) -> Texting:
    return await make_texting(engine, clock)
