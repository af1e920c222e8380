"""The database beside the bot: read to judge, locked and broken on purpose, and told that time has passed."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncpg
import psutil

_LOOK = 0.02  # seconds between two looks: a database tells nobody what changed
_BARRED = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@dataclass(frozen=True, slots=True)
class Text:
    """A message as the database has it.

    Attributes:
        id: What CarrierX carries as `user_data`.
        phone: E.164, "" for a group.
        lease: Seconds since 1970 until which somebody holds it, 0 when nobody does.
        checking: Its outcome is being looked for.
    """

    id: str
    text: str
    phone: str
    status: str
    cause: str
    lease: float
    checking: bool


class Books(Protocol):
    """One database of either kind."""

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows."""
        ...

    async def execute(self, sql: str) -> None:
        """Change something."""
        ...

    async def end_times(self, column: str) -> None:
        """Let a time that messages wait for be over."""
        ...

    async def refuse_sending(self, phone: str) -> None:
        """Let no text to a phone become `sending`: whoever tries fails, until `allow_sending`."""
        ...

    async def allow_sending(self) -> None:
        """As it was."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class SqliteBooks:
    """A file; each question is a connection of its own, so that none of ours outlasts it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    async def execute(self, sql: str) -> None:
        with closing(self.connect()) as connection:
            connection.executescript(sql)

    async def end_times(self, column: str) -> None:
        await self.execute(f"UPDATE message SET {column} = 0 WHERE {column} IS NOT NULL")

    async def refuse_sending(self, phone: str) -> None:
        await self.execute(
            f"CREATE TRIGGER refused BEFORE UPDATE ON message WHEN NEW.status = 'sending' AND NEW.recipient = '{phone}'"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )

    async def allow_sending(self) -> None:
        await self.execute("DROP TRIGGER refused")

    def connect(self) -> sqlite3.Connection:
        """A connection of one's own, which commits by itself."""
        return sqlite3.connect(self._path, isolation_level=None, timeout=10)

    async def close(self) -> None:
        return


class PostgresqlBooks:
    """A server."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self._connection.fetch(sql)]

    async def execute(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def end_times(self, column: str) -> None:
        theirs = f"SELECT seq FROM message WHERE {column} IS NOT NULL ORDER BY id FOR NO KEY UPDATE"
        await self.execute(f"UPDATE message SET {column} = 0 WHERE seq IN ({theirs}) AND {column} IS NOT NULL")

    async def refuse_sending(self, phone: str) -> None:
        await self.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;"
            "CREATE TRIGGER refused BEFORE UPDATE ON message FOR EACH ROW"
            f" WHEN (NEW.status = 'sending' AND NEW.recipient = '{phone}') EXECUTE FUNCTION refuse()"
        )

    async def allow_sending(self) -> None:
        await self.execute("DROP TRIGGER refused ON message")

    async def bar(self, when: str) -> None:
        """Let whoever does this stand still in the middle of it, until `unbar`.

        Args:
            when: Of a trigger, from its event to its condition: `BEFORE UPDATE ON message … WHEN (…)`.
        """
        constraint = "CONSTRAINT " if "DEFERRED" in when else ""
        await self.execute(
            "SELECT pg_advisory_lock(1);"
            "CREATE FUNCTION bar() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;"
            f"CREATE {constraint}TRIGGER barred {when} EXECUTE FUNCTION bar()"
        )

    async def until_barred(self) -> None:
        """Wait until somebody stands there."""
        await until_found(self, _BARRED)

    async def until_nobody_is_barred(self) -> None:
        """Wait until whoever stood there has given up."""
        await until_found(self, f"SELECT 1 WHERE NOT EXISTS ({_BARRED})")

    async def unbar(self) -> None:
        """Let them go on; the trigger stays and stops nobody any more."""
        await self.execute("SELECT pg_advisory_unlock(1)")

    async def servers(self) -> list[psutil.Process]:
        """The server's processes as the bot meets them: whoever takes connections, and whoever has the bot's."""
        ours = [
            pid for (pid,) in await self.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'threadtext'")
        ]
        me = psutil.Process((await self.fetch("SELECT pg_backend_pid()"))[0][0])
        postmaster = me.parent()
        assert postmaster is not None
        return [postmaster, *map(psutil.Process, ours)]

    async def close(self) -> None:
        await self._connection.close()


async def open_books(url: str) -> Books:
    """The books of a database address."""
    if url.startswith("sqlite"):
        return SqliteBooks(Path("/" + urlsplit(url).path.lstrip("/")))
    return PostgresqlBooks(await asyncpg.connect(url))


async def read_texts(books: Books) -> list[Text]:
    """Every message, in order of acceptance."""
    rows = await books.fetch(
        "SELECT id, text, recipient, status, COALESCE(cause, ''), COALESCE(lease_until, 0), checking_since IS NOT NULL"
        " FROM message ORDER BY seq"
    )
    return [
        Text(
            id=row[0], text=row[1], phone=row[2], status=row[3], cause=row[4], lease=row[5] / 1e6, checking=bool(row[6])
        )
        for row in rows
    ]


async def until(books: Books, holds: Callable[[Sequence[Text]], bool], *, within: float = 40.0) -> None:
    """Wait until something holds of all messages.

    Raises:
        TimeoutError: It does not within so many seconds; it shows those that are not at their end.
    """
    end = time.monotonic() + within
    while not holds(texts := await read_texts(books)):
        if time.monotonic() > end:
            open_ones = [text for text in texts if text.status not in {"delivered", "failed", "canceled"}]
            raise TimeoutError(f"not true within {within} s; of {len(texts)} texts these are open: {open_ones[:20]}")
        await asyncio.sleep(_LOOK)


async def until_found(books: Books, sql: str, *, within: float = 40.0) -> None:
    """Wait until a question has an answer.

    Raises:
        TimeoutError: It has none within so many seconds.
    """
    end = time.monotonic() + within
    while not await books.fetch(sql):
        if time.monotonic() > end:
            raise TimeoutError(f"nothing within {within} s: {sql}")
        await asyncio.sleep(_LOOK)


async def end_leases(books: Books) -> None:
    """Make what a dead or sleeping process has taken up free for others, as a minute's wait would."""
    # One after the other, and each in the order in which a live bot locks its rows, or one may wait for the other.
    await books.end_times("lease_until")
    await books.end_times("check_at")


async def end_show_leases(books: Books) -> None:
    """The same for what somebody was about to show in Slack."""
    await books.execute("UPDATE batch SET show_lease = 0 WHERE show_lease IS NOT NULL")


async def end_reading(books: Books) -> None:
    """The same for what somebody was about to read of CarrierX's records."""
    await books.execute("UPDATE cursor SET lease_until = NULL")
