"""Files that came with texts: wanted, fetched, in Slack; each step is a write before the next request."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import PictureState
from bot.services.pictures import Album, Fetched, Kept, Wanted
from bot.services.showing import Kind, PostState
from bot.store.dirty import mark_dirty
from bot.store.tables import inbound, picture, post

_TOGETHER = 10
_SLOW = 2  # tries in vain
# The literals let both databases use the partial index.
_OPEN = text("state IN ('wanted', 'fetched', 'sharing', 'leaving')")


class PictureStore:
    """The picture table."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def any_due(self, now: datetime) -> bool:
        """Whether there is anything to do; cheap."""
        due = select(picture.c.id).where(_OPEN, *_is_due(now)).limit(1)
        async with self._engine.connect() as connection:
            return (await connection.execute(due)).first() is not None

    async def wanted(self, now: datetime, until: datetime, limit: int) -> tuple[Wanted, ...]:
        """Lease files that are due to be fetched, oldest first."""
        return await self._lease(PictureState.WANTED, now, until, limit)

    async def leaving(self, now: datetime, until: datetime) -> tuple[Wanted, ...]:
        """Lease files that shall vanish from Slack; their `url` is Slack's name for them."""
        return await self._lease(PictureState.LEAVING, now, until, _TOGETHER)

    async def _lease(self, state: PictureState, now: datetime, until: datetime, limit: int) -> tuple[Wanted, ...]:
        due = select(picture).where(picture.c.state == state, *_is_due(now)).order_by(picture.c.due_at).limit(limit)
        async with self._engine.begin() as connection:
            rows = (await connection.execute(due.with_for_update(skip_locked=True))).all()
            await _set(connection, [row.id for row in rows], lease_until=until)
        return tuple(
            Wanted(row.id, row.file_id if state is PictureState.LEAVING else row.url, row.tries) for row in rows
        )

    async def keep(self, picture_id: str, fetched: Fetched) -> None:
        """A file was fetched; nothing when it was erased meanwhile."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(picture)
                .where(picture.c.id == picture_id, picture.c.state == PictureState.WANTED)
                .values(
                    state=PictureState.FETCHED,
                    content=fetched.content,
                    kind=fetched.kind,
                    suffix=fetched.suffix,
                    tries=0,
                    lease_until=None,
                )
            )

    async def put_off(self, picture_ids: Sequence[str], due_at: datetime) -> None:
        """Try again then."""
        async with self._engine.begin() as connection:
            await _set(connection, picture_ids, due_at=due_at, lease_until=None, tries=picture.c.tries + 1)

    async def fail(self, picture_ids: Sequence[str], reason: str) -> None:
        """It cannot be had, or Slack does not take it; people read why."""
        async with self._engine.begin() as connection:
            await _end(connection, picture_ids, PictureState.FAILED, reason)

    async def ready(self, now: datetime, until: datetime) -> Album | None:
        """Lease what came with one text, once all of it is fetched or given up and the text is shown.

        A file that is slow to come keeps the others for half a minute; then it follows alone, also while those are
        being shared or looked for.
        """
        other = picture.alias("other")
        coming = (other.c.state == PictureState.WANTED, other.c.tries < _SLOW)
        unfetched = exists().where(other.c.inbound_id == picture.c.inbound_id, *coming)
        waiting = picture.c.state.in_([PictureState.FETCHED, PictureState.SHARING])
        shown = and_(post.c.batch_id == picture.c.inbound_id, post.c.kind == Kind.ROOT)
        first = (
            select(
                picture.c.inbound_id,
                picture.c.state,
                picture.c.tries,
                post.c.channel,
                post.c.thread_ts,
                post.c.ts,
                inbound.c.number,
            )
            .join(post, and_(shown, post.c.state == PostState.POSTED))
            .join(inbound, inbound.c.id == picture.c.inbound_id)
            .where(waiting, *_is_due(now), ~unfetched.correlate(picture))
            .order_by(picture.c.due_at, picture.c.position)
            .limit(1)
            .with_for_update(skip_locked=True, of=picture)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(first)).first()
            if row is None:
                return None
            theirs = (picture.c.inbound_id == row.inbound_id, picture.c.state == row.state, *_is_due(now))
            album = select(picture).where(*theirs).order_by(picture.c.position)
            files = (await connection.execute(album.with_for_update())).all()
            await _set(connection, [file.id for file in files], lease_until=until)
        return Album(
            inbound_id=row.inbound_id,
            sender=row.number,
            channel=row.channel,
            thread_ts=row.thread_ts or row.ts,
            files=tuple(
                Kept(
                    id=file.id,
                    content=file.content,
                    kind=file.kind,
                    suffix=file.suffix,
                    file_id=file.file_id,
                    sharing=file.state == PictureState.SHARING,
                )
                for file in files
            ),
            tries=row.tries,
        )

    async def name(self, picture_id: str, file_id: str) -> None:
        """Slack has a name for a file; nobody sees it yet."""
        async with self._engine.begin() as connection:
            await _set(connection, [picture_id], picture.c.state == PictureState.FETCHED, file_id=file_id)

    async def sharing(self, file_ids: Mapping[str, str], look_at: datetime) -> bool:
        """From now on they may be seen; should nobody say so, they are looked for from `look_at` on.

        False when they are not to be seen any more, or another process shares them by other names.
        """
        named = or_(*(and_(picture.c.id == ours, picture.c.file_id == theirs) for ours, theirs in file_ids.items()))
        fetched = update(picture).where(named, picture.c.state == PictureState.FETCHED)
        async with self._engine.begin() as connection:
            marked = await connection.execute(fetched.values(state=PictureState.SHARING, due_at=look_at))
            whole = marked.rowcount == len(file_ids)
            if not whole:
                await connection.rollback()
        return whole

    async def shared(self, picture_ids: Sequence[str]) -> None:
        """They are seen; the bytes may go."""
        async with self._engine.begin() as connection:
            await _end(connection, picture_ids, PictureState.SHARED)

    async def again(self, picture_ids: Sequence[str]) -> None:
        """They surely are not seen; upload them anew."""
        async with self._engine.begin() as connection:
            sharing = picture.c.state == PictureState.SHARING
            await _set(connection, picture_ids, sharing, state=PictureState.FETCHED, file_id="", lease_until=None)

    async def forget(self, picture_id: str) -> None:
        """One has vanished."""
        async with self._engine.begin() as connection:
            gone = (picture.c.id == picture_id, picture.c.state == PictureState.LEAVING)
            await connection.execute(delete(picture).where(*gone))

    async def recover(self) -> None:
        """After a start as the only process: nobody holds a lease."""
        async with self._engine.begin() as connection:
            held = update(picture).where(picture.c.lease_until.is_not(None))
            await connection.execute(held.values(lease_until=None))


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return picture.c.due_at <= now, or_(picture.c.lease_until.is_(None), picture.c.lease_until <= now)


async def _set(
    connection: AsyncConnection, picture_ids: Sequence[str], *where: ColumnElement[bool], **values: object
) -> None:
    if picture_ids:
        await connection.execute(update(picture).where(picture.c.id.in_(picture_ids), *where).values(**values))


async def _end(connection: AsyncConnection, picture_ids: Sequence[str], state: PictureState, reason: str = "") -> None:
    """Their end, which Slack's message about the text says; one that was erased meanwhile still vanishes."""
    ended = (
        update(picture)
        .where(picture.c.id.in_(picture_ids), picture.c.state != PictureState.LEAVING)
        .values(state=state, reason=reason, content=None, lease_until=None)
    )
    ids = (await connection.execute(ended.returning(picture.c.inbound_id))).scalars().all()
    await mark_dirty(connection, ids, urgent=False)
