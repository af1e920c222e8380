"""What is heard of texts from phones and not believed yet.

Records that wait for their callbacks, callbacks that are asked for again, and how far CarrierX's records are read.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.services.ports import InboundText
from bot.services.receiving import Doubted, Reading
from bot.store.pairs import RECORD, is_known, settle_records
from bot.store.tables import arrival as waiting
from bot.store.tables import cursor
from bot.store.upsert import insert_new

_TOGETHER = 100
_CALLBACK: Final = "callback"
_CURSOR = "inbound"
_FLOOR = "inbound_floor"
# Beyond these something can only lie by a clock that was ahead and has been set right since.
_AHEAD = timedelta(minutes=1)
_LATEST = timedelta(hours=6)  # a callback is asked about once more before that
_RIGHT = timedelta(hours=1)  # by which CarrierX's clock may be ahead of ours


class ArrivalStore:
    """The arrival table, and the cursor of CarrierX's records."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def doubt(self, text: InboundText, now: datetime) -> None:
        """Keep a callback until it is asked for again."""
        async with self._engine.begin() as connection:
            if not await is_known(connection, text.sid):
                await insert_new(connection, waiting, [_wait(_CALLBACK, text, now)])

    async def doubted(self, now: datetime) -> tuple[Doubted, ...]:
        """Callbacks that are due to be asked for again; another process leaves them alone for a minute."""
        stranded = or_(
            and_(waiting.c.tries == 0, waiting.c.due_at > now + _AHEAD),  # at first it is due at once
            waiting.c.due_at > now + _LATEST,
        )
        due = select(waiting).where(waiting.c.source == _CALLBACK, or_(waiting.c.due_at <= now, stranded))
        due = due.order_by(waiting.c.due_at).limit(_TOGETHER).with_for_update(skip_locked=True)
        async with self._engine.begin() as connection:
            rows = (await connection.execute(due)).all()
            if rows:
                await connection.execute(
                    update(waiting)
                    .where(waiting.c.id.in_([row.id for row in rows]))
                    .values(due_at=now + timedelta(minutes=1), tries=waiting.c.tries + 1)
                )
        return tuple(Doubted(row.sid, _read_text(row.body)[1], row.tries) for row in rows)

    async def judge(self, sid: str, due_at: datetime | None) -> None:
        """Ask for a callback later, or, with None, no more."""
        theirs = (waiting.c.source == _CALLBACK, waiting.c.sid == sid)
        async with self._engine.begin() as connection:
            if due_at is None:
                await connection.execute(delete(waiting).where(*theirs))
            else:
                await connection.execute(update(waiting).where(*theirs).values(due_at=due_at))

    async def note_records(self, texts: Sequence[InboundText], now: datetime, due_at: datetime) -> None:
        """Keep records until their callbacks have had their time, but for those of texts that are stored already."""
        for at in range(0, len(texts), _TOGETHER):
            together = texts[at : at + _TOGETHER]
            async with self._engine.begin() as connection:
                known = await settle_records(connection, [text.sid for text in together])
                new = [_wait(RECORD, text, now) | {"due_at": due_at} for text in together if text.sid not in known]
                if new:
                    await insert_new(connection, waiting, new)

    async def due_records(self, now: datetime, wait: timedelta) -> tuple[InboundText, ...]:
        """Records whose callbacks have not come in time, oldest first; none waits for longer than `wait`."""
        is_due = or_(waiting.c.due_at <= now, waiting.c.due_at > now + wait + _AHEAD)
        due = select(waiting.c.body).where(waiting.c.source == RECORD, is_due)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(due.order_by(waiting.c.id).limit(_TOGETHER))).all()
        return tuple(_read_text(row.body)[0] for row in rows)

    async def take_turn(self, now: datetime, until: datetime) -> Reading | None:
        """Where reading goes on, if no other process is at it."""
        async with self._engine.begin() as connection:
            await insert_new(connection, cursor, [{"name": _CURSOR, "at": now}])
            row = (await connection.execute(select(cursor).where(cursor.c.name == _CURSOR).with_for_update())).one()
            if row.lease_until is not None and now < row.lease_until <= until + _AHEAD:
                return None
            at = now if row.at > now + _RIGHT else row.at
            await connection.execute(update(cursor).where(cursor.c.name == _CURSOR).values(lease_until=until, at=at))
            floor = await connection.scalar(select(cursor.c.at).where(cursor.c.name == _FLOOR))
            if floor is not None and floor > now + _AHEAD:
                floor = now
                await connection.execute(update(cursor).where(cursor.c.name == _FLOOR).values(at=floor))
        return Reading(None if floor is None else at, floor or now)

    async def end_turn(self, newest: datetime | None) -> None:
        """Let the next process read, from there; never from before where this one began."""
        ahead = () if newest is None else (cursor.c.at < newest,)
        async with self._engine.begin() as connection:
            ours = update(cursor).where(cursor.c.name == _CURSOR)
            await connection.execute(ours.values(lease_until=None))
            if newest is not None:
                await connection.execute(ours.where(*ahead).values(at=newest))

    async def begin_at(self, now: datetime) -> None:
        """The history is read: from now on texts are shown."""
        async with self._engine.begin() as connection:
            await insert_new(connection, cursor, [{"name": _FLOOR, "at": now}])


def _wait(source: str, text: InboundText, now: datetime) -> dict[str, Any]:
    body = json.dumps({"text": asdict(text), "at": now.isoformat()}, default=datetime.isoformat)
    return {"source": source, "sid": text.sid, "body": body, "due_at": now}


def _read_text(body: str) -> tuple[InboundText, datetime]:
    """A text that waited, and since when."""
    stored = json.loads(body)
    known = stored["text"]
    created = known["created_at"]
    text = InboundText(
        **known
        | {
            "group": tuple(known["group"]),
            "media_urls": tuple(known["media_urls"]),
            "created_at": datetime.fromisoformat(created) if created else None,
        }
    )
    return text, datetime.fromisoformat(stored["at"])
