"""Batches whose files and links are to be made ready: claimed by one process, and let go or failed in one write."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.media import SlackFile
from bot.domain.message import Cause, Status, Wait
from bot.services.fitting import Fitted
from bot.services.ports import StoredFile
from bot.services.preparing import Parcel
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_order
from bot.store.tables import attachment, message, parcel, recipient

_APART = timedelta(minutes=1)  # by which two who claim may differ in what the time is
_ACCEPTED = text("status = 'accepted'")


class ParcelStore:
    """The attachment and parcel tables."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, now: datetime, until: datetime) -> Parcel | None:
        """Lease the parcel that has waited longest; one whose texts are over is dropped.

        None is put off for longer than a lease, so a time far beyond `until` is of a clock that was set back since.
        """

        def has_come(time: Column[datetime]) -> ColumnElement[bool]:
            return or_(time <= now, time > until + _APART)

        free = or_(parcel.c.lease_until.is_(None), has_come(parcel.c.lease_until))
        due = select(parcel).where(has_come(parcel.c.due_at), free).order_by(parcel.c.due_at).limit(1)
        async with self._engine.connect() as connection:
            if (await connection.execute(due)).first() is None:
                return None  # a read alone: this is asked every second
        async with self._engine.begin() as connection:
            while True:
                row = (await connection.execute(due.with_for_update(skip_locked=True))).first()
                if row is None:
                    return None
                theirs = (message.c.batch_id == row.batch_id, _ACCEPTED, message.c.preparing)
                links = await connection.scalar(select(message.c.media_urls).where(*theirs).limit(1))
                if links is not None:
                    break
                await connection.execute(delete(parcel).where(parcel.c.batch_id == row.batch_id))
            taken = {"lease_until": until, "place": None}
            await connection.execute(update(parcel).where(parcel.c.batch_id == row.batch_id).values(taken))
            attached = select(attachment).where(attachment.c.batch_id == row.batch_id).order_by(attachment.c.position)
            files = (await connection.execute(attached)).all()
        return Parcel(
            row.batch_id,
            tuple(SlackFile(file.file_id, file.name, file.kind, file.size) for file in files),
            row.tries,
            tuple(json.loads(links)),  # what is stored at CarrierX comes to them only when all is ready
        )

    @again_if_undone
    async def ready(self, batch_id: str, files: Sequence[tuple[StoredFile, Fitted]]) -> bool:
        """Let the batch's texts go, with their files; the URLs that people typed come first.

        False where another process was quicker, or the texts are over: these files go nowhere.
        """
        async with self._engine.begin() as connection:
            theirs = (message.c.batch_id == batch_id, _ACCEPTED, message.c.preparing)
            wanted = select(message.c.seq, message.c.media_urls).where(*theirs).order_by(message.c.id)
            urls = [stored.url for stored, _ in files]
            rows = (await connection.execute(wanted.with_for_update())).all()
            for row in rows:
                every = json.dumps([*json.loads(row.media_urls), *urls])
                ready = update(message).where(message.c.seq == row.seq)
                await connection.execute(ready.values(preparing=False, media_urls=every))
            for position, (stored, fitted) in enumerate(files if rows else ()):
                await connection.execute(
                    update(attachment)
                    .where(attachment.c.batch_id == batch_id, attachment.c.position == position)
                    .values(url=stored.url, said=fitted.said)
                )
            await self._forget(connection, batch_id)
            return bool(rows)

    @again_if_undone
    async def tell(self, batch_id: str, place: int, now: datetime) -> None:
        """People read which file is being fetched, 0 for all of them being made to fit and stored."""
        await self._say(batch_id, {"place": place}, now)

    @again_if_undone
    async def put_off(self, batch_id: str, due_at: datetime, reason: str) -> None:
        """Try again then; people read why."""
        later = {"due_at": due_at, "lease_until": None, "tries": parcel.c.tries + 1, "reason": reason, "place": None}
        await self._say(batch_id, later, due_at)

    async def _say(self, batch_id: str, said: dict[str, Any], until: datetime) -> None:
        """Change what is said; a reply that its author can take back until then says that it waits for its files."""
        over = (message.c.wait == Wait.UNDO, message.c.not_before <= until)
        theirs = (message.c.batch_id == batch_id, _ACCEPTED, message.c.preparing, *over)
        async with self._engine.begin() as connection:
            await connection.execute(update(message).where(in_order(*theirs), *theirs).values(wait=None))
            await connection.execute(update(parcel).where(parcel.c.batch_id == batch_id).values(said))
            await mark_dirty(connection, [batch_id], urgent=False)

    @again_if_undone
    async def fail(self, batch_id: str, reason: str, now: datetime, *, mendable: bool) -> None:
        """Its texts cannot go; people read why, and whether the same may go at another time."""
        async with self._engine.begin() as connection:
            theirs = (message.c.batch_id == batch_id, _ACCEPTED, message.c.preparing)
            cause = Cause.UNREADY if mendable else Cause.MEDIA
            failed = {"status": Status.FAILED, "cause": cause, "word": reason, "final_at": now}
            ended = update(message).where(in_order(*theirs), *theirs)
            values = failed | {"wait": None, "lease_owner": None, "lease_until": None}
            ids = (await connection.execute(ended.values(values).returning(message.c.id))).scalars().all()
            if ids:
                await connection.execute(update(recipient).where(recipient.c.message_id.in_(ids)).values(failed))
            await self._forget(connection, batch_id)

    @staticmethod
    async def _forget(connection: AsyncConnection, batch_id: str) -> None:
        await connection.execute(delete(parcel).where(parcel.c.batch_id == batch_id))
        await mark_dirty(connection, [batch_id], urgent=True)

    async def recover(self) -> None:
        """After a start as the only process: nobody holds a lease."""
        async with self._engine.begin() as connection:
            await connection.execute(update(parcel).where(parcel.c.lease_until.is_not(None)).values(lease_until=None))
