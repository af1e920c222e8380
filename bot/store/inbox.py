"""Texts from phones: each stored once, in one transaction with all that follows from its words."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.ids import new_id
from bot.domain.keywords import Keyword, read_keyword
from bot.domain.message import E164, Origin, Purpose, Wish
from bot.services.ports import Hold, InboundText, NewBatch, NewMessage, RepeatedError
from bot.services.receiving import Arrival
from bot.services.showing import Wants
from bot.store.batches import insert_batches, pair_of
from bot.store.commits import GroupCommit
from bot.store.consent import Action, Line, is_blocked, note_consent
from bot.store.dirty import mark_dirty
from bot.store.opt_outs import blocked_among
from bot.store.pairs import forget_records, key_of, settle_known
from bot.store.tables import batch, conversation, inbound, message, number_rule, picture
from bot.store.upsert import insert_new

_PATIENT = 5.0  # seconds; nobody waits for a text to be stored but CarrierX
_ARRIVALS = 20  # in one transaction, which takes several questions each and holds their conversations from others
_RARELY = timedelta(hours=1)  # between two automatic answers to one person
_CONFIRM = timedelta(minutes=5)  # 47 CFR 64.1200(a)(12): a later confirmation is no confirmation any more
_TICK = timedelta(microseconds=1)
_PLAIN = {Keyword.NONE, Keyword.ASK}  # they change nothing for the texts after them
_CHANGED = ("channel", "asked_in", "root_id", "active_at", "inbound_at")
_UPDATE_CONVERSATION = (
    update(conversation)
    .where(conversation.c.id == bindparam("known_id"))
    .values({name: bindparam(name) for name in _CHANGED})
)


@dataclass(frozen=True, slots=True)
class _Place:
    """The conversation that a text belongs to, and what of it matters for showing the text."""

    id: str
    channel: str
    at: datetime  # later than what came before, so that the order stands
    broadcast: bool


@dataclass(slots=True)
class _Talk:
    """A conversation, locked, as the texts that come together leave it."""

    id: str
    pair: str
    channel: str
    asked_in: str
    thread_ts: str | None
    root_id: str
    active_at: datetime
    inbound_at: datetime | None

    @property
    def begins(self) -> bool:
        """Whether nothing has begun its thread."""
        return self.thread_ts is None and not self.root_id


class InboxStore:
    """The inbound table.

    Args:
        engine: The database.
        revive: After how long a rest of its thread a text is shown in the channel too.
    """

    def __init__(self, engine: AsyncEngine, *, revive: timedelta) -> None:
        self._engine = engine
        self._revive = revive
        self._commits: GroupCommit[Arrival] = GroupCommit(engine, self._write, deadline=_PATIENT, together=_ARRIVALS)

    async def receive(self, arrival: Arrival) -> bool:
        """Store a text with all that follows from its words; False when another process was just before us.

        Raises:
            NotStoredError, StoredOrNotError: CarrierX should tell again, or its records will.
        """
        try:
            await self._commits.put(arrival)
        except RepeatedError:
            return False
        return True

    async def drain(self) -> None:
        """Wait for the writes under way."""
        await self._commits.drain()

    async def note_history(self, texts: Sequence[InboundText], now: datetime) -> None:
        """Take only what the ledger needs from texts of before our time, oldest first."""
        async with self._engine.begin() as connection:
            for text in texts:
                blocked = await is_blocked(connection, text.sender)
                await _note_keyword(connection, read_keyword(text.text, blocked=blocked), text, text.to, now)

    async def last_text_at(self) -> datetime | None:
        """When the last text went or came."""
        async with self._engine.connect() as connection:
            at: datetime | None = await connection.scalar(select(func.max(batch.c.accepted_at)))
        return at

    async def _write(self, connection: AsyncConnection, arrivals: list[Arrival]) -> None:
        talks = await _open_conversations(connection, arrivals)
        for run in _split(arrivals):
            unknown = await settle_known(connection, run)
            if unknown:
                await self._insert(connection, unknown, talks)

    async def _insert(self, connection: AsyncConnection, arrivals: list[Arrival], talks: Mapping[str, _Talk]) -> None:
        """Store texts that share their statements: each with a keyword alone, all others together."""
        senders = {arrival.text.sender for arrival in arrivals}
        ids = [new_id() for _ in arrivals]
        places = await self._find_places(connection, arrivals, ids, talks)
        recorded = await forget_records(connection, [arrival.text.sid for arrival in arrivals])
        blocked = await blocked_among(connection, senders)
        keywords = [read_keyword(each.text.text, blocked=each.text.sender in blocked) for each in arrivals]
        changed = [
            await _note_keyword(connection, keyword, each.text, each.ours, each.now, each.received_at)
            for keyword, each in zip(keywords, arrivals, strict=True)
        ]
        if any(changed):
            blocked = await blocked_among(connection, senders)
        every = list(zip(ids, arrivals, places, keywords, strict=True))
        await connection.execute(insert(batch), [_batch_values(id_, each, place) for id_, each, place, _ in every])
        await connection.execute(
            insert(inbound),
            [
                _inbound_values(id_, each, place, keyword, blocked=each.text.sender in blocked, recorded=recorded)
                for id_, each, place, keyword in every
            ],
        )
        pictures = [
            {"id": new_id(), "inbound_id": id_, "position": at, "url": url, "due_at": each.now}
            for id_, each, _, _ in every
            for at, url in enumerate(each.text.media_urls)
        ]
        if pictures:
            await connection.execute(insert(picture), pictures)
        for (_, each, place, keyword), has_changed in zip(every, changed, strict=True):
            if has_changed:
                await _settle_wishes(connection, each.text.sender)
            if has_changed or keyword is Keyword.HELP:
                await _answer(connection, each, keyword, place)

    async def _find_places(
        self, connection: AsyncConnection, arrivals: list[Arrival], ids: list[str], talks: Mapping[str, _Talk]
    ) -> list[_Place]:
        """Where each text stands in its conversation, which it begins where nothing has; `ids` are the texts' own."""
        changed = {pair: talks[pair] for pair in map(_pair_of, arrivals)}.values()
        await _begin_with_questions(connection, [talk for talk in changed if talk.begins])
        places = []
        for arrival, id_ in zip(arrivals, ids, strict=True):
            talk = talks[_pair_of(arrival)]
            rested = talk.thread_ts is not None and arrival.now - talk.active_at > self._revive
            talk.active_at = max(arrival.now, talk.active_at + _TICK)
            talk.inbound_at = max(talk.inbound_at or talk.active_at, arrival.received_at)
            if talk.begins:
                talk.root_id = id_
            places.append(_Place(talk.id, talk.channel, talk.active_at, rested))
        await connection.execute(
            _UPDATE_CONVERSATION,
            [{"known_id": talk.id} | {name: getattr(talk, name) for name in _CHANGED} for talk in changed],
        )
        return places


