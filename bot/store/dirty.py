"""Says that Slack no longer shows what the database says."""

from collections.abc import Collection, Iterable

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.lists import among, listed, one_of

_MARK = """
    UPDATE batch
    SET wants = CASE WHEN wants < 1 THEN 1 ELSE wants END, version = version + 1, urgent = urgent OR id {urgent}
    WHERE id {locked}
"""
_LOCKED = "SELECT id FROM batch WHERE id {ids} ORDER BY id"


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


def _statement(dialect: str, lock: str) -> TextClause:
    locked = among(_LOCKED.format(ids=one_of("ids", dialect)) + lock, dialect)
    sql = _MARK.format(locked=locked, urgent=one_of("urgent", dialect))
    return text(sql).bindparams(listed("ids"), listed("urgent"))


_STATEMENTS = {
    "sqlite": _statement("sqlite", ""),
    "postgresql": _statement("postgresql", " FOR NO KEY UPDATE"),
}
