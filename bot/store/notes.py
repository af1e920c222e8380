"""Words of ours about no single text, as entries that Slack shows like any other."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.ids import new_id
from bot.domain.message import Origin
from bot.services.notes import NewNote
from bot.services.showing import Wants
from bot.store.tables import batch, note


async def insert_note(connection: AsyncConnection, new: NewNote) -> None:
    """Store a note within the transaction that decides that this process says it.

    Raises:
        IntegrityError: A note by that key is there already.
    """
    entry_id = new_id()
    entry: dict[str, Any] = {"id": entry_id, "key": new.key, "team": new.team, "origin": Origin.NOTE}
    entry |= {"channel": new.channel, "asked_in": new.channel, "conversation_id": new.conversation_id or None}
    entry |= {"user_id": "", "user_name": "", "sender": "", "response_url": ""}
    entry |= {"accepted_at": new.at, "show_at": new.at, "wants": int(Wants.POST)}
    await connection.execute(insert(batch), [entry])
    await connection.execute(insert(note), [{"id": entry_id, "text": new.text}])