def _pair_of(arrival: Arrival) -> str:
    return pair_of(arrival.ours, arrival.members)


async def _open_conversations(connection: AsyncConnection, arrivals: list[Arrival]) -> dict[str, _Talk]:
    """The texts' conversations by their pairs, locked, new ones where there are none.

    In one order in every process, so that two never wait for each other; and before anything is asked about them, so
    that a callback and its record do not miss each other.
    """
    threads = await _find_threads(connection, arrivals)
    wanted = {threads.get(_pair_of(arrival), _pair_of(arrival)): arrival for arrival in reversed(arrivals)}
    theirs = select(conversation).where(conversation.c.pair.in_(wanted)).order_by(conversation.c.pair)
    rows = (await connection.execute(theirs.with_for_update())).all()
    if missing := sorted(wanted.keys() - {row.pair for row in rows}):
        await _begin_conversations(connection, {pair: wanted[pair] for pair in missing})
        rows = (await connection.execute(theirs.with_for_update())).all()
    talks = {
        row.pair: _Talk(
            row.id,
            row.pair,
            row.channel,
            row.asked_in,
            row.thread_ts,
            row.root_id,
            row.active_at,
            row.inbound_at,
        )
        for row in rows
    }
    return talks | {pair: talks[thread] for pair, thread in threads.items()}


