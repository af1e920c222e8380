"""What the outbox's statements read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import dirty
from bot.store.outbox import _TAKEN_TOGETHER, OutboxStore
from bot.store.tables import batch, message

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
TEXTS = 3_000
SEQS = list(range(1, 51))
ON_POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@pytest.mark.usefixtures("stored")
async def test_marking_reads_only_what_it_marks(engine: AsyncEngine):
    store = OutboxStore(engine, rate=0, give_up=timedelta(hours=1))

    plan = await explain(
        engine, store._sending, {"seqs": SEQS, "owner": "me", "now": NOW, "check_at": NOW, "too_old": NOW}
    )

    assert_by_key(plan, "message_pkey")


@pytest.mark.usefixtures("stored")
@ON_POSTGRESQL  # SQLite records one after the other
async def test_recording_reads_only_what_it_records(engine: AsyncEngine):
    count = len(SEQS)
    said = {"now": [NOW] * count, "created_at": [NOW] * count, "check_at": [NOW] * count, "segments": [1] * count}
    said |= {"sid": ["s"] * count, "kind": ["sms"] * count, "price": [""] * count, "seqs": SEQS}

    plan = await explain(engine, _TAKEN_TOGETHER, said)

    assert_by_key(plan, "message_pkey")


@pytest.mark.usefixtures("stored")
async def test_what_changed_is_found_by_its_key(engine: AsyncEngine):
    plan = await explain(
        engine, dirty._STATEMENTS[engine.dialect.name], {"ids": [f"b{n}" for n in range(50)], "urgent": []}
    )

    assert_by_key(plan, "batch_pkey")


@ON_POSTGRESQL  # SQLite changes no index whose columns do not change
async def test_leases_touch_hardly_any_index(engine: AsyncEngine):
    """A row that stays on its page needs no new entry in any; a lease makes it a little longer."""
    await put(engine, range(100), status="accepted")
    store = OutboxStore(engine, rate=0, give_up=timedelta(hours=1))
    before = await pages(engine)

    claims = await store.claim(owner="me", now=NOW, until=NOW + timedelta(seconds=30), limit=100)

    after = await pages(engine)
    assert len(claims.messages) == 100
    assert sum(after[name] == page for name, page in before.items()) >= 80


async def pages(engine: AsyncEngine) -> dict[str, str]:
    """Which page of its table each text lies on."""
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT id, split_part(ctid::text, ',', 1) AS page FROM message")
        return {row.id: row.page for row in rows}


@pytest.fixture(params=["queued", "accepted"])
async def stored(engine: AsyncEngine, request: pytest.FixtureRequest) -> None:
    """Thousands of texts: done with, when plans are made that a busy hour keeps, or waiting and without statistics."""
    await put(engine, range(TEXTS), status=request.param)
    if request.param == "queued":
        async with engine.begin() as connection:
            await connection.exec_driver_sql("ANALYZE")


async def put(engine: AsyncEngine, numbers: range, *, status: str) -> None:
    asked: dict[str, Any] = {"team": "T1", "user_id": "U1", "user_name": "A", "channel": "C1", "asked_in": "C1"}
    asked |= {"sender": "+1", "response_url": "", "accepted_at": NOW, "show_at": NOW}
    one: dict[str, Any] = {"sender": "+1", "is_group": False, "text": "hi", "media_urls": "[]", "status": status}
    one |= {"accepted_at": NOW, "not_before": NOW, "ready_at": NOW}
    texts = [{"id": f"m{n}", "batch_id": f"b{n}", "pair": f"+1 +{n}", "recipient": f"+{n}"} for n in numbers]
    async with engine.begin() as connection:
        await connection.execute(insert(batch), [asked | {"id": f"b{n}", "key": f"b{n}"} for n in numbers])
        await connection.execute(insert(message), [one | each for each in texts])


async def explain(engine: AsyncEngine, statement: TextClause, values: dict[str, Any]) -> list[str]:
    """The plan's lines."""
    how = "EXPLAIN " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    explained = text(how + statement.text).bindparams(*statement._bindparams.values())
    async with engine.connect() as connection:
        return [str(row[-1]) for row in await connection.execute(explained, values)]


def assert_by_key(plan: list[str], key: str) -> None:
    """Rows are found by their key, and in no way that would read them all."""
    said = "\n".join(plan)
    assert key in said or "PRIMARY KEY" in said or "sqlite_autoindex" in said
    assert "_due" not in said
    assert not [line for line in plan if "Seq Scan on message" in line or "Seq Scan on batch" in line]
    assert not [line for line in plan if line.startswith("SCAN ") and "json_each" not in line]
