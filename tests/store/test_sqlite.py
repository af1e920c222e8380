"""SQLite's connection keeps the order of what it is told, whoever still waits for it, and never holds up the loop."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bot.store.engine import open_database
from bot.store.sqlite import BEGIN, connect
from bot.store.tables import retry


async def test_a_lock_of_another_program_is_waited_for_beside_the_loop(tmp_path: Path):
    """Somebody looks into the file with a tool that locks it: meanwhile everything else goes on."""
    path = tmp_path / "bot.sqlite3"
    async with open_database(f"sqlite:///{path}") as engine:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(BEGIN)

            async def write() -> None:
                async with engine.begin() as connection:
                    await connection.execute(insert(retry), [{"retry_of": "a", "message_id": "b"}])

            writing = asyncio.create_task(write())
            done_while_locked, _ = await asyncio.wait([writing], timeout=0.05)
            other.execute("COMMIT")
            async with asyncio.timeout(5):
                await writing

        async with engine.connect() as connection:
            assert (await connection.execute(select(retry.c.message_id))).scalars().all() == ["b"]
        assert not done_while_locked


async def test_a_commit_that_nobody_waits_for_is_still_made_before_what_follows(tmp_path: Path):
    connection = await connect(tmp_path / "bot.sqlite3")
    await connection.execute("CREATE TABLE t (x)")
    await connection.execute(BEGIN)
    await connection.execute("INSERT INTO t VALUES (1)")

    commit = asyncio.create_task(connection.commit())
    await asyncio.sleep(0)
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    await connection.rollback()

    rows = await connection.execute_fetchall("SELECT x FROM t")
    await connection.close()
    assert list(rows) == [(1,)]