async def _find_threads(connection: AsyncConnection, arrivals: list[Arrival]) -> dict[str, str]:
    """Whose conversations groups share that have none of their own, by their pairs.

    What we wrote to a group without those who have said STOP made another group on the phones; it is answered in the
    thread in which we wrote it.
    """
    groups = {_pair_of(arrival) for arrival in arrivals if len(arrival.members) > 1}
    if not groups:
        return {}
    own = conversation.alias("own")
    written = (
        select(message.c.pair, conversation.c.pair.label("thread"))
        .join(batch, batch.c.id == message.c.batch_id)
        .join(conversation, conversation.c.id == batch.c.conversation_id)
        # The literal lets both databases use the partial index.
        .where(text("message.is_group"), message.c.pair.in_(groups), ~exists().where(own.c.pair == message.c.pair))
        .order_by(message.c.seq)
    )
    return dict(map(tuple, await connection.execute(written)))


def _split(arrivals: list[Arrival]) -> Iterator[list[Arrival]]:
    """Texts in their order, in runs whose members do not concern each other.

    What a keyword changes must be seen by what comes after it, and a record by the callback that says the same.
    """
    run: list[Arrival] = []
    for arrival in arrivals:
        alone = arrival.from_record or read_keyword(arrival.text.text, blocked=True) not in _PLAIN
        if run and (alone or any(arrival.text.sid == each.text.sid for each in run)):
            yield run
            run = []
        if alone:
            yield [arrival]
        else:
            run.append(arrival)
    if run:
        yield run


def _batch_values(entry_id: str, arrival: Arrival, place: _Place) -> dict[str, Any]:
    return {
        "id": entry_id,
        "key": key_of(arrival.text.sid),
        "team": arrival.team,
        "user_id": "",
        "user_name": "",
        "channel": place.channel,
        "asked_in": place.channel,
        "origin": Origin.INBOUND,
        "conversation_id": place.id,
        "sender": arrival.ours,
        "response_url": "",
        "accepted_at": place.at,
        "wants": int(Wants.POST),
        "show_at": arrival.now,
    }


def _inbound_values(
    entry_id: str, arrival: Arrival, place: _Place, keyword: Keyword, *, blocked: bool, recorded: Collection[str]
) -> dict[str, Any]:
    text = arrival.text
    return {
        "id": entry_id,
        "message_sid": None if arrival.from_record else text.sid,
        "record_sid": text.sid if arrival.from_record or text.sid in recorded else None,
        "number": text.sender,
        "ours": arrival.ours,
        "text": text.text,
        "received_at": arrival.received_at,
        "stored_at": arrival.now,
        "late": arrival.from_record,
        "broadcast": place.broadcast,
        "keyword": "" if keyword is Keyword.ASK else keyword,
        "blocked": blocked,
        "wish": Wish.OPEN if keyword is Keyword.ASK else Wish.NONE,
    }


async def _begin_conversations(connection: AsyncConnection, first: Mapping[str, Arrival]) -> None:
    """Begin conversations, unless somebody has just begun them; `first` is a text of each, by their pairs."""
    ours = {arrival.ours for arrival in first.values()}
    routed = select(number_rule.c.number, number_rule.c.channel).where(number_rule.c.number.in_(ours))
    routes: dict[E164, str] = dict(map(tuple, (await connection.execute(routed)).all()))
    new = []
    for pair, arrival in first.items():
        row: dict[str, Any] = {"id": new_id(), "pair": pair, "sender": arrival.ours, "team": arrival.team}
        row |= {"members": json.dumps(arrival.members), "active_at": arrival.now - _TICK, "root_id": ""}
        new.append(row | dict.fromkeys(("channel", "asked_in"), routes.get(arrival.ours) or arrival.home))
    await insert_new(connection, conversation, new)


