"""`python -m playground`, as a person starts and ends it."""

import asyncio
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from playground.bot_process import ROOT, free_port


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "playground", "--no-browser", *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


async def address_of(process: Process) -> str:
    """The address that it prints when all is ready."""
    assert process.stdout is not None
    async with asyncio.timeout(40):
        async for line in process.stdout:
            found = re.search(rb"http://\S+", line)
            if found:
                return found[0].decode()
    raise AssertionError("it ended before it was ready")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_leaves_nothing_behind(number: signal.Signals) -> None:
    """After Ctrl-C or a kill the bot is gone too, and its database with it."""
    process = await start("--port", str(free_port()))
    url = await address_of(process)
    [bot] = psutil.Process(process.pid).children()
    folder = Path(bot.cwd())
    async with ClientSession() as session, session.get(url) as answer:
        status = answer.status

    process.send_signal(number)
    await process.communicate()

    left = (psutil.pid_exists(bot.pid), await asyncio.to_thread(folder.exists))
    assert (status, process.returncode, left) == (200, 0, (False, False))


async def test_the_bot_goes_even_when_nobody_could_say_goodbye() -> None:
    """After a kill -9 of the playground its bot leaves by itself."""
    process = await start("--port", str(free_port()))
    await address_of(process)
    [bot] = psutil.Process(process.pid).children()

    process.kill()
    await process.communicate()

    gone, _ = await asyncio.to_thread(psutil.wait_procs, [bot], timeout=25)
    assert [each.pid for each in gone] == [bot.pid]


async def test_says_when_its_port_is_taken() -> None:
    """One sentence that names the port and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        process = await start("--port", str(port))
        _, said = await process.communicate()

    assert (process.returncode, said.decode()) == (
        1,
        f"Port {port} is taken. Choose another: `python -m playground --port 9000`.\n",
    )
