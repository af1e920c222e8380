"""Says that Slack no longer shows what the database says."""

from collections.abc import Iterable

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

_MARK = text(
    "UPDATE batch SET wants = CASE WHEN wants < 1 THEN 1 ELSE wants END, version = version + 1,"
    " urgent = urgent OR :urgent WHERE id IN :ids"
).bindparams(bindparam("ids", expanding=True))


async def mark_dirty(connection: AsyncConnection, batch_ids: Iterable[str], *, urgent: bool) -> None:
    """Ask for the batches to be shown anew.

    Args:
        connection: With the transaction that made the change.
        batch_ids: Which; sorted here, so that two processes lock them in one order.
        urgent: A final state, which goes before an intermediate one.
    """
    ids = sorted(set(batch_ids))
    if ids:
        await connection.execute(_MARK, {"ids": ids, "urgent": urgent})
