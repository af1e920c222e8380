"""What becomes of texts after the request: receipts and records applied, doubts settled, waits given up."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import FINAL, Cause, Purpose, Status, Wait
from bot.domain.receipt import Standing, advance, combine, take
from bot.services.following import Check, Due, Late, Verdict
from bot.services.ports import CarrierState, Hold
from bot.store.commits import GroupCommit
from bot.store.dirty import mark_dirty
from bot.store.locks import again_if_undone, in_order
from bot.store.tables import Time, message, opt_out, parcel, receipt, recipient

_TOGETHER = 200  # messages looked after in one transaction
_LEASE = timedelta(seconds=60)  # until another process looks after what this one has taken up
_AHEAD = timedelta(minutes=1)  # by which two processes may differ in what the time is
_KEPT = timedelta(minutes=10)  # how long a receipt may be ahead of CarrierX's answer to our request
_PATIENT = 5.0  # seconds; no person waits for a receipt to be stored
# Also what a process holds a lease on: its last write before the request finds it no longer accepted.
_OPTED_OUT = """
    UPDATE message
    SET status = 'failed', cause = 'opted_out', final_at = :now, wait = NULL, lease_owner = NULL, lease_until = NULL
    WHERE status = 'accepted' AND seq IN (
        SELECT seq FROM message
        WHERE status = 'accepted' AND purpose IN ('', 'start')
          AND (recipient IN (SELECT number FROM opt_out WHERE blocked)
               OR (is_group AND id IN (
                   SELECT r.message_id FROM recipient r JOIN opt_out o ON o.number = r.number WHERE o.blocked)))
        ORDER BY id{locked})
    RETURNING id, batch_id
"""
_OPTED_OUT_ON = {
    name: text(_OPTED_OUT.format(locked=locked)).bindparams(bindparam("now", type_=Time()))
    for name, locked in (("sqlite", ""), ("postgresql", " FOR NO KEY UPDATE"))
}


_GLANCE = text("""
    SELECT
        EXISTS (SELECT 1 FROM message WHERE status = 'accepted' AND ready_at <= :too_old
                AND (lease_until IS NULL OR lease_until < :now)) AS expired,
        EXISTS (SELECT 1 FROM message WHERE status = 'accepted' AND purpose IN ('', 'start')
                AND (recipient IN (SELECT number FROM opt_out WHERE blocked)
                     OR (is_group AND id IN (
                         SELECT r.message_id FROM recipient r JOIN opt_out o ON o.number = r.number WHERE o.blocked)))
        ) AS opted_out,
        EXISTS (SELECT 1 FROM message WHERE status = 'accepted' AND send_by <= :now
                AND (lease_until IS NULL OR lease_until < :now)) AS late,
        EXISTS (SELECT 1 FROM receipt r WHERE r.received_at < :forgotten
                OR r.sid IN (SELECT m.sid FROM message m WHERE m.sid = r.sid)) AS receipts,
        EXISTS (SELECT 1 FROM hold) AS held,
        EXISTS (SELECT 1 FROM message WHERE check_at IS NOT NULL AND check_at <= :now)
            OR EXISTS (SELECT 1 FROM message WHERE status = 'sending' AND sending_at > :ahead
                       AND COALESCE(check_at, 0) > :far) AS checks
