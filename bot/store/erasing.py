"""Texts that are blanked: one phone's, because an administrator said so, and all that are older than they may be.

Rows stay, with their times, numbers and outcomes; their texts and media links go. The ledger stays whole.
"""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, delete, exists, false, func, or_, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.keywords import Keyword, read_keyword
from bot.domain.message import E164, FINAL, PictureState, ReplyState, Status
from bot.services.retention import Wish
from bot.store.consent import Action, Line, note_consent
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_order
from bot.store.tables import (
    arrival,
    attachment,
    batch,
    consent,
    conversation,
    cursor,
    inbound,
    message,
    note,
    picture,
    recipient,
    reply,
)
from bot.store.tables import stray as strays
from bot.store.upsert import insert_new

_WISH: Final = "erase:"
_TURN: Final = "retention"
_SCANNED = 5_000  # messages looked through in one step; few of them are one phone's
_TOGETHER = 200  # rows changed in one step
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_UNSEEN = timedelta(days=4)  # an arrival is settled within three
_WORDLESS: dict[str, Any] = {"text": "", "erased": True}
_BLANK: dict[str, Any] = _WORDLESS | {"media_urls": "[]"}
_WAITING = text("status = 'accepted'")
_OPEN = text("status IN ('accepted', 'sending')")


class ErasingStore:
    """What is left of texts when their time is over."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @again_if_undone
    async def ask(self, number: E164, user_id: str, since: datetime, now: datetime) -> int | None:
        """Note durably that a phone's texts are to be erased, and cancel what waits to go to it.

        How many texts were canceled; None when the ledger has this wish, or a later one, already.
        """
        name = f"{_WISH}{number}"
        async with self._engine.begin() as connection:
            # Whoever inserts second waits for the first to commit, and then reads its line.
            await insert_new(connection, cursor, [{"name": name, "at": now}])
            noted = select(consent.c.id).where(consent.c.number == number, consent.c.action == Action.ERASED)
            if (await connection.execute(noted.where(consent.c.noted_at >= since))).first() is not None:
                return None
            await connection.execute(update(cursor).where(cursor.c.name == name).values(at=now, lease_until=None))
            await note_consent(connection, Line(number, Action.ERASED, now, user_id=user_id), now)
            return await _cancel(connection, number, now, now)

    @again_if_undone
    async def take_wish(self, now: datetime, until: datetime) -> Wish | None:
        """A phone whose texts are to be erased, if no other process is at it; what waits to go to it is canceled."""
        free = or_(cursor.c.lease_until.is_(None), cursor.c.lease_until <= now)
        wished = select(cursor).where(cursor.c.name.startswith(_WISH), free).order_by(cursor.c.at).limit(1)
        async with self._engine.begin() as connection:
            row = (await connection.execute(wished.with_for_update(skip_locked=True))).first()
            if row is None:
                return None
            await connection.execute(update(cursor).where(cursor.c.name == row.name).values(lease_until=until))
            number = row.name.removeprefix(_WISH)
            # One whose request surely did not leave may wait again.
            await _cancel(connection, number, row.at, now)
            leaving = select(message.c.id).where(_OPEN, _is_to(number), message.c.accepted_at <= row.at).limit(1)
            return Wish(number, row.at, leaving=(await connection.execute(leaving)).first() is not None)

    async def erase(self, wish: Wish) -> AsyncIterator[None]:
        """Erase a phone's texts, and have Slack follow, in steps that are a transaction each."""
        async with self._engine.begin() as connection:
            newest = await connection.scalar(select(func.max(message.c.seq))) or 0
        for after in range(0, newest, _SCANNED):
            async with self._engine.begin() as connection:
                await _erase_messages(connection, wish, after)
            yield
        last: str | None = ""
        while last is not None:
            async with self._engine.begin() as connection:
                last = await _erase_inbound(connection, wish, last)
            yield
        last = ""
        while last is not None:
            async with self._engine.begin() as connection:
                last = await _erase_replies(connection, wish, last)
            yield
        async with self._engine.begin() as connection:
            await _erase_waiting(connection, wish)
        yield

    async def end_wish(self, wish: Wish, again_at: datetime) -> None:
        """It is done; where a text was leaving, all of it is looked at again."""
        # A later wish for the same phone has another time.
        theirs = (cursor.c.name == f"{_WISH}{wish.number}", cursor.c.at == wish.asked_at)
        async with self._engine.begin() as connection:
            if wish.leaving:
                await connection.execute(update(cursor).where(*theirs).values(lease_until=again_at))
            else:
                await connection.execute(delete(cursor).where(*theirs))

    async def take_turn(self, now: datetime, until: datetime) -> datetime | None:
        """Up to when old texts are blanked, if no other process is at it."""
        async with self._engine.begin() as connection:
            await insert_new(connection, cursor, [{"name": _TURN, "at": _BEGINNING}])
            row = (await connection.execute(select(cursor).where(cursor.c.name == _TURN).with_for_update())).one()
            if row.lease_until is not None and row.lease_until > now:
                return None
            await connection.execute(update(cursor).where(cursor.c.name == _TURN).values(lease_until=until))
        at: datetime = row.at
        return at

    async def blank(self, since: datetime, before: datetime) -> AsyncIterator[None]:
        """Blank what was written in that time and is over, in steps that are a transaction each; Slack stays."""
        position = (since, "")
        while True:
            at, last = position
            later = or_(batch.c.accepted_at > at, and_(batch.c.accepted_at == at, batch.c.id > last))
            # The first condition alone says where the index begins.
            old = select(batch.c.id, batch.c.accepted_at, batch.c.wants)
            old = old.where(batch.c.accepted_at >= at, batch.c.accepted_at < before, later)
            async with self._engine.begin() as connection:
                found = await connection.execute(old.order_by(batch.c.accepted_at, batch.c.id).limit(_TOGETHER))
                rows = found.all()
                # What Slack does not show yet would be shown blank.
                await _blank(connection, [row.id for row in rows if row.wants == 0])
            if len(rows) < _TOGETHER:
                break
            position = (rows[-1].accepted_at, rows[-1].id)
            yield
        async with self._engine.begin() as connection:
            await connection.execute(delete(arrival).where(arrival.c.due_at < before - _UNSEEN))
        yield

    async def end_turn(self, done: datetime | None) -> None:
        """Let another process go on, from there, or, with None, from where this one began."""
        values = {"lease_until": None} if done is None else {"lease_until": None, "at": done}
        async with self._engine.begin() as connection:
            await connection.execute(update(cursor).where(cursor.c.name == _TURN).values(values))


