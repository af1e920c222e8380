"""The outbox: claims due messages, marks them sending, records what came of the requests.

A claim is only a lease; `sending` is a second, conditional write right before the request. So after a crash only
`sending` rows are in doubt. Every write that ends an attempt names the attempt's lease, so that a process that
slept through its own cannot undo what another has done since.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Row, TextClause, and_, bindparam, false, func, or_, select, text, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import Cause, Status, Wait
from bot.services.outbox import Claim, Claims, Outcome, Rejected, Taken, Unknown, Withheld
from bot.services.ports import OutboundText
from bot.store.dirty import mark_dirty
from bot.store.lists import among, listed, one_of
from bot.store.locks import again_if_undone, in_order
from bot.store.tables import Time, batch, message, pace, recipient
from bot.store.upsert import insert_new

_PUNCTUAL = timedelta(seconds=1)  # a slot missed by more is lost: after a pause all that waited would go in one burst
_AHEAD = timedelta(minutes=1)  # a slot further ahead is looked at more closely
_RETRIED = (Wait.UNREACHABLE, Wait.THROTTLED, Wait.BUSY)
_FAR = timedelta(minutes=61)  # the next try is within an hour
_NUMBER = "number:"  # keys of the pace table that are ours
_SHOWN = timedelta(seconds=5)  # a shorter wait for its turn is over before anybody has read of it

# The literals let both databases use the partial indexes. OFFSET 0 keeps PostgreSQL from making a join of the inner
# question: by statistics of a quiet hour it would read all that waits for each row. COALESCE keeps it from a partial
# index where the rows are named already: as such statistics have it that index is the shortest way.
#
# Of a conversation one text is due: none while another is leased or leaves, else our own answers first, then what came
# first. What waits for the morning holds up the others once it is morning.
_DUE = """
    SELECT m.seq, m.id, m.batch_id, m.sender, m.recipient, m.is_group, m.text, m.media_urls, m.paced, m.attempts,
           m.accepted_at, m.not_before
    FROM message m
    WHERE m.status = 'accepted' AND NOT m.preparing AND m.not_before <= :now AND m.ready_at > :too_old
      AND (m.send_by IS NULL OR m.send_by > :now)
      AND (m.lease_until IS NULL OR m.lease_until < :now)
      AND NOT EXISTS (SELECT 1 FROM hold)
      AND NOT EXISTS (
          SELECT 1 FROM message e
          WHERE e.pair = m.pair AND e.status IN ('accepted', 'sending') AND e.seq <> m.seq
            AND (e.status = 'sending' OR e.lease_until >= :now
                 OR (e.seq < m.seq AND m.purpose = '' AND (COALESCE(e.wait, '') <> 'quiet' OR e.not_before <= :now))
                 OR ((e.seq < m.seq OR m.purpose = '') AND e.purpose <> '' AND e.not_before <= :now))
          LIMIT 1 OFFSET 0)
    ORDER BY m.not_before, m.seq
    LIMIT :limit
"""
_CLAIM = """
    UPDATE message SET lease_owner = :owner, lease_until = :until
    WHERE seq {due}
    RETURNING seq, id, batch_id, sender, recipient, is_group, text, media_urls, paced, attempts, accepted_at, not_before
"""
_LEASE = "UPDATE message SET lease_owner = :owner, lease_until = :until WHERE seq {ours}"
_LOCK = "SELECT seq FROM message WHERE seq {ours} ORDER BY id"
_SENDING = """
    UPDATE message
    SET status = 'sending', sending_at = :now, check_at = :check_at, checks = 0, checking_since = NULL, wait = NULL
    WHERE seq {locked}
      AND COALESCE(status, '') = 'accepted' AND lease_owner = :owner AND ready_at > :too_old
      AND (send_by IS NULL OR send_by > :now)
      AND NOT EXISTS (SELECT 1 FROM message e WHERE e.pair = message.pair AND e.status = 'sending')
      AND (purpose IN ('stop', 'help') OR NOT EXISTS (
          SELECT 1 FROM opt_out o WHERE o.number = message.recipient AND o.blocked))
      AND (NOT is_group OR NOT EXISTS (
          SELECT 1 FROM recipient r JOIN opt_out o ON o.number = r.number
          WHERE r.message_id = message.id AND o.blocked))
    RETURNING seq
