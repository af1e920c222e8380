"""All that a request could change: the database row by row, what was posted in Slack, and what CarrierX was asked."""

import asyncio
import io
import json
import sqlite3
from collections import Counter
from contextlib import closing

from sqlalchemy import select

from bot.store.engine import open_database
from bot.store.tables import metadata
from playground.slack.workspace import BOT_USER
from tests.scenarios.world import DIGITS, SECRET, World

CANARY = "canary"
_LOOK = 0.02  # seconds between two looks: a database tells nobody what changed
_UNSETTLED = """
    SELECT id FROM batch WHERE wants > 0
    UNION SELECT ts FROM stray
    UNION SELECT id FROM message WHERE status = 'sending' OR (status = 'accepted' AND wait IS NULL)
"""
_MOVES = {"cursor", "outage"}  # how far records are read, and what is out of reach, whoever asks for what
# What a busy machine's loops say beside any request.
_ASIDE = {"receiving.records_not_read", "numbers.not_read", "storeroom.not_tidied"}
_READ = "record_sid"  # a text's own record comes to be read at some time


async def look(world: World) -> Counter[str]:
    """Everything as it stands, a line each; the bot should not run."""
    async with open_database(world.database_url) as engine, engine.connect() as connection:
        rows = [
            f"{table.name}: { {name: value for name, value in row.items() if name != _READ} }"
            for table in metadata.sorted_tables
            if table.name not in _MOVES
            for row in (await connection.execute(select(table))).mappings()
        ]
    posts = [
        f"{message.channel} {message.ts}: {message.text} {message.blocks} {_marks(message.reactions)}"
        for channel in world.slack.workspace.conversations.values()
        for message in channel.history.values()
    ]
    return Counter([*rows, *posts, *map(repr, world.carrier.posts)])


def changes(before: Counter[str], after: Counter[str]) -> list[str]:
    """What is not as it was."""
    return [f"- {line}" for line in before - after] + [f"+ {line}" for line in after - before]


async def settle(world: World) -> None:
    """Wait until all that goes has gone, and Slack shows all that it should; the bot's database is SQLite."""
    path = world.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        async with asyncio.timeout(10):
            while connection.execute(_UNSETTLED).fetchone():  # noqa: ASYNC110 -- another program's state
                await asyncio.sleep(_LOOK)


def lines(world: World, logs: io.StringIO) -> list[str]:
    """The bot's own lines since the last look; fails when anybody's holds a secret, a number or a text."""
    said = logs.getvalue().splitlines()
    logs.seek(0)
    logs.truncate()
    hidden = (CANARY, SECRET, DIGITS, world.slack.signing_secret, world.slack.bot_token, world.carrier.token)
    assert not [word for word in hidden if any(word in line for line in said)], said
    told = [json.loads(line) for line in said]
    ours = [each["logger"].startswith("bot") and each["event"] not in _ASIDE for each in told]
    return [line for line, counts in zip(said, ours, strict=True) if counts]


def _marks(reactions: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    """The bot's own."""
    return tuple(name for name, users in reactions if BOT_USER in users)