def _is_to(number: E164) -> ColumnElement[bool]:
    """A text to a phone, also one to a group with it."""
    members = exists().where(recipient.c.message_id == message.c.id, recipient.c.number == number)
    return or_(message.c.recipient == number, and_(message.c.is_group, members.correlate(message)))


async def _cancel(connection: AsyncConnection, number: E164, asked_at: datetime, now: datetime) -> int:
    theirs = (_WAITING, _is_to(number), message.c.accepted_at <= asked_at)
    waiting = update(message).where(in_order(*theirs), *theirs)
    ended = {"status": Status.CANCELED, "final_at": now, "wait": None, "lease_owner": None, "lease_until": None}
    rows = (await connection.execute(waiting.values(ended).returning(message.c.id, message.c.batch_id))).all()
    if rows:
        members = update(recipient).where(recipient.c.message_id.in_([row.id for row in rows]))
        await connection.execute(members.values(status=Status.CANCELED, final_at=now))
        await mark_dirty(connection, [row.batch_id for row in rows], urgent=True)
    return len(rows)


async def _erase_messages(connection: AsyncConnection, wish: Wish, after: int) -> None:
    """Of the next texts those to the phone; one that may yet go, or go again, keeps its text until it is over."""
    theirs = (
        message.c.seq > after,
        message.c.seq <= after + _SCANNED,
        _is_to(wish.number),
        message.c.accepted_at <= wish.asked_at,
        message.c.status.not_in([Status.ACCEPTED, Status.SENDING]),
    )
    # Those that retention has blanked before are shown with their texts in Slack.
    blanked = update(message).where(in_order(*theirs), *theirs).values(_BLANK).returning(message.c.batch_id)
    ids = (await connection.execute(blanked)).scalars().all()
    await _forget_files(connection, ids)
    await mark_dirty(connection, ids, urgent=False)


