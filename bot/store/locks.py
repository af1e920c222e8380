"""The order in which rows are locked on PostgreSQL, so that no two transactions wait for each other.

Conversations come first, then messages by their id, their recipients, batches by their id. An UPDATE of several rows
locks them as its plan happens to find them, so it names those that a question has locked in order. A text from a phone
cannot keep the order, as it may begin a conversation and fail texts in one transaction; what PostgreSQL undoes for
another's sake is done again. SQLite has one writer.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import ColumnElement, TextClause, select
from sqlalchemy.exc import DBAPIError

from bot.store.tables import message

_TRIES = 5
_UNDONE = {"40P01", "40001"}  # PostgreSQL's codes: deadlock detected, serialization failure

Arguments = ParamSpec("Arguments")
Store = TypeVar("Store", bound="InLine")
Result = TypeVar("Result")


def in_order(*conditions: ColumnElement[bool] | TextClause) -> ColumnElement[bool]:
    """The messages of some conditions, locked by id; an update repeats the conditions, for rows changed meanwhile."""
    locked = select(message.c.seq).where(*conditions).order_by(message.c.id)
    return message.c.seq.in_(locked.with_for_update(key_share=True).correlate(None))


def again_if_undone(
    write: Callable[Arguments, Coroutine[Any, Any, Result]],
) -> Callable[Arguments, Coroutine[Any, Any, Result]]:
    """For a method that is one transaction and nothing else."""

    @wraps(write)
    async def write_again(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        for _ in range(_TRIES - 1):
            try:
                return await write(*args, **kwargs)
            except DBAPIError as exc:
                if not is_undone(exc):
                    raise
        return await write(*args, **kwargs)

    return write_again


class InLine(Protocol):
    """A store whose methods wait for each other."""

    line: asyncio.Lock


def in_line(
    ask: Callable[Concatenate[Store, Arguments], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[Store, Arguments], Coroutine[Any, Any, Result]]:
    """For what Slack shall show: one at a time, so that a person's text waits behind one of them at most.

    SQLite has one connection, and each waits for it in turn; where several are free the processor is what they share.
    """

    @wraps(ask)
    async def ask_in_line(self: Store, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        async with self.line:
            return await ask(self, *args, **kwargs)

    return ask_in_line


def is_undone(exc: DBAPIError) -> bool:
    """Whether the database undid the whole transaction for another's sake: nothing of it is stored."""
    driver: Any = exc.orig
    return getattr(driver, "sqlstate", None) in _UNDONE