"""
# A 503 that the records do not know is accepted again; the answer to its first request may still come.
_TAKEN = """
    UPDATE message
    SET status = CASE WHEN status IN ('accepted', 'sending', 'unconfirmed') THEN 'queued' ELSE status END,
        queued_at = COALESCE(queued_at, {now}), sid = COALESCE(message.sid, {sid}), record_sid = NULL,
        kind = CASE WHEN message.kind = '' THEN {kind} ELSE message.kind END,
        segments = COALESCE(message.segments, {segments}),
        price = CASE WHEN message.price = '' THEN {price} ELSE message.price END,
        carrier_created_at = COALESCE(carrier_created_at, {created_at}),
        wait = NULL, checking_since = NULL, lease_owner = NULL, lease_until = NULL, checks = 0,
        check_at = CASE WHEN status IN ('delivered', 'failed') THEN NULL ELSE {check_at} END
"""
_SAID = ("now", "sid", "kind", "segments", "price", "created_at", "check_at")  # what CarrierX did, and when
_EACH = "WHERE seq = :seq AND status <> 'canceled'"
# PostgreSQL takes half the time over many at once; SQLite would gain nothing.
_TOGETHER = """
    FROM unnest(:seqs, :now, :sid, :kind, :segments, :price, :created_at, :check_at)
        AS t (seq, now, sid, kind, segments, price, created_at, check_at)
    WHERE message.seq = t.seq AND message.seq {locked} AND status <> 'canceled'
"""
_WITHHELD = """
    UPDATE message
    SET status = 'accepted', wait = :wait, not_before = :not_before, attempts = attempts + :tried, paced = :paced,
        sending_at = NULL, check_at = NULL, checking_since = NULL, lease_owner = NULL, lease_until = NULL
    WHERE seq = :seq AND status = 'sending' AND lease_owner = :owner
"""
_REJECTED = """
    UPDATE message
    SET status = 'failed', cause = 'rejected', word = :word, final_at = :now,
        check_at = NULL, checking_since = NULL, lease_owner = NULL, lease_until = NULL
    WHERE seq = :seq AND status = 'sending' AND lease_owner = :owner
"""
_UNKNOWN = """
    UPDATE message
    SET checking_since = :now, busy = :busy, check_at = :check_at
    WHERE seq = :seq AND status = 'sending' AND lease_owner = :owner AND checking_since IS NULL
