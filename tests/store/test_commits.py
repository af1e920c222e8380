"""Wishes share a transaction, and each learns the truth about itself in time."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import NotStoredError, StoredOrNotError
from bot.services.ports import RepeatedError
from bot.store.commits import GroupCommit
from bot.store.engine import open_database


class Table:
    """A table of wishes, and how often it was written to."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.error: Exception | None = None

    async def write(self, connection: AsyncConnection, wishes: list[str]) -> None:
        self.writes.append(wishes)
        self.entered.set()
        await connection.execute(text("INSERT INTO wish (name) VALUES (:name)"), [{"name": name} for name in wishes])
        if self.error is not None:
            raise self.error
        if self.gate is not None:
            await self.gate.wait()


async def make_table(engine: AsyncEngine) -> Table:
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE wish (name TEXT PRIMARY KEY)"))
    return Table()


@pytest.fixture
async def table(engine: AsyncEngine) -> Table:
    return await make_table(engine)


async def stored(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return sorted((await connection.execute(text("SELECT name FROM wish"))).scalars())


async def test_wishes_that_come_together_share_a_transaction(engine: AsyncEngine, table: Table):
    commits = GroupCommit(engine, table.write)

    await asyncio.gather(*(commits.put(str(number)) for number in range(50)))

    assert len(await stored(engine)) == 50
    assert len(table.writes) <= 2


async def test_a_repeated_wish_is_named_and_holds_up_nobody(engine: AsyncEngine, table: Table):
    commits = GroupCommit(engine, table.write)
    await commits.put("old")

    done = await asyncio.gather(*(commits.put(name) for name in ("a", "old", "b", "b", "c")), return_exceptions=True)

    assert [isinstance(result, RepeatedError) for result in done] == [False, True, False, True, False]
    assert await stored(engine) == ["a", "b", "c", "old"]


async def test_before_commit_the_deadline_withdraws_the_wish(engine: AsyncEngine, table: Table):
    """The person reads that nothing was sent, and nothing is: not even when the database recovers."""
    commits = GroupCommit(engine, table.write, deadline=0.05)
    table.gate = asyncio.Event()

    with pytest.raises(NotStoredError):
        await commits.put("late")
    table.gate.set()
    await commits.drain()

    assert await stored(engine) == []


async def test_fate_of_a_wish_is_known_within_the_time_that_is_left(engine: AsyncEngine, table: Table):
    """What came before a text may have taken most of Slack's three seconds."""
    commits = GroupCommit(engine, table.write, deadline=60)
    table.gate = asyncio.Event()

    async with asyncio.timeout(5):
        with pytest.raises(NotStoredError):
            await commits.put("late", within=0.05)
    table.gate.set()
    await commits.drain()

    assert await stored(engine) == []


async def test_within_the_time_that_is_left_commit_has_its_share(engine: AsyncEngine, table: Table):
    commits = GroupCommit(engine, table.write, deadline=60)
    never = asyncio.Event()

    class Slow(AsyncConnection):
        async def commit(self) -> None:
            await never.wait()

    commits._connect = lambda: Slow(engine)  # type: ignore[method-assign]

    async with asyncio.timeout(5):
        with pytest.raises(StoredOrNotError):
            await commits.put("who knows", within=0.2)
    never.set()
    await commits.drain()


async def test_a_withdrawn_wish_takes_no_other_with_it(engine: AsyncEngine, table: Table):
    commits = GroupCommit(engine, table.write, deadline=0.3)
    table.gate = asyncio.Event()
    first = asyncio.create_task(commits.put("withdrawn"))
    await table.entered.wait()
    first.cancel()
    second = asyncio.create_task(commits.put("kept"))
    await asyncio.wait([first])

    table.gate.set()
    await second

    assert await stored(engine) == ["kept"]


async def test_without_an_answer_to_commit_nobody_claims_to_know(engine: AsyncEngine, table: Table):
    """Between the two deadlines only the database knows."""
    commits = GroupCommit(engine, table.write)

    class Silent(AsyncConnection):
        async def commit(self) -> None:
            raise OperationalError("COMMIT", None, ConnectionError("gone"))

    commits._connect = lambda: Silent(engine)  # type: ignore[method-assign]

    with pytest.raises(StoredOrNotError):
        await commits.put("who knows")


async def test_a_broken_write_stores_nothing(engine: AsyncEngine, table: Table):
    commits = GroupCommit(engine, table.write)
    table.error = OperationalError("INSERT", None, ConnectionError("gone"))

    with pytest.raises(NotStoredError):
        await commits.put("lost")

    table.error = None
    await commits.put("next")

    assert await stored(engine) == ["next"]


async def test_a_repeated_wish_inside_the_write_counts_too(engine: AsyncEngine, table: Table):
    commits = GroupCommit(engine, table.write)
    table.error = IntegrityError("retry", None, ValueError("no longer failed"))

    with pytest.raises(RepeatedError):
        await commits.put("again")


async def test_who_waits_for_a_commit_hears_of_it_before_the_connection_is_anothers(sqlite_url: str):
    """An ack does not wait for the statements of whoever is next in line."""
    order = []
    async with open_database(sqlite_url) as engine:
        table = await make_table(engine)
        table.gate = asyncio.Event()
        commits = GroupCommit(engine, table.write)

        async def put() -> None:
            await commits.put("a")
            order.append("told")

        async def connect() -> None:
            async with engine.connect():
                order.append("next")

        async with asyncio.TaskGroup() as group:
            group.create_task(put())
            await table.entered.wait()
            group.create_task(connect())
            table.gate.set()

    assert order == ["told", "next"]
