"""Which record tells of the same text as which callback.

A text is known by CarrierX's id of its message or of its detail record. Where the two differ, a record is paired with
the one callback that says the same; two callbacks are never compared by what they say. Where they do not differ, two
texts that say the same may have been paired before the record of the second could be read; then that parts them.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.message import E164
from bot.services.receiving import Arrival
from bot.store.tables import arrival as waiting
from bot.store.tables import batch, inbound

RECORD: Final = "record"
"""What the arrival table calls a record that waits for its callback."""
_NEAR = timedelta(seconds=5)  # between a callback's and its record's idea of when a text came


def key_of(sid: str) -> str:
    """What a text is stored under, so that no other has its id."""
    return f"inbound:{sid}"


async def settle_known(connection: AsyncConnection, arrivals: list[Arrival]) -> list[Arrival]:
    """Those that are not stored yet, by their id or, between a callback and a record, by what they say."""
    sids = [arrival.text.sid for arrival in arrivals]
    named = or_(inbound.c.message_sid.in_(sids), inbound.c.record_sid.in_(sids))
    rows: dict[str | None, Row[Any]] = {}
    for row in await connection.execute(select(inbound).where(named)):
        rows |= {row.record_sid: row, row.message_sid: row}
    unknown = [arrival for arrival in arrivals if arrival.text.sid not in rows]
    alike = await _find_unpaired(connection, unknown) if unknown else frozenset()
    new = []
    for arrival in arrivals:
        sid = arrival.text.sid
        found = rows.get(sid)
        if found is None and arrival.text.sender in alike:
            found = await _find_twin(connection, arrival)
        if found is None:
            new.append(arrival)
            continue
        column = inbound.c.record_sid if arrival.from_record else inbound.c.message_sid
        if getattr(found, column.name) is None:
            await connection.execute(update(inbound).where(inbound.c.id == found.id).values({column.name: sid}))
        if arrival.from_record:
            await forget_records(connection, [sid])
    return new


async def is_known(connection: AsyncConnection, sid: str) -> bool:
    """Whether a text is stored by that id."""
    named = or_(inbound.c.message_sid == sid, inbound.c.record_sid == sid)
    return (await connection.execute(select(inbound.c.id).where(named))).first() is not None


async def settle_records(connection: AsyncConnection, sids: Collection[str]) -> set[str]:
    """Those records whose texts are stored.

    One with the id of a callback is that callback's, and whatever else was paired with it is a text of its own: one of
    the two is shown, and this one is not known yet.
    """
    named = or_(inbound.c.message_sid.in_(sids), inbound.c.record_sid.in_(sids))
    rows = (await connection.execute(select(inbound).where(named).order_by(inbound.c.id).with_for_update())).all()
    known = {row.record_sid for row in rows}
    for row in rows:
        if row.message_sid not in sids or row.message_sid == row.record_sid:
            continue
        this = update(inbound).where(inbound.c.id == row.id)
        if row.record_sid is None:
            await connection.execute(this.values(record_sid=row.message_sid))
            known.add(row.message_sid)
        else:
            await connection.execute(this.values(message_sid=row.record_sid))
            await connection.execute(update(batch).where(batch.c.id == row.id).values(key=key_of(row.record_sid)))
    return known


async def _find_unpaired(connection: AsyncConnection, arrivals: list[Arrival]) -> frozenset[E164]:
    """Phones of which something is stored that one of these texts may be the other half of; mostly none."""
    times = [arrival.received_at for arrival in arrivals]
    near = select(inbound.c.number).where(
        _is_unpaired(from_record=arrivals[0].from_record),  # a record comes alone
        inbound.c.number.in_({arrival.text.sender for arrival in arrivals}),
        inbound.c.received_at.between(min(times) - _NEAR, max(times) + _NEAR),
    )
    return frozenset((await connection.execute(near)).scalars())


def _is_unpaired(*, from_record: bool) -> ColumnElement[bool]:
    """Whether a text was brought by a callback and no record has said the same yet, or the other way round."""
    if from_record:
        return and_(inbound.c.record_sid.is_(None), inbound.c.message_sid.is_not(None))
    return and_(inbound.c.message_sid.is_(None), inbound.c.record_sid.is_not(None))


async def _find_twin(connection: AsyncConnection, arrival: Arrival) -> Row[Any] | None:
    """Of a record its callback, of a callback its record, where the two have different ids."""
    text, at = arrival.text, arrival.received_at
    unpaired = _is_unpaired(from_record=arrival.from_record)
    if not arrival.from_record:  # one whose own record waits is not the other half of another record
        unpaired &= ~exists().where(waiting.c.source == RECORD, waiting.c.sid == text.sid)
    twins = (
        select(inbound)
        .where(
            unpaired,
            inbound.c.number == text.sender,
            inbound.c.ours == arrival.ours,
            inbound.c.received_at.between(at - _NEAR, at + _NEAR),
            or_(inbound.c.text == text.text, inbound.c.erased),
        )
        .order_by(inbound.c.received_at, inbound.c.stored_at)
        .limit(1)
        .with_for_update()
    )
    return (await connection.execute(twins)).first()


async def forget_records(connection: AsyncConnection, sids: Sequence[str]) -> frozenset[str]:
    """Wait for their callbacks no more; those that waited."""
    waited = delete(waiting).where(waiting.c.source == RECORD, waiting.c.sid.in_(sids)).returning(waiting.c.sid)
    return frozenset((await connection.execute(waited)).scalars())
