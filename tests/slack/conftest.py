"""A pretend Slack, and the bot's surface behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from playground.slack.server import PretendSlack
from tests.slack.surface import Surface, open_surface

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


@pytest.fixture
async def slack() -> AsyncIterator[PretendSlack]:
    """A strict Slack with the scopes and events of manifest.yml."""
    async with PretendSlack(MANIFEST) as slack:
        yield slack


@pytest.fixture
async def surface(slack: PretendSlack) -> AsyncIterator[Surface]:
    """The listeners, called by it over signed HTTP; people are asked for one by one."""
    async with open_surface(slack) as surface:
        yield surface
