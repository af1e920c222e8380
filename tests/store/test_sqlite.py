"""SQLite's connection keeps the order of what it is told, whoever still waits for it, and never holds up the loop."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Status
from bot.errors import StoredOrNotError
from bot.store.engine import open_database
from bot.store.health import HealthStore
from bot.store.sqlite import Connector, insert_rows, select_column
from bot.store.tables import retry
from bot.web import health_routes
from tests.conftest import FakeClock
from tests.services.texting import make_texting


async def test_a_lock_of_another_program_is_waited_for_beside_the_loop(tmp_path: Path):
    """Somebody looks into the file with a tool that locks it: meanwhile everything else goes on."""
    path = tmp_path / "bot.sqlite3"
    async with open_database(f"sqlite:///{path}") as engine:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

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
    connection = await Connector(tmp_path / "bot.sqlite3").connect()
    await connection.execute("CREATE TABLE t (x)")
    await connection.begin()
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


async def test_what_is_asked_past_sqlalchemy_fails_as_with_it(sqlite_url: str):
    """The log tells a full disk from a mistake of ours, and a repeated row is told from both; no value is quoted."""
    async with open_database(sqlite_url) as engine, engine.connect() as connection:
        sql = "INSERT INTO retry (retry_of, message_id) VALUES (?, ?)"
        await insert_rows(connection, sql, [("a", "secret")])

        with pytest.raises(IntegrityError) as repeated:
            await insert_rows(connection, sql, [("a", "secret")])
        await connection.exec_driver_sql("PRAGMA query_only=ON")
        with pytest.raises(OperationalError) as unwritable:
            await insert_rows(connection, sql, [("b", "secret")])
        with pytest.raises(OperationalError) as unknown:
            await select_column(connection, "SELECT missing FROM retry WHERE message_id = ?", ["secret"])

    assert not [error for error in (repeated, unwritable, unknown) if "secret" in str(error.value)]


@dataclass
class Disk:
    """What COMMIT waits for while it stalls."""

    engine: AsyncEngine
    path: Path
    asked: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    async def stall(self) -> None:
        """From now on COMMIT takes as long as the test likes."""

        def wait(statement: str) -> None:
            if statement == "COMMIT":
                self.asked.set()
                self.goes_on.wait(20)

        async with self.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            raw.driver_connection._conn.set_trace_callback(wait)

    def opened(self) -> int:
        """How often the file is open."""
        return sum(found.path == str(self.path) for found in psutil.Process().open_files())


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    path = tmp_path / "bot.sqlite3"
    async with open_database(f"sqlite:///{path}") as engine:
        disk = Disk(engine, path)
        await disk.stall()
        yield disk
        disk.goes_on.set()


async def write(engine: AsyncEngine, name: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(retry), [{"retry_of": name, "message_id": name}])


async def stored(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return sorted((await connection.execute(select(retry.c.message_id))).scalars())


async def test_a_disk_that_stalls_holds_up_nobody_who_has_no_time(disk: Disk):
    """Whoever gives up goes on at once; the COMMIT is made when it can be, and all goes on from there."""
    async with asyncio.timeout(30):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await write(disk.engine, "a")
        asked = disk.asked.is_set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await write(disk.engine, "never")
        disk.goes_on.set()
        await write(disk.engine, "b")

        assert asked
        assert await stored(disk.engine) == ["a", "b"]


async def test_the_file_is_open_once_whoever_gives_up_and_how_often(disk: Disk):
    """SQLite can corrupt a file that two connections write."""
    async with asyncio.timeout(30):
        writing = asyncio.create_task(write(disk.engine, "a"))
        await asyncio.to_thread(disk.asked.wait)
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await writing
        following = asyncio.create_task(write(disk.engine, "b"))
        await asyncio.wait([following], timeout=0.05)
        opened = disk.opened()
        disk.goes_on.set()
        await following

        assert opened == 1
        assert await stored(disk.engine) == ["a", "b"]


async def test_readyz_says_in_time_that_the_disk_stalls(disk: Disk, clock: FakeClock):
    """And that it is over."""
    store = HealthStore(disk.engine)
    app = web.Application()
    app.add_routes(health_routes(lambda: store.write(clock.now()), list))
    async with asyncio.timeout(30), TestClient(TestServer(app)) as client:
        stalled = (await client.get("/readyz")).status
        disk.goes_on.set()
        over = (await client.get("/readyz")).status
        while over != 200:
            over = (await client.get("/readyz")).status

    assert stalled == 503


async def test_who_cancels_reads_in_time_that_it_cannot_be_told(disk: Disk, clock: FakeClock):
    """It is canceled all the same when the disk goes on, unless the machine was too busy to come as far as the disk."""
    disk.goes_on.set()
    texting = await make_texting(disk.engine, clock)
    batch = await texting.accept()
    disk.goes_on.clear()
    disk.asked.clear()

    async with asyncio.timeout(30):
        with pytest.raises(StoredOrNotError):
            await texting.sending.cancel(batch)
        disk.goes_on.set()

        assert (await texting.status(batch) is Status.CANCELED) is disk.asked.is_set()