async def _forget_files(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """What files of Slack's went along with entries of which no text is left; they tell as much as a text does."""
    left = exists().where(message.c.batch_id == attachment.c.batch_id, message.c.erased == false())
    theirs = (attachment.c.batch_id.in_(set(ids)), ~left.correlate(attachment))
    await connection.execute(delete(attachment).where(*theirs))


async def _erase_inbound(connection: AsyncConnection, wish: Wish, after: str) -> str | None:
    """The next texts from the phone; the last one's id, None when there are no more."""
    theirs = select(inbound.c.id).where(
        inbound.c.number == wish.number, inbound.c.stored_at <= wish.asked_at, inbound.c.id > after
    )
    ids = (await connection.execute(theirs.order_by(inbound.c.id).limit(_TOGETHER))).scalars().all()
    if ids:
        await connection.execute(update(inbound).where(inbound.c.id.in_(ids)).values(_WORDLESS))
        await _take_pictures_away(connection, ids)
        await mark_dirty(connection, ids, urgent=False)
    return ids[-1] if len(ids) == _TOGETHER else None


async def _take_pictures_away(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """What stands in Slack, or may, is to vanish there; the rest goes at once."""
    theirs = picture.c.inbound_id.in_(ids)
    shown = (PictureState.SHARING, PictureState.SHARED, PictureState.LEAVING)
    leaving = update(picture).where(theirs, picture.c.state.in_(shown), picture.c.file_id != "")
    gone = {"state": PictureState.LEAVING, "url": "", "content": None, "tries": 0, "lease_until": None}
    await connection.execute(leaving.values(gone))
    await connection.execute(delete(picture).where(theirs, picture.c.state != PictureState.LEAVING))


async def _erase_replies(connection: AsyncConnection, wish: Wish, after: str) -> str | None:
    """The next replies and notes in the phone's conversations; what stands in Slack is its authors'."""
    theirs = (
        select(reply.c.id)
        .join(batch, batch.c.id == reply.c.id)
        .where(
            batch.c.conversation_id.in_(_conversations(wish.number)), reply.c.at <= wish.asked_at, reply.c.id > after
        )
    )
    ids = (await connection.execute(theirs.order_by(reply.c.id).limit(_TOGETHER))).scalars().all()
    await _blank_replies(connection, ids)
    await _forget_files(connection, ids)
    return ids[-1] if len(ids) == _TOGETHER else None


async def _erase_waiting(connection: AsyncConnection, wish: Wish) -> None:
    """What is not believed yet, and replies whose thread has just become known."""
    here = select(conversation.c.id).where(
        _is_with(wish.number),
        conversation.c.channel == strays.c.channel,
        conversation.c.thread_ts == strays.c.thread_ts,
    )
    await connection.execute(delete(strays).where(strays.c.at <= wish.asked_at, here.correlate(strays).exists()))
    # As json.dumps writes it.
    theirs = arrival.c.body.contains(f'"sender": {json.dumps(wish.number)}', autoescape=True)
    for row in (await connection.execute(select(arrival.c.id, arrival.c.body).where(theirs))).all():
        body = json.loads(row.body)
        said = read_keyword(body["text"]["text"], blocked=True)
        if said not in {Keyword.STOP, Keyword.START, Keyword.HELP}:  # the ledger needs those
            body["text"] |= {"text": "", "media_urls": []}
            await connection.execute(update(arrival).where(arrival.c.id == row.id).values(body=json.dumps(body)))


def _is_with(number: E164) -> ColumnElement[bool]:
    return conversation.c.members.contains(json.dumps(number), autoescape=True)


def _conversations(number: E164) -> Any:
    return select(conversation.c.id).where(_is_with(number))


async def _blank(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Blank what is over of some entries."""
    if not ids:
        return
    silent = and_(message.c.status.in_([Status.QUEUED, Status.SENT]), message.c.unreceipted == true())
    over = or_(message.c.status.in_([*FINAL, Status.UNCONFIRMED]), silent)
    kept = (message.c.batch_id.in_(ids), message.c.erased == false())
    await connection.execute(update(message).where(in_order(*kept, over), *kept, over).values(_BLANK))
    await connection.execute(
        update(inbound).where(inbound.c.id.in_(ids), inbound.c.erased == false()).values(_WORDLESS)
    )
    settled = (PictureState.SHARED, PictureState.FAILED, PictureState.LINKED)
    await connection.execute(delete(picture).where(picture.c.inbound_id.in_(ids), picture.c.state.in_(settled)))
    going = exists().where(message.c.batch_id == reply.c.id, message.c.erased == false()).correlate(reply)
    await _blank_replies(connection, ids, ~going)
    await _forget_files(connection, ids)
    await connection.execute(update(note).where(note.c.id.in_(ids), note.c.text != "").values(text=""))


async def _blank_replies(connection: AsyncConnection, ids: Sequence[str], *over: ColumnElement[bool]) -> None:
    """A reply that nobody has sent cannot be sent any more."""
    if ids:
        held = case((reply.c.state == ReplyState.HELD, ReplyState.WITHDRAWN), else_=reply.c.state)
        worded = or_(reply.c.text != "", reply.c.state == ReplyState.HELD)  # one of files alone has no text
        blanked = update(reply).where(reply.c.id.in_(ids), worded, *over)
        await connection.execute(blanked.values(text="", state=held))
