"""The real bot, forked from a process that has imported it already: it starts in a tenth of the time, dies as ever."""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.__main__ import main
from bot.app import SystemClock
from playground.bot_process import READY_SECONDS, BotGoneError, free_port

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

_LOOK: Final = 0.02  # seconds between two looks at /readyz
_LOOK_LASTS: Final = ClientTimeout(total=2)
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


class ForkedBot:
    """As playground.bot_process.BotProcess, which pays for a fresh interpreter at each start.

    Args:
        settings: Its environment; HOST and PORT are added.
        folder: Its working folder.
    """

    def __init__(self, settings: Mapping[str, str], folder: Path) -> None:
        self._port = free_port()
        self._settings = {**settings, "HOST": "127.0.0.1", "PORT": str(self._port)}
        self._folder = folder
        self._process: ForkServerProcess | None = None
        self._lifeline: Connection | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            BotGoneError: It ended at once, or did not become ready in time.
        """
        theirs, self._lifeline = _forks.Pipe(duplex=False)
        self._process = _forks.Process(target=_run, args=(self._settings, self._folder, theirs))
        self._process.start()
        theirs.close()
        try:
            async with asyncio.timeout(READY_SECONDS), ClientSession(timeout=_LOOK_LASTS) as session:
                while self._process.exitcode is None:
                    with suppress(ClientError, TimeoutError):
                        async with session.get(f"{self.url}/readyz") as answer:
                            if answer.ok:
                                return
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            await self.kill()
            raise BotGoneError(f"The bot was not ready within {READY_SECONDS:.0f} seconds.") from None
        raise BotGoneError(f"The bot ended with code {self._process.exitcode}; see its words above.")

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._lifeline is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.join)
            self._lifeline.close()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


def _run(settings: Mapping[str, str], folder: Path, lifeline: Connection) -> None:
    """In the child: nothing of this shell's settings, and nobody outlives the tests."""
    for name in [each for each in os.environ if each.startswith(("SLACK_", "CARRIERX_", "SMS_", "DATABASE_", "LOG_"))]:
        del os.environ[name]
    os.environ.update(settings)
    os.chdir(folder)
    Thread(target=_leave_with, args=(lifeline,), daemon=True).start()
    sys.exit(main(SystemClock()))


def _leave_with(lifeline: Connection) -> None:
    with suppress(EOFError):
        lifeline.recv_bytes()
    os.kill(os.getpid(), signal.SIGKILL)
