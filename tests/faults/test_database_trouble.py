"""The database stands still or is locked while somebody sends: what they read within Slack's three seconds is true."""

import asyncio
import signal
from contextlib import closing
from pathlib import Path

import pytest

from playground.bot_process import BotGoneError, BotProcess
from tests.faults.books import PostgresqlBooks, SqliteBooks, until
from tests.faults.ground import Ground

pytestmark = pytest.mark.faults


@pytest.mark.postgresql
async def test_postgresql_stands_still(on_postgresql: Ground, postgresql: PostgresqlBooks) -> None:
    """Before COMMIT it is certain that nothing was sent, and nothing is; afterwards all works again by itself."""
    ground = on_postgresql
    await ground.start()
    await ground.type(1, "before")
    await ground.until("delivered", number=1)
    servers = await postgresql.servers()

    for server in servers:
        server.send_signal(signal.SIGSTOP)
    try:
        await ground.type(2, "while it stands still")
        await ground.type(3, "still")
    finally:
        for server in servers:
            server.send_signal(signal.SIGCONT)
    await ground.type(4, "after")
    await ground.until("delivered", number=4)
    await ground.settle()

    assert [sentence.partition(":")[0] for sentence in ground.refused.values()] == ["Nothing was sent"] * 2
    assert await ground.fates() == {"before": ("delivered", 1), "after": ("delivered", 1)}
    assert await ground.wrongs() == []


@pytest.mark.postgresql
async def test_postgresql_does_not_answer_commit(on_postgresql: Ground, postgresql: PostgresqlBooks) -> None:
    """Nobody can tell then, and that is what the person reads; what is stored after all is sent, once."""
    ground = on_postgresql
    await postgresql.bar("AFTER INSERT ON batch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW")
    bot = await ground.start()
    told = await ground.type(1, "in doubt")
    await postgresql.until_nobody_is_barred()
    killed = asyncio.create_task(ground.type(2, "stored by the server after the kill"))
    await postgresql.until_barred()

    await bot.kill()
    await postgresql.unbar()
    outcome = await killed
    await until(postgresql, lambda texts: bool(texts) and texts[-1].text == "stored by the server after the kill")
    await ground.start_again(bot)
    await ground.slack.redeliver(outcome)
    await ground.type(3, "after")
    await ground.settle()

    fates = await ground.fates()
    assert outcome.status == 0
    assert told.ephemeral is not None
    assert told.ephemeral.text.startswith("We cannot tell whether this was taken")
    assert fates.pop("in doubt", ("delivered", 1)) == ("delivered", 1)
    assert fates == {"stored by the server after the kill": ("delivered", 1), "after": ("delivered", 1)}
    assert await ground.wrongs() == []


async def test_sqlite_is_locked(on_sqlite: Ground, sqlite: SqliteBooks) -> None:
    """By a backup, say: nothing is sent, the person reads that, and all works again by itself."""
    ground = on_sqlite
    await ground.start()
    with closing(sqlite.connect()) as other:
        other.execute("BEGIN IMMEDIATE")
        await ground.type(1, "while it is locked")
        await ground.type(2, "still")
        other.rollback()
    await ground.type(3, "after")
    await ground.settle()

    assert [sentence.partition(":")[0] for sentence in ground.refused.values()] == ["Nothing was sent"] * 2
    assert await ground.fates() == {"after": ("delivered", 1)}
    assert await ground.wrongs() == []


async def test_sqlite_takes_one_process(on_sqlite: Ground, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two would not know of each other's requests; the second one says what to do and leaves."""
    await on_sqlite.start()
    second = BotProcess(on_sqlite.settings, tmp_path)

    with pytest.raises(BotGoneError, match="ended with code 1"):
        await second.start()

    assert "Another process already uses" in capfd.readouterr().err