""").bindparams(*(bindparam(name, type_=Time()) for name in ("now", "too_old", "forgotten", "far", "ahead")))


class FollowStore:
    """The message table as the follower and the receipts see it.

    Args:
        engine: The database.
        poll: When the state of a message that is first heard of by a receipt or record is asked for.
    """

    def __init__(self, engine: AsyncEngine, *, poll: timedelta) -> None:
        self._engine = engine
        self._poll = poll
        self._receipts: GroupCommit[tuple[CarrierState, datetime]] = GroupCommit(
            engine, self._write_receipts, deadline=_PATIENT
        )

    async def receive(self, state: CarrierState, now: datetime) -> None:
        """Apply a receipt in one durable write; one that names no text of ours may still find its own later.

        Raises:
            NotStoredError, StoredOrNotError: It may not be stored; CarrierX should send it again.
        """
        await self._receipts.put((state, now))

    async def drain(self) -> None:
        """Wait for the writes under way."""
        await self._receipts.drain()

    async def glance(self, now: datetime, too_old: datetime, far: datetime) -> Due:
        """What there is to do: one question, for the many times when there is nothing; `far` is as in `due`."""
        asked = {"now": now, "too_old": too_old, "forgotten": now - _KEPT, "far": far, "ahead": now + _AHEAD}
        async with self._engine.connect() as connection:
            found = (await connection.execute(_GLANCE, asked)).one()
        return Due(*map(bool, found))

    @again_if_undone
    async def apply(self, states: Sequence[CarrierState], now: datetime, *, from_records: bool) -> frozenset[str]:
        """Apply what CarrierX answered; the ids of the messages that it was about."""
        async with self._engine.begin() as connection:
            matched = await self._apply(connection, states, now, from_records=from_records)
        return frozenset(matched.values())

    @again_if_undone
    async def adopt_receipts(self, now: datetime) -> bool:
        """Apply receipts that overtook the answer to our request; whether any found its text."""
        async with self._engine.begin() as connection:
            rows = (
                await connection.execute(
                    select(receipt.c.id, receipt.c.receipt)
                    .where(receipt.c.sid.in_(select(message.c.sid).where(message.c.sid == receipt.c.sid)))
                    .order_by(receipt.c.id)
                    .limit(_TOGETHER)
                )
            ).all()
            if rows:
                states = [_read_state(row.receipt) for row in rows]
                await self._apply(connection, states, now, from_records=False)
                await connection.execute(delete(receipt).where(receipt.c.id.in_([row.id for row in rows])))
            await connection.execute(delete(receipt).where(receipt.c.received_at < now - _KEPT))
        return bool(rows)

    @again_if_undone
    async def expire(self, now: datetime, too_old: datetime) -> int:
        """Fail what could have gone since `too_old` and has not been handed over; how many."""
        waiting = (
            text("status = 'accepted'"),
            message.c.ready_at <= too_old,
            or_(message.c.lease_until.is_(None), message.c.lease_until < now),
        )
        async with self._engine.begin() as connection:
            rows = (
                await connection.execute(
                    update(message)
                    .where(in_order(*waiting), *waiting)
                    .values(status=Status.FAILED, cause=Cause.EXPIRED, final_at=now, wait=None, lease_owner=None)
                    .returning(message.c.id, message.c.batch_id)
                )
            ).all()
            await _end_copies(connection, rows, Status.FAILED, Cause.EXPIRED, now)
        return len(rows)

    async def late(self, now: datetime) -> tuple[Late, ...]:
        """What has not left by its deadline: it waits for the next morning, or is too late for good."""
        wanted = select(message).where(
            text("status = 'accepted'"),
            message.c.send_by <= now,
            or_(message.c.lease_until.is_(None), message.c.lease_until < now),
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(wanted.limit(_TOGETHER))).all()
            members = await _members(connection, [row.id for row in rows if row.is_group])
        return tuple(
            Late(
                id=row.id,
                sender=row.sender,
                recipients=tuple(members[row.id]) if row.is_group else (row.recipient,),
                purpose=Purpose(row.purpose),
                send_by=row.send_by,
            )
            for row in rows
        )

    @again_if_undone
    async def put_off(self, late: Late, hold: Hold | None, now: datetime) -> None:
        """Let it wait once more, or cancel it where `hold` is None."""
        values: dict[str, Any] = {"status": Status.CANCELED, "final_at": now, "wait": None}
        if hold is not None:
            values = {
                "wait": hold.wait,
                "not_before": hold.until,
                "ready_at": hold.until,
                "send_by": hold.send_by,
                "zones": ",".join(hold.zones),
                "paced": False,
            }
        async with self._engine.begin() as connection:
            rows = (
                await connection.execute(
                    update(message)
                    .where(
                        message.c.id == late.id,
                        text("status = 'accepted'"),
                        message.c.send_by == late.send_by,
                        or_(message.c.lease_until.is_(None), message.c.lease_until < now),
                    )
                    .values(values | {"lease_owner": None, "lease_until": None})
                    .returning(message.c.id, message.c.batch_id)
                )
            ).all()
            if hold is None:
                await _end_copies(connection, rows, Status.CANCELED, None, now)
            else:
                await mark_dirty(connection, {row.batch_id for row in rows}, urgent=False)

    @again_if_undone
    async def refuse_opted_out(self, now: datetime) -> int:
        """Fail what waits for people who asked for no more texts since it was accepted; how many."""
        async with self._engine.begin() as connection:
            return await fail_opted_out(connection, now)

    @again_if_undone
    async def due(self, now: datetime, far: datetime) -> tuple[Check, ...]:
        """Take up messages whose outcome or state must be asked for, a bounded number at once.

        A doubt is due as well that came up in the future and is to be looked into after `far`, later than any is: the
        clock was set back since, and the next texts of its conversation wait for it.
        """
        due = (text("check_at IS NOT NULL"), message.c.check_at <= now)
        # Few are sending, and thousands may be asked for later: not by the index of what is looked at when.
        beyond = text("status = 'sending' AND COALESCE(check_at, 0) > :far")
        stranded = (beyond.bindparams(bindparam("far", far, type_=Time())), message.c.sending_at > now + _AHEAD)
        held_until = now + _LEASE
        async with self._engine.begin() as connection:
            rows: list[Row[Any]] = []
            for which in (due, stranded):
                locked = select(message).where(*which).order_by(message.c.check_at).limit(_TOGETHER)
                rows += (await connection.execute(locked.with_for_update(skip_locked=True))).all()
            if rows:
                await connection.execute(
                    update(message).where(message.c.seq.in_([row.seq for row in rows])).values(check_at=held_until)
                )
        return tuple(
            Check(
                id=row.id,
                status=Status(row.status),
                sid=row.sid or "",
                record_sid=row.record_sid or "",
                busy=row.busy,
                checks=row.checks,
                checking_since=row.checking_since,
                sending_at=row.sending_at or row.accepted_at,
                taken_at=row.queued_at or row.sent_at,
                held_until=held_until,
            )
            for row in rows
        )

    @again_if_undone
    async def settle(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        """Write what the looks and questions came to, all in one transaction."""
        async with self._engine.begin() as connection:
            dirty: dict[bool, set[str]] = {True: set(), False: set()}
            spread: list[tuple[str, Status]] = []
            for verdict in sorted(verdicts, key=lambda verdict: verdict.check.id):
                row = (
                    await connection.execute(
                        update(message)
                        # A receipt may have settled it since; and if we slept, it may even be on its next request.
                        .where(
                            message.c.id == verdict.check.id,
                            message.c.status == verdict.check.status,
                            message.c.check_at == verdict.check.held_until,
                        )
                        .values(_verdict_values(verdict, now))
                        .returning(message.c.batch_id, message.c.is_group)
                    )
                ).first()
                if row is None:
                    continue
                if row.is_group and verdict.becomes is not None:
                    spread.append((verdict.check.id, verdict.becomes))
                if verdict.visible:
                    dirty[verdict.becomes is Status.UNCONFIRMED].add(row.batch_id)
            for message_id, becomes in spread:
                theirs = (recipient.c.message_id == message_id, recipient.c.status.not_in(FINAL))
                await connection.execute(update(recipient).where(*theirs).values(status=becomes))
            await mark_dirty(connection, dirty[True] | dirty[False], urgent=dirty[True])

    async def _write_receipts(self, connection: AsyncConnection, received: list[tuple[CarrierState, datetime]]) -> None:
        now = received[-1][1]
        states = [state for state, _ in received]
        matched = await self._apply(connection, states, now, from_records=False)
        # One with somebody else's user_data is somebody else's; one without any may be ours, and early.
        early = [state for at, state in enumerate(states) if at not in matched and not state.user_data and state.sid]
        if early:
            await connection.execute(
                insert(receipt),
                [{"sid": state.sid, "receipt": _write_state(state), "received_at": now} for state in early],
            )

    async def _apply(
        self, connection: AsyncConnection, states: Sequence[CarrierState], now: datetime, *, from_records: bool
    ) -> dict[int, str]:
        """Apply states in order; which of them (by position) was about which message."""
        sids = {state.sid for state in states if state.sid}
        ids = {state.user_data for state in states if state.user_data}
        rows = (
            await connection.execute(
                select(message)
                .where(or_(message.c.id.in_(ids), message.c.sid.in_(sids), message.c.record_sid.in_(sids)))
                .order_by(message.c.id)
                .with_for_update(key_share=True)
            )
        ).all()
        if not rows:
            return {}
        by_id = {row.id: row for row in rows}
        by_sid = {sid: row for row in rows for sid in (row.sid, row.record_sid) if sid}
        members = await _members(connection, [row.id for row in rows if row.is_group])
        matched: dict[int, str] = {}
        told: dict[str, list[CarrierState]] = {}
        for at, state in enumerate(states):
            row = by_id.get(state.user_data) or by_sid.get(state.sid)
            if row is not None:
                matched[at] = row.id
                told.setdefault(row.id, []).append(state)
        dirty: dict[bool, set[str]] = {True: set(), False: set()}
        changes: list[dict[str, Any]] = []
        phones: list[dict[str, Any]] = []
        for message_id, about in sorted(told.items()):
            row = by_id[message_id]
            before = members.get(message_id, {row.recipient: _standing(row)})
            after = _advance(before, about, now)
            phones += [
                {"m": message_id, "n": phone} | _standing_values(standing)
                for phone, standing in after.items()
                if row.is_group and standing != before[phone]
            ]
            whole = next(iter(after.values()))
            if row.is_group:
                whole = combine(_standing(row), list(after.values()))
            change = self._message_values(row, whole, about, now, from_records=from_records)
            changes.append(change | {"s": row.seq})
            if after != before or any(change[name] != getattr(row, name) for name in ("kind", "segments", "price")):
                dirty[whole.status in FINAL].add(row.batch_id)
        await connection.execute(
            update(message)
            .where(message.c.seq == bindparam("s"))
            .values({name: bindparam(name) for name in changes[0] if name != "s"}),
            changes,
        )
        if phones:
            await connection.execute(
                update(recipient)
                .where(recipient.c.message_id == bindparam("m"), recipient.c.number == bindparam("n"))
                .values({name: bindparam(name) for name in phones[0] if name not in {"m", "n"}}),
                phones,
            )
        await mark_dirty(connection, dirty[True] | dirty[False], urgent=dirty[True])
        return matched

    def _message_values(
        self, row: Row[Any], whole: Standing, about: Sequence[CarrierState], now: datetime, *, from_records: bool
    ) -> dict[str, Any]:
        newest = about[-1]
        was, is_now = Status(row.status), whole.status
        moved = was is not is_now
        taken = is_now not in {Status.ACCEPTED, Status.SENDING, Status.UNCONFIRMED}
        final = is_now in FINAL
        check_at = row.check_at
        if final:
            check_at = None
        elif moved and was not in {Status.QUEUED, Status.SENT}:
            check_at = now + self._poll
        known = {
            "kind": next((state.kind for state in reversed(about) if state.kind), row.kind),
            "segments": next((s.segments for s in reversed(about) if s.segments is not None), row.segments),
            "price": next((state.price for state in reversed(about) if state.price), row.price),
        }
        created = next((state.created_at for state in about if state.created_at), None)
        return (
            _standing_values(whole)
            | known
            | {
                "sid": row.sid if from_records or row.sid else newest.sid or None,
                "record_sid": row.record_sid or (newest.sid if from_records and newest.sid != row.sid else None),
                "queued_at": row.queued_at or (now if taken and moved else None),
                "sent_at": row.sent_at or (now if is_now is Status.SENT else None),
                "carrier_created_at": row.carrier_created_at or created,
                "carrier_final_at": newest.changed_at if final and moved else row.carrier_final_at,
                "wait": None if taken else row.wait,
                "checking_since": None if taken else row.checking_since,
                "lease_owner": None if taken else row.lease_owner,
                "check_at": check_at,
                "checks": 0 if moved and taken else row.checks,
            }
        )


async def fail_opted_out(connection: AsyncConnection, now: datetime) -> int:
    """Fail what waits for people who asked for no more texts; how many texts that were."""
    rows = (await connection.execute(_OPTED_OUT_ON[connection.dialect.name], {"now": now})).all()
    await _end_copies(connection, rows, Status.FAILED, Cause.OPTED_OUT, now)
    await _name_opted_out(connection, [row.id for row in rows])
    return len(rows)


async def _name_opted_out(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Say of each group's text who of them asked for no more."""
    whose = (
        select(recipient.c.message_id, recipient.c.number)
        .join(opt_out, opt_out.c.number == recipient.c.number)
        .where(recipient.c.message_id.in_(ids), opt_out.c.blocked)
        .order_by(recipient.c.message_id, recipient.c.position)
    )
    for message_id, rows in groupby(await connection.execute(whose), key=lambda row: row.message_id):
        named = update(recipient).where(recipient.c.message_id == message_id)
        await connection.execute(named.values(word=",".join(row.number for row in rows)))


