"""Notes are entries like any other, but nobody sent them."""

from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Note
from bot.services.notes import NewNote
from bot.store.entries import EntryStore
from bot.store.notes import insert_note
from bot.store.numbers import NumberStore
from bot.store.tables import batch, conversation

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


async def put(engine: AsyncEngine, note: NewNote) -> Note:
    """Store a note; as it is shown."""
    async with engine.begin() as connection:
        await insert_note(connection, note)
        entry_id = (await connection.execute(select(batch.c.id).where(batch.c.key == note.key))).scalar_one()
    entry = await EntryStore(engine).entry(entry_id)
    assert isinstance(entry, Note)
    return entry


async def test_note_is_read_as_it_was_written(engine: AsyncEngine):
    note = await put(engine, NewNote("key", "T1", "C1", "It is *out*.", NOW))

    assert (note.team, note.channel, note.thread_ts, note.text) == ("T1", "C1", None, "It is *out*.")


async def test_note_in_a_conversation_stands_in_its_thread(engine: AsyncEngine):
    """Wherever that is when the note is shown."""
    async with engine.begin() as connection:
        values = {"id": "c", "pair": "p", "sender": "+12125550100", "members": "[]", "team": "T1", "channel": "C1"}
        await connection.execute(
            insert(conversation).values(**values, asked_in="C1", thread_ts="1.0", root_id="", active_at=NOW)
        )
    note = await put(engine, NewNote("key", "T1", "C1", "They wait.", NOW, conversation_id="c"))

    assert note.thread_ts == "1.0"


async def test_note_is_no_use_of_a_number(engine: AsyncEngine):
    """The next text from that channel goes from the number that people used there."""
    async with engine.begin() as connection:
        used = {"id": "a", "key": "a", "team": "T1", "user_id": "U1", "user_name": "Alice", "channel": "C1"}
        await connection.execute(
            insert(batch).values(
                **used, asked_in="C1", sender="+12125550100", response_url="", accepted_at=NOW, show_at=NOW
            )
        )
    await put(engine, NewNote("key", "T1", "C1", "It is out.", NOW))

    assert await NumberStore(engine).last_used(NOW) == ({"C1": "+12125550100"}, {"U1": "+12125550100"})
