"""The database opens as people write its address, once per SQLite file, migrated."""

import asyncio
import stat
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Status
from bot.store.engine import DatabaseError, open_database
from bot.store.storeroom import StoreroomStore
from bot.store.tables import message, metadata
from tests.store.relay import open_relay

MIGRATIONS = Path(__file__).parents[2] / "bot" / "store" / "migrations"


async def test_the_migrations_make_the_tables(engine: AsyncEngine):
    """tables.py and the migrations say the same."""
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )

    assert differences == []


async def test_a_second_process_on_one_file_is_refused(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/bot.sqlite3"

    async with open_database(url):
        with pytest.raises(DatabaseError, match="Another process"):
            async with open_database(url):
                pass


async def test_the_file_is_for_its_owner_only(tmp_path: Path):
    async with open_database(f"sqlite:///{tmp_path}/bot.sqlite3") as engine, engine.connect() as connection:
        mode = (await connection.execute(text("PRAGMA journal_mode"))).scalar()

        assert stat.S_IMODE((tmp_path / "bot.sqlite3").stat().st_mode) == 0o600
        assert mode == "wal"


async def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(DatabaseError, match="does not exist"):
        async with open_database(f"sqlite:///{tmp_path}/none/bot.sqlite3"):
            pass


async def test_a_server_that_is_not_there_is_said():
    with pytest.raises(DatabaseError, match="does not answer"):
        async with open_database("postgres://nobody@127.0.0.1:1/none"):
            pass


@pytest.mark.postgresql
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_postgresql_as_people_write_it(postgresql_url: str, scheme: str):
    _, _, rest = postgresql_url.partition("://")
    mark = "&" if "?" in rest else "?"

    async with open_database(f"{scheme}://{rest}{mark}sslmode=prefer") as engine, engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM message"))).scalar() == 0


async def ask(engine: AsyncEngine) -> object:
    async with engine.begin() as connection:
        return (await connection.execute(text("SELECT 1"))).scalar()


@pytest.mark.postgresql
async def test_a_connection_that_falls_silent_is_given_up(postgresql_url: str):
    """A firewall forgets it, say, or the server's machine is gone: no loop waits for ever, and the next turn works."""
    async with open_relay(postgresql_url) as relay, open_database(relay.url, answer=0.5) as engine, asyncio.timeout(10):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            relay.silence()
            with pytest.raises(TimeoutError):
                await connection.execute(text("SELECT 1"))

        assert await ask(engine) == 1


@pytest.mark.postgresql
async def test_connections_that_fell_silent_while_they_rested_cost_no_turn(postgresql_url: str):
    """The first one that says nothing is enough to open all of them anew."""
    opened = partial(open_database, answer=0.5, rested=0.0)
    async with open_relay(postgresql_url) as relay, opened(relay.url) as engine, asyncio.timeout(10):
        await asyncio.gather(*(ask(engine) for _ in range(5)))
        relay.silence()

        assert await asyncio.gather(*(ask(engine) for _ in range(5))) == [1] * 5


@pytest.mark.postgresql
async def test_the_end_does_not_wait_for_a_silent_server(postgresql_url: str):
    async with open_relay(postgresql_url) as relay, asyncio.timeout(10), open_database(relay.url) as engine:
        await asyncio.gather(*(ask(engine) for _ in range(5)))
        relay.silence()


def fill(url: str, revision: str, **rows: dict[str, object]) -> None:
    """A file as an earlier version left it, with a row in each of some tables."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with create_engine(url).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        tables = MetaData()
        tables.reflect(connection)
        for name, known in rows.items():
            needed = [each for each in tables.tables[name].columns if not (each.nullable or each.server_default)]
            made = {each.name: 1 if each.type.python_type is int else each.name for each in needed}
            connection.execute(tables.tables[name].insert(), [made | known])


GROUP = {
    "batch": {"id": "b1"},
    "message": {"id": "m1", "batch_id": "b1", "media_urls": '["https://a.example/a.png"]', "is_group": True},
    "recipient": {"message_id": "m1", "number": "+12125550123"},
}
INBOUND = {
    "conversation": {"id": "c1"},
    "inbound": {"id": "b1", "media_urls": '["https://a.example/1.png", "https://a.example/2.png"]'},
}


@pytest.mark.parametrize(("revision", "rows"), [("0001", GROUP), ("0002", GROUP | INBOUND)])
async def test_a_file_of_an_earlier_version_keeps_what_it_holds(
    tmp_path: Path, revision: str, rows: dict[str, dict[str, object]]
):
    """Also what other rows refer to; and references are kept from then on."""
    url = f"sqlite:///{tmp_path}/bot.sqlite3"
    await asyncio.to_thread(fill, url, revision, **rows)
    async with open_database(url) as engine, engine.connect() as connection:
        counts = [(await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar() for name in rows]
        broken = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
        kept = (await connection.execute(text("PRAGMA foreign_keys"))).scalar()
        pictures = (await connection.execute(text("SELECT url, state FROM picture ORDER BY position"))).all()

    assert counts == [1] * len(rows)
    assert (broken, kept) == ([], 1)
    assert pictures == [(f"https://a.example/{place}.png", "linked") for place in (1, 2)][: len(rows) - len(GROUP)]


@pytest.mark.parametrize(("before", "after"), [('{"files": 0}', ['{"files": []}']), ('{"files": 2}', [])])
async def test_a_waiting_reply_of_an_earlier_version_can_be_read(tmp_path: Path, before: str, after: list[str]):
    """It counted files and did not name them."""
    url = f"sqlite:///{tmp_path}/bot.sqlite3"
    await asyncio.to_thread(fill, url, "0002", stray={"body": before})
    async with open_database(url) as engine, engine.connect() as connection:
        bodies = (await connection.execute(text("SELECT body FROM stray"))).scalars().all()

    assert bodies == after


async def test_files_that_an_earlier_version_stored_are_removed_in_their_turn(tmp_path: Path):
    """Not before their text is over: a reply may have been sent to the phone long after it was written."""
    url = f"sqlite:///{tmp_path}/bot.sqlite3"
    now = datetime.now(UTC)
    kept: dict[str, dict[str, object]] = {
        "batch": {"id": "b1", "accepted_at": 5},
        "message": {"id": "m1", "batch_id": "b1", "is_group": False},
        "attachment": {"batch_id": "b1", "position": 0, "sid": "f1"},
    }
    await asyncio.to_thread(fill, url, "0003", **kept)
    async with open_database(url) as engine:
        store = StoreroomStore(engine)
        waiting = await store.claim(now, now, 20)
        async with engine.begin() as connection:
            await connection.execute(update(message).values(status=Status.DELIVERED))
        over = await store.claim(now, now, 20)

    assert (waiting, over) == ((), ("f1",))
