"""Who of some phones has asked for no more texts, within whatever transaction wants to know."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.message import E164
from bot.store.lists import listed, one_of

_BLOCKED = {
    name: text(f"SELECT number FROM opt_out WHERE blocked AND number {one_of('numbers', name)}").bindparams(  # noqa: S608
        listed("numbers")
    )
    for name in ("sqlite", "postgresql")
}


async def blocked_among(connection: AsyncConnection, numbers: Collection[E164]) -> frozenset[E164]:
    """Those of the numbers that are opted out."""
    return frozenset(await connection.scalars(_BLOCKED[connection.dialect.name], {"numbers": numbers}))


async def stopped_among(connection: AsyncConnection, members: tuple[E164, ...]) -> tuple[E164, ...]:
    """Those of a group that are opted out, in its order; () for a text between two."""
    if len(members) < 2:  # noqa: PLR2004 -- a group has two phones or more
        return ()
    blocked = await blocked_among(connection, members)
    return tuple(number for number in members if number in blocked)
