"""Who of some phones has asked for no more texts, within whatever transaction wants to know."""

import json
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.message import E164
from bot.store.lists import listed
from bot.store.sqlite import select_column

_BLOCKED_ON_POSTGRESQL = text("SELECT number FROM opt_out WHERE blocked AND number = ANY(:numbers)").bindparams(
    listed("numbers")
)
_BLOCKED_ON_SQLITE = "SELECT number FROM opt_out WHERE blocked AND number IN (SELECT value FROM json_each(?))"


async def blocked_among(connection: AsyncConnection, numbers: Collection[E164]) -> frozenset[E164]:
    """Those of the numbers that are opted out."""
    if connection.dialect.name == "sqlite":
        return frozenset(await select_column(connection, _BLOCKED_ON_SQLITE, [json.dumps(list(numbers))]))
    return frozenset(await connection.scalars(_BLOCKED_ON_POSTGRESQL, {"numbers": numbers}))


async def stopped_among(connection: AsyncConnection, members: tuple[E164, ...]) -> tuple[E164, ...]:
    """Those of a group that are opted out, in its order; () for a text between two."""
    if len(members) < 2:  # noqa: PLR2004 -- a group has two phones or more
        return ()
    blocked = await blocked_among(connection, members)
    return tuple(number for number in members if number in blocked)