async def _end_copies(
    connection: AsyncConnection, rows: Sequence[Row[Any]], status: Status, cause: Cause | None, now: datetime
) -> None:
    """A group's members share what became of their text; Slack shows it soon."""
    if rows:
        await connection.execute(
            update(recipient)
            .where(recipient.c.message_id.in_([row.id for row in rows]))
            .values(status=status, cause=cause, final_at=now)
        )
        if cause is Cause.EXPIRED:
            await _name_hindrances(connection, rows)
        await mark_dirty(connection, {row.batch_id for row in rows}, urgent=True)


async def _name_hindrances(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
    """Say of texts that waited for their files what kept these: nothing that may not be over by the next try."""
    held = select(parcel.c.batch_id, parcel.c.reason).where(
        parcel.c.batch_id.in_({row.batch_id for row in rows}), parcel.c.reason != ""
    )
    reasons = {row.batch_id: row.reason for row in await connection.execute(held)}
    for row in rows:
        if row.batch_id in reasons:
            why = {"cause": Cause.UNREADY, "word": reasons[row.batch_id]}
            await connection.execute(update(message).where(message.c.id == row.id).values(why))
            await connection.execute(update(recipient).where(recipient.c.message_id == row.id).values(why))


def _advance(before: dict[str, Standing], about: Sequence[CarrierState], now: datetime) -> dict[str, Standing]:
    # Whichever phone a word is about, it proves that CarrierX took the one request for all of them.
    after = {phone: take(standing) for phone, standing in before.items()}
    for state in about:
        # One that names no phone of the group is about all of them.
        named = [state.recipient] if state.recipient in after else list(after)
        for phone in named:
            after[phone] = advance(after[phone], word=state.status, code=state.code, at=now)
    return after


def _standing(row: Row[Any]) -> Standing:
    return Standing(Status(row.status), row.word, Cause(row.cause) if row.cause else None, row.code, row.final_at)


def _standing_values(standing: Standing) -> dict[str, Any]:
    return asdict(standing)


def _verdict_values(verdict: Verdict, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"check_at": verdict.check_at, "checks": verdict.checks}
    if verdict.doubted:
        values |= {
            "checking_since": now,
            "busy": False,
        }  # nobody saw an answer; an earlier 503 says nothing of this one
    if verdict.unreceipted:
        values |= {"unreceipted": True}
    if verdict.becomes is Status.UNCONFIRMED:
        values |= {"status": Status.UNCONFIRMED}
    elif verdict.becomes is Status.ACCEPTED:
        values |= {
            "status": Status.ACCEPTED,
            "wait": Wait.BUSY,
            "not_before": verdict.not_before,
            "attempts": message.c.attempts + 1,
            "paced": False,
            "sending_at": None,
            "checking_since": None,
            "lease_owner": None,
            "lease_until": None,
        }
    return values


async def _members(connection: AsyncConnection, ids: list[str]) -> dict[str, dict[str, Standing]]:
    members: dict[str, dict[str, Standing]] = {}
    if ids:
        for row in await connection.execute(
            select(recipient).where(recipient.c.message_id.in_(ids)).order_by(recipient.c.position)
        ):
            members.setdefault(row.message_id, {})[row.number] = _standing(row)
    return members


def _write_state(state: CarrierState) -> str:
    return json.dumps(asdict(state), default=datetime.isoformat)


def _read_state(stored: str) -> CarrierState:
    state = CarrierState(**json.loads(stored))
    return replace(state, created_at=_read_time(state.created_at), changed_at=_read_time(state.changed_at))


def _read_time(stored: object) -> datetime | None:
    return datetime.fromisoformat(stored) if isinstance(stored, str) else None
