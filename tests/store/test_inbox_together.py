"""Texts that come together share their statements, and become what they would have become one by one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.services.ports import InboundText
from bot.services.receiving import Answers, Arrival
from bot.store.inbox import InboxStore
from bot.store.tables import batch, consent, conversation, inbound, message, metadata, opt_out

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OURS, ANNA, BO = "+12125550100", "+15162065574", "+15162065576"
WORDS = ("hello", "ok", "STOP", "stop", "yes", "START", "help", "please stop texting me")


def arrive(sid: str, text: str, *, sender: str = ANNA, record: bool = False, at: int = 0) -> Arrival:
    """A text, so many seconds after the first."""
    said = InboundText(sid, sender, OURS, (), text, (), "sms", NOW + timedelta(seconds=at))
    answers = Answers("stopped", "help", "started")
    return Arrival(said, OURS, (sender,), "T1", "C1", answers, from_record=record, now=NOW + timedelta(seconds=60))


async def become(engine: AsyncEngine, arrivals: list[Arrival], *, together: bool) -> dict[str, list[Any]]:
    """What stands in an empty database after them, without our own random ids; it is empty again then."""
    inbox = InboxStore(engine, revive=timedelta(days=3))
    if together:
        await asyncio.gather(*map(inbox.receive, arrivals))
    else:
        for arrival in arrivals:
            await inbox.receive(arrival)
    texts = inbound.join(batch, batch.c.id == inbound.c.id).join(
        conversation, conversation.c.id == batch.c.conversation_id
    )
    shown = {
        "texts": select(
            *(column for column in inbound.c if column.name != "id"),
            *(batch.c[name] for name in ("key", "team", "channel", "accepted_at", "wants", "show_at", "urgent")),
            conversation.c.pair,
        )
        .select_from(texts)
        .order_by(batch.c.key),
        "conversations": select(conversation.c.pair, conversation.c.active_at, conversation.c.inbound_at, batch.c.key)
        .join(batch, batch.c.id == conversation.c.root_id)
        .order_by(conversation.c.pair),
        "answers": select(message.c.recipient, message.c.text, message.c.status, message.c.cause).order_by(
            message.c.seq
        ),
        "ledger": select(*(column for column in consent.c if column.name != "id")).order_by(consent.c.id),
        "opt-outs": select(opt_out).order_by(opt_out.c.number),
    }
    async with engine.begin() as connection:
        found = {name: list(map(tuple, (await connection.execute(query)).all())) for name, query in shown.items()}
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(WORDS), st.sampled_from([ANNA, BO]), st.booleans()), max_size=8
    )
)
async def test_texts_that_come_together_become_what_they_would_one_by_one(
    engine: AsyncEngine, said: list[tuple[int, str, str, bool]]
):
    """Whatever they say, whoever says it, told twice, by callbacks and by records."""
    arrivals = [
        arrive(f"{'dr' if record and sid % 2 else 'sid'}-{sid}", text, sender=sender, record=record, at=at % 3)
        for at, (sid, text, sender, record) in enumerate(said)
    ]

    alone = await become(engine, arrivals, together=False)
    together = await become(engine, arrivals, together=True)

    assert together == alone


async def test_what_follows_a_stop_in_the_same_moment_is_marked(engine: AsyncEngine):
    """The text after it belongs to somebody who is opted out."""
    arrivals = [
        arrive("1", "hello"),
        arrive("2", "STOP", at=1),
        arrive("3", "really", at=2),
        arrive("4", "hi", sender=BO),
    ]

    found = await become(engine, arrivals, together=True)

    blocked = {row[inbound.c.text.name]: row["blocked"] for row in _named(found["texts"])}
    assert blocked == {"hello": False, "STOP": True, "really": True, "hi": False}


@pytest.mark.parametrize("copies", [2, 50])
async def test_text_told_in_many_callbacks_at_once_is_one(engine: AsyncEngine, copies: int):
    found = await become(engine, [arrive("1", "ok")] * copies + [arrive("2", "ok")], together=True)

    assert [row["message_sid"] for row in _named(found["texts"])] == ["1", "2"]


async def test_texts_of_known_phones_share_their_statements(engine: AsyncEngine):
    """Not only their commit: twenty take no more questions than five."""
    inbox = InboxStore(engine, revive=timedelta(days=3))
    phones = [f"+1516206{1000 + at}" for at in range(20)]
    await asyncio.gather(*(inbox.receive(arrive(f"first {phone}", "ok", sender=phone)) for phone in phones))
    asked: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    counts = []
    for count in (5, 20):
        asked.clear()
        texts = [arrive(f"{count} {phone}", "ok", sender=phone) for phone in phones[:count]]
        await asyncio.gather(*map(inbox.receive, texts))
        counts.append(len(asked))

    assert counts[0] == counts[1]


def _named(rows: list[Any]) -> list[dict[str, Any]]:
    """Rows of texts by their columns' names."""
    names = [column.name for column in inbound.c if column.name != "id"]
    return [dict(zip(names, row, strict=False)) for row in rows]
