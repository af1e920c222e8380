"""The whole bot over each kind of database."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import redirect_stdout

import pytest
import structlog

from bot.logs import configure_logs
from tests.scenarios.world import World, open_world


@pytest.fixture
async def world(sqlite_url: str) -> AsyncIterator[World]:
    async with open_world(sqlite_url) as world:
        yield world


@pytest.fixture
async def each_world(database_url: str) -> AsyncIterator[World]:
    """For what the two kinds of database do each in its own way."""
    async with open_world(database_url) as world:
        yield world


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What is logged, as in production but for the redaction, on which nothing should depend; a JSON object a line."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with redirect_stdout(io.StringIO()) as out:
        configure_logs(level="INFO", form="json", secrets=())
    structlog.configure(cache_logger_on_first_use=False)  # or loggers would remember it after this test
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