async def _begin_with_questions(connection: AsyncConnection, talks: Collection[_Talk]) -> None:
    """Where a text of ours to that phone is not shown yet, it begins the conversation, not its answer."""
    if not talks:
        return
    other = message.alias("other")
    alone = ~exists().where(other.c.batch_id == message.c.batch_id, other.c.id != message.c.id).correlate(message)
    unshown = (
        select(message.c.pair, batch.c.id, batch.c.channel, batch.c.asked_in)
        .join(message, message.c.batch_id == batch.c.id)
        .where(
            batch.c.wants == literal_column("2"),  # no parameter, or the partial index goes unused
            batch.c.conversation_id.is_(None),
            batch.c.origin == Origin.COMMAND,
            message.c.pair.in_([talk.pair for talk in talks]),
            alone,
        )
        .order_by(batch.c.accepted_at.desc())
    )
    oldest = {row.pair: row for row in await connection.execute(unshown)}
    for talk in talks:
        if row := oldest.get(talk.pair):
            await connection.execute(update(batch).where(batch.c.id == row.id).values(conversation_id=talk.id))
            talk.root_id, talk.channel, talk.asked_in = row.id, row.channel, row.asked_in


async def _note_keyword(
    connection: AsyncConnection,
    keyword: Keyword,
    text: InboundText,
    ours: E164,
    now: datetime,
    at: datetime | None = None,
) -> bool:
    """Write what a text says into the ledger; whether that changed who may be texted."""
    if keyword not in {Keyword.STOP, Keyword.START}:
        return False
    action = Action.OPTED_OUT if keyword is Keyword.STOP else Action.OPTED_IN
    line = Line(text.sender, action, at or text.created_at or now, ours=ours, words=text.text)
    return await note_consent(connection, line, now)


async def _settle_wishes(connection: AsyncConnection, number: E164) -> None:
    """Whether an earlier text was a wish to stop is no question any more once they have said so themselves."""
    asked = update(inbound).where(inbound.c.number == number, inbound.c.wish == Wish.OPEN)
    settled = await connection.scalars(asked.values(wish=Wish.NONE).returning(inbound.c.id))
    await mark_dirty(connection, settled.all(), urgent=False)


async def _answer(connection: AsyncConnection, arrival: Arrival, keyword: Keyword, place: _Place) -> None:
    """Answer by ourselves, unless we have lately or it is too late."""
    purpose = Purpose(keyword)
    send_by = arrival.received_at + (_CONFIRM if purpose is Purpose.STOP else _RARELY)
    if send_by <= arrival.now or await _has_answered(connection, arrival, purpose):
        return
    said = {Purpose.STOP: arrival.answers.stop, Purpose.HELP: arrival.answers.help}
    hold = Hold(None, arrival.now, send_by)
    answer = NewBatch(
        id=new_id(),
        key=f"answer:{arrival.text.sid}",
        team=arrival.team,
        user_id="",
        user_name="",
        channel=place.channel,
        response_url="",
        sender=arrival.ours,
        text=said.get(purpose, arrival.answers.start),
        media_urls=(),
        accepted_at=place.at + _TICK,
        messages=(NewMessage(new_id(), (arrival.text.sender,), group=False, hold=hold, purpose=purpose),),
        origin=Origin.ANSWER,
        conversation_id=place.id,
    )
    await insert_batches(connection, [answer])
    # Its place in the conversation lies ahead of a clock that was set back since the text before.
    await connection.execute(update(batch).where(batch.c.id == answer.id).values(show_at=arrival.now))


async def _has_answered(connection: AsyncConnection, arrival: Arrival, purpose: Purpose) -> bool:
    """Whether this person had an answer within the hour; one to HELP does not cost them the one to STOP."""
    counted = message.c.purpose == purpose if purpose is Purpose.STOP else message.c.purpose != Purpose.PERSONAL
    lately = select(message.c.seq).where(
        message.c.recipient == arrival.text.sender, counted, message.c.accepted_at > arrival.now - _RARELY
    )
    return (await connection.execute(lately.limit(1))).first() is not None
