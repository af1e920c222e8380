"""Says that Slack no longer shows what the database says."""

from collections.abc import Collection, Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.lists import listed, one_of

_MARK = """
    UPDATE batch
    SET wants = CASE WHEN wants < 1 THEN 1 ELSE wants END, version = version + 1, urgent = urgent OR id {urgent}
    WHERE id IN (SELECT id FROM batch WHERE id {ids} ORDER BY id{locked})
"""


async def mark_dirty(connection: AsyncConnection, batch_ids: Iterable[str], *, urgent: bool | Collection[str]) -> None:
    """Ask for the batches to be shown anew; once in a transaction, as its last write.

    Args:
        connection: With the transaction that made the change.
        batch_ids: Which; locked in one order.
        urgent: Those with a final state, which goes before an intermediate one; True for all.
    """
    ids = sorted(set(batch_ids))
    if ids:
        final = (ids if urgent else []) if isinstance(urgent, bool) else list(urgent)
        await connection.execute(_STATEMENTS[connection.dialect.name], {"ids": ids, "urgent": final})


_STATEMENTS = {
    name: text(
        _MARK.format(ids=one_of("ids", name), urgent=one_of("urgent", name), locked=locked),
    ).bindparams(listed("ids"), listed("urgent"))
    for name, locked in (("sqlite", ""), ("postgresql", " FOR NO KEY UPDATE"))
}