"""
_SPREAD = (
    "UPDATE recipient SET status = :to, cause = :cause, word = :word, final_at = :final_at"
    " WHERE message_id = :id AND status IN ('accepted', 'sending', 'unconfirmed')"
)


def _statement(sql: str, *times: str, seqs: bool = False) -> TextClause:
    clause = text(sql).bindparams(*(bindparam(name, type_=Time()) for name in times))
    return clause.bindparams(listed("seqs", BigInteger)) if seqs else clause


_STATEMENTS = {
    "taken": _statement(
        _TAKEN.format_map({name: f":{name}" for name in _SAID}) + _EACH, "now", "created_at", "check_at"
    ),
    "withheld": _statement(_WITHHELD, "not_before"),
    "rejected": _statement(_REJECTED, "now"),
    "unknown": _statement(_UNKNOWN, "now", "check_at"),
    "spread": _statement(_SPREAD, "final_at"),
}
_TAKEN_TOGETHER = text(
    _TAKEN.format_map({name: f"t.{name}" for name in _SAID})
    + _TOGETHER.format(
        locked=among(_LOCK.format(ours=one_of("seqs", "postgresql")) + " FOR NO KEY UPDATE", "postgresql")
    )
).bindparams(
    *(listed(name, BigInteger) for name in ("seqs", "segments")),
    *(listed(name) for name in ("sid", "kind", "price")),
    *(listed(name, Time) for name in ("now", "created_at", "check_at")),
)


_FIRST_LEFT = (
    select(message.c.not_before)
    .where(text("status = 'accepted' AND NOT preparing"), message.c.lease_owner.is_distinct_from(bindparam("owner")))
    .order_by(message.c.not_before)
    .limit(1)
)
_FIRST_LATER = (
    select(message.c.not_before)
    .where(text("status = 'accepted'"), message.c.not_before > bindparam("now", type_=Time))
    .order_by(message.c.not_before)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class _Slot:
    row: Row[Any]
    at: datetime


class OutboxStore:
    """The message table as the outbox sees it.

    Args:
        engine: The database.
        rate: Texts a second from one number; 0 is off.
        give_up: How long after acceptance a text may still be handed over.
    """

    def __init__(self, engine: AsyncEngine, *, rate: float, give_up: timedelta) -> None:
        self._engine = engine
        self._interval = timedelta(seconds=1 / rate) if rate else None
        self._give_up = give_up
        dialect = engine.dialect.name
        several = dialect == "postgresql"
        locked = " FOR NO KEY UPDATE" if several else ""
        ours = one_of("seqs", dialect)
        self._lock = _statement(_LOCK.format(ours=ours) + locked, seqs=True) if several else None
        self._lease = _statement(_LEASE.format(ours=ours), "until", seqs=True)
        sending = _SENDING.format(locked=among(_LOCK.format(ours=ours) + locked, dialect))
        self._sending = _statement(sending, "now", "check_at", "too_old", seqs=True)
        due = _DUE + (f"{locked} OF m SKIP LOCKED" if several else "")
        # Where nothing is paced, what is due is claimed.
        claim = _CLAIM.format(due=among(f"SELECT d.seq FROM ({due}) d", dialect))  # noqa: S608 -- ours
        claimed = _statement(claim, "now", "too_old", "until")
        self._due = (_statement(due, "now", "too_old") if self._interval else claimed).columns(
            message.c.seq,
            message.c.id,
            message.c.batch_id,
            message.c.sender,
            message.c.recipient,
            message.c.is_group,
            message.c.text,
            message.c.media_urls,
            message.c.paced,
            message.c.attempts,
            message.c.accepted_at,
            message.c.not_before,
        )

    @again_if_undone
    async def claim(self, *, owner: str, now: datetime, until: datetime, limit: int) -> Claims:
        """Lease due messages, oldest first, one per conversation, as many as their numbers' pace allows."""
        async with self._engine.begin() as connection:
            wanted: dict[str, object] = {"now": now, "too_old": now - self._give_up, "limit": limit}
            lease: dict[str, object] = {"owner": owner, "until": until}
            if self._interval is None:
                rows = (await connection.execute(self._due, wanted | lease)).all()
                going = sorted(rows, key=lambda row: (row.not_before, row.seq))
            else:
                rows = (await connection.execute(self._due, wanted)).all()
                going = await self._pace(connection, rows, now)
                if going:
                    await connection.execute(self._lease, lease | {"seqs": [row.seq for row in going]})
            members = await _members(connection, [row.id for row in going if row.is_group])
            more = len(rows) == limit
            behind, next_at = (True, None) if more else await _look_ahead(connection, owner, now)
        return Claims(
            messages=tuple(
                Claim(
                    seq=row.seq,
                    batch_id=row.batch_id,
                    owner=owner,
                    attempts=row.attempts,
                    text=OutboundText(
                        id=row.id,
                        sender=row.sender,
                        recipients=members[row.id] if row.is_group else (row.recipient,),
                        group=row.is_group,
                        text=row.text,
                        media_urls=tuple(json.loads(row.media_urls)),
                    ),
                )
                for row in going
            ),
            more=more,
            behind=behind,
            next_at=next_at,
        )

    async def _pace(self, connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime) -> list[Row[Any]]:
        """Give each row its number's next slot; those whose slot is now may go."""
        assert self._interval is not None
        missed = now - max(self._interval, _PUNCTUAL)
        going = [row for row in rows if row.paced and row.not_before > missed]
        unpaced = [row for row in rows if not row.paced or row.not_before <= missed]
        if not unpaced:
            return going
        slots = await _lock_pace(connection, {f"{_NUMBER}{row.sender}" for row in unpaced}, now)
        later: list[_Slot] = []
        for row in unpaced:
            key = f"{_NUMBER}{row.sender}"
            slot = max(now, slots[key])
            slots[key] = slot + self._interval
            if slot <= now:
                going.append(row)
            else:
                later.append(_Slot(row, slot))
        await connection.execute(
            update(pace).where(pace.c.key == bindparam("k")).values(next_at=bindparam("at")),
            [{"k": key, "at": at} for key, at in slots.items()],
        )
        if later:
            await connection.execute(
                update(message)
                .where(message.c.seq == bindparam("s"))
                .values(not_before=bindparam("at"), paced=True, wait=bindparam("w")),
                [
                    {"s": slot.row.seq, "at": slot.at, "w": Wait.PACING if slot.at - now > _SHOWN else None}
                    for slot in later
                ],
            )
            await mark_dirty(connection, [slot.row.batch_id for slot in later if slot.at - now > _SHOWN], urgent=False)
        return going

    async def mark_sending(
        self, claims: Sequence[Claim], *, owner: str, now: datetime, check_at: datetime
    ) -> frozenset[int]:
        """Mark the claimed messages sending; the `seq` of those that still are ours to send.

        Args:
            claims: Of one claim.
            owner: Its lease.
            now: For the record.
            check_at: From when on a message still `sending` is taken for the remains of a crash.
        """
        asked = {"owner": owner, "now": now, "check_at": check_at, "too_old": now - self._give_up}
        seqs = [claim.seq for claim in claims]
        try:
            return await self._mark(seqs, asked)
        except IntegrityError:
            # Another process marked one of the same conversation at that moment. The others need not wait for it.
            marked = [await self._mark_one(seq, asked) for seq in seqs]
            return frozenset().union(*marked)

    @again_if_undone
    async def _mark(self, seqs: Sequence[int], asked: Mapping[str, object]) -> frozenset[int]:
        async with self._engine.begin() as connection:
            return frozenset((await connection.execute(self._sending, {"seqs": seqs, **asked})).scalars())

    async def _mark_one(self, seq: int, asked: Mapping[str, object]) -> frozenset[int]:
        try:
            return await self._mark([seq], asked)
        except IntegrityError:
            return frozenset()

    @again_if_undone
    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write what came of requests, all in one transaction."""
        outcomes = sorted(outcomes, key=lambda outcome: outcome.claim.text.id)
        async with self._engine.begin() as connection:
            # Most are of one kind; where they are not, one kind after the other is not the order of ids.
            if self._lock is not None and len({type(outcome) for outcome in outcomes}) > 1:
                await connection.execute(self._lock, {"seqs": [outcome.claim.seq for outcome in outcomes]})
            for kind, name in ((Taken, "taken"), (Withheld, "withheld"), (Rejected, "rejected"), (Unknown, "unknown")):
                rows = [_values(outcome) for outcome in outcomes if isinstance(outcome, kind)]
                if rows and kind is Taken and self._lock is not None:
                    await connection.execute(_TAKEN_TOGETHER, _by_column(rows))
                elif rows:
                    await connection.execute(_STATEMENTS[name], rows)
            spread = [spread for outcome in outcomes if outcome.claim.text.group for spread in _spread(outcome)]
            if spread:
                await connection.execute(_STATEMENTS["spread"], spread)
            final = {outcome.claim.batch_id for outcome in outcomes if isinstance(outcome, Rejected)}
            quiet = {outcome.claim.batch_id for outcome in outcomes if not _silent(outcome)} - final
            await mark_dirty(connection, final | quiet, urgent=final)

    @again_if_undone
    async def free_stranded(self, now: datetime) -> None:
        """Let go what waits for a time that only a clock that was set back since can have meant.

        A number's next slot lies ahead by as much as texts wait for theirs; what waits for nothing is due, and so is a
        next try that no wait puts off so long.
        """
        soon = now + _AHEAD
        unforced = (text("status = 'accepted'"), or_(message.c.wait.is_(None), message.c.wait == Wait.PACING))
        async with self._engine.begin() as connection:
            ahead = select(message.c.sender, func.count().label("texts")).where(
                *unforced, message.c.paced == true(), message.c.not_before > soon
            )
            texts = {row.sender: row.texts for row in await connection.execute(ahead.group_by(message.c.sender))}
            interval = self._interval or timedelta(0)
            slots = select(pace.c.key, pace.c.next_at).where(pace.c.key.startswith(_NUMBER), pace.c.next_at > soon)
            numbers = [
                row.key.removeprefix(_NUMBER)
                for row in await connection.execute(slots.order_by(pace.c.key))
                if row.next_at > soon + (texts.get(row.key.removeprefix(_NUMBER), 0) + 1) * interval
            ]
            unpaced = or_(message.c.paced == false(), message.c.sender.in_(numbers))
            stranded = (
                text("status = 'accepted'"),
                message.c.not_before > soon,
                or_(
                    and_(*unforced, unpaced),
                    and_(message.c.wait.in_(_RETRIED), message.c.not_before > now + _FAR),
                ),
            )
            freed = await connection.execute(
                update(message)
                .where(in_order(*stranded), *stranded)
                .values(not_before=now, paced=False, wait=None)
                .returning(message.c.batch_id)
            )
            batches = freed.scalars().all()
            for number in numbers:
                await connection.execute(
                    update(pace).where(pace.c.key == f"{_NUMBER}{number}", pace.c.next_at > soon).values(next_at=now)
                )
            await mark_dirty(connection, batches, urgent=False)

    async def recover(self, now: datetime) -> None:
        """After a start as the only process: nobody holds a lease, and what is sending is in doubt."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(message)
                .where(message.c.status == Status.ACCEPTED, message.c.lease_owner.is_not(None))
                .values(lease_owner=None, lease_until=None)
            )
            await connection.execute(
                update(message)
                .where(message.c.status == Status.SENDING, message.c.checking_since.is_(None))
                .values(check_at=now)
            )
            await connection.execute(update(batch).where(batch.c.show_lease.is_not(None)).values(show_lease=None))


