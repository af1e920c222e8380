"""Group commit: wishes that arrive together share one transaction, and each has a deadline of its own.

One insert per transaction gives about 700 a second on SQLite and 1,200 on PostgreSQL; together 5,400 and 5,800
(docs/performance.md).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import NotStoredError, StoredOrNotError
from bot.services.ports import RepeatedError
from bot.store.locks import is_undone

_TOGETHER = 200  # wishes in one transaction; more would hold up what reads between them
_COMMIT = 1.0  # seconds that COMMIT may take after the deadline before the person is told that we cannot tell
_SHARE = 0.4  # of a shorter time for both, what is left to COMMIT
_NOT_STORED = "Nothing was sent: our database did not answer in time. Try again in a moment."
_STORED_OR_NOT = (
    "We cannot tell whether this was taken: our database did not confirm it. Look for the text in the channel "
    "before you send it again; if it is not there in a minute, it was not taken."
)
_log = structlog.get_logger(__name__)

Wish = TypeVar("Wish")


class RefusalsError(Exception):
    """Some wishes may not be stored; the others are tried again without them.

    Attributes:
        refusals: What each is told, by its place among the wishes.
    """

    def __init__(self, refusals: dict[int, Exception]) -> None:
        super().__init__()
        self.refusals = refusals


@dataclass(slots=True)
class _Entry(Generic[Wish]):
    wish: Wish
    done: asyncio.Future[None]
    patience: float  # seconds that COMMIT may take after the deadline
    committing: bool = False
    abandoned: bool = False
    timer: asyncio.TimerHandle | None = None


class GroupCommit(Generic[Wish]):
    """Writes wishes in shared transactions.

    Args:
        engine: Where to.
        write: Inserts wishes on a connection that has a transaction; an IntegrityError means a repeated wish.
        deadline: Seconds until a wish that is not yet in COMMIT is given up.
        together: Most wishes in one transaction.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        write: Callable[[AsyncConnection, list[Wish]], Awaitable[None]],
        *,
        deadline: float = 1.5,
        together: int = _TOGETHER,
    ) -> None:
        self._engine = engine
        self._write = write
        self._deadline = deadline
        self._together = together
        self._waiting: deque[_Entry[Wish]] = deque()
        self._writer: asyncio.Task[None] | None = None
        # A thread of SQLite's cannot be called off; its busy_timeout bounds it instead.
        self._patience = None if engine.dialect.name == "sqlite" else deadline + _COMMIT

    async def put(self, wish: Wish, *, within: float | None = None) -> None:
        """Return once the wish is committed.

        Args:
            wish: What to write.
            within: Seconds until its fate must be known, None for the usual deadline with COMMIT's.

        Raises:
            RepeatedError: It was stored before.
            Whatever `write` refuses it with.
            NotStoredError: It is surely not stored.
            StoredOrNotError: COMMIT got no answer.
        """
        loop = asyncio.get_running_loop()
        deadline, patience = self._deadline, _COMMIT
        if within is not None:
            deadline, patience = min(deadline, within * (1 - _SHARE)), min(patience, within * _SHARE)
        entry = _Entry(wish, loop.create_future(), patience)
        entry.timer = loop.call_later(deadline, self._give_up, entry)
        self._waiting.append(entry)
        if self._writer is None:
            self._writer = loop.create_task(self._drain())
        try:
            await entry.done
        finally:
            entry.timer.cancel()
            entry.abandoned = True

    async def drain(self) -> None:
        """Wait until everything put so far is decided."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    def _give_up(self, entry: _Entry[Wish]) -> None:
        """The deadline: before COMMIT the wish is withdrawn, during COMMIT it gets a little longer."""
        if not entry.committing:
            entry.abandoned = True
            _fail(entry, NotStoredError(_NOT_STORED))
            return
        loop = asyncio.get_running_loop()
        entry.timer = loop.call_later(entry.patience, _fail, entry, StoredOrNotError(_STORED_OR_NOT))

    async def _drain(self) -> None:
        try:
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._together))]
                await self._commit([entry for entry in taken if not entry.abandoned])
        finally:
            self._writer = None
            if self._waiting:
                self._writer = asyncio.get_running_loop().create_task(self._drain())

    async def _commit(self, entries: list[_Entry[Wish]]) -> None:
        if not entries:
            return
        committing = False
        try:
            async with asyncio.timeout(self._patience), self._connect() as connection:
                await self._write(connection, [entry.wish for entry in entries])
                late = [entry for entry in entries if entry.abandoned]
                if late:
                    await connection.rollback()
                    self._waiting.extendleft(reversed([entry for entry in entries if not entry.abandoned]))
                    return
                for entry in entries:
                    entry.committing = True
                committing = True
                await connection.commit()
                # Before the connection is another's: on SQLite that one's statements hold up the event loop.
                for entry in entries:
                    if not entry.done.done():
                        entry.done.set_result(None)
        except Exception as exc:  # noqa: BLE001 -- whatever the driver raises, each wish must learn its fate
            await self._explain(entries, exc, committing=committing)

    async def _explain(self, entries: list[_Entry[Wish]], exc: Exception, *, committing: bool) -> None:
        match exc:
            case RefusalsError():
                for at, error in exc.refusals.items():
                    _fail(entries[at], error)
                self._waiting.extendleft(reversed([one for at, one in enumerate(entries) if at not in exc.refusals]))
            case IntegrityError():
                await self._one_by_one(entries)
            case DBAPIError() if not committing and is_undone(exc):
                self._waiting.extendleft(reversed(entries))
            case _:
                _log.error(
                    "database.write_failed", error=type(exc).__name__, committing=committing, wishes=len(entries)
                )
                for entry in entries:
                    _fail(entry, StoredOrNotError(_STORED_OR_NOT) if committing else NotStoredError(_NOT_STORED))

    async def _one_by_one(self, entries: list[_Entry[Wish]]) -> None:
        """One of them was stored before: find out which, so that the others are not held to it."""
        if len(entries) == 1:
            _fail(entries[0], RepeatedError())
            return
        for entry in entries:
            if not entry.abandoned:
                await self._commit([entry])

    def _connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._engine.connect()


def _fail(entry: _Entry[Wish], error: Exception) -> None:
    if not entry.done.done():
        entry.done.set_exception(error)
