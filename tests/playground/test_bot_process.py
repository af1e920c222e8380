"""The playground's bot process: ready, watched, and gone when it should be."""

import json
import sys
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from playground.bot_process import BotGoneError, BotProcess

STAND_IN = """
import json, os, signal, sys
from aiohttp import web

async def ready(request):
    return web.Response()

async def environment(request):
    return web.json_response(dict(os.environ))

app = web.Application()
app.add_routes([web.get("/readyz", ready), web.get("/environment", environment)])
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]), print=None)
"""


def stand_in(tmp_path: Path, **settings: str) -> BotProcess:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    return BotProcess(settings, tmp_path, sys.executable, str(script))


async def test_is_ready_when_start_returns(tmp_path: Path) -> None:
    """Whoever started it may use it at once."""
    async with stand_in(tmp_path) as bot, ClientSession() as session, session.get(f"{bot.url}/readyz") as answer:
        status = answer.status

    assert status == 200


async def test_leaves_nothing_behind(tmp_path: Path) -> None:
    """After the block its process is gone."""
    async with stand_in(tmp_path) as bot:
        pid = bot.pid

    assert not psutil.pid_exists(pid)


async def test_never_sees_this_shells_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's real tokens stay out of the playground; only what it was given counts."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-real")
    monkeypatch.setenv("DATABASE_URL", "postgres://real")

    async with (
        stand_in(tmp_path, CARRIERX_TOKEN="given") as bot,
        ClientSession() as session,
        session.get(f"{bot.url}/environment") as answer,
    ):
        seen = json.loads(await answer.text())

    assert ("SLACK_BOT_TOKEN" in seen, "DATABASE_URL" in seen, seen["CARRIERX_TOKEN"]) == (False, False, "given")


async def test_says_when_it_ends_at_once(tmp_path: Path) -> None:
    """A bot that cannot start is told of, not waited for."""
    bot = BotProcess({}, tmp_path, sys.executable, "-c", "raise SystemExit(3)")

    with pytest.raises(BotGoneError, match="ended with code 3"):
        await bot.start()


async def test_can_be_killed_and_started_again(tmp_path: Path) -> None:
    """After a kill -9 the same bot comes back at the same address."""
    bot = stand_in(tmp_path)
    await bot.start()
    first = bot.pid

    await bot.kill()
    await bot.start()
    second = bot.pid
    await bot.stop()

    assert first != second