def _silent(outcome: Outcome) -> bool:
    """Whether the outcome changes nothing that anybody should read."""
    return isinstance(outcome, Withheld) and outcome.wait is None


def _values(outcome: Outcome) -> dict[str, object]:
    seq, owner = outcome.claim.seq, outcome.claim.owner
    match outcome:
        case Taken():
            state = outcome.state
            return {
                "seq": seq,
                "now": outcome.at,
                "sid": state.sid,
                "kind": state.kind,
                "segments": state.segments,
                "price": state.price,
                "created_at": state.created_at,
                "check_at": outcome.check_at,
            }
        case Withheld():
            return {
                "seq": seq,
                "owner": owner,
                "wait": outcome.wait,
                "not_before": outcome.not_before,
                "tried": 1 if outcome.wait else 0,
                "paced": outcome.wait is None,
            }
        case Rejected():
            return {"seq": seq, "owner": owner, "now": outcome.at, "word": outcome.sentence}
        case Unknown():
            return {
                "seq": seq,
                "owner": owner,
                "now": outcome.at,
                "busy": outcome.busy,
                "check_at": outcome.check_at,
            }


def _by_column(rows: Sequence[dict[str, object]]) -> dict[str, list[object]]:
    """For `_TAKEN_TOGETHER`."""
    columns = {name: [row[name] for row in rows] for name in _SAID}
    return columns | {"seqs": [row["seq"] for row in rows]}


