"""The ledger of who wants no texts, and where it stands for each phone."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.message import E164, Wish
from bot.services.administration import OptOut
from bot.store.dirty import mark_dirty
from bot.store.following import fail_opted_out
from bot.store.locks import again_if_undone
from bot.store.tables import consent, conversation, inbound, opt_out

_TICK = timedelta(microseconds=1)


class Action(StrEnum):
    """What the ledger says happened."""

    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    KEPT = "kept"  # somebody judged that a text is no wish to stop
    ERASED = "erased"  # somebody had a person's texts erased


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger.

    Attributes:
        number: The phone.
        action: What happened.
        at: When it was said or decided.
        ours: The number of ours that it was said to, "" when none was.
        words: By what words, "" for a decision.
        user_id: Who decided, "" when the phone itself said it.
        reason: Why, as they wrote it.
    """

    number: E164
    action: Action
    at: datetime
    ours: E164 = ""
    words: str = ""
    user_id: str = ""
    reason: str = ""


async def note_consent(connection: AsyncConnection, line: Line, now: datetime) -> bool:
    """Write a line; whether it changed where the ledger stands, which an older line than the newest does not.

    An opt-out fails what waits for that phone in the same transaction. Slack is told anew whom replies to the phone's
    groups reach.
    """
    values = {"number": line.number, "action": line.action, "at": line.at, "ours": line.ours, "words": line.words}
    values |= {"user_id": line.user_id, "reason": line.reason, "noted_at": now}
    await connection.execute(insert(consent), [values])
    if line.action not in {Action.OPTED_OUT, Action.OPTED_IN}:
        return False
    blocked = line.action is Action.OPTED_OUT
    before = await is_blocked(connection, line.number)
    upsert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(opt_out)
    stands = upsert.values(number=line.number, blocked=blocked, at=line.at).on_conflict_do_update(
        index_elements=[opt_out.c.number],
        set_={"blocked": blocked, "at": line.at},
        where=opt_out.c.at <= line.at,
    )
    newest = (await connection.execute(stands.returning(opt_out.c.number))).first() is not None
    if newest and blocked:
        await fail_opted_out(connection, now)
    changed = newest and before is not blocked
    if changed:
        await _show_in_groups(connection, line.number)
    return changed


async def _show_in_groups(connection: AsyncConnection, number: E164) -> None:
    named = conversation.c.members.contains(json.dumps(number), autoescape=True)
    groups = select(conversation.c.root_id).where(named, conversation.c.members != json.dumps([number]))
    await mark_dirty(connection, (await connection.execute(groups)).scalars(), urgent=False)


async def is_blocked(connection: AsyncConnection, number: E164) -> bool:
    """Whether a phone is opted out."""
    return bool(await connection.scalar(select(opt_out.c.blocked).where(opt_out.c.number == number)))


class ConsentStore:
    """The ledger, as administrators see it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @again_if_undone
    async def note(self, line: Line, now: datetime) -> bool:
        """Write a line; whether it changed where the ledger stands."""
        async with self._engine.begin() as connection:
            return await note_consent(connection, line, now)

    @again_if_undone
    async def decide(self, inbound_id: str, user_id: str, now: datetime, *, stop: bool) -> bool:
        """Write a person's decision on a text that may ask for an end; False when there is one already."""
        async with self._engine.begin() as connection:
            asked = update(inbound).where(inbound.c.id == inbound_id, inbound.c.wish == Wish.OPEN)
            decided = asked.values(
                wish=Wish.STOPPED if stop else Wish.KEPT, decided_by=user_id, blocked=stop or inbound.c.blocked
            ).returning(inbound.c.number, inbound.c.ours, inbound.c.text)
            row = (await connection.execute(decided)).first()
            if row is None:
                return False
            action = Action.OPTED_OUT if stop else Action.KEPT
            stands = await connection.scalar(select(opt_out.c.at).where(opt_out.c.number == row.number))
            # As below: what was decided counts after all that CarrierX's clock has said.
            at = now if stands is None else max(now, stands + _TICK)
            line = Line(row.number, action, at, ours=row.ours, words=row.text, user_id=user_id)
            await note_consent(connection, line, now)
            await mark_dirty(connection, [inbound_id], urgent=True)
        return True

    async def blocked(self, numbers: Collection[E164]) -> frozenset[E164]:
        """Those of the numbers that are opted out."""
        wanted = select(opt_out.c.number).where(opt_out.c.blocked, opt_out.c.number.in_(numbers))
        async with self._engine.connect() as connection:
            return frozenset((await connection.execute(wanted)).scalars())

    async def opted_out(self, limit: int) -> tuple[tuple[OptOut, ...], int]:
        """The newest opt-outs that stand, each with its line in the ledger, and how many there are in all."""
        newest = select(opt_out).where(opt_out.c.blocked).order_by(opt_out.c.at.desc(), opt_out.c.number).limit(limit)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(newest)).all()
            found = tuple([await _read_opt_out(connection, row) for row in rows])
            total = await connection.scalar(select(func.count()).select_from(opt_out).where(opt_out.c.blocked))
        return found, total or 0

    async def standing(self, number: E164) -> OptOut | None:
        """The opt-out that stands for a phone, None when it may be texted."""
        theirs = select(opt_out).where(opt_out.c.number == number, opt_out.c.blocked)
        async with self._engine.connect() as connection:
            row = (await connection.execute(theirs)).first()
            return None if row is None else await _read_opt_out(connection, row)

    @again_if_undone
    async def opt_in(self, lifted: OptOut, user_id: str, reason: str, now: datetime) -> bool:
        """Lift the very opt-out that somebody has looked at; False when it does not stand any more."""
        theirs = select(opt_out).where(opt_out.c.number == lifted.number, opt_out.c.blocked)
        async with self._engine.begin() as connection:
            row = (await connection.execute(theirs.with_for_update())).first()
            if row is None or row.at != lifted.since:
                return False
            # CarrierX's clock may be ahead of ours.
            at = max(now, row.at + _TICK)
            line = Line(lifted.number, Action.OPTED_IN, at, user_id=user_id, reason=reason)
            await note_consent(connection, line, now)
        return True


async def _read_opt_out(connection: AsyncConnection, row: Row[Any]) -> OptOut:
    """An opt-out with the newest line of the ledger that says it."""
    lines = select(consent).where(consent.c.number == row.number, consent.c.action == Action.OPTED_OUT)
    line = (await connection.execute(lines.order_by(consent.c.at.desc(), consent.c.id.desc()).limit(1))).one()
    return OptOut(row.number, row.at, words=line.words, ours=line.ours, user_id=line.user_id)
