"""No row's content gets into the log by way of an error."""

import io
import logging
from collections.abc import Iterator
from contextlib import redirect_stdout

import pytest
import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.logs import configure_logs
from bot.store.engine import open_database

NUMBER = "+15162065574"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logs hold, configured as in production; as before in the end."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with redirect_stdout(io.StringIO()) as out:
        configure_logs(level="INFO", form="console", secrets=())
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def fail(engine: AsyncEngine, statement: TextClause, **values: object) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught:
        async with engine.begin() as connection:
            await connection.execute(statement, values)
    return caught.value


async def test_a_row_that_is_there_twice_is_not_quoted(engine: AsyncEngine, written: io.StringIO):
    """PostgreSQL says which key it was; what is written is which constraint, and where in the code."""
    insert = text("INSERT INTO opt_out (number, blocked, at) VALUES (:number, true, 0)")
    async with engine.begin() as connection:
        await connection.execute(insert, {"number": NUMBER})

    error = await fail(engine, insert, number=NUMBER)
    structlog.get_logger("bot.store").error("failed", exc_info=error, why=str(error))

    assert isinstance(error, IntegrityError)
    assert "opt_out" in written.getvalue()
    assert "test_hushing.py" in written.getvalue()
    assert NUMBER not in written.getvalue()


async def test_a_row_that_lacks_something_is_not_quoted(engine: AsyncEngine, written: io.StringIO):
    """PostgreSQL says the whole row."""
    error = await fail(engine, text("INSERT INTO opt_out (number, at) VALUES (:number, 0)"), number=NUMBER)
    structlog.get_logger("bot.store").error("failed", exc_info=error, why=str(error))

    assert "blocked" in written.getvalue()
    assert NUMBER not in written.getvalue()


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT CAST(CAST(:value AS TEXT) AS BIGINT)", NUMBER + "!"),
        ("SELECT CAST(:value AS BIGINT)", NUMBER),
        ("SELECT CAST(:value AS TEXT)", 15162065574),
    ],
)
async def test_a_value_that_cannot_be_read_is_not_quoted(
    postgresql_url: str, written: io.StringIO, statement: str, value: object
):
    """By PostgreSQL as by the driver."""
    async with open_database(postgresql_url) as engine:
        error = await fail(engine, text(statement), value=value)
    structlog.get_logger("bot.store").error("failed", exc_info=error, why=str(error))

    assert "DataError" in written.getvalue() or "InvalidTextRepresentation" in written.getvalue()
    assert "15162065574" not in written.getvalue()
