"""The playground's clock moves on, for the bot too."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from playground.bot_process import BotProcess
from playground.clock import MOVES, MovedClock, find_next


@pytest.mark.parametrize(
    ("now", "hour", "then"),
    [
        ("2026-11-25T12:00", 8, "2026-11-25T13:05"),  # 7:00 in New York
        ("2026-11-25T13:05", 8, "2026-11-26T13:05"),  # it is 8:05 already
        ("2026-11-25T23:00", 21, "2026-11-26T02:05"),
        ("2027-03-14T02:00", 8, "2027-03-14T12:05"),  # the clocks go forward that night
    ],
)
def test_the_next_time_of_day(now: str, hour: int, then: str):
    """By the wall clock where the phones are."""
    assert find_next(datetime.fromisoformat(now).replace(tzinfo=UTC), hour) == datetime.fromisoformat(then).replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize("name", list(MOVES))
def test_every_move_leads_on(name: str):
    """And all that it shows goes along."""
    told: list[float] = []
    clock = MovedClock()
    clock.moved.append(told.append)
    before = (clock.time(), clock.boottime(), clock.now().timestamp())
    clock.move(name)
    after = (clock.time(), clock.boottime(), clock.now().timestamp())

    assert told == [clock.ahead]
    assert clock.ahead > 0
    assert all(late - early >= clock.ahead for early, late in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("hour", "shown"),
    [(12, "2026-11-25T13:05"), (14, "2026-11-25T14:00"), (23, "2026-11-25T23:00"), (3, "2026-11-25T13:05")],
)
def test_it_wakes_by_day(hour: int, shown: str):
    """At night, where the phones are, it begins in the morning; by day it is left alone."""
    clock = MovedClock()
    clock.ahead = (datetime(2026, 11, 25, hour, tzinfo=UTC) - clock.now()).total_seconds()
    clock.wake()

    assert f"{clock.now():%Y-%m-%dT%H:%M}" == shown


LISTENER = """
import os
from aiohttp import web
from pathlib import Path
from playground.clock import FILE, FollowedClock

clock = FollowedClock(Path(FILE))

async def ready(request):
    return web.Response()

async def ahead(request):
    return web.Response(text=str(clock.ahead))

app = web.Application()
app.add_routes([web.get("/readyz", ready), web.get("/ahead", ahead)])
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]), print=None)
"""


async def test_the_bots_process_follows(tmp_path: Path):
    """At once, and again after it was started anew."""
    script = tmp_path / "listener.py"
    script.write_text(LISTENER)
    bot = BotProcess({}, tmp_path, sys.executable, str(script))

    async def read() -> str:
        async with ClientSession() as session, session.get(f"{bot.url}/ahead") as answer:
            return await answer.text()

    async with bot:
        at_first = await read()
        bot.move_clock(3600.0)
        moved = await read()
        await bot.kill()
        await bot.start()
        again = await read()

    assert (at_first, moved, again) == ("0.0", "3600.0", "3600.0")