def _spread(outcome: Outcome) -> list[dict[str, object]]:
    """A group's members share what happens to the request."""
    common: dict[str, object] = {"id": outcome.claim.text.id, "cause": None, "word": "", "final_at": None}
    match outcome:
        case Taken():
            return [common | {"to": Status.QUEUED}]
        case Rejected():
            return [
                common
                | {"to": Status.FAILED, "cause": Cause.REJECTED, "word": outcome.sentence, "final_at": outcome.at}
            ]
        case _:
            return []


async def _members(connection: AsyncConnection, ids: list[str]) -> dict[str, tuple[str, ...]]:
    members: dict[str, tuple[str, ...]] = {}
    if ids:
        for row in await connection.execute(
            select(recipient.c.message_id, recipient.c.number)
            .where(recipient.c.message_id.in_(ids))
            .order_by(recipient.c.position)
        ):
            members[row.message_id] = (*members.get(row.message_id, ()), row.number)
    return members


async def _look_ahead(connection: AsyncConnection, owner: str, now: datetime) -> tuple[bool, datetime | None]:
    """Whether something is due that this claim has not taken, and when the next that waits for a time becomes due."""
    first = await connection.scalar(_FIRST_LEFT, {"owner": owner})
    if first is None or first > now:
        return False, first
    return True, await connection.scalar(_FIRST_LATER, {"now": now})


async def _lock_pace(connection: AsyncConnection, keys: set[str], now: datetime) -> dict[str, datetime]:
    """The next slot of each key, locked until the transaction ends; in one order, so that none waits for the other."""
    wanted = select(pace.c.key, pace.c.next_at).where(pace.c.key.in_(keys)).order_by(pace.c.key).with_for_update()
    found = {row.key: row.next_at for row in await connection.execute(wanted)}
    missing = sorted(keys - found.keys())
    if missing:
        await insert_new(connection, pace, [{"key": key, "next_at": now} for key in missing])
        found = {row.key: row.next_at for row in await connection.execute(wanted)}
    return found
