"""The bot and its rivals as processes, each on the server's core."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from aiohttp import ClientError, ClientSession

from benchmarks.commands import SIGNING_SECRET
from benchmarks.conversations import CALLBACK_SECRET
from benchmarks.machine import on_server_core
from benchmarks.world import CHANNELS, SENDER, World
from playground.bot_process import ROOT, free_port

_READY = 30.0  # seconds until a server must be ready
_LEAVE = 20.0  # seconds to leave
_LOOK = 0.005  # seconds between two looks: the error of a start's time


class Server:
    """A process that listens and says so at /readyz.

    Args:
        module: What `python -m` runs.
        arguments: For it; `PORT` stands for the port.
        settings: Its environment.
        folder: Its working folder.

    Attributes:
        port: Where it listens.
        started_in: Seconds from its start until it was ready.
        worked_to_start: Seconds of processor time that this took.
    """

    def __init__(self, module: str, arguments: Sequence[str], settings: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        self.started_in = self.worked_to_start = 0.0
        self._command = [sys.executable, "-m", module, *(str(self.port) if a == "PORT" else a for a in arguments)]
        self._environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(self.port), **settings}
        self._folder = folder
        self._process: subprocess.Popen[bytes]

    @property
    def resident(self) -> float:
        """Resident memory in MiB."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    @property
    def worked(self) -> float:
        """Seconds of processor time so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """While another is measured: what it still does for its earlier texts would take the core from that one."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def __aenter__(self) -> Self:
        begun = time.perf_counter()
        with on_server_core():
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 -- nothing else happens meanwhile; our own module
                self._command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL
            )
        try:
            async with asyncio.timeout(_READY), ClientSession() as session:
                while not await self._is_ready(session):  # noqa: ASYNC110 -- another process's state
                    await asyncio.sleep(_LOOK)
        except BaseException:
            self._process.kill()
            raise
        self.started_in = time.perf_counter() - begun
        self.worked_to_start = self.worked
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, _LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def _is_ready(self, session: ClientSession) -> bool:
        if (code := self._process.poll()) is not None:
            raise ChildProcessError(f"{' '.join(self._command)} ended with code {code}")
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.ok
        except ClientError:
            return False


def bare_bolt(folder: Path) -> Server:
    """A Bolt app that only acks."""
    return Server("benchmarks.bare_bolt", ["PORT"], {}, folder)


def bare_callback(folder: Path) -> Server:
    """An aiohttp handler that only answers."""
    return Server("benchmarks.bare_callback", ["PORT"], {}, folder)


def bot(database_url: str, world: World, folder: Path) -> Server:
    """The bot as in production, but for its pace: unlimited, no Undo, no questions while something else is measured."""
    settings = {
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{world.url}/slack/",
        "CARRIERX_TOKEN": "token-of-nobody",
        "CARRIERX_API_URL": f"{world.url}/carrierx",
        "CARRIERX_CALLBACK_SECRET": CALLBACK_SECRET,
        "SMS_DEFAULT_FROM": f"+{SENDER}",
        "SMS_INBOUND_CHANNEL": CHANNELS[0],
        "SMS_QUIET_HOURS": "off",
        "SMS_UNDO_SECONDS": "0",
        "SMS_RATE_PER_NUMBER": "0",
        "SMS_POLL_SECONDS": "3600",
        "DATABASE_URL": database_url,
        "LOG_LEVEL": "WARNING",
    }
    return Server("bot", [], settings, folder)


async def run_bare_client(world: World, texts: int, at_once: int) -> float:
    """The loop that only posts, from start to end; texts a second."""
    command = [sys.executable, "-m", "benchmarks.bare_client", world.url, str(texts), str(at_once)]
    with on_server_core():
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return float(said)
