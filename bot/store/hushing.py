"""Takes people's texts and numbers out of a database's errors, whose words end in a log.

PostgreSQL quotes rows in DETAIL and CONTEXT, and values where it cannot read one; SQLite names columns only. SQLAlchemy
leaves out parameters by `hide_parameters`.
"""

import sqlite3
from collections.abc import Iterator

import asyncpg
from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import StatementError

_UNREADABLE = "22"  # class of PostgreSQL's codes: a value makes no sense, and is quoted


def hush(engine: Engine) -> None:
    """Let no error of an engine quote what is in its rows."""
    event.listen(engine, "handle_error", _hush)


def _hush(context: ExceptionContext) -> None:
    chain = list(_causes(context.original_exception))
    said = next(filter(None, map(_say, chain)), None)
    if said is None:
        return
    if isinstance(context.sqlalchemy_exception, StatementError):
        chain.append(context.sqlalchemy_exception)
    for error in chain:
        error.args = (said,)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _say(error: BaseException) -> str | None:
    """A driver's error without values, None when it is none of a driver's."""
    match error:
        case asyncpg.PostgresError():
            message = "" if (error.sqlstate or "").startswith(_UNREADABLE) else str(error.args[0])
            error.detail = error.hint = error.context = error.query = None
        case asyncpg.exceptions.ClientConfigurationError():  # about DATABASE_URL, not about a row
            return None
        case asyncpg.InterfaceError():  # a value that does not fit is quoted
            message = ""
        case sqlite3.Error():
            return str(error)
        case _:
            return None
    return f"{type(error).__name__}: {message}".removesuffix(": ")
